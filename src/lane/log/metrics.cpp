// Counting.
#include "oa_stream/lane/metrics.hpp"

#include "oa_stream/lane/routes.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 9> k_methods{
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"
};

/// What a stream route answers when all is well, and what its 5xx rate is made of.
constexpr std::array k_watched_statuses{200, 500, 503, 504};

/// A client can make up methods without end.
std::string_view method_label(std::string_view method) noexcept {
    const auto* known = std::ranges::find(k_methods, method);
    return known == k_methods.end() ? "OTHER" : *known;
}

} // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds), counts_(bounds.size() + 1, 0) {
}

void Histogram::observe(double seconds) noexcept {
    const auto value = std::round(std::max(seconds, 0.0) * 1e6) / 1e6;
    const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    ++counts_[static_cast<std::size_t>(bucket)];
    sum_ += value;
}

std::vector<std::string_view> stream_routes() {
    std::vector<std::string_view> patterns;
    for (const auto& route : all_routes()) {
        if (route.method == "POST" && route.lane != "control") {
            patterns.push_back(route.pattern);
        }
    }
    return patterns;
}

Metrics::Metrics(std::string revision, std::string version)
    : revision_(std::move(revision)), version_(std::move(version)) {
    for (const auto code : all_compat_codes()) {
        compat_[to_string(code)] = 0;
    }
    for (const auto& route : all_routes()) {
        if (route.method == "POST" && route.lane != "control") {
            create_series(route.pattern, route.lane);
        }
    }
}

void Metrics::create_series(std::string_view route, std::string_view lane) {
    for (const auto terminal : turn::all_terminal_classes()) {
        terminals_[{route, turn::to_string(terminal)}] = 0;
    }
    for (const auto status : k_watched_statuses) {
        requests_[{route, "POST", status, lane}] = 0;
    }
    accepted_[route] = 0;
    empty_[route] = 0;
    usage_unknown_[route] = 0;
    durations_.try_emplace(route, k_duration_bounds);
    first_contents_.try_emplace(route, k_first_content_bounds);
}

void Metrics::request_done(const RequestRecord& record) {
    ++requests_[{record.route, method_label(record.method), record.status, record.lane}];
    durations_.try_emplace(record.route, k_duration_bounds).first->second.observe(record.end_s);
    // A resume replays what is there already: its speed says nothing about the lane's.
    if (record.accepted_s >= 0 && record.first_content_s >= 0) {
        first_contents_.try_emplace(record.route, k_first_content_bounds)
            .first->second.observe(record.first_content_s);
    }
}

void Metrics::compat_rejected(CompatCode code) {
    ++compat_[to_string(code)];
}

void Metrics::turn_accepted(std::string_view route) {
    ++accepted_[route];
}

void Metrics::turn_ended(const TurnOutcome& outcome) {
    ++terminals_[{outcome.route, turn::to_string(outcome.terminal)}];
    if (is_empty(outcome)) {
        ++empty_[outcome.route];
    }
    if (!outcome.usage) {
        ++usage_unknown_[outcome.route];
    }
    for (std::size_t i = 0; i < repairs_.size(); ++i) {
        repairs_[i] += outcome.repairs[i];
    }
}

} // namespace oa_stream::lane
