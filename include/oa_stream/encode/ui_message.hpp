// Turn events → the parts of the UIMessage that a client makes of their stream. For whoever tells a
// finished turn a second time: both tellings must agree.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::encode {

/// In place of an answer that has none: the text, and `notice` in the finish's metadata.
inline constexpr std::string_view k_empty_answer_code = "model_empty_response";
inline constexpr std::string_view k_empty_answer_text =
    "The model ended its answer without a word. It may have refused: ask in other words.";

/// `status` of an answer that ends because its page is to run its functions first.
inline constexpr std::string_view k_waits_results = "waiting-for-tool-results";

struct MissingAnswer {
    std::string_view text{}; ///< empty: nothing is missing
    bool empty = false; ///< the stream had no word of it either: k_empty_answer_code
};
/// In place of an answer that is not among the events, of a turn that completed. Nothing is missing
/// where their end, if they have one, does not say that there were words.
[[nodiscard]] MissingAnswer missing_answer(const std::vector<turn::Event>& events);

/// What clients read of a failure wherever they do: code, reason if there is one, message.
[[nodiscard]] Json failure_json(const turn::Failure& failure);

/// A JSON array. `events` need not keep the grammar: they are repaired as those of a stream are, so
/// calls have the ids they had on the wire. `outcome` decides what a call says that never ended.
/// Text and tool parts are those of the AI SDK 5, 6 and 7; transient notes are not kept. `waits`:
/// calls of the client's own functions (turn::ClientCall) that have no end stay open.
[[nodiscard]] Json
ui_message_parts(std::vector<turn::Event> events, turn::Outcome outcome, bool waits = false);

} // namespace oa_stream::encode
