// Results of a page's own functions: in the form that stock clients send, and in the form of a
// stored turn.
//
// While a turn waits, Codex gets the results as function results. A turn that was stopped before
// (by a restart of the lane, or because no result arrived in time) cannot accept them: they become
// the input of the next turn, as a text from which the list of messages can restore them.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "gates/rejection.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// An assistant's message has tool parts with a final state for calls that the page ran itself.
[[nodiscard]] bool has_call_results(const Json& message);
/// … or such parts without a result.
[[nodiscard]] bool has_open_calls(const Json& message);
/// The results in messages[at], or else in `message`; each call appears once, its last result
/// counts.
[[nodiscard]] std::vector<authority::CallResult>
read_call_results(const Json& body, std::optional<std::size_t> at);

/// What the lane keeps of a result that it has passed on: enough to recognise whether it is sent
/// again unchanged.
struct ResultDigest {
    std::string call; ///< see digest_of_call()
    std::string digest;
};
/// Has a fixed length, because a page's ids may be long.
[[nodiscard]] std::string digest_of_call(std::string_view call);
[[nodiscard]] ResultDigest digest_of_result(const authority::CallResult& result);

/// Codes unknown_tool_call (422), already_answered (409) and tool_call_over (409).
[[nodiscard]] Rejection reject_unknown_call(std::string_view call);
[[nodiscard]] Rejection reject_answered_call(std::string_view call);
[[nodiscard]] Rejection reject_call_over(std::string_view call);

/// Id of the user message that holds results, when the lane did not make the id of the page's
/// message.
inline constexpr std::string_view k_results_id = "oa-tool-results";
/// … and when it did: then any lane can continue that message.
[[nodiscard]] std::string results_id(std::string_view message);

/// The calls of a stopped turn that have no result.
[[nodiscard]] std::vector<turn::ClientCall> open_calls(const authority::PastTurn& turn);
/// The lane's own notice that a stop ended the call. A page that loaded the call from the list of
/// messages may send it as the call's result.
[[nodiscard]] bool is_stop_notice(const authority::CallResult& result);
/// False for an empty list.
[[nodiscard]] bool only_stop_notices(const std::vector<authority::CallResult>& results);
/// The call of the first result, which a refusal names; empty for an empty list.
[[nodiscard]] std::string_view first_call(const std::vector<authority::CallResult>& results);
/// The input of the turn that continues with the results. 422 tool_result_missing when a call has
/// no result: a turn cannot wait for it any more.
[[nodiscard]] Accepted<std::string>
results_text(const authority::PastTurn& stopped, const std::vector<authority::CallResult>& results);
/// For a page that sends its results with its next message: the text with the results that precedes
/// this message. Empty when no open call has one.
[[nodiscard]] std::string results_ahead(
    const authority::PastTurn& stopped, const std::vector<authority::CallResult>& results
);
/// Id of a message with results ahead, made from its own `id`.
[[nodiscard]] std::string results_ahead_id(std::string_view id);
/// Removes the results from a message that began with them.
void drop_results_ahead(authority::PastTurn& turn);
/// `turn` began with only such a text.
[[nodiscard]] bool holds_results(const authority::PastTurn& turn);
/// The page's message that this turn continues; empty when unknown, or for a turn without results.
[[nodiscard]] std::string message_gone_on_with(const authority::PastTurn& turn);
/// The results that a turn began with. Those ahead of a message can be read until
/// drop_results_ahead().
[[nodiscard]] std::vector<authority::CallResult> results_begun_with(const authority::PastTurn& turn
);
/// Gives the calls of `stopped` the results that the next turn began with.
void settle_calls(authority::PastTurn& stopped, const authority::PastTurn& next);

} // namespace oa_stream::lane
