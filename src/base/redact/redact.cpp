#include "oa_stream/base/redact.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "redact_shapes.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace oa_stream {

namespace {

constexpr std::size_t k_shortest_secret = 8;
constexpr std::string_view k_cut = "…"; ///< what printable() ends a text with that was too long

std::optional<unsigned> hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'f') {
        return static_cast<unsigned>(lower - 'a') + 10U;
    }
    return std::nullopt;
}

/// `text` is the byte `c` in hex digits, leading zeros included.
bool is_hex_of(std::string_view text, char c) noexcept {
    unsigned value = 0;
    for (const char digit : text) {
        const auto one = hex_digit(digit);
        if (!one) {
            return false;
        }
        value = value * 16U + *one;
    }
    return value == static_cast<unsigned char>(c);
}

/// How a text is read: what may stand for one character.
struct Reading {
    bool percent_first = true;     ///< a '%' of the text begins an escape where it can
    std::size_t backslash = 1;     ///< how many stand for one; each level of JSON doubles them
    bool unicode_first = false;    ///< \\u005c of the text is a backslash where it can
    bool wrapped = false;          ///< lines may break anywhere
};

constexpr std::size_t k_hex = 4; ///< of \\uXXXX
constexpr std::size_t k_most_slashes = 64; ///< six levels of JSON; longer runs would take long

/// Where the run of backslashes ends that `rest` begins with.
std::size_t slashes_of(std::string_view rest) noexcept {
    rest = rest.substr(0, k_most_slashes);
    return std::min(rest.find_first_not_of('\\'), rest.size());
}

/// How many bytes at the start of `rest` only break a line or indent one, raw or escaped.
std::size_t line_break(std::string_view rest) noexcept {
    constexpr std::size_t k_longest = 64;
    rest = rest.substr(0, k_longest);
    std::size_t at = 0;
    while (at < rest.size()) {
        const std::string_view here = rest.substr(at);
        const std::size_t slashes = slashes_of(here);
        const auto hex = [&](std::size_t from, std::size_t digits) {
            const std::string_view text = here.substr(std::min(from, here.size()), digits);
            return text.size() == digits && (is_hex_of(text, '\n') || is_hex_of(text, '\r'));
        };
        if (std::string_view(" \t\r\n").contains(here[0])) {
            ++at;
        } else if (here[0] == '%' && hex(1, 2)) {
            at += 3;
        } else if (slashes > 0 && slashes < here.size() &&
                   std::string_view("nrt").contains(here[slashes])) {
            at += slashes + 1;
        } else if (slashes > 0 && slashes < here.size() && here[slashes] == 'u' &&
                   hex(slashes + 1, k_hex)) {
            at += slashes + 1 + k_hex;
        } else {
            break;
        }
    }
    return at;
}

/// How many bytes at the start of `rest`, which is a backslash, stand for `c`; 0: they do not. JSON
/// within JSON escapes once more, so any number of backslashes does before other characters.
std::size_t escaped(std::string_view rest, char c, const Reading& reading) noexcept {
    const std::size_t slashes = slashes_of(rest);
    const std::size_t plain = slashes >= reading.backslash ? reading.backslash : 0;
    if (slashes == std::min(rest.size(), k_most_slashes) || (c == '\\' && !reading.unicode_first)) {
        return c == '\\' ? plain : 0;
    }
    const char kind = rest[slashes];
    if (kind == c && (c == '"' || c == '/')) {
        return slashes + 1;
    }
    if (kind == 'u' && rest.size() > slashes + k_hex &&
        is_hex_of(rest.substr(slashes + 1, k_hex), c)) {
        return slashes + 1 + k_hex;
    }
    constexpr std::size_t k_byte = 2; // as printable() writes what is not
    if (kind == 'x' && rest.size() > slashes + k_byte &&
        is_hex_of(rest.substr(slashes + 1, k_byte), c)) {
        return slashes + 1 + k_byte;
    }
    if (c == '\\') {
        return plain;
    }
    static constexpr std::array<std::pair<char, char>, 5> k_short{
        {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'b', '\b'}, {'f', '\f'}}
    };
    const bool known = contains(k_short, std::pair(kind, c));
    return known ? slashes + 1 : 0;
}

