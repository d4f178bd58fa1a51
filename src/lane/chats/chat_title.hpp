// The member "title" of requests that name a conversation.
#pragma once

#include "oa_stream/base/json.hpp"

#include "gates/rejection.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// The most that a title has, in code points.
inline constexpr std::size_t k_title_chars = 200;

/// Without white space of any script around it: a name of nothing else is none to Codex. Empty when
/// there is none. 422 when it is not a string or longer than 200 characters.
[[nodiscard]] Accepted<std::string> read_title(const Json& body);

/// For comparing: letters of any script in lower case.
[[nodiscard]] std::string folded(std::string_view text);

} // namespace oa_stream::lane
