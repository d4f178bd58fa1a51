// The words for how a turn ends: what a client reads (code), what metrics count (class).
// One table (src/turn/words.cpp); frames, logs, metrics and alerts all take their words from it.
#pragma once

#include "oa_stream/telemetry/turns.hpp"

#include <span>
#include <string_view>

namespace oa_stream::turn {

enum class Outcome { completed, interrupted, aborted, failed };
enum class Finish { stop, length, tool_calls, content_filter, error, other };

enum class FailureCode {
    turn_failed,                 ///< Codex reported the turn failed
    turn_aborted,                ///< wall time, drain, the store was away for too long
    turn_lost,                   ///< its replica is gone, or another one has taken it
    overloaded,                  ///< no room in the logs, in memory or in the store
    authority_lost,              ///< the authority died
    authority_timeout,           ///< it did not answer in time
    stalled,                     ///< no event for too long
    codex_error,                 ///< it spoke nonsense
    stale_cursor,                ///< events were missed and cannot be had any more
    reauth_required,             ///< the event source takes none of our tokens
    adapter_preview_unavailable, ///< accepted, but no frame could be encoded
};

using telemetry::TerminalClass;
using telemetry::to_string; // of a TerminalClass

struct FailureWords {
    FailureCode code;
    std::string_view word;     ///< in frames: data-error.code
    std::string_view sentence; ///< in frames: errorText; safe, says nothing of the upstream
    TerminalClass terminal;
    bool retryable = false; ///< the same request may succeed; of turn_failed the authority decides
};

/// More than the code says of a failure: why the model's provider refused, as far as somebody can
/// do something about it, what the answer lacks, or why the lane ended it.
enum class FailureCause {
    other,
    rate_limited, ///< too many requests at once
    usage_limit, ///< the account has used up what it may
    context_length, ///< the conversation is longer than the model can take
    bad_key, ///< the provider does not take our key
    unknown_model,
    overloaded, ///< the provider itself
    refused, ///< for the content of the request
    schema_refused, ///< a JSON schema of the request, of the answer or of a function
    no_call, ///< the model made no tool call though the request demands one
    no_json, ///< it answered with other text though the request demands a JSON object
    drained, ///< the lane shuts down
    out_of_time, ///< the turn lasted as long as it may
};
struct CauseWords {
    FailureCause cause;
    std::string_view word; ///< in frames: data-error.reason; empty: the code says enough
    std::string_view sentence; ///< takes the place of FailureWords::sentence
};
[[nodiscard]] const CauseWords& words_of(FailureCause cause) noexcept;

[[nodiscard]] const FailureWords& words_of(FailureCode code) noexcept;
[[nodiscard]] std::span<const FailureWords> all_failure_words() noexcept;
/// Of a turn that ends with this failure: aborted where it counts as turn_aborted, else failed.
[[nodiscard]] Outcome outcome_of(FailureCode code) noexcept;
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept; ///< "completed"
[[nodiscard]] std::string_view to_string(Finish finish) noexcept; ///< "tool-calls"

} // namespace oa_stream::turn
