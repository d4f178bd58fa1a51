// What a turn request is and what a bad turn is. The lane, the access log's reader, Prometheus
// queries, alert rules, the dashboard, watch, timelines and the docs take both from here.
//
// A turn request is a POST on a turn route. It counts once, when its answer and the turn that it
// began have ended, whatever the answer was. A GET on such a route resumes a turn: it is not a
// request for one.
//
// A turn request is bad when it was answered with 5xx, or when its turn was accepted and ended in a
// bad terminal class. One that is both (a completion that is not streamed and fails) is bad once.
// Every other ending is good, for a reason that stands in the tables below.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::telemetry {

// Routes ------------------------------------------------------------------------------------

struct TurnRoute {
    std::string_view pattern; ///< the label `route`
    std::string_view lane; ///< the label `lane`
};
inline constexpr std::array k_turn_routes{
    TurnRoute{"/api/chat/stream", "compat"},
    TurnRoute{"/api/chat", "compat"}, // the AI SDK's own default
    TurnRoute{"/api/chats/{conversationId}/stream", "compat"},
    TurnRoute{"/v1/responses", "native"},
    TurnRoute{"/v1/chat/completions", "native"},
};
inline constexpr std::string_view k_turn_method = "POST";

[[nodiscard]] bool is_turn_route(std::string_view route) noexcept;
/// "control" for a route that carries no turns.
[[nodiscard]] std::string_view lane_of(std::string_view route) noexcept;

/// Every status with which the lane answers a turn request. Their series exist at 0 from the start,
/// because a counter that first appears above 0 hides what came before.
inline constexpr std::array k_turn_statuses{
    200, 400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 426, 429, 499, 500, 501, 502, 503, 504
};

// Endings -----------------------------------------------------------------------------------

/// How an accepted turn ended. Every accepted turn counts in exactly one class.
enum class TerminalClass : std::uint8_t {
    completed,
    turn_failed,
    turn_aborted,
    turn_interrupted,
    codex_error,
    adapter_preview_unavailable,
    client_gone,
};
struct TerminalRow {
    TerminalClass terminal;
    std::string_view word;
    bool bad;
    /// A time limit before any content may have ended a turn of this class.
    bool may_be_late;
    /// Share of all ended turns above which the alert of this class fires; empty: it has no alert.
    std::string_view alert_share;
    std::string_view why; ///< why the class is bad or good
};
inline constexpr std::array k_terminals{
    TerminalRow{
        TerminalClass::completed, "completed", false, false, "", "the answer was made to its end"
    },
    TerminalRow{
        TerminalClass::turn_failed,
        "turn_failed",
        true,
        false,
        "0.02",
        "the authority reported a failure, or an answer of /v1 lacks the call or JSON demanded"
    },
    TerminalRow{
        TerminalClass::turn_aborted,
        "turn_aborted",
        true,
        true,
        "0.02",
        "the service ended it: wall time, drain, a log that grew too large"
    },
    TerminalRow{
        TerminalClass::turn_interrupted,
        "turn_interrupted",
        false,
        false,
        "0.25",
        "the user stopped it, or sent the next message"
    },
    TerminalRow{
        TerminalClass::codex_error,
        "codex_error",
        true,
        true,
        "0.01",
        "the authority died, stalled or sent invalid events"
    },
    TerminalRow{
        TerminalClass::adapter_preview_unavailable,
        "adapter_preview_unavailable",
        true,
        false,
        "0.01",
        "accepted, but the lane could not make a frame"
    },
    TerminalRow{
        TerminalClass::client_gone,
        "client_gone",
        false,
        false,
        "",
        "the client left and did not return"
    },
};
[[nodiscard]] const TerminalRow& row_of(TerminalClass terminal) noexcept;
[[nodiscard]] std::string_view to_string(TerminalClass terminal) noexcept;
[[nodiscard]] std::optional<TerminalClass> terminal_of(std::string_view word) noexcept;

/// Values of a turn's `failure` and `reason` when a time limit ended it: the lane's own limits
/// (docs/limits.md) and the authority's.
inline constexpr std::array<std::string_view, 2> k_late_failures{"authority_timeout", "stalled"};
inline constexpr std::array<std::string_view, 3> k_late_reasons{
    "first_event", "stalled", "wall_time"
};

/// Why a handshake is refused (426), in the order of the lane's checks.
inline constexpr std::array<std::string_view, 5> k_compat_codes{
    "invalid_client_build",
    "unsupported_protocol_version",
    "unsupported_schema_version",
    "upgrade_required",
    "unsupported_client_build",
};

// Bad turns ---------------------------------------------------------------------------------

