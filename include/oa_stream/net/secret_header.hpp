// Headers of requests whose values are secrets.
#pragma once

#include <string_view>

namespace oa_stream::net {

/// Decided by the name: Authorization, Cookie, X-Api-Key, …-Token.
[[nodiscard]] bool is_secret_header(std::string_view name);

} // namespace oa_stream::net
