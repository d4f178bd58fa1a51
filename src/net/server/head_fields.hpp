// Parses fields from a raw response head.
#pragma once

#include "oa_stream/net/http.hpp"

#include <string_view>

namespace oa_stream::net {

/// `head`: status line, fields, blank line, as received (CRLF or LF). A folded line continues the
/// field before it; a line without a colon is skipped.
[[nodiscard]] Headers parse_fields(std::string_view head);

} // namespace oa_stream::net
