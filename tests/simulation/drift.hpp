// Times that drift by themselves, and what one decision on a rise of their p95 makes of them.
#pragma once

#include "random.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::simulation {

struct DriftRow {
    double swing = 0;     ///< of the logarithm of an arm's level, up and down
    double cycles = 1;    ///< in a window
    bool shared = false;  ///< both arms swing alike
    double ratio = 1;     ///< of the canary's true p95 to stable's
    double pass_at_most = 1;
    double fail_at_most = 1;
};
struct DriftOutcome {
    std::uint64_t runs = 0;
    std::uint64_t pass = 0;
    std::uint64_t fail = 0;
    /// Within what is demanded, up to `slack` standard deviations.
    [[nodiscard]] bool keeps(const DriftRow& row, double slack) const;
};

[[nodiscard]] std::vector<DriftRow> drift_rows();
[[nodiscard]] DriftOutcome run(const DriftRow& row, std::uint64_t runs);
[[nodiscard]] std::string heading(const DriftRow& row);
[[nodiscard]] std::string
document(std::span<const DriftRow> rows, std::span<const DriftOutcome> results);

} // namespace oa_stream::simulation
