#include "redact_shapes.hpp"

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/text.hpp"

#include "redact_values.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace oa_stream {

namespace {

constexpr auto npos = std::string_view::npos;

bool token_char(char c) noexcept {
    return is_alnum(c) || std::string_view("-_.~+/=").contains(c);
}

bool word_char(char c) noexcept {
    return token_char(c) && c != '/' && c != '.' && c != '=' && c != '+';
}

/// What a run of characters after a marker may be made of.
enum class Run {
    token,
    value, ///< of a query: what does not end it, percent-encoded or not
    alnum, ///< names of things have _ and - between their words
    upper, ///< and digits, exactly so many, the marker as well: "Asia" is a word
};

/// A marker after which a run of characters is a secret. One row per shape we know.
struct Shape {
    std::string_view marker; ///< where it ends with a blank, one or more of any sort
    std::size_t shortest; ///< of the run that follows, so that plain words survive
    bool keep_marker;     ///< the marker itself is no secret
    bool whole_word;      ///< the marker must not continue a word
    std::string_view kind;
    Run run = Run::token;
};
constexpr std::array<Shape, 26> k_shapes{{
    {"bearer ", 8, true, true, "bearer token"},
    {"basic ", 12, true, true, "basic credentials"},
    {"eyj", 20, false, true, "JWT"}, // its header is base64 of {"
    {"sk-", 8, false, true, "API key"},
    {"ghp_", 16, false, true, "GitHub token"},
    {"gho_", 16, false, true, "GitHub token"},
    {"ghs_", 16, false, true, "GitHub token"},
    {"ghu_", 16, false, true, "GitHub token"},
    {"ghr_", 16, false, true, "GitHub token"},
    {"github_pat_", 16, false, true, "GitHub token"},
    {"glpat-", 16, false, true, "GitLab token"},
    {"xoxb-", 8, false, true, "Slack token"},
    {"xoxp-", 8, false, true, "Slack token"},
    {"akia", 16, false, true, "AWS key"},
    {"asia", 16, false, true, "AWS key", Run::upper},
    {"aiza", 30, false, true, "Google key"},
    {"ya29.", 8, false, true, "Google token"},
    {"hf_", 30, false, true, "Hugging Face token", Run::alnum},
    {"npm_", 30, false, true, "npm token", Run::alnum},
    {"access_token=", 1, true, false, "token in a query", Run::value},
    {"token=", 1, true, false, "token in a query", Run::value},
    {"api_key=", 1, true, false, "key in a query", Run::value},
    {"apikey=", 1, true, false, "key in a query", Run::value},
    {"secret=", 1, true, false, "secret in a query", Run::value},
    {"password=", 1, true, false, "password in a query", Run::value},
    {"maintenance_bypass=", 1, true, false, "cookie", Run::value},
}};

/// Members whose value is a secret whatever it looks like.
constexpr std::array<std::string_view, 13> k_members{
    "password",
    "passwd",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "accesstoken",
    "refreshtoken",
    "api_key",
    "apikey",
    "private_key"
};

class Finder {
public:
    Finder(std::string_view text, std::vector<Redaction>& found)
        : text_(text), lower_(to_lower(text)), found_(found) {}

