// Faults that hit a part of a canary's answers, and which gate finds them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace oa_stream::simulation {

struct DetectionRow {
    std::string_view fault;
    std::string_view gate; ///< as a playbook has it
    double share = 0.05; ///< of the canary's answers that the fault hits
    std::uint64_t samples = 3000; ///< an arm: five a second for ten minutes
    double found_at_least = 0.95; ///< of the runs; for no fault: at most, 1 % (a false alarm)
};
struct DetectionOutcome {
    std::uint64_t runs = 0;
    std::uint64_t found = 0;
    std::uint64_t early = 0; ///< found by an interim look, a tenth into the window
    [[nodiscard]] bool keeps(const DetectionRow& row) const;
};

[[nodiscard]] std::vector<DetectionRow> detection_rows();
[[nodiscard]] DetectionOutcome run(const DetectionRow& row, std::uint64_t runs);
[[nodiscard]] std::string
document(std::span<const DetectionRow> rows, std::span<const DetectionOutcome> results);

} // namespace oa_stream::simulation
