// Times in the format of the chats API.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstdint>

namespace oa_stream::lane {

/// RFC 3339 with milliseconds; null for 0, which means unknown.
[[nodiscard]] Json time_json(std::int64_t millis);
[[nodiscard]] Json seconds_json(std::int64_t seconds);

} // namespace oa_stream::lane
