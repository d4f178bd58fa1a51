// What a driver and its row say of the same kind.
#pragma once

#include "oa_stream/traffic/kind.hpp"

namespace oa_stream::traffic {

extern const DriverKind k_local;

} // namespace oa_stream::traffic
