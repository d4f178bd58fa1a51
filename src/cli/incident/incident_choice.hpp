// Selects the runs of an incident when none are named.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

struct RunChoice {
    std::optional<Millis> since{}; ///< every run that matters and began within this time
    std::string alert{}; ///< an alert of `slo rules`; empty: none
};

struct ChosenRuns {
    std::vector<run::RunEntry> runs{}; ///< oldest first, at least one
    std::string why{}; ///< one line for display
};

/// Selects the newest run that failed, died or was rolled back. Smokes, loads, comparisons and
/// gates that began within a day after it count as its diagnosis. Code::usage when there is no such
/// run or no such alert.
[[nodiscard]] Result<ChosenRuns> choose_runs(const RunChoice& choice, const Context& context);

} // namespace oa_stream::cli
