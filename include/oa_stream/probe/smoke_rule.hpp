// One check of a smoke.
#pragma once

#include <string_view>

namespace oa_stream::probe {

struct SmokeRule {
    std::string_view name; ///< the id without its prefix: "happy.chat-stream"
    bool required; ///< a passing run may not skip it, unless it does not apply
    std::string_view statement;
};

} // namespace oa_stream::probe
