// ${name} in the values of a file.
#pragma once

#include "oa_stream/config/problems.hpp"
#include "oa_stream/config/yaml.hpp"

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::config {

using Values = std::map<std::string, std::string, std::less<>>;

/// "key=value" each. Code::usage: no '=', no key, a key given twice, a value with control
/// characters.
[[nodiscard]] Result<Values> parse_settings(std::span<const std::string> settings);

/// [a-z][a-z0-9_]*, at most 64.
[[nodiscard]] bool is_variable_name(std::string_view name) noexcept;

/// Replaces ${name} in every scalar below `node` by its value: as text, never read as YAML again.
/// `$${` stands for a literal `${`. `declared` are the names that may occur; others are problems
/// with the nearest. Where a declared one has no value, the text stays and the node is marked
/// unset. Returns the names that occurred.
[[nodiscard]] std::set<std::string, std::less<>> insert_values(
    YamlNode& node,
    const Values& values,
    std::span<const std::string_view> declared,
    Problems& problems
);

} // namespace oa_stream::config
