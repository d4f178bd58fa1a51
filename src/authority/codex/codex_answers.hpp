// Our answers to codex's server-initiated requests. An unanswered one blocks its turn.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string_view>

namespace oa_stream::authority {

struct ServerAnswer {
    Json body;          ///< {"result":…} or {"error":…}; the id is added by the sender
    bool known = true;  ///< false: an unknown method
};

/// The answer when no client decides: declines everything, so that the turn continues.
[[nodiscard]] ServerAnswer answer_server_request(std::string_view method, const Json& params);

} // namespace oa_stream::authority
