// Counts what this thread allocates, and lets some of it fail.
#pragma once

#include <cstdint>

namespace oa_stream::testing {

[[nodiscard]] std::uint64_t allocations() noexcept;

/// The `nth` allocation of this thread from here on fails, from 1; those behind it do not.
void fail_allocation(std::uint64_t nth) noexcept;
/// None fails any more. True when that one did. Always false under ThreadSanitizer.
bool stop_failing() noexcept;

} // namespace oa_stream::testing
