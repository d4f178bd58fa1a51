// The member "title" of requests that name a conversation.
#pragma once

#include "oa_stream/base/json.hpp"

#include "gates/rejection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// The longest title, in code points.
inline constexpr std::size_t k_title_chars = 200;

/// The title without surrounding white space of any script: Codex treats a blank name as none.
/// Empty when there is no title. 422 when it is not a string or longer than 200 characters.
[[nodiscard]] Accepted<std::string> read_title(const Json& body);

/// For comparisons: letters of every script in lower case.
[[nodiscard]] std::string folded(std::string_view text);

} // namespace oa_stream::lane
