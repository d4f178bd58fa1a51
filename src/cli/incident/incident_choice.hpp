// Which runs an incident is about when nobody names them.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

struct RunChoice {
    std::optional<Millis> since{}; ///< every run that matters and began so long ago at most
    std::string alert{};           ///< of `slo rules`; empty: none
};

struct ChosenRuns {
    std::vector<run::RunEntry> runs{}; ///< oldest first, at least one
    std::string why{};                 ///< one line for people
};

/// The newest run that failed, died or was rolled back. Smokes, loads, comparisons and gates that
/// began within a day after it are taken for its diagnosis. Code::usage when there is no such run
/// or no such alert.
[[nodiscard]] Result<ChosenRuns> choose_runs(const RunChoice& choice, const Context& context);

} // namespace oa_stream::cli