/// What makes a turn request bad, in the words of an slo's or a gate's `bad:`.
enum class BadEvent : std::uint8_t {
    http_5xx, ///< answered with 500–599
    terminal_error, ///< accepted, and ended in a bad terminal class
    empty, ///< completed without any content
    compat_rejected, ///< 426
    rejected, ///< is_rejected()
};
struct BadRow {
    BadEvent event;
    std::string_view word;
    bool by_default; ///< counts unless `bad:` is configured
    std::string_view counted_from; ///< for the docs
    std::string_view meaning;
};
inline constexpr std::array k_bad_events{
    BadRow{
        BadEvent::http_5xx,
        "http_5xx",
        true,
        R"(`oa_stream_http_requests_total{status=~"5.."}`)",
        "answered with 5xx: no stream began, or a completion that is not streamed failed"
    },
    BadRow{
        BadEvent::terminal_error,
        "terminal_error",
        true,
        "`oa_stream_terminal_total`, its bad classes",
        "accepted, and ended badly"
    },
    BadRow{
        BadEvent::empty,
        "empty",
        false,
        "`oa_stream_empty_turns_total`",
        "completed without any content"
    },
    BadRow{
        BadEvent::compat_rejected,
        "compat_rejected",
        false,
        "`oa_stream_compat_rejected_total`",
        "426; the counter has no route, so the rejections of all routes count"
    },
    BadRow{
        BadEvent::rejected,
        "rejected",
        false,
        "`oa_stream_http_requests_total`, its other 4xx",
        "4xx but 401, 403, 426 and 499; one whose turn began and failed is a `terminal_error`, "
        "too, and Prometheus counts it for both"
    },
};
inline constexpr auto k_bad_words = [] {
    std::array<std::string_view, k_bad_events.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = k_bad_events[i].word;
    }
    return out;
}();
/// The events that count by default.
[[nodiscard]] std::vector<BadEvent> default_bad();
[[nodiscard]] std::string_view to_string(BadEvent event) noexcept;
/// "http_5xx | terminal_error": as written after `bad:`.
[[nodiscard]] std::string bad_text(std::span<const BadEvent> events);
/// Answered with a 4xx that neither has its own event (401 and 403, 426) nor means that the client
/// left (499).
[[nodiscard]] bool is_rejected(int status) noexcept;

/// How one turn request ended, from a record or a log line.
struct Ending {
    int status = 0; ///< 499: the client left before a status line
    std::optional<TerminalClass> terminal{}; ///< of the turn that the request began
    bool empty = false; ///< the turn completed without content
};
/// A set of bad events: bit 1 << event.
using BadSet = std::uint8_t;
[[nodiscard]] constexpr BadSet bit_of(BadEvent event) noexcept {
    return static_cast<BadSet>(1U << static_cast<unsigned>(event));
}
/// Events that one request can be both, although it is bad once: the metric terminal_5xx_total
/// counts these requests.
inline constexpr BadSet k_bad_twice = bit_of(BadEvent::http_5xx) | bit_of(BadEvent::terminal_error);
[[nodiscard]] BadSet set_of(std::span<const BadEvent> events) noexcept;
/// All events by which this ending is bad.
[[nodiscard]] BadSet bad_events(const Ending& ending) noexcept;
/// Bad by default.
[[nodiscard]] bool is_bad_by_default(BadSet bad) noexcept;

/// How a request was answered, as far as it matters for its duration.
struct Answered {
    Ending ending{};
    bool began_turn = false; ///< accepted; a resume does not begin a turn
    /// Its reader received the whole answer, or the answer was not streamed.
    bool read_to_end = false;
};
/// The request's time is the duration of a turn. Gates on `duration` use exactly these requests,
/// from an access log or from the lane's histogram of whole turns.
[[nodiscard]] bool is_whole_turn(const Answered& answered) noexcept;

/// Endings that could be mistaken for bad ones, and why they are not.
struct GoodRow {
    std::string_view ending;
    std::string_view why;
};
inline constexpr std::array k_good_on_purpose{
    GoodRow{
        "4xx (400, 401, 403, 404, 408, 409, 413, 415, 421, 422)",
        "the request was wrong: no service can answer it well; `rejected` counts all but 401 and "
        "403 where that matters"
    },
    GoodRow{
        "426", "an old client is refused on purpose; `compat_rejected` counts it where that matters"
    },
    GoodRow{
        "429",
        "a limit protected the other clients, and `rejected` counts it where that matters; a full "
        "lane answers 503, which is bad"
    },
    GoodRow{"499", "the client left before a status line"},
    GoodRow{"a reader that was lost, was too slow or was cut", "the turn continues and is judged"},
    GoodRow{"an empty answer", "completed; `empty` counts it where that matters"},
};

} // namespace oa_stream::telemetry
