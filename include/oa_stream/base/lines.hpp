// Lines: the front of a text up to a mark, and the pairs of logfmt.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream {

/// What stands before the first `mark`, or all; `text` goes on behind the mark.
[[nodiscard]] inline std::string_view cut_until(std::string_view& text, char mark) noexcept {
    const std::size_t end = std::min(text.find(mark), text.size());
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return out;
}

/// What stands before, between and behind the marks; empty pieces, too.
[[nodiscard]] inline std::vector<std::string_view> pieces_of(std::string_view text, char mark) {
    std::vector<std::string_view> out;
    while (text.contains(mark)) {
        out.push_back(cut_until(text, mark));
    }
    out.push_back(text);
    return out;
}

/// The first line without its end.
[[nodiscard]] inline std::string_view cut_line(std::string_view& text) noexcept {
    return cut_until(text, '\n');
}

/// Of lines like `level=info event="two words"`, as this product and many others log.
struct LogfmtPair {
    std::string_view name;
    std::string_view value; ///< of a quoted one with its quotes and escapes, as a JSON string
    bool quoted = false;
};

/// Where the string literal at the front of `text` ends; npos: nowhere.
[[nodiscard]] inline std::size_t end_of_literal(std::string_view text) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            return i + 1;
        }
    }
    return std::string_view::npos;
}

/// The first pair; `line` goes on behind it. nullopt: `line` does not begin with a pair, or ends in
/// the middle of one.
[[nodiscard]] inline std::optional<LogfmtPair> cut_logfmt(std::string_view& line) noexcept {
    const std::size_t equals = line.find_first_of("= \"");
    if (equals == 0 || equals == std::string_view::npos || line[equals] != '=') {
        return std::nullopt;
    }
    LogfmtPair out{.name = line.substr(0, equals), .value = {}};
    line.remove_prefix(equals + 1);
    out.quoted = line.starts_with('"');
    const std::size_t end =
        out.quoted ? end_of_literal(line) : std::min(line.find(' '), line.size());
    const bool spaced = end < line.size() && line[end] == ' ' && end + 1 < line.size();
    if (end != line.size() && !spaced) {
        return std::nullopt;
    }
    out.value = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return out;
}

} // namespace oa_stream
