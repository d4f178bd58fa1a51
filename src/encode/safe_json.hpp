// Opaque JSON made fit for every client: no key that kills their parsers, no nesting they overflow
// on.
#pragma once

#include "oa_stream/base/json.hpp"

namespace oa_stream::encode {

/// Levels of arrays and objects a value may have; ours stand a few levels below the chunk itself,
/// and readers (ours included) stop at 64.
inline constexpr int k_wire_depth = 60;

/// A copy in which "__proto__", and "constructor" that is null or holds "prototype", got the suffix
/// " (renamed)" at any depth: clients drop the whole stream at such a key. A value nested deeper
/// than k_wire_depth becomes a string of its JSON.
[[nodiscard]] Json safe_json(const Json& value);

} // namespace oa_stream::encode
