#include "oa_stream/config/node.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::config {
namespace {

/// Plain words that YAML 1.1, YAML 1.2 or JSON readers do not take for text.
bool is_typed_word(std::string_view word) {
    constexpr std::array<std::string_view, 12> k_words{
        "yes", "no", "on", "off", "y", "n", "true", "false", "null", "~", ".inf", ".nan"
    };
    const std::string lower = to_lower(word);
    if (contains(k_words, lower)) {
        return true;
    }
    // Numbers in any dialect: 12, -1.5, +3, 0x1f, 0o17, 1_000, 1e3, 12:30:45.
    std::string_view digits = word;
    if (digits.starts_with('-') || digits.starts_with('+')) {
        digits.remove_prefix(1);
    }
    if (digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b")) {
        return digits.substr(2).find_first_not_of("0123456789abcdefABCDEF_") ==
               std::string_view::npos;
    }
    const bool numeric = digits.find_first_not_of("0123456789._:eE+-") == std::string_view::npos;
    return numeric && !digits.empty() && digits.front() >= '0' && digits.front() <= '9';
}

std::string found(const YamlNode& node) {
    if (node.kind == YamlKind::null && !node.text.empty()) {
        return "'" + node.text + "', which is nothing";
    }
    return std::string(to_string(node.kind));
}

} // namespace

std::string alternatives(std::span<const std::string_view> words, std::string_view last) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        out += i == 0 ? "" : i + 1 == words.size() ? last : ", ";
        out += words[i];
    }
    return out;
}

std::string_view Node::name() const noexcept {
    const std::string_view path = path_;
    return path.substr(path.rfind('.') == std::string_view::npos ? 0 : path.rfind('.') + 1);
}

void Node::refuse(const std::string& message, Advice hint) const {
    const std::string prefix = path_.empty() ? "" : std::string(name()) + ": ";
    problems_->add(node_->at, path_, prefix + message, std::move(hint));
}

std::optional<std::string_view> Node::scalar(std::string_view expected) const {
    if (node_->kind == YamlKind::scalar) {
        return node_->text;
    }
    refuse(fmt::format("expected {}, found {}", expected, found(*node_)));
    return std::nullopt;
}

template <class T>
std::optional<T> Node::read(std::string_view expected, Result<T> (*parse)(std::string_view)) const {
    const auto text = scalar(expected);
    if (!text || node_->unset) {
        return std::nullopt;
    }
    auto value = parse(*text);
    if (!value) {
        refuse(std::move(value.error().message), std::move(value.error().hint));
        return std::nullopt;
    }
    return *value;
}

std::optional<std::string> Node::text() const {
    const auto text = scalar("a text");
    if (!text) {
        return std::nullopt;
    }
    if (text->empty()) {
        refuse("expected a text, found an empty one");
        return std::nullopt;
    }
    if (!node_->quoted && !node_->inserted && is_typed_word(*text)) {
        refuse(
            fmt::format("expected a text, but a plain {} may be read as something else", *text),
            fmt::format("write \"{}\"", printable(*text, 40))
        );
        return std::nullopt;
    }
    return std::string(*text);
}

std::optional<Millis> Node::duration() const {
    return read("a duration like 10m", read_duration);
}
std::optional<double> Node::percent() const {
    return read("a percentage like 5%", read_percent);
}
std::optional<int> Node::whole_percent() const {
    return read("a whole percentage like 25%", read_whole_percent);
}
std::optional<double> Node::rate() const {
    return read("a rate like 2/s", read_rate);
}

std::optional<bool> Node::boolean() const {
    const auto text = scalar("true or false");
    if (text && node_->quoted && !node_->inserted) {
        refuse(
            fmt::format("expected true or false, found the text \"{}\"", printable(*text, 40)),
            "leave the quotes out"
        );
        return std::nullopt;
    }
    return text ? read("true or false", read_boolean) : std::nullopt;
}

std::optional<std::uint64_t> Node::count(std::uint64_t low, std::uint64_t high) const {
    const auto text = scalar("a whole number");
    if (!text || node_->unset) {
        return std::nullopt;
    }
    if (node_->quoted && !node_->inserted) {
        refuse(
            fmt::format("expected a whole number, found the text \"{}\"", printable(*text, 40)),
            "leave the quotes out"
        );
        return std::nullopt;
    }
    const auto value = parse_count(*text, low, high);
    if (!value) {
        refuse(
            fmt::format("'{}' is not a whole number from {} to {}", printable(*text, 40), low, high)
        );
        return std::nullopt;
    }
    return *value;
}

std::optional<std::size_t> Node::one_of(std::span<const std::string_view> words) const {
    const auto text = scalar(alternatives(words));
    if (!text || node_->unset) {
        return std::nullopt;
    }
    const auto at = std::ranges::find(words, *text);
    if (at == words.end()) {
        refuse(
            fmt::format("'{}' is unknown, expected {}", printable(*text, 40), alternatives(words)),
            did_you_mean(*text, words)
        );
        return std::nullopt;
    }
    return static_cast<std::size_t>(at - words.begin());
}

std::optional<std::vector<std::size_t>> Node::some_of(std::span<const std::string_view> words
) const {
    const auto text = scalar(fmt::format("{}, joined by |", alternatives(words)));
    if (!text || node_->unset) {
        return std::nullopt;
    }
    std::vector<std::size_t> out;
    for (const std::string_view piece : pieces_of(*text, '|')) {
        const std::string_view word = trim(piece);
        const auto at = std::ranges::find(words, word);
        const auto index = static_cast<std::size_t>(at - words.begin());
        if (at == words.end() || contains(out, index)) {
            refuse(
                at == words.end()
                    ? fmt::format(
                          "'{}' is unknown, expected {}", printable(word, 40), alternatives(words)
                      )
                    : fmt::format("'{}' is named twice", word),
                at == words.end() ? did_you_mean(word, words) : ""
            );
            return std::nullopt;
        }
        out.push_back(index);
    }
    return out;
}

std::vector<Node> Node::list() const {
    std::vector<Node> out;
    if (node_->kind != YamlKind::list) {
        refuse(fmt::format("expected a list, found {}", found(*node_)));
        return out;
    }
    for (std::size_t i = 0; i < node_->items.size(); ++i) {
        out.emplace_back(node_->items[i], *problems_, fmt::format("{}[{}]", path_, i));
    }
    return out;
}

} // namespace oa_stream::config
