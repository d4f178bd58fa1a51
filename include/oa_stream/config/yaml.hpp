// YAML as a tree with positions, and nothing of YAML that surprises: no aliases, anchors, tags,
// merge keys, duplicate keys or second documents. Scalars stay text; whoever reads them knows what
// they should be (config/node.hpp).
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::config {

/// 1-based; the column counts code points. 0: unknown.
struct Position {
    std::size_t line = 0;
    std::size_t column = 0;
    friend bool operator==(const Position&, const Position&) = default;
};
/// "file:3:5"
[[nodiscard]] std::string where(std::string_view file, Position at);

enum class YamlKind {
    null, ///< nothing after the colon, `~` or `null`
    scalar,
    list,
    map,
};
/// "nothing", "a text", "a list", "a mapping": for messages.
[[nodiscard]] std::string_view to_string(YamlKind kind) noexcept;

struct YamlEntry;

struct YamlNode {
    YamlKind kind = YamlKind::null;
    Position at{};
    std::string text{};    ///< of a scalar; of null the word that stood there, if any
    bool quoted = false;   ///< the author marked it as text: in quotes or as a block
    bool inserted = false; ///< holds the value of a variable: it is typed by its reader alone
    bool unset = false;    ///< holds a variable without a value (only where that was allowed)
    std::vector<YamlNode> items{};
    std::vector<YamlEntry> entries; ///< in the order of the file; keys are unique

    /// Of a mapping; null when it has no such key.
    [[nodiscard]] const YamlNode* find(std::string_view key) const noexcept;
};

struct YamlEntry {
    std::string key;
    Position at{};
    YamlNode value;
};

struct YamlLimits {
    std::size_t bytes = 1'000'000;
    int depth = 32;
};

/// One document. `file` is used in messages only. Code::config with file:line:column for whatever
/// is not accepted, an empty document and one beyond the limits included.
[[nodiscard]] Result<YamlNode>
parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits = {});

} // namespace oa_stream::config
