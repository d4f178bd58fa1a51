// The rows of the kinds, each in the folder of its driver.
#pragma once

#include "oa_stream/traffic/kind.hpp"

namespace oa_stream::traffic {

extern const DriverKind k_local, k_haproxy, k_cloud_run, k_command;

} // namespace oa_stream::traffic
