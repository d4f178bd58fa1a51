// What the lane reports: one record per request, one per turn. Metrics and logs hang on
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
    none,        ///< it did not
    stopped,     ///< the stop endpoint
    superseded,  ///< the thread's next message
    client_gone, ///< no reader came back
    wall_time,
    drain,
    overloaded,  ///< all logs together outgrew their cap
    first_event, ///< nothing came after acceptance
    stalled,     ///< nothing came for too long
    stop_text,   ///< the answer reached a stop sequence of the request's
    store_away,  ///< the store that lanes share did not answer for too long
    store_full,  ///< the store that lanes share had no memory left
};
[[nodiscard]] std::string_view to_string(StopReason reason) noexcept;
/// Of a word that another replica may have written: none when empty, stopped when unknown.
[[nodiscard]] StopReason stop_reason_of(std::string_view word) noexcept;

/// How one reader's answer ended.
enum class ReaderEnd {
    finished,        ///< everything was sent, the body was ended
    client_gone,     ///< the client left first
    client_too_slow, ///< cut: it did not keep up
    cut,             ///< cut: the process ends
};
[[nodiscard]] std::string_view to_string(ReaderEnd end) noexcept;

/// Which turn it is.
struct TurnIdentity {
    std::string_view route{}; ///< template of the request that started it
    std::string request_id{}; ///< of that request
    std::string owner{};
    std::string thread{}; ///< the client's id
    Clock::time_point received{};
    std::string prompt_end{}; ///< the end of that request's body: never logged, nor what quotes it
    bool probe = false; ///< that request was a probe
    bool taken_over = false; ///< another process began it, and counts neither it nor its request
};

/// One accepted turn, when it has ended. Made exactly once a turn. Times are seconds after the
/// request was received, -1 when that never happened.
struct TurnOutcome : TurnIdentity {
    std::string turn{}; ///< as on the wire
    std::string model{};
    turn::TerminalClass terminal = turn::TerminalClass::completed;
    turn::Outcome outcome = turn::Outcome::completed;
    std::optional<turn::Failure> failure{}; ///< detail is the authority's own text: redact it
    std::optional<turn::Usage> usage{};
    StopReason reason = StopReason::none;
    bool content = false; ///< any text, reasoning or tool
    std::uint64_t frames = 0;
    std::array<std::uint64_t, encode::k_repair_kinds> repairs{};
    double first_content_s = -1;
    double longest_gap_s = -1; ///< between two chunks; -1: there were no two
    double ended_s = -1; ///< here: also when it went on in another process
    bool elsewhere = false; ///< another replica decided how it ended, and counts it
};
/// Completed without any text, reasoning or tool: the quiet failure.
[[nodiscard]] bool is_empty(const TurnOutcome& outcome) noexcept;

/// From its outcome, failure and reason.
[[nodiscard]] turn::TerminalClass class_of(const TurnOutcome& outcome);

/// How much of an answer left for the client, and when; seconds after its request was received.
struct Delivery {
    double first_byte_s = -1;
    double first_event_s = -1;
    double first_content_s = -1;
    double end_s = -1;
    std::uint64_t frames = 0; ///< whole ones
    std::uint64_t bytes = 0; ///< of body
};

/// One request, when its answer has ended (that of a stream's first request: when its turn has,
/// too).
struct RequestRecord : Delivery {
    WallTime time{}; ///< when its first byte was received
    std::string request_id;
    std::string_view route = "other"; ///< template, never the raw path
    std::string method;
    std::string client{}; ///< address; in the access log and nowhere else
    bool secure = false; ///< the client's end of the way is TLS
    bool left = false; ///< its turn went on in another process, whose record of it counts
    /// Left, and without a store that lanes share only a resume finds the turn again.
    bool end_unknown = false;
    bool taken_over = false; ///< of a turn that another process began, when it has ended here
    std::string_view lane = "control"; ///< compat, native or control
    int status = 0; ///< 499: the client left before a status line
    std::string error{}; ///< code of the envelope
    std::string owner{};
    std::string thread{};
    std::string turn{};
    std::string trace{}; ///< trace id of a valid traceparent
    std::string probe{}; ///< what kind of probe it says it is; empty: a user's request
    double accepted_s = -1;
    double headers_s = -1;
    double turn_s = -1; ///< end of its turn; only on a stream's request that started it
    std::optional<ReaderEnd> reader{}; ///< of streams, and of whole answers that were not finished
    // How its turn ended. Only on the request that started the turn, so that turns and tokens can
    // be counted from records alone.
    std::optional<turn::TerminalClass> terminal{};
    std::optional<turn::Usage> usage{};
    std::optional<turn::FailureCode> failure{};
    StopReason reason = StopReason::none;
    std::string model{};
    bool empty = false;
    std::array<std::uint64_t, encode::k_repair_kinds> repairs{};
};

/// Copies the record's data of the turn that its request started.
void tell_turn(RequestRecord& record, const TurnOutcome& outcome);

/// The request of a turn that was taken over, as far as this process knows of it: no times.
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
