#include "turn_skim.hpp"

#include "oa_stream/base/json.hpp"

#include <array>
#include <bitset>
#include <cstddef>

namespace oa_stream::traffic {
namespace {

constexpr std::array<std::string_view, 5> k_aliases{
    "conversationId", "conversation_id", "threadId", "thread_id", "id"
};
/// By byte.
using Bytes = std::array<bool, 256>;
constexpr Bytes bytes_of(std::string_view listed) {
    Bytes out{};
    for (const char c : listed) {
        out[static_cast<unsigned char>(c)] = true;
    }
    return out;
}
constexpr Bytes k_space = bytes_of(" \t\r\n");
constexpr Bytes k_ends_scalar = bytes_of(" \t\r\n,:\"[]{}");
constexpr std::size_t k_deepest = 64; ///< like parse_json()
// Levels of arrays and objects.
constexpr std::size_t k_members = 1; ///< of the request
constexpr std::size_t k_messages = 2;
constexpr std::size_t k_message = 3;

/// `raw`: what stands between its quotes.
std::string text_of(std::string_view raw) {
    if (raw.find('\\') == std::string_view::npos) {
        return std::string(raw);
    }
    const auto json = parse_json('"' + std::string(raw) + '"');
    return json && json->is_string() ? json->get<std::string>() : std::string();
}

class Skimmer {
public:
    explicit Skimmer(std::string_view text) : text_(text) {}

    [[nodiscard]] std::optional<TurnSkim> run() {
        for (skip_space(); at_ < text_.size(); skip_space()) {
            if (over_ || !step()) {
                return std::nullopt;
            }
        }
        if (!over_) {
            return std::nullopt;
        }
        TurnSkim out{.thread = {}, .ends_with_assistant = assistant_};
        for (std::size_t i = 0; i < ids_.size() && out.thread.empty(); ++i) {
            out.thread = std::move(ids_[i]);
        }
        return out;
    }

private:
    /// To the first byte that is in `set`, or is not.
    void skip(const Bytes& set, bool until) {
        while (at_ < text_.size() && set[static_cast<unsigned char>(text_[at_])] != until) {
            ++at_;
        }
    }
    void skip_space() { skip(k_space, false); }

    [[nodiscard]] bool step() {
        const char c = text_[at_];
        if (level_ == 0 && c != '{') {
            return false;
        }
        switch (c) {
        case '{':
        case '[':
            return open(c == '[');
        case '}':
        case ']':
            return close(c == ']');
        case '"':
            return string();
        case ',':
        case ':':
            ++at_;
            return true;
        default:
            value(std::nullopt);
            skip(k_ends_scalar, true);
            return true;
        }
    }

    [[nodiscard]] bool open(bool array) {
        value(std::nullopt);
        if (level_ == k_deepest) {
            return false;
        }
        ++at_;
        arrays_[++level_] = array;
        return true;
    }

    [[nodiscard]] bool close(bool array) {
        if (arrays_[level_] != array) {
            return false;
        }
        ++at_;
        over_ = --level_ == 0;
        return true;
    }

    /// A name, when a colon follows.
    [[nodiscard]] bool string() {
        const std::size_t begin = ++at_;
        std::size_t end = text_.find('"', begin);
        while (end != std::string_view::npos && escaped(begin, end)) {
            end = text_.find('"', end + 1);
        }
        if (end == std::string_view::npos) {
            return false;
        }
        const std::string_view raw = text_.substr(begin, end - begin);
        at_ = end + 1;
        skip_space();
        if (at_ < text_.size() && text_[at_] == ':') {
            name_ = level_ == k_members || level_ == k_message ? text_of(raw) : std::string();
        } else {
            value(raw);
        }
        return true;
    }

    [[nodiscard]] bool escaped(std::size_t begin, std::size_t quote) const {
        std::size_t from = quote;
        while (from > begin && text_[from - 1] == '\\') {
            --from;
        }
        return (quote - from) % 2 == 1;
    }

    /// One begins here; `string`: it is one.
    void value(std::optional<std::string_view> string) {
        if (level_ == k_members) {
            in_messages_ = name_ == "messages";
            assistant_ = assistant_ && !in_messages_;
            for (std::size_t i = 0; i < k_aliases.size(); ++i) {
                if (name_ == k_aliases[i]) {
                    ids_[i] = string ? text_of(*string) : std::string();
                }
            }
        } else if (in_messages_ && level_ == k_messages) {
            assistant_ = false;
        } else if (in_messages_ && level_ == k_message && name_ == "role") {
            assistant_ = arrays_[k_messages] && string && text_of(*string) == "assistant";
        }
        name_.clear();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t level_ = 0;
    std::bitset<k_deepest + 1> arrays_{}; ///< by level
    bool over_ = false;
    std::string name_{}; ///< of the value that comes next, at the levels that are looked at
    bool in_messages_ = false;
    bool assistant_ = false; ///< of the last message so far
    std::array<std::string, k_aliases.size()> ids_{};
};

} // namespace

std::optional<TurnSkim> skim_turn(std::string_view body) {
    return Skimmer(body).run();
}

} // namespace oa_stream::traffic
