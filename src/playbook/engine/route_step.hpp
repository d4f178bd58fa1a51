// The routes of a playbook: the control service's overrides, planned with the traffic, changed
// after it and undone after it. They never affect the stream lane. Private to the room.
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

/// URL of the control service.
[[nodiscard]] std::string route_url(const Playbook& playbook);
[[nodiscard]] routes::RouteSplitOptions
route_service(const Playbook& playbook, const Outside& outside);
[[nodiscard]] routes::RouteOrder route_order(const Playbook& playbook);

/// The content of PlanFacts::routes; null for a playbook without routes. Reads only.
/// Code::precondition for a trap (explained) and for processes with different states; the client's
/// errors.
[[nodiscard]] Task<Result<Json>> plan_route_step(const Outside* outside, const Playbook* playbook);
/// Before → after, writes, undo, notes; indented for the diff. Empty without routes.
[[nodiscard]] std::string route_step_text(const Plan& plan);
[[nodiscard]] std::size_t route_step_writes(const Plan& plan);

/// Differences between the routes and the plan, as in drift_from_plan(). Reads only.
[[nodiscard]] Task<Result<std::vector<std::string>>>
route_drift(const Outside* outside, const Plan* plan);

/// Shell commands that lead to the state that the run's undo restores; empty without routes.
[[nodiscard]] Advice manual_route_command(const Plan& plan);

// Run
// ----------------------------------------------------------------------------------------------------

/// Held by every writer of overrides there, including `route set`.
[[nodiscard]] Result<std::optional<run::TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run);

/// Reads again, writes, verifies by `evaluate` over fresh connections; undoes the change when
/// anything is wrong. A dry run reads and reports what would be written.
[[nodiscard]] Task<LastStep> set_routes(PlaybookRun* run, Journal* journal);

/// Whether rolling that run back includes routes: the run had begun them, or is a rollback itself.
[[nodiscard]] bool has_routes_to_undo(const Plan& plan, const run::RunFolder& folder);

/// Restores the overrides from before that run, verified; for a playbook that rolls back: those
/// that it requests. Not interrupted once begun.
[[nodiscard]] Task<LastStep> undo_route_step(PlaybookRun* run, Journal* journal);
/// The same after the run's own process ended, under the lock of the routes: while another run
/// holds it the routes are not verified. `take_over`: also from a living process that holds it for
/// this run.
[[nodiscard]] Task<LastStep> undo_routes_locked(PlaybookRun* run, Journal* journal, bool take_over);

} // namespace oa_stream::playbook
