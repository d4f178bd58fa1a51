// What every server-initiated request of codex is answered with. An unanswered one hangs its turn.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string_view>

namespace oa_stream::authority {

struct ServerAnswer {
    Json body;          ///< {"result":…} or {"error":…}; the id is added by the sender
    bool known = true;  ///< false: a method we have no answer for
};

/// What is said when no client decides: no to everything, so that the turn goes on.
[[nodiscard]] ServerAnswer answer_server_request(std::string_view method, const Json& params);

} // namespace oa_stream::authority
