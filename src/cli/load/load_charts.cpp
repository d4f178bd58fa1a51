#include "load_charts.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_most_points = 60;

report::SeriesPoint point_of(double at, double value, double latest) {
    // An infinite time cannot be placed on an axis: it is drawn at the latest finite time, as open.
    return std::isfinite(value)
               ? report::SeriesPoint{.x = at, .y = value}
               : report::SeriesPoint{.x = at, .y = latest, .low = latest, .open = true};
}

double worse(const std::optional<double>& a, const std::optional<double>& b) {
    return std::max(a.value_or(0), b.value_or(0));
}

/// "bad <=", to precede the value.
std::string before_value(const probe::LoadLimit& limit) {
    const std::string_view text = limit.text;
    return std::string(trim(text.substr(0, text.find('<')))) + " <=";
}

} // namespace

void LoadCharts::add(const probe::LoadSecond& second) {
    Second one;
    one.at = static_cast<double>(second.second) + 1;
    one.sent = static_cast<double>(second.sent);
    one.ended = second.ended;
    one.bad = second.bad;
    one.in_flight = second.in_flight;
    one.p50 = second.first_content.percentile({50, 100});
    one.p95 = second.first_content.percentile({95, 100});
    seconds_.push_back(one);
    const std::uint64_t came = second.first_content.n() - second.first_content.infinite();
    latest_ = std::max(latest_, came > 0 ? second.first_content.at_rank(came) : 0);
}

std::vector<LoadCharts::Second> LoadCharts::thinned() const {
    const std::size_t step = (seconds_.size() + k_most_points - 1) / k_most_points;
    std::vector<Second> out;
    for (std::size_t at = 0; at < seconds_.size(); ++at) {
        const Second& one = seconds_[at];
        if (at % step == 0) {
            out.push_back(one);
            continue;
        }
        Second& kept = out.back();
        const auto n = static_cast<double>(at % step);
        kept.sent = (kept.sent * n + one.sent) / (n + 1);
        kept.ended += one.ended;
        kept.bad += one.bad;
        kept.in_flight = std::max(kept.in_flight, one.in_flight);
        if (one.p95) {
            kept.p50 = worse(kept.p50, one.p50);
            kept.p95 = worse(kept.p95, one.p95);
        }
    }
    return out;
}

std::vector<report::Series>
LoadCharts::series(double target_per_second, const std::vector<probe::LoadLimit>& limits) const {
    using report::SeriesTone;
    report::Series rate{.caption = "Requests sent and in flight", .unit = ""};
    rate.lines = {{"sent each second", SeriesTone::stable}, {"in flight", SeriesTone::other}};
    if (target_per_second > 0) {
        rate.limits.emplace_back("asked for", target_per_second);
    }
    report::Series bad{
        .caption = "Bad answers, with 95 % intervals", .unit = "%", .scale = report::k_percent
    };
    bad.lines = {{"bad", SeriesTone::canary}};
    report::Series times{
        .caption = "Time to the first content, from the planned sending", .unit = " s"
    };
    times.lines = {{"p95", SeriesTone::canary}, {"p50", SeriesTone::stable}};
    for (const Second& one : thinned()) {
        rate.lines[0].points.push_back({.x = one.at, .y = one.sent});
        rate.lines[1].points.push_back({.x = one.at, .y = static_cast<double>(one.in_flight)});
        const measure::Counts counts{one.bad, one.ended};
        if (const auto range = measure::wilson(counts, 0.95, measure::Side::two)) {
            bad.lines[0].points.push_back({one.at, counts.rate(), range->low, range->high});
        }
        if (one.p95 && one.p50) {
            times.lines[0].points.push_back(point_of(one.at, *one.p95, latest_));
            times.lines[1].points.push_back(point_of(one.at, *one.p50, latest_));
        }
    }
    for (const probe::LoadLimit& limit : limits) {
        if (limit.what == "bad") {
            bad.limits.emplace_back(before_value(limit), limit.limit);
        } else if (limit.what == "first_content") {
            times.limits.emplace_back(before_value(limit), limit.limit);
        }
    }
    return {std::move(rate), std::move(bad), std::move(times)};
}

} // namespace oa_stream::cli
