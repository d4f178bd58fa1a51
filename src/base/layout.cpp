#include "oa_stream/base/layout.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace oa_stream {
namespace {

constexpr std::size_t k_none = std::string_view::npos;

/// The code point at the beginning of `text`, which is not empty and taken as valid UTF-8.
char32_t first_code_point(std::string_view text) noexcept {
    const auto byte = [text](std::size_t at) -> unsigned {
        return static_cast<unsigned char>(text[at]);
    };
    const unsigned lead = byte(0);
    if (lead < 0xC0U) {
        return lead;
    }
    const std::size_t more = lead < 0xE0U ? 1 : lead < 0xF0U ? 2 : 3;
    if (text.size() <= more) {
        return lead; // cut off
    }
    char32_t code = lead & (0x3FU >> more);
    for (std::size_t at = 1; at <= more; ++at) {
        code = (code << 6U) | (byte(at) & 0x3FU);
    }
    return code;
}

struct CodeRange {
    char32_t first = 0;
    char32_t last = 0;
};

template <std::size_t N>
bool in_any(const std::array<CodeRange, N>& ranges, char32_t code) noexcept {
    return std::ranges::any_of(ranges, [code](const CodeRange& range) {
        return range.first <= code && code <= range.last;
    });
}

/// As terminals show it: marks stand upon the letter before, East Asian letters and pictures take
/// two columns (UAX #11, the blocks that matter).
std::size_t columns_of_code(char32_t code) noexcept {
    constexpr char32_t k_first_mark = 0x300;
    static constexpr std::array<CodeRange, 7> k_marks{{
        {k_first_mark, 0x36F},
        {0x1AB0, 0x1AFF},
        {0x1DC0, 0x1DFF},
        {0x200B, 0x200F},
        {0x20D0, 0x20FF},
        {0xFE00, 0xFE0F},
        {0xFE20, 0xFE2F},
    }};
    static constexpr std::array<CodeRange, 10> k_wide{{
        {0x1100, 0x115F},
        {0x2E80, 0x303E},
        {0x3041, 0xA4CF},
        {0xAC00, 0xD7A3},
        {0xF900, 0xFAFF},
        {0xFE30, 0xFE6F},
        {0xFF00, 0xFF60},
        {0xFFE0, 0xFFE6},
        {0x1F300, 0x1F9FF},
        {0x20000, 0x3FFFD},
    }};
    if (code < k_first_mark) {
        return 1;
    }
    return in_any(k_marks, code) ? 0 : in_any(k_wide, code) ? 2 : 1;
}

std::size_t columns_at(std::string_view text, std::size_t at) noexcept {
    return begins_code_point(text[at]) ? columns_of_code(first_code_point(text.substr(at))) : 0;
}

/// Where `text` is cut so that what stands before takes at most so many columns.
std::size_t offset_of_column(std::string_view text, std::size_t columns) noexcept {
    std::size_t taken = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        taken += columns_at(text, at);
        if (taken > columns) {
            return at;
        }
    }
    return text.size();
}

/// The blank at which a line is broken: the last one with at most `columns` before it, else the
/// first one behind; not among the leading ones.
std::size_t break_of(std::string_view text, std::size_t columns) noexcept {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == k_none) {
        return k_none;
    }
    const std::size_t at = text.rfind(' ', offset_of_column(text, columns));
    return at != k_none && at > first ? at : text.find(' ', offset_of_column(text, columns));
}

std::string_view without_blanks_behind(std::string_view text) noexcept {
    const std::size_t last = text.find_last_not_of(' ');
    return last == k_none ? std::string_view{} : text.substr(0, last + 1);
}

/// Where the column behind the gap of two blanks or more at `gap` begins; none: `row`'s size.
std::size_t column_behind(std::string_view row, std::size_t gap) noexcept {
    const std::size_t at = gap == k_none ? k_none : row.find_first_not_of(' ', gap);
    return columns_of(row.substr(0, at));
}

struct Hang {
    std::size_t last = 0; ///< where the row's last column begins
    std::size_t at = 0;   ///< where what follows the row stands
};

