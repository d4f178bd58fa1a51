// What Codex makes of a function's JSON Schema on its way to the model.
#pragma once

#include "oa_stream/base/json.hpp"

namespace oa_stream::lane {

/// The model is told all that the schema demands. Measured with codex 0.169.0: it knows a few
/// keywords and leaves the others out, takes true for a string, and gives an enum without a type
/// the type string. Notes that demand nothing (title, examples …) do not count.
[[nodiscard]] bool is_kept_whole(const Json& schema);
/// A list of schemas as `items`, the tuple of older drafts, becomes "one of them": codex cannot
/// read it and would refuse the whole request.
void loosen_tuples(Json& schema);
/// Of a function that takes no arguments: providers want a type.
[[nodiscard]] Json empty_schema();

} // namespace oa_stream::lane
