#include "oa_stream/base/text.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace oa_stream {

namespace {

/// Length of the well-formed sequence at `at` (Unicode 15, table 3-7); 0 when it is ill-formed; the
/// negative number of bytes present when the text ends inside a so far well-formed one.
int sequence_at(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) {
        return 1;
    }
    int length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED ? 0x9F : 0xBF;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    for (int i = 1; i < length; ++i) {
        const std::size_t next = at + static_cast<std::size_t>(i);
        if (next >= text.size()) {
            return -i;
        }
        if (byte(next) < low || byte(next) > high) {
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

char lowered(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string shown(const ControlChar& control) {
    switch (control.code) {
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    return control.bytes < 3 ? fmt::format("\\x{:02x}", control.code)
                             : fmt::format("\\u{:04x}", control.code);
}

} // namespace

std::optional<std::size_t> invalid_utf8(std::string_view text) noexcept {
    std::size_t at = ascii_run(text);
    while (at < text.size()) {
        if (static_cast<unsigned char>(text[at]) < 0x80) {
            at += ascii_run(text.substr(at));
            continue;
        }
        const int length = sequence_at(text, at);
        if (length <= 0) {
            return at;
        }
        at += static_cast<std::size_t>(length);
    }
    return std::nullopt;
}

std::size_t whole_utf8_prefix(std::string_view text) noexcept {
    const std::size_t tail = std::min<std::size_t>(text.size(), 3);
    for (std::size_t back = 1; back <= tail; ++back) {
        const std::size_t at = text.size() - back;
        const auto lead = static_cast<unsigned char>(text[at]);
        if (lead >= 0xC0) {
            return sequence_at(text, at) < 0 ? at : text.size();
        }
        if (lead < 0x80) {
            break;
        }
    }
    return text.size();
}

// What is not UTF-8 becomes visible too: terminals and JSON get this.
std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (out.size() >= limit) {
            out += "…";
            break;
        }
        const auto c = static_cast<unsigned char>(text[at]);
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            if (const auto control = leading_control(text.substr(at))) {
                out += shown(*control);
                at += control->bytes - 1;
            } else if (const int length = sequence_at(text, at); length > 0) {
                const auto bytes = static_cast<std::size_t>(length);
                out += text.substr(at, bytes); // as a whole: the limit must not leave half of it
                at += bytes - 1;
            } else {
                out += fmt::format("\\x{:02x}", c);
            }
        }
    }
    return out;
}

std::string show_controls(std::string_view text, std::string_view allowed) {
    std::string out;
    while (const auto control = find_control(text, allowed)) {
        out.append(text.substr(0, control->at)) += shown(*control);
        text.remove_prefix(control->at + control->bytes);
    }
    return out.append(text);
}

std::optional<std::string_view>
nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const std::string_view candidate : candidates) {
        std::vector<std::size_t> row(candidate.size() + 1);
        std::ranges::generate(row, [next = std::size_t{0}]() mutable { return next++; });
        std::vector<std::size_t> above; // and the row above that: two swapped letters are one slip
        std::vector<std::size_t> last;
        for (std::size_t i = 0; i < word.size(); ++i) {
            above = std::exchange(last, row);
            std::size_t diagonal = row[0];
            row[0] = i + 1;
            for (std::size_t j = 0; j < candidate.size(); ++j) {
                const std::size_t cost = diagonal + (word[i] == candidate[j] ? 0U : 1U);
                diagonal = row[j + 1];
                row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, cost});
                if (i > 0 && j > 0 && word[i] == candidate[j - 1] && word[i - 1] == candidate[j]) {
                    row[j + 1] = std::min(row[j + 1], above[j - 1] + 1);
                }
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

Advice did_you_mean(
    std::string_view word, std::span<const std::string_view> candidates, Advice otherwise
) {
    const auto near = nearest(word, candidates);
    return near ? fmt::format("did you mean {}?", *near) : std::move(otherwise);
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
    const auto value = number_of<std::uint64_t>(text);
    const bool plain = text == "0" || !text.starts_with('0');
    if (!plain || !value || *value < low || *value > high) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a whole number from {} to {}", printable(text, 40), low, high)
        );
    }
    return *value;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) {
            return std::nullopt;
        }
        const auto parsed = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (parsed.ec != std::errc{} || parsed.ptr != text.data() + i + 3) {
            return std::nullopt;
        }
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

bool is_plain_word(std::string_view text, std::string_view marks) noexcept {
    return !text.empty() &&
           std::ranges::all_of(text, [marks](char c) { return is_alnum(c) || marks.contains(c); });
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lowered);
    return out;
}

std::string to_upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

std::string first_of(std::vector<std::string> all, std::size_t most, std::string_view between) {
    const std::size_t more = all.size() - std::min(all.size(), most);
    all.resize(all.size() - more);
    const std::string_view before = between == ", " ? " " : between;
    return fmt::format(
        "{}{}", fmt::join(all, between), more > 0 ? fmt::format("{}and {} more", before, more) : ""
    );
}

std::string_view trim_blanks(std::string_view text) noexcept {
    // What Unicode counts as white space beyond ASCII.
    constexpr std::array<std::string_view, 19> k_spaces{
        "\u0085",
        "\u00a0",
        "\u1680",
        "\u2000",
        "\u2001",
        "\u2002",
        "\u2003",
        "\u2004",
        "\u2005",
        "\u2006",
        "\u2007",
        "\u2008",
        "\u2009",
        "\u200a",
        "\u2028",
        "\u2029",
        "\u202f",
        "\u205f",
        "\u3000"
    };
    const auto begins = [&](std::string_view space) { return text.starts_with(space); };
    const auto ends = [&](std::string_view space) { return text.ends_with(space); };
    for (std::size_t before = text.size() + 1; text.size() < before;) {
        before = text.size();
        text = trim(text);
        if (const auto* space = std::ranges::find_if(k_spaces, begins); space != k_spaces.end()) {
            text.remove_prefix(space->size());
        }
        if (const auto* space = std::ranges::find_if(k_spaces, ends); space != k_spaces.end()) {
            text.remove_suffix(space->size());
        }
    }
    return text;
}

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view k_space = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(k_space);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(k_space) - first + 1);
}

bool iequals(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lowered, lowered);
}

std::string media_type_of(std::string_view content_type) {
    return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

bool lists_word(std::string_view list, std::string_view word) noexcept {
    while (!list.empty()) {
        if (iequals(trim(cut_until(list, ',')), word)) {
            return true;
        }
    }
    return false;
}

} // namespace oa_stream
