// The route half of a playbook: the control service's overrides, planned with the traffic, changed
// after it, taken back after it. It never touches the stream lane. Private to the room.
#pragma once

#include "oa_stream/playbook/lock.hpp"
#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/routes/route_plan.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// The journal of the route half: a file of its own, each line on disk before the next step.
inline constexpr std::string_view k_routes_journal = "routes.ndjson";

/// Where the control service of the playbook is.
[[nodiscard]] std::string routes_url(const Playbook& playbook);
[[nodiscard]] routes::RouteSplitOptions
routes_service(const Playbook& playbook, const Outside& outside);
[[nodiscard]] routes::RouteLooks routes_looks(const Playbook& playbook);
[[nodiscard]] std::vector<routes::RouteChange> routes_changes(const Playbook& playbook);

// Plan
// ---------------------------------------------------------------------------------------------------

/// What PlanFacts::routes holds; null for a playbook without routes. Reads only.
/// Code::precondition for a trap (explained) and for processes that remember different things; the
/// client's errors.
[[nodiscard]] Task<Result<Json>> plan_route_half(const Outside* outside, const Playbook* playbook);
/// Before → after, writes, undo, notes; indented for the diff. Empty without a route half.
[[nodiscard]] std::string route_half_text(const Plan& plan);
[[nodiscard]] std::size_t route_half_writes(const Plan& plan);

/// Code::precondition naming what is not as the plan saw it. Reads only.
[[nodiscard]] Task<Result<void>> check_route_drift(const Outside* outside, const Plan* plan);

/// What `plan` found and asked for, apart from what this release would make of it.
struct RouteMemory {
    routes::RouteStatus status; ///< as it was planned with
    routes::Overrides before;
    routes::Overrides goal;
};
[[nodiscard]] Result<RouteMemory> route_memory(const Plan& plan);

/// Commands that lead to `to`, for a shell.
[[nodiscard]] std::string routes_by_hand(
    const Playbook& playbook, const routes::Overrides& from, const routes::Overrides& to
);
/// The same to what the run's way back leads to; empty without a route half.
[[nodiscard]] std::string routes_by_hand(const Plan& plan);

// Run
// ----------------------------------------------------------------------------------------------------

/// Held by whoever writes overrides there, `route set` too.
[[nodiscard]] Result<std::optional<TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run);

/// Takes the disk its journal will need, before anything is changed. Code::io for a full disk; a
/// file system that cannot reserve is no reason to refuse.
[[nodiscard]] Result<void> reserve_routes_journal(const run::RunFolder& folder);

/// All pointers must stay valid as long as it is used.
struct RouteHalf {
    const Plan* plan = nullptr;
    const Outside* outside = nullptr;
    run::RunFolder* folder = nullptr;
    StopRequest* stop = nullptr;
    RunMode mode = RunMode::live;
    Observer observer{};
};

/// Looks again, writes, verifies by `evaluate` over fresh connections; what was before comes back
/// when anything is wrong. A dry run looks and says what would be written.
[[nodiscard]] Task<LastStep> set_routes(const RouteHalf* half);

/// Whether that run may have written overrides.
[[nodiscard]] bool routes_begun(const run::RunFolder& folder);
/// Whether taking that run back is about routes, too: it began them, or it rolls back itself.
[[nodiscard]] bool routes_to_take_back(const Plan& plan, const run::RunFolder& folder);

/// What was before that run, verified; for a playbook that rolls back: what it asks for.
[[nodiscard]] Task<LastStep> take_routes_back(const RouteHalf* half);

} // namespace oa_stream::playbook
