// The front of a text, up to a mark.
#pragma once

#include <algorithm>
#include <string_view>

namespace oa_stream {

/// What stands before the first `mark`, or all; `text` goes on behind the mark.
[[nodiscard]] inline std::string_view cut_until(std::string_view& text, char mark) noexcept {
    const std::size_t end = std::min(text.find(mark), text.size());
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return out;
}

/// The first line without its end.
[[nodiscard]] inline std::string_view cut_line(std::string_view& text) noexcept {
    return cut_until(text, '\n');
}

} // namespace oa_stream
