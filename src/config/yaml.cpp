#include "oa_stream/config/yaml.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/config/problems.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/node/node.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace oa_stream::config {
namespace {

/// Leaves the library's parser; caught below.
struct Refusal {
    Position at;
    std::string message;
    std::string hint;
};

/// Finds lines and columns again: the library counts bytes from 0.
class YamlSource {
public:
    explicit YamlSource(std::string_view text) : text_(text) {
        starts_.push_back(0);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\n') {
                starts_.push_back(i + 1);
            }
        }
    }
    [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const {
        const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
        const std::size_t start = starts_[std::min(line, starts_.size() - 1)];
        return std::min(start + static_cast<std::size_t>(std::max(mark.column, 0)), text_.size());
    }
    [[nodiscard]] Position position(const YAML::Mark& mark) const { return position(offset(mark)); }
    [[nodiscard]] Position position(std::size_t offset) const {
        const auto after = std::ranges::upper_bound(starts_, offset);
        const auto line = static_cast<std::size_t>(after - starts_.begin());
        const std::string_view before = text_.substr(starts_[line - 1], offset - starts_[line - 1]);
        return {line, code_points(before) + 1};
    }
    [[nodiscard]] char at(const YAML::Mark& mark) const {
        const std::size_t where = offset(mark);
        return where < text_.size() ? text_[where] : '\0';
    }
    /// The word that stands there, up to white space or punctuation of a flow.
    [[nodiscard]] std::string_view word(const YAML::Mark& mark) const {
        const std::string_view rest = text_.substr(offset(mark));
        return rest.substr(0, std::min(rest.find_first_of(" \t\r\n,]}:#"), rest.size()));
    }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

/// Builds the tree from events. Nothing is ever kept twice, so nothing can expand.
class Builder final : public YAML::EventHandler {
public:
    Builder(const YamlSource& source, const YamlLimits& limits)
        : source_(source), limits_(limits) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (seen_) {
            throw Refusal{
                source_.position(mark), "a second document begins here, expected one", {}
            };
        }
        seen_ = true;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        plain_only(mark, "?", anchor);
        YamlNode node = make(YamlKind::null, mark);
        const std::string_view word = source_.word(mark);
        if (word == "~" || iequals(word, "null")) {
            node.text = word;
        }
        put(std::move(node));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Refusal{
            source_.position(mark),
            fmt::format("aliases are refused, found {}", printable(source_.word(mark), 40)),
            "write the value out"
        };
    }
    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value
    ) override {
        plain_only(mark, tag, anchor);
        // No value needs any, and people see values on their terminals.
        if (const auto control = find_refused_control(value, "\t\n")) {
            throw Refusal{
                source_.position(mark),
                fmt::format("control character U+{:04X} in a text", control->code),
                "write the text without it"
            };
        }
        YamlNode node = make(YamlKind::scalar, mark);
        node.text = value;
        node.quoted = tag == "!";
        put(std::move(node));
    }
    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(YamlKind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(YamlKind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] std::optional<YamlNode> take() { return std::move(root_); }

private:
    struct Level {
        YamlNode node;
        std::optional<std::string> key{}; ///< waits for its value
        Position key_at{};
        std::map<std::string, Position, std::less<>> keys{};
    };

    [[nodiscard]] YamlNode make(YamlKind kind, const YAML::Mark& mark) const {
        YamlNode node;
        node.kind = kind;
        node.at = source_.position(mark);
        return node;
    }

    /// The mark of a decorated node is that of its tag or anchor.
    void plain_only(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
        const bool plain = tag.empty() || tag == "?" || tag == "!";
        if (anchor != 0 || source_.at(mark) == '&') {
            throw Refusal{
                source_.position(mark),
                fmt::format("anchors are refused, found {}", printable(source_.word(mark), 40)),
                "write the value out where it is needed"
            };
        }
        if (!plain || source_.at(mark) == '!') {
            throw Refusal{
                source_.position(mark),
                fmt::format("tags are refused, found {}", printable(source_.word(mark), 40)),
                "quotes make a text"
            };
        }
    }

    void
    open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        plain_only(mark, tag, anchor);
        if (std::cmp_greater_equal(levels_.size(), limits_.depth)) {
            throw Refusal{
                source_.position(mark),
                fmt::format("nested deeper than {} levels", limits_.depth),
                {}
            };
        }
        if (!levels_.empty() && levels_.back().node.kind == YamlKind::map && !levels_.back().key) {
            throw Refusal{source_.position(mark), "a key must be a word", {}};
        }
        levels_.push_back({make(kind, mark)});
    }

    void close() {
        YamlNode node = std::move(levels_.back().node);
        levels_.pop_back();
        put(std::move(node));
    }

    void put(YamlNode node) {
        if (levels_.empty()) {
            root_ = std::move(node);
            return;
        }
        Level& level = levels_.back();
        if (level.node.kind == YamlKind::list) {
            level.node.items.push_back(std::move(node));
        } else if (level.key) {
            if (node.kind == YamlKind::null && node.text.empty()) {
                node.at = level.key_at; // the library points at whatever comes next
            }
            level.node.entries.push_back({*std::move(level.key), level.key_at, std::move(node)});
            level.key.reset();
        } else {
            take_key(level, std::move(node));
        }
    }

    static void take_key(Level& level, YamlNode node) {
        if (node.kind != YamlKind::scalar || node.text.empty()) {
            throw Refusal{node.at, "a key must be a word", {}};
        }
        if (node.text == "<<") {
            throw Refusal{node.at, "merge keys are refused", "write the keys out"};
        }
        const auto [first, fresh] = level.keys.emplace(node.text, node.at);
        if (!fresh) {
            throw Refusal{
                node.at,
                fmt::format(
                    "key '{}' is given twice, first at {}:{}",
                    printable(node.text, 40),
                    first->second.line,
                    first->second.column
                ),
                "remove one"
            };
        }
        level.key = std::move(node.text);
        level.key_at = node.at;
    }

    const YamlSource& source_;
    const YamlLimits& limits_;
    std::vector<Level> levels_;
    std::optional<YamlNode> root_;
    bool seen_ = false;
};

