// Makes arbitrary JSON safe for every client: no keys that break their parsers, and limited
// nesting.
#pragma once

#include "oa_stream/base/json.hpp"

namespace oa_stream::encode {

/// Maximum depth of a value. It is a few levels below the chunk's top, and readers (ours included)
/// stop at 64.
inline constexpr int k_wire_depth = 60;

/// A copy in which "__proto__", and "constructor" that is null or contains "prototype", get the
/// suffix " (renamed)" at any depth: clients drop the whole stream at such a key. A value nested
/// deeper than k_wire_depth becomes a string of its JSON.
[[nodiscard]] Json safe_json(const Json& value);

} // namespace oa_stream::encode