/// How many bytes at the start of `rest` stand for `c`; 0: they do not.
std::size_t stands_for(std::string_view rest, char c, const Reading& reading) noexcept {
    if (rest.empty()) {
        return 0;
    }
    if (rest[0] == '\\') {
        return escaped(rest, c, reading);
    }
    const bool percent = rest[0] == '%' && rest.size() > 2 && is_hex_of(rest.substr(1, 2), c);
    if (percent && reading.percent_first) {
        return 3;
    }
    if (rest[0] == c || (rest[0] == '+' && c == ' ')) {
        return 1;
    }
    return percent ? 3 : 0;
}

/// Where `secret` ends if it stands at `at`, byte for byte in any of its escaped forms. Where a
/// text was cut short, the beginning of a secret is one.
std::size_t match(
    std::string_view text, std::size_t at, std::string_view secret, const Reading& reading
) noexcept {
    for (std::size_t i = 0; i < secret.size(); ++i) {
        std::size_t length = stands_for(text.substr(at), secret[i], reading);
        if (length == 0 && reading.wrapped && i > 0) {
            at += line_break(text.substr(at));
            length = stands_for(text.substr(at), secret[i], reading);
        }
        if (length == 0) {
            const bool cut = i >= k_shortest_secret && text.substr(at).starts_with(k_cut);
            return cut ? at : std::string_view::npos;
        }
        at += length;
    }
    return at;
}

/// The same in whichever reading it does.
std::size_t
match_any(std::string_view text, std::size_t at, std::string_view secret, bool wrapped) noexcept {
    constexpr std::size_t k_deepest = 8; // JSON within JSON within JSON
    const bool slashed = secret.contains('\\');
    for (std::size_t backslash = 1; backslash <= (slashed ? k_deepest : 1); backslash *= 2) {
        for (const bool percent_first : {true, false}) {
            for (const bool unicode_first : {false, true}) {
                if (unicode_first && !slashed) {
                    continue;
                }
                const Reading reading{percent_first, backslash, unicode_first, wrapped};
                const std::size_t end = match(text, at, secret, reading);
                if (end != std::string_view::npos) {
                    return end;
                }
            }
        }
    }
    return std::string_view::npos;
}

/// From `from` to `end`, but line breaks stay what they are.
void add_lines(
    std::string_view text,
    std::size_t from,
    std::size_t end,
    const Redaction& what,
    std::vector<Redaction>& found
) {
    while (from < end) {
        std::size_t to = from;
        std::size_t gap = 0;
        while (to < end && gap == 0) {
            gap = line_break(text.substr(to, end - to));
            to += gap == 0 ? 1 : 0;
        }
        found.push_back({from, to - from, what.kind, what.value});
        from = to + gap;
    }
}

/// `coded`: of base64, whose lines may have been wrapped.
void find_known(
    std::string_view text,
    std::string_view form,
    bool coded,
    const Redaction& what,
    std::vector<Redaction>& found
) {
    const std::array starts{form[0], '%', '\\', '+'};
    const std::string_view any(starts.data(), starts.size());
    for (std::size_t at = text.find_first_of(any); at != std::string_view::npos;
         at = text.find_first_of(any, at + 1)) {
        const std::size_t end = match_any(text, at, form, coded);
        if (end == std::string_view::npos) {
            continue;
        }
        // The letter of an escape that began before stays, or the JSON around it breaks.
        const std::size_t before = text.substr(0, at).find_last_not_of('\\') + 1;
        const std::size_t from = text[at] != '\\' && (at - before) % 2 == 1 ? at + 1 : at;
        if (coded) {
            add_lines(text, from, end, what, found);
        } else {
            found.push_back({from, end - from, what.kind, what.value});
        }
    }
}

