// Repairs JSON text with escaped surrogates that lack their other half: pages cut strings in the
// middle of a character, store the half, and send it with every later request.
#pragma once

#include "oa_stream/base/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Marks such a half after the repair: U+FFFE, which no text should contain.
inline constexpr std::string_view k_half_character = "\xEF\xBF\xBE";

/// The text with \uFFFE in place of each half; nullopt when it has none.
[[nodiscard]] std::optional<std::string> replace_halves(std::string_view json);

/// Replaces each k_half_character by U+FFFD, in all texts and names of the body.
void replace_surrogates(Json& body);

} // namespace oa_stream::lane
