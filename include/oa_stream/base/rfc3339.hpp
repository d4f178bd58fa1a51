// Time stamps read back.
#pragma once

#include "oa_stream/base/clock.hpp"

#include <optional>
#include <string_view>

namespace oa_stream {

/// What rfc3339_millis() wrote, to the second; nullopt for anything else.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

} // namespace oa_stream
