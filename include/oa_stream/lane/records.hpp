// What the lane reports: one record per request, one per turn. Metrics and logs are built from
// them.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/encode/normaliser.hpp"
#include "oa_stream/lane/config.hpp"
#include "oa_stream/turn/event.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Why the lane itself ended a turn.
enum class StopReason {
    none, ///< the lane did not end it
    stopped, ///< by the stop endpoint
    superseded, ///< by the thread's next message
    client_gone, ///< no reader came back
    wall_time,
    drain,
    overloaded,  ///< all logs together outgrew their cap
    first_event, ///< no event arrived after acceptance
    stalled, ///< no event arrived for too long
    stop_text, ///< the answer reached a stop sequence of the request
    store_away, ///< the store that lanes share did not answer for too long
    store_full, ///< the store that lanes share had no memory left
};
[[nodiscard]] std::string_view to_string(StopReason reason) noexcept;
/// Parses a word that another replica may have written: `none` when empty, `stopped` when unknown.
[[nodiscard]] StopReason stop_reason_of(std::string_view word) noexcept;

/// How one reader's answer ended.
enum class ReaderEnd {
    finished,        ///< everything was sent, the body was ended
    client_gone,     ///< the client left first
    client_too_slow, ///< cut: it did not keep up
    cut, ///< cut because the process ends
};
[[nodiscard]] std::string_view to_string(ReaderEnd end) noexcept;

/// Which turn it is.
struct TurnIdentity {
    std::string_view route{}; ///< template of the request that started it
    std::string request_id{}; ///< of that request
    std::string owner{};
    std::string thread{}; ///< the client's thread id
    Clock::time_point received{};
    /// The end of that request's body; neither it nor a text that quotes it is logged
    std::string prompt_end{};
    bool probe = false; ///< that request was a probe
    bool taken_over = false; ///< another process began it and counts the turn and its request
};

/// One accepted turn, made exactly once, when the turn has ended. Times are seconds after the
/// request was received, -1 for an event that did not happen.
struct TurnOutcome : TurnIdentity {
    std::string turn{}; ///< the id on the wire
    std::string model{};
    turn::TerminalClass terminal = turn::TerminalClass::completed;
    turn::Outcome outcome = turn::Outcome::completed;
    std::optional<turn::Failure> failure{}; ///< its detail is the authority's own text: redact it
    std::optional<turn::Usage> usage{};
    StopReason reason = StopReason::none;
    bool content = false; ///< any text, reasoning or tool
    std::uint64_t frames = 0;
    std::array<std::uint64_t, encode::k_repair_kinds> repairs{};
    double first_content_s = -1;
    double longest_gap_s = -1; ///< between two chunks; -1: there were fewer than two
    double ended_s = -1; ///< the end in this process, also when the turn went on in another one
    bool elsewhere = false; ///< another replica decided how it ended, and counts it
};
/// Completed without any text, reasoning or tool: the quiet failure.
[[nodiscard]] bool is_empty(const TurnOutcome& outcome) noexcept;

/// Derived from outcome, failure and reason.
[[nodiscard]] turn::TerminalClass class_of(const TurnOutcome& outcome);

/// How much of an answer was sent to the client, and when, in seconds after its request was
/// received.
struct Delivery {
    double first_byte_s = -1;
    double first_event_s = -1;
    double first_content_s = -1;
    double end_s = -1;
    std::uint64_t frames = 0; ///< complete ones
    std::uint64_t bytes = 0; ///< of the body
};

/// One request, made when its answer has ended. For the first request of a stream its turn has
/// ended, too.
struct RequestRecord : Delivery {
    WallTime time{}; ///< when its first byte was received
    std::string request_id;
    std::string_view route = "other"; ///< the route's template, never the raw path
    std::string method;
    std::string client{}; ///< address; in the access log and nowhere else
    bool secure = false; ///< the client's own connection uses TLS
    bool left = false; ///< its turn went on in another process, and the record made there counts
    /// `left`, and no store is shared by lanes: only a resume finds the turn again.
    bool end_unknown = false;
    /// For a turn that another process began, made when the turn has ended here
    bool taken_over = false;
    std::string_view lane = "control"; ///< compat, native or control
    int status = 0; ///< 499: the client left before a status line
    std::string error{}; ///< code of the envelope
    std::string owner{};
    std::string thread{};
    std::string turn{};
    std::string trace{}; ///< trace id of a valid traceparent
    /// The kind of probe that the request claims to be; empty: a user's request
    std::string probe{};
    double accepted_s = -1;
    double headers_s = -1;
    double turn_s = -1; ///< end of its turn; only on the stream request that started it
    /// For streams, and for whole answers that were not sent to the end
    std::optional<ReaderEnd> reader{};
    // How its turn ended. Set only on the request that started the turn, so that turns and tokens
    // can be counted from records alone.
    std::optional<turn::TerminalClass> terminal{};
    std::optional<turn::Usage> usage{};
    std::optional<turn::FailureCode> failure{};
    StopReason reason = StopReason::none;
    std::string model{};
    bool empty = false;
    std::array<std::uint64_t, encode::k_repair_kinds> repairs{};
};

/// Copies the outcome of the turn that this request started into its record.
void tell_turn(RequestRecord& record, const TurnOutcome& outcome);

/// The record of the request whose turn was taken over, with what this process knows: no times.
[[nodiscard]] RequestRecord taken_over_record(const TurnOutcome& outcome);

/// All calls come on the lane's thread.
class LaneObserver {
public:
    LaneObserver() = default;
    LaneObserver(const LaneObserver&) = delete;
    LaneObserver& operator=(const LaneObserver&) = delete;
    virtual ~LaneObserver() = default;
    virtual void request_done(const RequestRecord& /*record*/) {}
    virtual void compat_rejected(CompatCode /*code*/, bool /*probe*/) {}
    virtual void turn_accepted(std::string_view /*route*/, bool /*probe*/) {}
    virtual void turn_ended(const TurnOutcome& /*outcome*/) {}
    virtual void reader_attached() {}
    virtual void reader_detached() {}
};

} // namespace oa_stream::lane
