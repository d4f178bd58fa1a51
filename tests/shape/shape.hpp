// The rules of the source tree, checked from the files themselves.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::shape {

/// A room and, separated by blanks, the rooms whose headers it may include besides its own.
struct Room {
    std::string_view name, may_include;
};
[[nodiscard]] std::vector<std::string> names(const Room& room);

/// Include direction, top to bottom. docs/architecture.md shows the same table.
[[nodiscard]] std::span<const Room> rooms() noexcept;

/// One broken rule. `rule` is a stable word, `where` is "file:line" or a file.
struct Finding {
    std::string rule, where, text;
    friend bool operator==(const Finding&, const Finding&) = default;
};

/// Every rule over the tree at `root`: direction, library, header-library, foreign-header, listed,
/// length, public-header, folder, kind, docs.
[[nodiscard]] std::vector<Finding> check_tree(const std::filesystem::path& root);

/// "rule where: text" a line.
[[nodiscard]] std::string describe(std::span<const Finding> findings);

} // namespace oa_stream::shape
