// How large a buffer an encoder keeps for its next delta. Private to the room.
#pragma once

#include <cstddef>

namespace oa_stream::encode {

/// Above this the buffer that deltas are copied through is given back after use.
inline constexpr std::size_t k_keep_capacity = 64U << 10U;

} // namespace oa_stream::encode
