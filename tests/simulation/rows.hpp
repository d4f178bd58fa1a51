// The rows of the table in docs/gates.md, and what is demanded of each.
#pragma once

#include "cutover.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace oa_stream::simulation {

struct Row {
    Setup setup{};
    Truth truth{};
    std::span<const int> stages{};
    // What is demanded: shares of all runs.
    double pass_at_least = 0;
    double pass_at_most = 1;
    double fail_at_least = 0;
    double fail_at_most = 1;
};

struct Outcome {
    std::uint64_t runs = 0;
    std::uint64_t pass = 0;
    std::uint64_t fail = 0;
    std::uint64_t inconclusive = 0;
    std::uint64_t median_requests = 0; ///< an arm, over all stages, until the cutover ended
    std::uint64_t median_timed = 0;
    std::uint64_t interim = 0; ///< runs an interim look ended

    /// Within the demands, up to `slack` standard deviations of a share of so many runs.
    [[nodiscard]] bool keeps(const Row& row, double slack) const;
};

/// Whole cutovers: equal, doubled errors, +50 % p95, tenfold errors.
[[nodiscard]] std::vector<Row> cutover_rows();
/// One stage with the canary exactly at a limit: both errors must stay below 5 %.
[[nodiscard]] std::vector<Row> limit_rows();

[[nodiscard]] Outcome run(const Row& row, std::uint64_t runs);

/// The generated part of docs/gates.md.
[[nodiscard]] std::string
document(std::span<const Row> rows, std::span<const Outcome> results, bool cutovers);
/// The first cells of a row, which do not depend on chance.
[[nodiscard]] std::string heading(const Row& row);

} // namespace oa_stream::simulation
