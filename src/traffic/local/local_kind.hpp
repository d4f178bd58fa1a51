// Shared by the local driver and its row.
#pragma once

#include "oa_stream/traffic/kind.hpp"

namespace oa_stream::traffic {

extern const DriverKind k_local;

} // namespace oa_stream::traffic
