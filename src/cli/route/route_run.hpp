// route set, clear and restore: one implementation for changes and undo.
#pragma once

#include "core/command.hpp"
#include "route_args.hpp"

#include <optional>
#include <string>

namespace oa_stream::cli {

struct RouteTask {
    std::string command; // "route set"
    std::string_view schema = "route-change"; ///< schema of the result
    bool apply = false;
    bool partial = false; ///< traps are known and accepted
    bool accept_mixture = false; ///< continue although the processes disagree
    std::string restores{}; ///< the run to undo; empty: the target's order is carried out
    std::optional<routes::RoutePlan> undone{}; ///< the plan of that run
    routes::RouteAccess kept{}; ///< the access of that run, from its folder
    /// What undid that run and verified it, if anything did.
    std::optional<std::string> undone_by{};
};

/// Dry run: exit 10 with changes, 0 without, 6 for traps and mixtures. With apply: the run's exit
/// code.
[[nodiscard]] Result<ExitCode>
carry_out_routes(RouteTarget target, RouteTask task, Context& context);

/// Undoes a route run: `route restore` and `rollback apply --run`. `task.restores` names the run;
/// access that `options` do not give is taken from that run. Code::usage, unreadable;
/// Code::credentials, also for a header whose value was not stored; Code::precondition for a run
/// that died before it had a plan.
[[nodiscard]] Result<ExitCode>
undo_route_run(RouteOptions options, RouteTask task, Context& context);

} // namespace oa_stream::cli
