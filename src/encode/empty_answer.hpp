// Texts that replace a missing answer. Codex does not store a refusal, so the lane cannot tell
// whether the model refused or had nothing to say.
#pragma once

#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/turn/words.hpp"

namespace oa_stream::encode {

inline constexpr std::string_view k_filtered_text =
    "The provider's content filter withheld this answer: ask in other words.";
inline constexpr std::string_view k_cut_text =
    "The answer reached its limit of tokens before its first word: ask for less at once.";
/// It is unknown whether there was more text: the stream may have had text that the authority did
/// not store. It may also have been cut before its first word, by a release that stored no ends, or
/// after a lane took the turn over without knowing what was sent before.
inline constexpr std::string_view k_unstored_text =
    "This answer was cut; no more of its text is stored.";

[[nodiscard]] constexpr std::string_view text_of_empty(turn::Finish finish) noexcept {
    return finish == turn::Finish::content_filter ? k_filtered_text
           : finish == turn::Finish::length       ? k_cut_text
                                                  : k_empty_answer_text;
}

} // namespace oa_stream::encode
