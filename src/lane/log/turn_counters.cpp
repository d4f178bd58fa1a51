#include "turn_counters.hpp"

#include <array>

namespace oa_stream::lane {
namespace {

using telemetry::metric;

bool usage_unknown(const TurnOutcome& outcome) {
    return !outcome.usage.has_value();
}

bool bad_twice(const RequestRecord& record) {
    const auto bad = telemetry::bad_events({record.status, record.terminal, record.empty});
    return (bad & telemetry::k_bad_twice) == telemetry::k_bad_twice;
}

constexpr std::array k_counters{
    TurnCounter{.metric = &metric("empty_turns_total"), .of_turn = is_empty},
    TurnCounter{.metric = &metric("usage_unknown_total"), .of_turn = usage_unknown},
    TurnCounter{.metric = &metric("terminal_5xx_total"), .of_request = bad_twice},
};

} // namespace

std::span<const TurnCounter> turn_counters() noexcept {
    return k_counters;
}

} // namespace oa_stream::lane
