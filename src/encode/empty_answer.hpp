// What stands in place of an answer that has none. Codex keeps no refusal, so nobody here knows
// whether the model refused or had nothing to say.
#pragma once

#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/turn/words.hpp"

namespace oa_stream::encode {

inline constexpr std::string_view k_filtered_text =
    "The provider's content filter withheld this answer: ask in other words.";
inline constexpr std::string_view k_cut_text =
    "The answer reached its limit of tokens before its first word: ask for less at once.";
/// Whether there were more words is not known: the stream may have had some that the authority did
/// not keep. It may also have been cut before its first one, by a release that noted nothing, or
/// after a lane took it over, which cannot know what was told before.
inline constexpr std::string_view k_unstored_text =
    "This answer was cut; no more of its text is stored.";

[[nodiscard]] constexpr std::string_view text_of_empty(turn::Finish finish) noexcept {
    return finish == turn::Finish::content_filter ? k_filtered_text
           : finish == turn::Finish::length       ? k_cut_text
                                                  : k_empty_answer_text;
}

} // namespace oa_stream::encode
