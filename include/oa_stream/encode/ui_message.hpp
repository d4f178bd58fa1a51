// Turn events → the parts of the UIMessage that a client builds from their stream. For the history
// of a finished turn, which must be equal to the streamed message.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::encode {

/// Replaces a missing answer: the text, and `notice` in the finish's metadata.
inline constexpr std::string_view k_empty_answer_code = "model_empty_response";
inline constexpr std::string_view k_empty_answer_text =
    "The model ended its answer without a word. It may have refused: ask in other words.";

/// `status` of an answer that ends because its page is to run its functions first.
inline constexpr std::string_view k_waits_results = "waiting-for-tool-results";

struct MissingAnswer {
    std::string_view text{}; ///< empty: nothing is missing
    bool empty = false; ///< the stream had no text either: k_empty_answer_code
};
/// The replacement for the missing answer of a completed turn. Empty unless the events end with a
/// TurnEnded that is `withheld` or whose finish is length or content_filter.
[[nodiscard]] MissingAnswer missing_answer(const std::vector<turn::Event>& events);

/// What clients read of a failure wherever they do: code, reason if there is one, message.
[[nodiscard]] Json failure_json(const turn::Failure& failure);

/// A JSON array. `events` may break the grammar: they are repaired like those of a stream, so calls
/// have the ids of the wire. `outcome` decides the result shown for a call without an end. Text and
/// tool parts have the form of AI SDK 5, 6 and 7; transient notes are omitted. `waits`: calls of
/// the client's own functions (turn::ClientCall) without an end stay open.
[[nodiscard]] Json
ui_message_parts(std::vector<turn::Event> events, turn::Outcome outcome, bool waits = false);

} // namespace oa_stream::encode
