// Counts what this thread allocates.
#pragma once

#include <cstdint>

namespace oa_stream::testing {

[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace oa_stream::testing
