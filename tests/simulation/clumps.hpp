// Failures that come in clumps, and what one decision about a limit makes of them.
#pragma once

#include "random.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace oa_stream::simulation {

struct ClumpRow {
    std::uint64_t size = 1;     ///< failures in a row
    std::uint64_t stated = 1;   ///< the gate's `clumps`
    double times_limit = 1;     ///< the true rate, of the limit
    std::uint64_t requests = 3000;
    double pass_at_most = 1;
    double fail_at_most = 1;
};
struct ClumpOutcome {
    std::uint64_t runs = 0;
    std::uint64_t pass = 0;
    std::uint64_t fail = 0;
    /// Within what is demanded, up to `slack` standard deviations.
    [[nodiscard]] bool keeps(const ClumpRow& row, double slack) const;
    [[nodiscard]] std::string shares() const; ///< the last three cells of a row of the page
};

/// Half of the limit, the limit, twice the limit; clumps of 1, 3 and 10.
[[nodiscard]] std::vector<ClumpRow> clump_rows();
[[nodiscard]] ClumpOutcome run(const ClumpRow& row, std::uint64_t runs);
[[nodiscard]] std::string heading(const ClumpRow& row);
[[nodiscard]] std::string
document(std::span<const ClumpRow> rows, std::span<const ClumpOutcome> results);

} // namespace oa_stream::simulation
