// Redis's errors, and the advice that belongs to them.
#pragma once

#include "oa_stream/base/error.hpp"

#include "resp.hpp"

#include <string_view>

namespace oa_stream::store {

/// Converts an error reply of Redis into an Error.
[[nodiscard]] Error error_of(const Reply& reply);
/// The reply, or its Error if it is an error reply.
[[nodiscard]] Result<Reply> unless_failed(Result<Reply> reply);
/// The user lacks the right to use the command.
[[nodiscard]] bool refuses_command(const Reply& reply);
/// The key has a value of another type: it belongs to another program.
[[nodiscard]] bool is_foreign(std::string_view text);
/// All writes are refused, while reads still work.
[[nodiscard]] bool refuses_writes_alone(const Reply& reply);

} // namespace oa_stream::store