/// The library's own words for this one help nobody.
void check_indentation(std::string_view text, const YamlSource& source) {
    bool leading = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (leading && text[i] == '\t') {
            throw Refusal{source.position(i), "a tab in the indentation, expected spaces", {}};
        }
        leading = text[i] == '\n' || (leading && text[i] == ' ');
    }
}

/// What the library would misread or guess an encoding from.
void check_bytes(std::string_view text, const YamlSource& source) {
    if (const auto bad = invalid_utf8(text)) {
        throw Refusal{source.position(*bad), "no valid UTF-8", {}};
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool line_end = c == '\n' || (c == '\r' && text.substr(i + 1, 1) == "\n");
        if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7f) {
            throw Refusal{source.position(i), fmt::format("control character \\x{:02x}", c), {}};
        }
    }
}

YamlNode parse_one(std::string_view text, const YamlSource& source, const YamlLimits& limits) {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(source, limits);
    while (parser.HandleNextDocument(builder)) {
    }
    auto root = builder.take();
    if (!root || (root->kind == YamlKind::null && root->text.empty())) {
        throw Refusal{{1, 1}, "the file is empty", {}};
    }
    return *std::move(root);
}

} // namespace

std::string where(std::string_view file, Position at) {
    if (at.line == 0) {
        return std::string(file);
    }
    return fmt::format("{}:{}:{}", file, at.line, at.column);
}

const YamlNode* YamlNode::find(std::string_view key) const noexcept {
    const auto found = std::ranges::find(entries, key, &YamlEntry::key);
    return found == entries.end() ? nullptr : &found->value;
}

std::string_view to_string(YamlKind kind) noexcept {
    static constexpr std::array<std::string_view, 4> k_words{
        "nothing", "a text", "a list", "a mapping"
    };
    return enum_word<YamlKind::map>(k_words, kind);
}

std::optional<YamlNode>
parse_yaml(std::string_view text, Problems& problems, const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        problems.add(
            {}, {}, fmt::format("{} bytes, at most {} are read", text.size(), limits.bytes)
        );
        return std::nullopt;
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3); // a byte order mark, as some editors write it
    }
    const YamlSource source(text);
    try {
        check_bytes(text, source);
        check_indentation(text, source);
        return parse_one(text, source, limits);
    } catch (const Refusal& refusal) {
        problems.add(refusal.at, {}, refusal.message, refusal.hint);
    } catch (const YAML::Exception& error) {
        problems.add(source.position(error.mark), {}, "no valid YAML: " + printable(error.msg));
    } catch (const std::exception& error) {
        problems.add({}, {}, std::string("no valid YAML: ") + error.what());
    }
    return std::nullopt;
}

Result<YamlNode>
parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits) {
    Problems problems{std::string(file)};
    auto out = parse_yaml(text, problems, limits);
    OA_CHECK(problems.result());
    return *std::move(out); // NOLINT(bugprone-unchecked-optional-access): nothing means a problem
}

} // namespace oa_stream::config
