// What a change of the route split would write, bring and undo; made before anything is written.
#pragma once

#include "oa_stream/routes/route_change.hpp"

#include <string>
#include <vector>

namespace oa_stream::routes {

struct RoutePlan {
    RouteStatus status; ///< as it was found
    Overrides before;
    Overrides goal;
    std::vector<RouteWrite> writes;
    std::vector<RouteWrite> undo; ///< in the order of the way back
    std::vector<RouteEffect> effects;
    std::vector<RouteTrap> traps;
    std::vector<std::string> notes;
    std::vector<std::string>
        paths; ///< that verify it: one of each domain it is about, and those asked
    bool mixture = false; ///< some process remembers something else than `before` and the goal
    [[nodiscard]] bool changes() const noexcept { return mixture || !writes.empty(); }
};

/// Code::usage for an unknown target or domain.
[[nodiscard]] Result<RoutePlan> plan_routes(
    const RouteStatus& status,
    const std::vector<RouteChange>& changes,
    const std::vector<std::string>& paths
);
[[nodiscard]] Json to_json(const RoutePlan& plan);
/// Before → after, what is written, what undoes it, traps and notes; ends with a line break.
[[nodiscard]] std::string route_plan_text(const RoutePlan& plan);

} // namespace oa_stream::routes
