// What Redis refuses, in its words, and what to do about it.
#pragma once

#include "oa_stream/base/error.hpp"

#include "resp.hpp"

#include <string_view>

namespace oa_stream::store {

/// An error of Redis as one of ours.
[[nodiscard]] Error error_of(const Reply& reply);
/// Such an error instead of a reply that is one of Redis'.
[[nodiscard]] Result<Reply> unless_failed(Result<Reply> reply);
/// The user may not use it.
[[nodiscard]] bool refuses_command(const Reply& reply);
/// Something of another kind is under this key: it is not ours.
[[nodiscard]] bool is_foreign(std::string_view text);
/// Nobody may write; reading goes on.
[[nodiscard]] bool refuses_writes_alone(const Reply& reply);

} // namespace oa_stream::store
