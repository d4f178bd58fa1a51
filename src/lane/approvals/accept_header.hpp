// What a page says of itself: nothing else on the wire tells AI SDK 6 from 5.
#pragma once

#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http.hpp"

#include <algorithm>
#include <string_view>

namespace oa_stream::lane {

/// x-oa-accept, comma separated words, has "tool-approval".
[[nodiscard]] inline bool accepts_approvals(const net::Headers& headers) {
    auto rest = headers.get("x-oa-accept").value_or("");
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (to_lower(trim(rest.substr(0, comma))) == "tool-approval") {
            return true;
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

} // namespace oa_stream::lane
