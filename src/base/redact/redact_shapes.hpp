// The form of a secret that was not registered. Private to the room.
#pragma once

#include "oa_stream/base/redact.hpp"

#include <string_view>
#include <vector>

namespace oa_stream {

/// Adds every place of `text` that has the shape of a secret; what is stars already is none.
void find_shapes(std::string_view text, std::vector<Redaction>& found);

} // namespace oa_stream
