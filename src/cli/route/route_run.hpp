// route set, clear and restore: one path for a change and an undo.
#pragma once

#include "core/command.hpp"
#include "route_args.hpp"

#include <optional>
#include <string>

namespace oa_stream::cli {

struct RouteTask {
    std::string command; // "route set"
    std::string_view schema = "route-change"; ///< of the result
    bool apply = false;
    bool partial = false;        ///< traps are known and accepted
    bool accept_mixture = false; ///< go on though the processes disagree
    std::string restores{};      ///< the run to undo; empty: the target's order is carried out
    std::optional<routes::RoutePlan> undone{}; ///< what that run had planned
    routes::RouteAccess kept{};                ///< how that run came in, as its folder has it
    std::optional<std::string> undone_by{};    ///< that run was undone and verified: what did it
};

/// Dry run: exit 10 with changes, 0 without, 6 for traps and mixtures. With apply: the run's.
[[nodiscard]] Result<ExitCode>
carry_out_routes(RouteTarget target, RouteTask task, Context& context);

/// Undoes a route run: `route restore` and `rollback apply --run`. `task.restores` names it;
/// what `options` do not give to reach the service is as that run had it. Code::usage, unreadable;
/// Code::credentials, also for a header whose value nobody kept; Code::precondition for a run that
/// died before it had a plan.
[[nodiscard]] Result<ExitCode>
undo_route_run(RouteOptions options, RouteTask task, Context& context);

} // namespace oa_stream::cli
