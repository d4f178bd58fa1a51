// One pass over a long text that keeps nothing of it. A parser's buffers are ten times as long as
// the text, and fresh from the kernel they cost more than the reading: 8 MB took 20 to 360 ms, by
// machine.
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/text.hpp"

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream {
namespace {

using Bytes = std::array<bool, 256>; ///< by byte

constexpr Bytes bytes_of(std::string_view listed) {
    Bytes out{};
    for (const char c : listed) {
        out[static_cast<unsigned char>(c)] = true;
    }
    return out;
}

constexpr Bytes k_space = bytes_of(" \t\r\n");
constexpr Bytes k_shape = bytes_of("\"{}[]");
constexpr Bytes k_ends_scalar = bytes_of(" \t\r\n,:\"[]{}");
constexpr std::size_t k_deepest = 64; ///< like parse_json()

bool in(const Bytes& set, char c) {
    return set[static_cast<unsigned char>(c)];
}

/// The value of a string with its quotes; nullopt when it is none that JSON may hold.
std::optional<std::string> text_in(std::string_view quoted) {
    const std::string_view inner = quoted.substr(1, quoted.size() - 2);
    if (inner.find('\\') == std::string_view::npos && !invalid_utf8(inner)) {
        return std::string(inner);
    }
    const auto json = parse_json(quoted);
    return json ? std::optional(json->get<std::string>()) : std::nullopt;
}

/// Reads from the front; what it took is gone. False: not JSON, then its place means nothing.
class JsonSkimmer {
public:
    explicit JsonSkimmer(std::string_view text) : left_(text) { skip_space(); }

    [[nodiscard]] bool at_end() const { return left_.empty(); }
    [[nodiscard]] bool take(char c) {
        if (!left_.starts_with(c)) {
            return false;
        }
        left_.remove_prefix(1);
        skip_space();
        return true;
    }
    /// A whole value, as it is written.
    [[nodiscard]] bool value(std::string_view& out) {
        const std::string_view from = left_;
        const bool good = from.starts_with('"')                            ? string()
                          : from.starts_with('{') || from.starts_with('[') ? nested()
                                                                           : scalar();
        out = from.substr(0, from.size() - left_.size());
        skip_space();
        return good;
    }

private:
    void skip_space() {
        while (!left_.empty() && in(k_space, left_.front())) {
            left_.remove_prefix(1);
        }
    }

    bool string() {
        for (std::size_t end = left_.find('"', 1); end != std::string_view::npos;
             end = left_.find('"', end + 1)) {
            std::size_t from = end; // of the backslashes before it
            while (left_[from - 1] == '\\') {
                --from;
            }
            if ((end - from) % 2 == 0) {
                left_.remove_prefix(end + 1);
                return true;
            }
        }
        return false;
    }

    bool scalar() {
        const std::size_t before = left_.size();
        while (!left_.empty() && !in(k_ends_scalar, left_.front())) {
            left_.remove_prefix(1);
        }
        return left_.size() < before;
    }

    bool nested() {
        std::bitset<k_deepest + 1> arrays; // by level
        std::size_t level = 0;
        while (!left_.empty()) {
            const char c = left_.front();
            if (c == '"') {
                if (!string()) {
                    return false;
                }
                continue;
            }
            left_.remove_prefix(1);
            if (!in(k_shape, c)) {
                continue;
            }
            if (c == '{' || c == '[') {
                if (++level > k_deepest) {
                    return false;
                }
                arrays[level] = c == '[';
            } else if (arrays[level] != (c == ']')) {
                return false;
            } else if (--level == 0) {
                return true;
            }
        }
        return false;
    }

    std::string_view left_;
};

/// Values between commas up to `close`, each read by `one`.
bool each(JsonSkimmer& from, char close, const std::function<bool(JsonSkimmer&)>& one) {
    if (from.take(close)) {
        return true;
    }
    do {
        if (!one(from)) {
            return false;
        }
    } while (from.take(','));
    return from.take(close);
}

using TakeRaw = std::function<bool(const std::string& name, std::string_view raw)>;

bool members(std::string_view object, const TakeRaw& take) {
    JsonSkimmer from(object);
    const auto member = [&take](JsonSkimmer& at) {
        std::string_view name;
        std::string_view raw;
        if (!at.value(name) || !name.starts_with('"') || !at.take(':') || !at.value(raw)) {
            return false;
        }
        const auto text = text_in(name);
        return text && take(*text, raw);
    };
    return from.take('{') && each(from, '}', member) && from.at_end();
}

std::string_view last_item(std::string_view array) {
    std::string_view last;
    JsonSkimmer from(array);
    const auto item = [&last](JsonSkimmer& at) { return at.value(last); };
    return from.take('[') && each(from, ']', item) ? last : std::string_view();
}

TakeRaw telling(const TakeText& take) {
    return [&take](const std::string& name, std::string_view raw) {
        const auto text = raw.starts_with('"') ? text_in(raw) : std::string();
        if (text) {
            take(name, *text);
        }
        return text.has_value();
    };
}

} // namespace

Result<void>
skim_json(std::string_view text, const TakeText& outer, std::span<const SkimInner> inner) {
    std::vector<std::string_view> found(inner.size());
    const TakeRaw visit = telling(outer);
    bool good = members(text, [&](const std::string& name, std::string_view raw) {
        for (std::size_t i = 0; i < inner.size(); ++i) {
            found[i] = name == inner[i].name ? raw : found[i];
        }
        return visit(name, raw);
    });
    for (std::size_t i = 0; good && i < inner.size(); ++i) {
        const std::string_view object = found[i].starts_with('[') ? last_item(found[i]) : found[i];
        good = !object.starts_with('{') || members(object, telling(inner[i].take));
    }
    return good ? Result<void>{} : fail(Code::protocol, "not a JSON object");
}

} // namespace oa_stream
