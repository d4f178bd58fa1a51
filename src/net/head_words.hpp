// Characters allowed in the head of an HTTP message.
#pragma once

#include "oa_stream/base/text.hpp"

#include <string_view>

namespace oa_stream::net {

/// RFC 9110 §5.6.2. A method is a token, too.
[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
    return is_plain_word(text, "!#$%&'*+-.^_`|~");
}

/// A line break in a value would let its author inject fields, or a second message.
[[nodiscard]] inline bool is_one_line(std::string_view text) noexcept {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

} // namespace oa_stream::net
