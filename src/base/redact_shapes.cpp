#include "redact_shapes.hpp"

#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace oa_stream {

namespace {

constexpr auto npos = std::string_view::npos;

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
    std::string_view kind;
};
constexpr std::array<Shape, 20> k_shapes{{
    {"bearer ", 8, true, true, "bearer token"},
    {"basic ", 12, true, true, "basic credentials"},
    {"eyj", 20, false, true, "JWT"}, // its header is base64 of {"
    {"sk-", 8, false, true, "API key"},
    {"ghp_", 16, false, true, "GitHub token"},
    {"gho_", 16, false, true, "GitHub token"},
    {"ghs_", 16, false, true, "GitHub token"},
    {"github_pat_", 16, false, true, "GitHub token"},
    {"xoxb-", 8, false, true, "Slack token"},
    {"xoxp-", 8, false, true, "Slack token"},
    {"akia", 16, false, true, "AWS key"},
    {"aiza", 30, false, true, "Google key"},
    {"ya29.", 8, false, true, "Google token"},
    {"access_token=", 1, true, false, "token in a query"},
    {"token=", 1, true, false, "token in a query"},
    {"api_key=", 1, true, false, "key in a query"},
    {"apikey=", 1, true, false, "key in a query"},
    {"secret=", 1, true, false, "secret in a query"},
    {"password=", 1, true, false, "password in a query"},
    {"maintenance_bypass=", 1, true, false, "cookie"},
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

    void shapes() {
        for (const Shape& shape : k_shapes) {
            each(shape.marker, [&](std::size_t at) { one(shape, at); });
        }
    }
    void cookies() {
        for (const std::string_view marker : {"cookie: ", "cookie2: "}) {
            each(marker, [&](std::size_t at) { cookie(at + marker.size()); });
        }
    }
    void members() {
        for (const std::string_view name : k_members) {
            each(name, [&](std::size_t at) { member(at, at + name.size()); });
        }
    }
    void urls() {
        each("://", [&](std::size_t at) {
            const std::size_t from = at + 3;
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
        each("private key-----", [&](std::size_t at) {
            const std::size_t from = at + std::string_view("private key-----").size();
            const std::size_t end = text_.find("-----END", from);
            // Line breaks, raw or escaped, stay what they are.
            for (std::size_t i = from; i < std::min(end, text_.size()); ++i) {
                std::size_t to = i;
                while (to < text_.size() && to < end && token_char(text_[to])) {
                    ++to;
                }
                constexpr std::size_t k_line = 16;
                if (to - i >= k_line) {
                    const bool escape = i > 0 && text_[i - 1] == '\\';
                    add(escape ? i + 1 : i, to, "private key");
                }
                i = std::max(i, to);
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

    void one(const Shape& shape, std::size_t at) {
        if (shape.whole_word && continues_word(at)) {
            return;
        }
        std::size_t from = at + shape.marker.size();
        if (shape.marker.ends_with(' ')) { // one is usual, more are read as one
            from = std::min(text_.find_first_not_of(' ', from), text_.size());
        }
        const std::size_t to = token_end(from);
        if (to - from >= shape.shortest) {
            add(shape.keep_marker ? from : at, to, shape.kind);
        }
    }

    /// To the end of the header. An escape of the JSON around it stays whole, or that breaks.
    void cookie(std::size_t from) {
        while (from < text_.size()) {
            const std::size_t end = std::min(text_.find_first_of("\n\r\"\\", from), text_.size());
            add(from, end, "cookie");
            const std::size_t escaped = text_.find_first_not_of('\\', end);
            if (escaped == end || escaped == npos || text_[escaped] == 'r' ||
                text_[escaped] == 'n') {
                return;
            }
            from = escaped + 1;
        }
    }

    /// The n of an escaped line break is no letter.
    [[nodiscard]] bool continues_word(std::size_t at) const {
        if (at == 0 || !word_char(lower_[at - 1])) {
            return false;
        }
        const bool escape = at > 1 && lower_[at - 2] == '\\';
        return !escape || std::string_view("nrtbf").find(lower_[at - 1]) == npos;
    }

    /// "name": "value" – quoted both, possibly within a string of JSON.
    void member(std::size_t at, std::size_t name_end) {
        const std::size_t open = text_.find_first_not_of('\\', name_end);
        const bool named = at > 0 && text_[at - 1] == '"' && open != npos && text_[open] == '"';
        const std::size_t colon = named ? text_.find_first_not_of(' ', open + 1) : npos;
        if (colon == npos || text_[colon] != ':') {
            return;
        }
        const std::size_t quote = text_.find_first_not_of(" \\", colon + 1);
        if (quote == npos || text_[quote] != '"') {
            return;
        }
        const std::size_t end = std::min(text_.find_first_of("\"\\\n", quote + 1), text_.size());
        const std::string_view value = text_.substr(quote + 1, end - quote - 1);
        constexpr std::size_t k_shortest = 8;
        const bool reference =
            value.starts_with("env:") || value.starts_with("file:") || value.starts_with("fd:");
        if (value.size() >= k_shortest && !reference) {
            add(quote + 1, end, "secret member");
        }
    }

    [[nodiscard]] std::size_t token_end(std::size_t from) const {
        while (from < text_.size() && token_char(text_[from])) {
            ++from;
        }
        return from;
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
