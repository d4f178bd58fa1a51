// The routes of a playbook: the control service's overrides, planned with the traffic, changed
// after it, undone after it. They never touch the stream lane. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/routes/route_journal.hpp"
#include "oa_stream/routes/route_plan.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "run_plan.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct PlaybookRun;

// Plan
// ---------------------------------------------------------------------------------------------------

/// Where the control service is.
[[nodiscard]] std::string route_url(const Playbook& playbook);
[[nodiscard]] routes::RouteSplitOptions
route_service(const Playbook& playbook, const Outside& outside);
[[nodiscard]] routes::RouteOrder route_order(const Playbook& playbook);

/// What PlanFacts::routes holds; null for a playbook without routes. Reads only.
/// Code::precondition for a trap (explained) and for processes that remember different things; the
/// client's errors.
[[nodiscard]] Task<Result<Json>> plan_route_step(const Outside* outside, const Playbook* playbook);
/// Before → after, writes, undo, notes; indented for the diff. Empty without routes.
[[nodiscard]] std::string route_step_text(const Plan& plan);
[[nodiscard]] std::size_t route_step_writes(const Plan& plan);

/// What of the routes is not as the plan saw it, as drift_from_plan() has it. Reads only.
[[nodiscard]] Task<Result<std::vector<std::string>>>
route_drift(const Outside* outside, const Plan* plan);

/// For a shell: what leads to where the run's undo leads; empty without routes.
[[nodiscard]] Advice manual_route_command(const Plan& plan);

// Run
// ----------------------------------------------------------------------------------------------------

/// Held by every writer of overrides there, also by `route set`.
[[nodiscard]] Result<std::optional<run::TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run);

/// Looks again, writes, verifies by `evaluate` over fresh connections; undoes it when anything is
/// wrong. A dry run looks and says what would be written.
[[nodiscard]] Task<LastStep> set_routes(PlaybookRun* run, Journal* journal);

/// Whether rolling that run back is about routes, too: it began them, or it rolls back itself.
[[nodiscard]] bool has_routes_to_undo(const Plan& plan, const run::RunFolder& folder);

/// What was before that run, verified; for a playbook that rolls back: what it asks for. Once begun
/// it is not interrupted.
[[nodiscard]] Task<LastStep> undo_route_step(PlaybookRun* run, Journal* journal);
/// The same after the run's own process, under the lock of the routes: while somebody else has it
/// they are not verified. `take_over`: also from a living process that has it for this run.
[[nodiscard]] Task<LastStep> undo_routes_locked(PlaybookRun* run, Journal* journal, bool take_over);

} // namespace oa_stream::playbook