    // What one place covers is not looked at again: a text that is nothing but markers would take
    // long otherwise, and be held as often.
    void shapes() {
        for (const Shape& shape : k_shapes) {
            std::size_t done = 0;
            each(trim(shape.marker), [&](std::size_t at) {
                if (at >= done) {
                    done = one(shape, at);
                }
            });
        }
    }
    void cookies() {
        for (const std::string_view marker : {"cookie:", "cookie2:"}) {
            std::size_t done = 0;
            each(marker, [&](std::size_t at) {
                const std::size_t end = at + marker.size();
                const std::size_t from = blanks_end(end);
                // Without a blank it may be anything: a host and its port, say.
                if (at >= done && (is_pair(from) || (from > end && !in_option(at)))) {
                    done = cookie(from);
                }
            });
        }
    }
    void members() {
        for (const std::string_view name : k_members) {
            std::size_t done = 0;
            each(name, [&](std::size_t at) {
                if (at >= done) {
                    done = member(at, at + name.size());
                }
            });
        }
    }
    void urls() {
        each(":", [&](std::size_t at) {
            const std::size_t from = slash_end(slash_end(at + 1));
            if (from == npos) {
                return;
            }
            const std::size_t end =
                std::min(text_.find_first_of("/ \t\n\r\"'\\<>", from), text_.size());
            const std::string_view authority = text_.substr(from, end - from);
            const std::size_t host = authority.rfind('@');
            const std::size_t colon = authority.find(':');
            if (host != npos && colon < host) {
                add(from + colon + 1, from + host, "password in a URL");
            }
        });
    }
    void private_keys() {
        std::size_t done = 0;
        each("private key", [&](std::size_t at) {
            const std::size_t from = armor_end(at);
            if (at >= done && from != npos) {
                done = std::min(text_.find("-----END", from), text_.size());
                private_key(from, done);
            }
        });
    }

private:
    template <class Use> void each(std::string_view marker, Use use) {
        for (std::size_t at = lower_.find(marker); at != std::string::npos;
             at = lower_.find(marker, at + 1)) {
            use(at);
        }
    }

    /// Where what was found ends.
    std::size_t one(const Shape& shape, std::size_t at) {
        const std::size_t marker = at + trim(shape.marker).size();
        const std::size_t from = shape.marker.ends_with(' ') ? blanks_end(marker) : marker;
        if ((shape.whole_word && continues_word(at)) ||
            (shape.marker.ends_with(' ') && from == marker) ||
            (shape.run == Run::value && is_secret_reference(text_.substr(from)))) {
            return at;
        }
        const std::size_t to = run_end(from, shape.run);
        const bool upper = shape.run == Run::upper;
        if (to - from < shape.shortest ||
            (upper && (to - from > shape.shortest || run_end(at, Run::upper) != to))) {
            return at;
        }
        add(shape.keep_marker ? from : at, to, shape.kind);
        return to;
    }

    /// Of "private key" at `at`: where the line of dashes ends that it stands in; npos: in none
    /// that a key follows.
    [[nodiscard]] std::size_t armor_end(std::size_t at) const {
        constexpr std::size_t k_before = 40; // "-----BEGIN OPENSSH "
        const std::string_view all(lower_);
        const std::size_t start = at - std::min(at, k_before);
        const std::string_view before = all.substr(start, at - start);
        const std::size_t dashes = before.rfind("-----");
        if (dashes != npos && before.substr(dashes).starts_with("-----end")) {
            return npos;
        }
        for (const std::string_view rest : {"private key-----", "private key block-----"}) {
            if (all.substr(at).starts_with(rest)) {
                return at + rest.size();
            }
        }
        return npos;
    }

    /// Line breaks, raw or escaped, stay what they are.
    void private_key(std::size_t from, std::size_t end) {
        for (std::size_t i = from; i < end; ++i) {
            const std::size_t to = std::min(token_end(i), end);
            constexpr std::size_t k_line = 16;
            if (to - i >= k_line) {
                const bool escape = i > 0 && text_[i - 1] == '\\';
                add(escape ? i + 1 : i, to, "private key");
            }
            i = std::max(i, to);
        }
    }

    /// To the end of the header, which it returns. An escape of the JSON around it stays whole, or
    /// that breaks.
    std::size_t cookie(std::size_t from) {
        while (from < text_.size()) {
            const std::size_t end = std::min(text_.find_first_of("\n\r\"\\", from), text_.size());
            add(from, end, "cookie");
            const std::size_t escaped = text_.find_first_not_of('\\', end);
            if (escaped == end || escaped == npos || text_[escaped] == 'r' ||
                text_[escaped] == 'n') {
                return end;
            }
            from = escaped + 1;
        }
        return text_.size();
    }

