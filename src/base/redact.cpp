#include "oa_stream/base/redact.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <array>

namespace oa_stream {

namespace {

constexpr std::size_t k_shortest_secret = 8;

bool token_char(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

bool word_char(char c) noexcept {
    return token_char(c) && c != '/' && c != '.' && c != '=' && c != '+';
}

/// A marker after which a run of token characters is a secret. One row per shape we know.
struct Shape {
    std::string_view marker;
    std::size_t shortest; ///< of the run that follows, so that plain words survive
    bool keep_marker;     ///< the marker itself tells nothing
    bool whole_word;      ///< the marker must not continue a word
};
constexpr std::array<Shape, 20> k_shapes{{
    {"bearer ", 8, true, true},
    {"basic ", 12, true, true},
    {"eyj", 20, false, true}, // a JWT's header is base64 of {"
    {"sk-", 8, false, true},
    {"ghp_", 16, false, true},
    {"gho_", 16, false, true},
    {"ghs_", 16, false, true},
    {"github_pat_", 16, false, true},
    {"xoxb-", 8, false, true},
    {"xoxp-", 8, false, true},
    {"akia", 16, false, true},
    {"aiza", 30, false, true},
    {"ya29.", 8, false, true},
    {"access_token=", 1, true, false},
    {"token=", 1, true, false},
    {"api_key=", 1, true, false},
    {"apikey=", 1, true, false},
    {"secret=", 1, true, false},
    {"password=", 1, true, false},
    {"maintenance_bypass=", 1, true, false},
}};

void blank(std::string& text, std::size_t from, std::size_t to) {
    std::fill(
        text.begin() + static_cast<std::ptrdiff_t>(from),
        text.begin() + static_cast<std::ptrdiff_t>(to),
        '*'
    );
}

void blank_shape(std::string& text, std::string_view lower, const Shape& shape) {
    for (std::size_t at = lower.find(shape.marker); at != std::string_view::npos;
         at = lower.find(shape.marker, at + 1)) {
        if (shape.whole_word && at > 0 && word_char(lower[at - 1])) {
            continue;
        }
        const std::size_t from = at + shape.marker.size();
        std::size_t to = from;
        while (to < text.size() && token_char(text[to])) {
            ++to;
        }
        if (to - from >= shape.shortest) {
            blank(text, shape.keep_marker ? from : at, to);
        }
    }
}

void blank_cookies(std::string& text, std::string_view lower) {
    for (const std::string_view marker :
         {std::string_view("cookie: "), std::string_view("set-cookie: ")}) {
        for (std::size_t at = lower.find(marker); at != std::string_view::npos;
             at = lower.find(marker, at + 1)) {
            const std::size_t from = at + marker.size();
            std::size_t to = from;
            while (to < text.size() && text[to] != '\n' && text[to] != '\r' && text[to] != '"') {
                ++to;
            }
            blank(text, from, to);
        }
    }
}

std::string percent_encoded(std::string_view text) {
    static constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (word_char(c) || c == '.') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += k_digits[byte >> 4U];
            out += k_digits[byte & 15U];
        }
    }
    return out;
}

std::string base64(std::string_view text) {
    static constexpr std::string_view k_digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i + 2 < text.size();
         i += 3) { // whole groups only: padding depends on what follows
        const unsigned group =
            (static_cast<unsigned>(static_cast<unsigned char>(text[i])) << 16U) |
            (static_cast<unsigned>(static_cast<unsigned char>(text[i + 1])) << 8U) |
            static_cast<unsigned>(static_cast<unsigned char>(text[i + 2]));
        out += k_digits[group >> 18U];
        out += k_digits[(group >> 12U) & 63U];
        out += k_digits[(group >> 6U) & 63U];
        out += k_digits[group & 63U];
    }
    return out;
}

} // namespace

void Redactor::add_known(const Secret& secret) {
    const std::string raw(secret.reveal());
    if (raw.size() < k_shortest_secret) {
        return;
    }
    std::string escaped;
    append_json_string(escaped, raw);
    std::vector<std::string> forms{
        raw, percent_encoded(raw), escaped.substr(1, escaped.size() - 2)
    };
    for (std::size_t shift = 0; shift < 3;
         ++shift) { // base64 depends on where the secret starts in a group
        forms.push_back(base64(std::string_view(raw).substr(shift)));
    }
    for (std::string& form : forms) {
        if (form.size() >= k_shortest_secret && std::ranges::find(known_, form) == known_.end()) {
            known_.push_back(std::move(form));
        }
    }
}

std::string Redactor::apply(std::string_view text) const {
    std::string out(text);
    for (const std::string& secret : known_) {
        for (std::size_t at = out.find(secret); at != std::string::npos;
             at = out.find(secret, at + 1)) {
            blank(out, at, at + secret.size());
        }
    }
    const std::string lower = to_lower(out);
    for (const Shape& shape : k_shapes) {
        blank_shape(out, lower, shape);
    }
    blank_cookies(out, lower);
    return out;
}

} // namespace oa_stream
