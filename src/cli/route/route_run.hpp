// route set, clear and restore with --apply: lock, run folder, journal, undo.
#pragma once

#include "oa_stream/routes/route_plan.hpp"

#include "core/command.hpp"
#include "route_args.hpp"

#include <string>
#include <vector>

namespace oa_stream::cli {

struct RouteOrder {
    std::string command; ///< "route set"
    std::vector<routes::RouteChange> changes{};
    bool all = false;             ///< clear every override there is
    bool apply = false;
    bool partial = false;         ///< traps are known and accepted
    bool accept_mixture = false;  ///< go on though the processes disagree
};

/// Dry run: exit 10 with changes, 0 without, 6 for traps and mixtures. With apply: the run's.
[[nodiscard]] Result<ExitCode>
carry_out_routes(RouteTarget target, const RouteOrder& order, Context& context);

/// The way back of a run that died, from its plan.json.
[[nodiscard]] Result<ExitCode>
restore_routes_of(const Args& args, const std::string& run, bool apply, Context& context);

} // namespace oa_stream::cli
