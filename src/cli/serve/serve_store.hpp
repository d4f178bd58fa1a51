// The metrics of the shared store in /metrics.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/store/store.hpp"

#include <vector>

namespace oa_stream::cli {

[[nodiscard]] std::vector<authority::Reading> store_readings(const store::Store& store);

} // namespace oa_stream::cli
