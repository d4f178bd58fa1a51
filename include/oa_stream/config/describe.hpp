// A table of keys, described for editors and for people.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/config/section.hpp"

#include <string>

namespace oa_stream::config {

/// JSON Schema (draft 2020-12) of a file whose top is `root`; wherever a value may stand, so may a
/// text with ${name}.
[[nodiscard]] Json
json_schema(const SectionInfo& root, std::string_view id, std::string_view title);

/// Markdown: one heading and one table for each mapping, `root` first.
[[nodiscard]] std::string key_tables(const SectionInfo& root);

} // namespace oa_stream::config
