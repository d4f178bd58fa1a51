// The output and documents of a load run.
#pragma once

#include "oa_stream/probe/load.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include "load_args.hpp"
#include "smoke/smoke_run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

/// The results of a run.
struct LoadOutcome {
    std::string plan;    ///< "500/s for 30s"
    std::string authority{};
    double target_per_second = 0; ///< 0: closed loop
    bool counts = false; ///< the target had its own count before the run
    std::optional<std::uint64_t> counted{}; ///< the target's count during the run
    std::uint64_t unlisted = 0; ///< requests without a line in requests.ndjson
    probe::LoadTotals totals{};
};

/// "500/s for 30s after a ramp of 10s", "20 users for 30s".
[[nodiscard]] std::string plan_text(const probe::LoadOptions& options);
/// The checks computed from the totals.
[[nodiscard]] std::vector<Check> load_checks(const LoadArgs& args, const LoadOutcome& outcome);
/// Result of deleting the conversations that the load opened; nullopt: it opened none.
[[nodiscard]] std::optional<Check> removed_footprint(const probe::Removal& removal);
/// For a run that was cut short before it deleted all of these.
[[nodiscard]] std::optional<Check> interrupted_footprint(std::vector<std::string> threads);

/// The member "load": plan, counts, endings, times.
[[nodiscard]] Json load_figures(const LoadOutcome& outcome);
/// The summary for display.
[[nodiscard]] std::string load_text(
    std::string_view target,
    Verdict verdict,
    const std::vector<Check>& checks,
    const LoadOutcome& outcome
);
/// The live line during the run.
[[nodiscard]] std::string
progress_line(const probe::LoadSecond& second, const probe::LoadTotals& totals, double all_s);

} // namespace oa_stream::cli
