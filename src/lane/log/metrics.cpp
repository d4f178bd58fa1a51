#include "oa_stream/lane/metrics.hpp"

#include "turn_counters.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 9> k_methods{
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"
};

/// Bounds the number of labels: clients can send any number of made-up methods.
std::string_view method_label(std::string_view method) noexcept {
    const auto* known = std::ranges::find(k_methods, method);
    return known == k_methods.end() ? "OTHER" : *known;
}

bool is_whole_turn(const RequestRecord& record) noexcept {
    return telemetry::is_whole_turn(
        {.ending = {record.status, record.terminal},
         .began_turn = record.accepted_s >= 0,
         .read_to_end = record.reader.value_or(ReaderEnd::finished) == ReaderEnd::finished}
    );
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

Metrics::Metrics(ProcessFacts process)
    : process_(std::move(process)), counted_(turn_counters().size()) {
    for (const auto code : telemetry::k_compat_codes) {
        compat_[{code}] = 0;
    }
    for (const auto& route : telemetry::k_turn_routes) {
        create_series(route);
    }
}

void Metrics::create_series(const telemetry::TurnRoute& route) {
    for (const auto& row : telemetry::k_terminals) {
        terminals_[{route.pattern, row.word}] = 0;
    }
    for (const auto status : telemetry::k_turn_statuses) {
        requests_[{route.pattern, telemetry::k_turn_method, status, route.lane}] = 0;
    }
    accepted_[{route.pattern}] = 0;
    for (auto& counter : counted_) {
        counter[{route.pattern}] = 0;
    }
    durations_.try_emplace({route.pattern}, telemetry::k_duration_bounds);
    turn_durations_.try_emplace({route.pattern}, telemetry::k_duration_bounds);
    first_contents_.try_emplace({route.pattern}, telemetry::k_first_content_bounds);
    gaps_.try_emplace({route.pattern}, telemetry::k_duration_bounds);
}

void Metrics::request_done(const RequestRecord& record) {
    if (record.left) {
        return; // the process that took its turn over counts it
    }
    const bool probe = !record.probe.empty();
    const WordKey route{record.route, probe};
    ++requests_[{record.route, method_label(record.method), record.status, record.lane, probe}];
    if (!record.taken_over) { // a request that was taken over has no known duration
        durations_.try_emplace(route, telemetry::k_duration_bounds)
            .first->second.observe(record.end_s);
    }
    if (is_whole_turn(record)) {
        turn_durations_.try_emplace(route, telemetry::k_duration_bounds)
            .first->second.observe(record.end_s);
    }
    // A resume replays stored frames: its speed shows nothing about the lane.
    if (record.accepted_s >= 0 && record.first_content_s >= 0) {
        first_contents_.try_emplace(route, telemetry::k_first_content_bounds)
            .first->second.observe(record.first_content_s);
    }
    for (std::size_t i = 0; i < counted_.size(); ++i) {
        const TurnCounter& counter = turn_counters()[i];
        if (counter.of_request != nullptr && counter.of_request(record)) {
            ++counted_[i][route];
        }
    }
}

void Metrics::compat_rejected(CompatCode code, bool probe) {
    ++compat_[{to_string(code), probe}];
}

void Metrics::turn_accepted(std::string_view route, bool probe) {
    ++accepted_[{route, probe}];
}

void Metrics::turn_ended(const TurnOutcome& outcome) {
    ++terminals_[{outcome.route, turn::to_string(outcome.terminal), outcome.probe}];
    if (outcome.longest_gap_s >= 0) {
        const WordKey route{outcome.route, outcome.probe};
        gaps_.try_emplace(route, telemetry::k_duration_bounds)
            .first->second.observe(outcome.longest_gap_s);
    }
    for (std::size_t i = 0; i < counted_.size(); ++i) {
        const TurnCounter& counter = turn_counters()[i];
        if (counter.of_turn != nullptr && counter.of_turn(outcome)) {
            ++counted_[i][{outcome.route, outcome.probe}];
        }
    }
    for (std::size_t i = 0; i < repairs_.size(); ++i) {
        repairs_[i] += outcome.repairs[i];
    }
}

} // namespace oa_stream::lane
