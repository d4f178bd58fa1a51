// The buffer size that an encoder keeps for its next delta. Private to the room.
#pragma once

#include <cstddef>

namespace oa_stream::encode {

/// A buffer for deltas that grew beyond this is freed after use.
inline constexpr std::size_t k_keep_capacity = 64U << 10U;

} // namespace oa_stream::encode
