// How a change of the route split ended: checks, report, exit code, last words.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/routes/route_plan.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/command.hpp"

#include <optional>
#include <vector>

namespace oa_stream::cli {

/// What is known before anything is written.
struct PreparedRoutes {
    routes::RouteSnapshot snapshot;
    routes::RoutePlan plan;
    std::vector<Check> checks{};
    bool refused = false;
};

/// What became of it, and the run that holds it.
struct CarriedRoutes {
    run::RunFolder folder;
    routes::RouteOutcome outcome;
    std::string restores{}; ///< of a restore: the run whose overrides were to come back
};

struct AppliedRoutes {
    PreparedRoutes prepared;
    std::optional<CarriedRoutes> carried{}; ///< unset: nothing was attempted
};

/// Writes the report, closes the folder, tells the outcome. `signal`: that ended the run, or 0.
[[nodiscard]] Result<ExitCode> tell_route_end(
    const PreparedRoutes& prepared, CarriedRoutes& carried, int signal, Context& context
);

} // namespace oa_stream::cli
