// The words for how a turn ends: the code for clients and the class for metrics. One table
// (src/turn/words.cpp) for frames, logs, metrics and alerts.
#pragma once

#include "oa_stream/telemetry/turns.hpp"

#include <span>
#include <string_view>

namespace oa_stream::turn {

enum class Outcome { completed, interrupted, aborted, failed };
enum class Finish { stop, length, tool_calls, content_filter, error, other };
/// A limit or a filter cut the answer.
[[nodiscard]] constexpr bool is_cut(Finish finish) noexcept {
    return finish == Finish::length || finish == Finish::content_filter;
}

enum class FailureCode {
    turn_failed,                 ///< Codex reported the turn failed
    turn_aborted,                ///< wall time, drain, store unreachable too long
    turn_lost,                   ///< its replica died, or another one took it over
    overloaded,                  ///< no room in the logs, in memory or in the store
    authority_lost,              ///< the authority died
    authority_timeout,           ///< it did not answer in time
    stalled,                     ///< no event for too long
    codex_error,                 ///< it broke the protocol
    stale_cursor,                ///< events were missed and are no longer available
    reauth_required,             ///< the event source refuses all our tokens
    adapter_preview_unavailable, ///< accepted, but encoding a frame failed
};

using telemetry::TerminalClass;
using telemetry::to_string; // for TerminalClass

struct FailureWords {
    FailureCode code;
    std::string_view word;     ///< in frames: data-error.code
    std::string_view sentence; ///< in frames: errorText; safe, without upstream details
    TerminalClass terminal;
    bool retryable = false; ///< the same request may succeed; for turn_failed the authority decides
};

/// The cause of a failure, in more detail than the code: why the model's provider refused (if
/// someone can fix it), what the answer lacks, or why the lane ended the turn.
enum class FailureCause {
    other,
    rate_limited, ///< too many requests at once
    usage_limit, ///< the account's quota is used up
    context_length, ///< the conversation exceeds the model's limit
    bad_key, ///< the provider refuses our key
    unknown_model,
    overloaded, ///< the provider is overloaded
    refused, ///< because of the request's content
    schema_refused, ///< a JSON schema for the answer or a function
    no_call, ///< the request demands a tool call, the model made none
    no_json, ///< the request demands a JSON object, the answer is other text
    drained, ///< the lane is shutting down
    out_of_time, ///< the turn reached its time limit
};
struct CauseWords {
    FailureCause cause;
    std::string_view word; ///< in frames: data-error.reason; empty: the code suffices
    std::string_view sentence; ///< replaces FailureWords::sentence
};
[[nodiscard]] const CauseWords& words_of(FailureCause cause) noexcept;

[[nodiscard]] const FailureWords& words_of(FailureCode code) noexcept;
[[nodiscard]] std::span<const FailureWords> all_failure_words() noexcept;
/// Outcome of a turn with this failure: aborted for codes that count as turn_aborted, else failed.
[[nodiscard]] Outcome outcome_of(FailureCode code) noexcept;
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept; ///< "completed"
[[nodiscard]] std::string_view to_string(Finish finish) noexcept; ///< "tool-calls"

} // namespace oa_stream::turn