    /// Part of an option's name, as in "--maintenance-cookie: …".
    [[nodiscard]] bool in_option(std::size_t at) const {
        while (at > 0 && (lower_[at - 1] == '-' || is_alnum(lower_[at - 1]))) {
            --at;
        }
        const std::size_t word = lower_.find_first_not_of('-', at);
        return word != npos && word - at >= 2;
    }

    /// NAME=
    [[nodiscard]] bool is_pair(std::size_t from) const {
        std::size_t end = from;
        while (end < text_.size() && text_[end] != '=' && text_[end] != '/' &&
               token_char(text_[end])) {
            ++end;
        }
        return end > from && end < text_.size() && text_[end] == '=';
    }

    /// Spaces and tabs, also a tab that JSON escaped.
    [[nodiscard]] std::size_t blanks_end(std::size_t from) const {
        while (from < text_.size()) {
            const std::size_t letter = text_.find_first_not_of('\\', from);
            if (text_[from] == ' ' || text_[from] == '\t') {
                ++from;
            } else if (letter != npos && letter > from && text_[letter] == 't') {
                from = letter + 1;
            } else {
                break;
            }
        }
        return from;
    }

    /// The end of a slash at `at`, escaped or not; npos: there is none.
    [[nodiscard]] std::size_t slash_end(std::size_t at) const {
        if (at < text_.size() && text_[at] == '/') {
            return at + 1;
        }
        const auto escape = escape_at(text_, at);
        return escape && escape->stands_for == '/' ? escape->end : npos;
    }

    /// The n of an escaped line break is not a letter.
    [[nodiscard]] bool continues_word(std::size_t at) const {
        if (at == 0 || !word_char(lower_[at - 1])) {
            return false;
        }
        const bool escape = at > 1 && lower_[at - 2] == '\\';
        return !escape || std::string_view("nrtbf").find(lower_[at - 1]) == npos;
    }

    /// "name": "value" – quoted both, possibly within a string of JSON. Where what was found ends.
    std::size_t member(std::size_t at, std::size_t name_end) {
        const std::size_t open = text_.find_first_not_of('\\', name_end);
        const bool named = at > 0 && text_[at - 1] == '"' && open != npos && text_[open] == '"';
        const std::size_t colon = named ? text_.find_first_not_of(' ', open + 1) : npos;
        if (colon == npos || text_[colon] != ':') {
            return at;
        }
        const std::size_t quote = text_.find_first_not_of(" \\", colon + 1);
        if (quote == npos || text_[quote] != '"') {
            return at;
        }
        const std::size_t end = quoted_end(text_, quote);
        const std::string_view value = text_.substr(quote + 1, end - quote - 1);
        constexpr std::size_t k_shortest = 8;
        if (value.size() < k_shortest || (is_secret_reference(value) && !value.contains('\\'))) {
            return at;
        }
        add(quote + 1, end, "secret member");
        return end;
    }

    [[nodiscard]] std::size_t run_end(std::size_t from, Run run) const {
        if (run == Run::value) {
            return value_end(text_, from);
        }
        const auto inside = [&](char c) {
            return run == Run::token   ? token_char(c)
                   : run == Run::upper ? is_digit(c) || (c >= 'A' && c <= 'Z')
                                       : is_alnum(c);
        };
        while (from < text_.size() && inside(text_[from])) {
            ++from;
        }
        return from;
    }
    [[nodiscard]] std::size_t token_end(std::size_t from) const {
        return run_end(from, Run::token);
    }

    void add(std::size_t from, std::size_t to, std::string_view kind) {
        if (text_.substr(from, to - from).find_first_not_of('*') != npos) {
            const std::string_view value = text_.substr(from, to - from);
            found_.push_back({from, to - from, std::string(kind), Secret(std::string(value))});
        }
    }

    std::string_view text_;
    std::string lower_;
    std::vector<Redaction>& found_;
};

} // namespace

void find_shapes(std::string_view text, std::vector<Redaction>& found) {
    Finder finder(text, found);
    finder.shapes();
    finder.cookies();
    finder.members();
    finder.urls();
    finder.private_keys();
}

} // namespace oa_stream
