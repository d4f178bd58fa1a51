// The moments of a rollback, as every report of it lists them.
#pragma once

#include "oa_stream/report/report.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::report {

struct RollbackMoment {
    std::string_view name;
    std::optional<double> at; ///< seconds since the run began; nullopt: not reached
};

/// In the order in which they happen; those of a fault only where one was injected.
[[nodiscard]] std::vector<RollbackMoment> rollback_moments(const RollbackFacts& facts);

} // namespace oa_stream::report
