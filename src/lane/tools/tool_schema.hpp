// What Codex changes in a function's JSON Schema before the model gets it.
#pragma once

#include "oa_stream/base/json.hpp"

namespace oa_stream::lane {

/// Whether the model gets all that the schema demands. Measured with codex 0.169.0: it keeps a few
/// keywords and drops the others, replaces `true` by a string schema, and gives an enum without a
/// type the type string. Annotations (title, examples …) demand nothing and do not count.
[[nodiscard]] bool is_kept_whole(const Json& schema);
/// Replaces a tuple, a list of schemas in `items` (older drafts) or `prefixItems`, by "one of
/// them", also in a `$ref` to one of them: codex would refuse the former and drop the latter.
void loosen_tuples(Json& schema);
/// The schema of a function without arguments: providers require a type.
[[nodiscard]] Json empty_schema();

} // namespace oa_stream::lane
