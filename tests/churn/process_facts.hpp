// What Linux tells about another process.
#pragma once

#include <cstddef>

namespace oa_stream::churn {

struct ProcessFacts {
    std::size_t resident_kib = 0;
    std::size_t descriptors = 0;
};

/// Zeros for a process that is not there.
[[nodiscard]] ProcessFacts facts_of(int pid);

/// As many descriptors as this process may have.
void raise_descriptor_limit();

} // namespace oa_stream::churn
