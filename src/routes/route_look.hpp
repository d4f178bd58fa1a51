// One look at the route split. Private to the room.
#pragma once

#include "oa_stream/routes/route_change.hpp"

namespace oa_stream::routes {

struct RouteLook {
    bool ok = false;
    std::optional<Overrides> memory{}; ///< of the process that answered the status
    std::string seen{};                ///< what was seen instead
};

/// The status and one evaluation of each path, each over a connection of its own; ends at the first
/// thing that is not as expected. `twice`: the status is asked twice. Behind a balancer that
/// takes turns, looks of one length would always ask the same process for the same thing.
[[nodiscard]] Task<Result<RouteLook>> look_at_routes(
    RouteSplitClient& client,
    std::optional<Overrides> overrides,
    std::vector<RouteExpectation> paths,
    std::string cohort_key,
    bool twice
);

} // namespace oa_stream::routes
