#include "oa_stream/lane/records.hpp"

#include "oa_stream/telemetry/turns.hpp"

#include <chrono>

namespace oa_stream::lane {

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
    switch (reason) {
    case StopReason::none:
        return "none";
    case StopReason::stopped:
        return "stopped";
    case StopReason::superseded:
        return "superseded";
    case StopReason::client_gone:
        return "client_gone";
    case StopReason::wall_time:
        return "wall_time";
    case StopReason::drain:
        return "drain";
    case StopReason::overloaded:
        return "overloaded";
    case StopReason::first_event:
        return "first_event";
    case StopReason::stalled:
        return "stalled";
    case StopReason::stop_text:
        return "stop_text";
    case StopReason::store_away:
        return "store_away";
    case StopReason::store_full:
        return "store_full";
    }
    return "none";
}

std::string_view to_string(ReaderEnd end) noexcept {
    switch (end) {
    case ReaderEnd::finished:
        return "finished";
    case ReaderEnd::client_gone:
        return "client_gone";
    case ReaderEnd::client_too_slow:
        return "client_too_slow";
    case ReaderEnd::cut:
        return "cut";
    }
    return "finished";
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
    out.status = 200; // what is not streamed cannot be taken over
    out.owner = outcome.owner;
    out.thread = outcome.thread;
    out.turn = outcome.turn;
    out.probe = outcome.probe ? "other" : "";
    out.taken_over = true;
    tell_turn(out, outcome);
    return out;
}

} // namespace oa_stream::lane
