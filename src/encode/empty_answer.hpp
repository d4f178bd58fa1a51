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
/// The stream had words that the authority did not keep.
inline constexpr std::string_view k_unstored_text =
    "This answer was cut, and its text from here on is not stored.";

[[nodiscard]] constexpr std::string_view text_of_empty(turn::Finish finish) noexcept {
    return finish == turn::Finish::content_filter ? k_filtered_text
           : finish == turn::Finish::length       ? k_cut_text
                                                  : k_empty_answer_text;
}

} // namespace oa_stream::encode