/// As JSON is written by those who leave nothing but ASCII in it.
std::string ascii_json(std::string_view text, bool upper) {
    std::string out;
    const auto unit = [&](unsigned code) {
        out += upper ? fmt::format("\\u{:04X}", code) : fmt::format("\\u{:04x}", code);
    };
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80U) {
            out += text[i++];
            continue;
        }
        const unsigned length = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
        unsigned code = lead & (0xFFU >> (length + 1U));
        for (unsigned k = 1; k < length; ++k) {
            code = (code << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
        }
        if (code > 0xFFFFU) {
            unit(0xD800U + ((code - 0x10000U) >> 10U));
            code = 0xDC00U + ((code - 0x10000U) & 0x3FFU);
        }
        unit(code);
        i += length;
    }
    return out;
}

/// It shows where a secret is, not what; but base64 may begin with a slash as well.
bool is_path(std::string_view value) {
    std::error_code unknown;
    return value.starts_with('/') && std::filesystem::exists(value, unknown);
}

bool secret_like(std::string_view name) noexcept {
    static constexpr std::array<std::string_view, 7> k_ends{
        "TOKEN", "SECRET", "PASSWORD", "PASSWD", "_KEY", "APIKEY", "COOKIE"
    };
    return std::ranges::any_of(k_ends, [&](std::string_view end) {
        return name.size() >= end.size() && iequals(name.substr(name.size() - end.size()), end);
    });
}

} // namespace

void Redactor::add_known(const Secret& secret, std::string_view name) {
    const std::string raw(secret.reveal());
    if (raw.size() < k_shortest_secret) {
        return;
    }
    Known known{std::string(name), secret, {raw}};
    if (!invalid_utf8(raw)) {
        for (const bool upper : {false, true}) {
            if (std::string form = ascii_json(raw, upper); form != raw) {
                known.forms.push_back(std::move(form));
            }
        }
    }
    for (std::size_t shift = 0; shift < 3; ++shift) { // where the secret begins in a group
        const auto tail = std::string_view(raw).substr(shift);
        // Whole groups only: what follows a secret decides the rest.
        std::string form = base64(tail.substr(0, tail.size() / 3 * 3));
        std::string url = form;
        std::ranges::replace(url, '+', '-');
        std::ranges::replace(url, '/', '_');
        if (url != form) {
            known.forms.push_back(std::move(url));
        }
        known.forms.push_back(std::move(form));
    }
    std::erase_if(known.forms, [](const std::string& form) {
        return form.size() < k_shortest_secret;
    });
    const auto same = std::ranges::find_if(known_, [&](const Known& other) {
        return other.forms.front() == raw;
    });
    if (same == known_.end()) {
        known_.push_back(std::move(known));
    } else if (!name.empty()) {
        same->name = name;
    }
}

void Redactor::add_environment() {
    for (char** at = ::environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view entry(*at);
        const std::size_t equals = entry.find('=');
        const std::string_view name = entry.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : entry.substr(equals + 1);
        if (secret_like(name) && !is_path(value)) {
            add_known(Secret(std::string(value)), name);
        }
    }
}

std::vector<Redaction> Redactor::find(std::string_view text) const {
    std::vector<Redaction> found;
    for (const Known& known : known_) {
        const Redaction what{
            0,
            0,
            known.name.empty() ? "known secret" : fmt::format("known secret {}", known.name),
            known.secret,
        };
        bool coded = false; // all but the first
        for (const std::string& form : known.forms) {
            find_known(text, form, std::exchange(coded, true), what, found);
        }
    }
    find_shapes(text, found);
    std::ranges::sort(found, {}, &Redaction::offset);
    return found;
}

std::string Redactor::apply(std::string_view text) const {
    std::string out(text);
    for (const Redaction& place : find(text)) {
        out.replace(place.offset, place.length, place.length, '*');
    }
    return out;
}

Advice Redactor::clean(const Advice& advice) const {
    return advice.with_texts([this](std::string_view text) { return apply(text); });
}

} // namespace oa_stream
