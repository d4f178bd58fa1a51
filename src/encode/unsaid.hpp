// What stands in place of an answer that has none. Codex keeps no refusal, so nobody here knows
// whether the model refused or had nothing to say.
#pragma once

#include <string_view>

namespace oa_stream::encode {

inline constexpr std::string_view k_unsaid_code = "model_empty_response";
inline constexpr std::string_view k_unsaid_text =
    "The model ended its answer without a word. It may have refused: ask in other words.";

} // namespace oa_stream::encode