/// What follows a broken row stands below its last column while that leaves room to read, else
/// below its second; a row of one column hangs two columns in.
Hang hang_of(std::string_view row, std::size_t columns) noexcept {
    constexpr std::size_t k_readable = 40;
    row = without_blanks_behind(row);
    const std::size_t first = std::min(row.find_first_not_of(' '), row.size());
    const std::size_t gap = row.find("  ", first);
    if (gap == k_none) {
        return {.last = first, .at = first + 2};
    }
    const std::size_t last = column_behind(row, row.rfind("  "));
    return {.last = last, .at = last + k_readable <= columns ? last : column_behind(row, gap)};
}

std::optional<Verdict> coloured_verdict(std::string_view word) noexcept {
    const auto verdict = verdict_of(word);
    return verdict == Verdict::skipped ? std::nullopt : verdict;
}

/// Columns lie two blanks apart; a verdict begins a row also when one blank follows.
std::string with_colour(std::string_view row) {
    const std::size_t first = row.find_first_not_of(' ');
    if (first == k_none) {
        return std::string(row);
    }
    const std::size_t end = std::min(row.find(' ', first), row.size());
    const std::string_view head = row.substr(first, end - first);
    if (const auto verdict = coloured_verdict(head)) {
        return fmt::format(
            "{}{}{}", row.substr(0, first), painted(head, *verdict), row.substr(end)
        );
    }
    const std::size_t gap = row.rfind("  ");
    const std::string_view tail = gap == k_none ? std::string_view{} : row.substr(gap + 2);
    if (const auto verdict = coloured_verdict(tail)) {
        return fmt::format("{}{}", row.substr(0, gap + 2), painted(tail, *verdict));
    }
    return std::string(row);
}

} // namespace

std::size_t columns_of(std::string_view text) noexcept {
    std::size_t columns = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        columns += columns_at(text, at);
    }
    return columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) {
        return std::string(text);
    }
    return fmt::format("{}…", text.substr(0, offset_of_column(text, columns - 1)));
}

std::string wrapped(std::string_view line, std::size_t columns, std::size_t indent) {
    constexpr std::size_t k_least = 20; // what no terminal is narrower than, beside the indent
    std::string out;
    std::size_t room = columns;
    while (columns_of(line) > room) {
        const std::size_t at = break_of(line, room);
        const std::size_t next = at == k_none ? k_none : line.find_first_not_of(' ', at);
        if (next == k_none) {
            break;
        }
        out += fmt::format("{}\n{:{}}", without_blanks_behind(line.substr(0, at)), "", indent);
        line.remove_prefix(next);
        room = std::max(columns, indent + k_least) - indent;
    }
    return out.append(line);
}

std::string painted(std::string_view text, Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return fmt::format("\x1b[32m{}\x1b[0m", text);
    case Verdict::fail:
    case Verdict::error:
        return fmt::format("\x1b[1;31m{}\x1b[0m", text);
    case Verdict::inconclusive:
        return fmt::format("\x1b[33m{}\x1b[0m", text);
    case Verdict::skipped:
        break;
    }
    return std::string(text);
}

namespace {

/// What others wrote steers no terminal, and is text.
std::string without_controls(std::string_view row) {
    std::string out;
    while (const auto bad = invalid_utf8(row)) {
        out += fmt::format(
            "{}\\x{:02x}",
            without_controls(row.substr(0, *bad)),
            static_cast<unsigned char>(row[*bad])
        );
        row.remove_prefix(*bad + 1);
    }
    return out + show_controls(row, "\t");
}

} // namespace

std::string laid_out(std::string_view text, const Layout& layout) {
    std::string out;
    Hang above;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string row = without_controls(text.substr(0, end));
        const bool goes_on = above.at < above.last && row.find_first_not_of(' ') == above.last;
        if (goes_on && layout.columns != 0 && columns_of(row) > layout.columns) {
            row.erase(0, above.last - above.at);
        }
        const Hang own = hang_of(row, layout.columns);
        if (!goes_on) {
            above = own;
        }
        const std::string lines = layout.columns == 0 ? row : wrapped(row, layout.columns, own.at);
        const std::size_t first = std::min(lines.find('\n'), lines.size());
        out += layout.colour ? with_colour(lines.substr(0, first)) + lines.substr(first) : lines;
        if (end < text.size()) {
            out += '\n';
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace oa_stream
