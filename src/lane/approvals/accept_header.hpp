// The page's own statement of what it supports: nothing else on the wire distinguishes AI SDK 6
// from 5.
#pragma once

#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http.hpp"

namespace oa_stream::lane {

/// Whether x-oa-accept, comma-separated words, contains "tool-approval".
[[nodiscard]] inline bool accepts_approvals(const net::Headers& headers) {
    return lists_word(headers.get("x-oa-accept").value_or(""), "tool-approval");
}

} // namespace oa_stream::lane
