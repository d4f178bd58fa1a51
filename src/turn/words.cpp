#include "oa_stream/turn/words.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::turn {

namespace {

constexpr std::array<FailureWords, 11> k_failures{{
    {FailureCode::turn_failed,
     "turn_failed",
     "The assistant could not finish this answer.",
     TerminalClass::turn_failed},
    {FailureCode::turn_aborted,
     "turn_aborted",
     "This answer was ended by the server.",
     TerminalClass::turn_aborted,
     true},
    {FailureCode::turn_lost,
     "turn_lost",
     "This answer was cut off. Load the page again, or ask again.",
     TerminalClass::turn_aborted,
     true},
    {FailureCode::overloaded,
     "overloaded",
     "The server had no more room for this answer and ended it.",
     TerminalClass::turn_aborted,
     true},
    {FailureCode::authority_lost,
     "authority_lost",
     "The connection to the assistant was lost.",
     TerminalClass::codex_error,
     true},
    {FailureCode::authority_timeout,
     "authority_timeout",
     "The assistant did not answer in time.",
     TerminalClass::codex_error,
     true},
    {FailureCode::stalled,
     "stalled",
     "The assistant stopped answering.",
     TerminalClass::codex_error,
     true},
    {FailureCode::codex_error,
     "codex_error",
     "The assistant reported an internal error.",
     TerminalClass::codex_error},
    {FailureCode::stale_cursor,
     "stale_cursor",
     "Part of this answer was lost.",
     TerminalClass::codex_error,
     true},
    {FailureCode::reauth_required,
     "reauth_required",
     "The connection to the assistant is no longer allowed.",
     TerminalClass::codex_error},
    {FailureCode::adapter_preview_unavailable,
     "adapter_preview_unavailable",
     "This answer could not be shown.",
     TerminalClass::adapter_preview_unavailable},
}};

constexpr std::array<CauseWords, 13> k_causes{{
    {FailureCause::other, "", ""},
    {FailureCause::rate_limited, "rate_limited", "The model takes no more requests for now."},
    {FailureCause::usage_limit,
     "usage_limit",
     "The usage limit of this assistant's account is reached."},
    {FailureCause::context_length,
     "context_length_exceeded",
     "This conversation is longer than the model can take. Begin a new one, or send less text."},
    {FailureCause::bad_key,
     "provider_key_rejected",
     "The model provider does not accept this assistant's key. Tell its operator."},
    {FailureCause::unknown_model,
     "model_not_found",
     "The model provider does not know this model. Choose another one."},
    {FailureCause::overloaded, "model_overloaded", "The model is overloaded right now."},
    {FailureCause::refused,
     "refused",
     "The model provider refused this request because of its content."},
    {FailureCause::schema_refused,
     "schema_refused",
     "The model provider does not accept a JSON schema of this request. List every property as "
     "required, and set additionalProperties to false."},
    {FailureCause::no_call,
     "tool_call_missing",
     "The model answered without the tool call that tool_choice demands."},
    {FailureCause::no_json,
     "json_missing",
     "The model answered with other text than the JSON object that the request demands."},
    {FailureCause::drained, "", ""},
    {FailureCause::out_of_time, "", ""},
}};

// words_of() indexes the tables, so their rows must be in the order of the enums.
constexpr bool in_enum_order() {
    for (std::size_t i = 0; i < k_failures.size(); ++i) {
        if (std::to_underlying(k_failures[i].code) != static_cast<int>(i)) {
            return false;
        }
    }
    for (std::size_t i = 0; i < k_causes.size(); ++i) {
        if (std::to_underlying(k_causes[i].cause) != static_cast<int>(i)) {
            return false;
        }
    }
    return true;
}
static_assert(in_enum_order());
// Log readers identify late turns by these words.
static_assert(std::ranges::all_of(telemetry::k_late_failures, [](std::string_view word) {
    return contains(k_failures, word, &FailureWords::word);
}));

} // namespace

const FailureWords& words_of(FailureCode code) noexcept {
    return k_failures[static_cast<std::size_t>(std::to_underlying(code))];
}

const CauseWords& words_of(FailureCause cause) noexcept {
    return k_causes[static_cast<std::size_t>(std::to_underlying(cause))];
}

std::span<const FailureWords> all_failure_words() noexcept {
    return k_failures;
}

Outcome outcome_of(FailureCode code) noexcept {
    return words_of(code).terminal == TerminalClass::turn_aborted ? Outcome::aborted
                                                                  : Outcome::failed;
}

std::string_view to_string(Outcome outcome) noexcept {
    static constexpr std::array<std::string_view, 4> k_words{
        "completed", "interrupted", "aborted", "failed"
    };
    return enum_word<Outcome::failed>(k_words, outcome);
}

std::string_view to_string(Finish finish) noexcept {
    static constexpr std::array<std::string_view, 6> k_words{
        "stop", "length", "tool-calls", "content-filter", "error", "other"
    };
    return enum_word<Finish::other>(k_words, finish);
}

} // namespace oa_stream::turn
