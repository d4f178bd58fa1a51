#include "oa_stream/lane/records.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <algorithm>
#include <chrono>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 12> k_reasons{
    "none",
    "stopped",
    "superseded",
    "client_gone",
    "wall_time",
    "drain",
    "overloaded",
    "first_event",
    "stalled",
    "stop_text",
    "store_away",
    "store_full"
};
// Operators find late turns in a log by these words.
static_assert(std::ranges::all_of(telemetry::k_late_reasons, [](std::string_view word) {
    return contains(k_reasons, word);
}));

} // namespace

bool is_empty(const TurnOutcome& outcome) noexcept {
    return outcome.outcome == turn::Outcome::completed && !outcome.content;
}

turn::TerminalClass class_of(const TurnOutcome& outcome) {
    switch (outcome.outcome) {
    case turn::Outcome::completed:
        return turn::TerminalClass::completed;
    case turn::Outcome::interrupted:
        return outcome.reason == StopReason::client_gone ? turn::TerminalClass::client_gone
                                                         : turn::TerminalClass::turn_interrupted;
    case turn::Outcome::aborted:
    case turn::Outcome::failed:
        break;
    }
    const auto code = outcome.failure ? outcome.failure->code : turn::FailureCode::turn_failed;
    return turn::words_of(code).terminal;
}

std::string_view to_string(StopReason reason) noexcept {
    return enum_word<StopReason::store_full>(k_reasons, reason);
}

StopReason stop_reason_of(std::string_view word) noexcept {
    return enum_value<StopReason>(k_reasons, word)
        .value_or(word.empty() ? StopReason::none : StopReason::stopped);
}

std::string_view to_string(ReaderEnd end) noexcept {
    static constexpr std::array<std::string_view, 4> k_words{
        "finished", "client_gone", "client_too_slow", "cut"
    };
    return enum_word<ReaderEnd::cut>(k_words, end);
}

void tell_turn(RequestRecord& record, const TurnOutcome& outcome) {
    record.terminal = outcome.terminal;
    record.usage = outcome.usage;
    if (outcome.failure) {
        record.failure = outcome.failure->code;
    }
    record.reason = outcome.reason;
    record.model = outcome.model;
    record.empty = is_empty(outcome);
    record.repairs = outcome.repairs;
}

RequestRecord taken_over_record(const TurnOutcome& outcome) {
    RequestRecord out;
    out.time = std::chrono::system_clock::now();
    out.request_id = outcome.request_id;
    out.route = outcome.route;
    out.method = telemetry::k_turn_method;
    out.lane = telemetry::lane_of(outcome.route);
    out.status = 200; // only streams can be taken over
    out.owner = outcome.owner;
    out.thread = outcome.thread;
    out.turn = outcome.turn;
    out.probe = outcome.probe ? "other" : "";
    out.taken_over = true;
    tell_turn(out, outcome);
    return out;
}

} // namespace oa_stream::lane
