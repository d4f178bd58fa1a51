// What a page says of itself: nothing else on the wire tells AI SDK 6 from 5.
#pragma once

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http.hpp"

namespace oa_stream::lane {

/// x-oa-accept, comma separated words, has "tool-approval".
[[nodiscard]] inline bool accepts_approvals(const net::Headers& headers) {
    auto rest = headers.get("x-oa-accept").value_or("");
    while (!rest.empty()) {
        if (to_lower(trim(cut_until(rest, ','))) == "tool-approval") {
            return true;
        }
    }
    return false;
}

} // namespace oa_stream::lane
