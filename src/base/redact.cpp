#include "oa_stream/base/redact.hpp"

#include "redact_shapes.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

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
    std::size_t backslash = 1;     ///< so many stand for one; each level of JSON doubles them
};

/// How many bytes at the start of `rest`, which is a backslash, stand for `c`; 0: they do not. JSON
/// within JSON escapes once more, so any number of backslashes does before other characters.
std::size_t escaped(std::string_view rest, char c, std::size_t backslash) noexcept {
    const std::size_t slashes = std::min(rest.find_first_not_of('\\'), rest.size());
    if (c == '\\') {
        return slashes >= backslash ? backslash : 0;
    }
    if (slashes == rest.size()) {
        return 0;
    }
    const char kind = rest[slashes];
    if (kind == c && (c == '"' || c == '/')) {
        return slashes + 1;
    }
    constexpr std::size_t k_digits = 4;
    if (kind == 'u' && rest.size() > slashes + k_digits &&
        is_hex_of(rest.substr(slashes + 1, k_digits), c)) {
        return slashes + 1 + k_digits;
    }
    constexpr std::size_t k_byte = 2; // as printable() writes what is not
    if (kind == 'x' && rest.size() > slashes + k_byte &&
        is_hex_of(rest.substr(slashes + 1, k_byte), c)) {
        return slashes + 1 + k_byte;
    }
    static constexpr std::array<std::pair<char, char>, 5> k_short{
        {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'b', '\b'}, {'f', '\f'}}
    };
    const bool known = std::ranges::find(k_short, std::pair(kind, c)) != k_short.end();
    return known ? slashes + 1 : 0;
}

/// How many bytes at the start of `rest` stand for `c`; 0: they do not.
std::size_t stands_for(std::string_view rest, char c, const Reading& reading) noexcept {
    if (rest.empty()) {
        return 0;
    }
    if (rest[0] == '\\') {
        return escaped(rest, c, reading.backslash);
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
        const std::size_t length = stands_for(text.substr(at), secret[i], reading);
        if (length == 0) {
            const bool cut = i >= k_shortest_secret && text.substr(at).starts_with(k_cut);
            return cut ? at : std::string_view::npos;
        }
        at += length;
    }
    return at;
}

/// The same in whichever reading it does.
std::size_t match_any(std::string_view text, std::size_t at, std::string_view secret) noexcept {
    constexpr std::size_t k_deepest = 8; // JSON within JSON within JSON
    const std::size_t deepest = secret.contains('\\') ? k_deepest : 1;
    for (std::size_t backslash = 1; backslash <= deepest; backslash *= 2) {
        for (const bool percent_first : {true, false}) {
            const std::size_t end = match(text, at, secret, {percent_first, backslash});
            if (end != std::string_view::npos) {
                return end;
            }
        }
    }
    return std::string_view::npos;
}

void find_known(
    std::string_view text,
    std::string_view form,
    const Redaction& what,
    std::vector<Redaction>& found
) {
    const std::array starts{form[0], '%', '\\', '+'};
    const std::string_view any(starts.data(), starts.size());
    for (std::size_t at = text.find_first_of(any); at != std::string_view::npos;
         at = text.find_first_of(any, at + 1)) {
        const std::size_t end = match_any(text, at, form);
        if (end != std::string_view::npos) {
            // The letter of an escape that began before stays, or the JSON around it breaks.
            const std::size_t before = text.substr(0, at).find_last_not_of('\\') + 1;
            const std::size_t from = text[at] != '\\' && (at - before) % 2 == 1 ? at + 1 : at;
            found.push_back({from, end - from, what.kind, what.value});
        }
    }
}

std::string base64(std::string_view text) {
    static constexpr std::string_view k_digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
    };
    std::string out;
    // Whole groups only: what follows decides the rest.
    for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
        const unsigned group = (byte(i) << 16U) | (byte(i + 1) << 8U) | byte(i + 2);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) {
            out += k_digits[(group >> shift) & 63U];
        }
    }
    return out;
}

bool secret_like(std::string_view name) noexcept {
    static constexpr std::array<std::string_view, 7> k_ends{
        "TOKEN", "SECRET", "PASSWORD", "PASSWD", "_KEY", "APIKEY", "COOKIE"
    };
    return std::ranges::any_of(k_ends, [&](std::string_view end) { return name.ends_with(end); });
}

} // namespace

void Redactor::add_known(const Secret& secret, std::string_view name) {
    const std::string raw(secret.reveal());
    if (raw.size() < k_shortest_secret) {
        return;
    }
    Known known{std::string(name), secret, {raw}};
    for (std::size_t shift = 0; shift < 3; ++shift) { // where the secret begins in a group
        std::string form = base64(std::string_view(raw).substr(shift));
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
        if (secret_like(name) && !value.starts_with('/')) { // a path tells where, not what
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
        for (const std::string& form : known.forms) {
            find_known(text, form, what, found);
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

} // namespace oa_stream
