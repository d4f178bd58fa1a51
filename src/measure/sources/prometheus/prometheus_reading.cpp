// Interprets an answer for a gate.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace oa_stream::measure::prometheus {
namespace {

using State = Reading::State;

/// The larger value; NaN only when both are NaN.
double larger(double a, double b) {
    return std::isnan(a) || b > a ? b : a;
}

void merge_points(std::vector<Point>& into, const std::vector<Point>& more) {
    std::map<double, double> both;
    for (const Point& point : into) {
        both.emplace(point.at_s, point.value);
    }
    for (const Point& point : more) {
        const auto [at, fresh] = both.emplace(point.at_s, point.value);
        if (!fresh) {
            at->second = larger(at->second, point.value);
        }
    }
    into.clear();
    for (const auto& [at, value] : both) {
        into.push_back({at, value});
    }
}

std::unexpected<Error> no_buckets(std::string why) {
    return fail(Code::protocol, "no histogram buckets: " + std::move(why));
}

} // namespace

Reading reading_of(const Answer& answer) {
    if (!answer.warnings.empty()) {
        return {State::unknown, 0, "Prometheus warns: " + answer.warnings.front()};
    }
    if (answer.series.empty()) {
        return {State::nothing, 0, "no series match"};
    }
    if (answer.series.size() > 1 || answer.series.front().points.size() != 1) {
        return {
            State::unknown,
            0,
            fmt::format("{} series where one number was asked for", answer.series.size())
        };
    }
    const double value = answer.series.front().points.front().value;
    if (!std::isfinite(value)) {
        return {State::not_a_number, 0, std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"};
    }
    return {State::value, value, {}};
}

Answer merge_replicas(Answer answer, std::span<const std::string_view> replica_labels) {
    std::map<std::vector<Label>, Series> merged;
    for (Series& series : answer.series) {
        std::erase_if(series.labels, [&](const Label& label) {
            return contains(replica_labels, label.first);
        });
        const auto found = merged.find(series.labels);
        if (found == merged.end()) {
            merged.emplace(series.labels, std::move(series));
        } else if (answer.type == ResultType::vector) {
            // Replicas evaluate at the requested time, apart from their clocks' difference.
            Point& point = found->second.points.front();
            point.value = larger(point.value, series.points.front().value);
        } else {
            merge_points(found->second.points, series.points);
        }
    }
    answer.series.clear();
    for (auto& [labels, series] : merged) {
        answer.series.push_back(std::move(series));
    }
    return answer;
}

std::string without_replicas() {
    std::string out = "max without (";
    for (const std::string_view label : k_replica_labels) {
        out += (out.ends_with('(') ? "" : ", ") + std::string(label);
    }
    return out + ")";
}

Result<std::vector<Bucket>> buckets_of(const Answer& answer) {
    if (!answer.warnings.empty()) {
        return no_buckets("Prometheus warns: " + answer.warnings.front());
    }
    std::vector<Bucket> out;
    for (const Series& series : answer.series) {
        const std::string_view bound = series.label("le");
        const auto le = parse_value(bound);
        if (!le || std::isnan(*le) || series.labels.size() != 1) {
            return no_buckets(fmt::format("le is '{}', aggregate by le alone", printable(bound, 40))
            );
        }
        const double count = series.points.back().value;
        if (!std::isfinite(count) || count < 0) {
            return no_buckets(fmt::format("the count up to {} is {}", printable(bound, 40), count));
        }
        out.push_back({*le, count});
    }
    return tidy(out);
}

} // namespace oa_stream::measure::prometheus
