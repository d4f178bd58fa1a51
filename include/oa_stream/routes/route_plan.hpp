// What a change of the route split would write, bring and undo; made before anything is written.
// `route set` keeps it as plan.json, a playbook's plan as its member `routes`: one document.
#pragma once

#include "oa_stream/routes/route_change.hpp"

#include <string>
#include <vector>

namespace oa_stream::routes {

inline constexpr std::string_view k_route_plan_schema = "oa-stream.route-plan.v1";

/// What somebody asks of the route split, on a command line or in a playbook.
struct RouteOrder {
    std::vector<RouteChange> changes{};
    bool clear_all = false;           ///< every override that any process remembers
    std::vector<std::string> paths{}; ///< evaluated besides one of each domain
    std::string cohort_key{};
    RouteLooks looks{};
};

struct RoutePlan {
    std::string control_url{};
    std::string cohort_key{};
    RouteSnapshot found; ///< its status has `before` as its overrides
    Overrides before;
    Overrides goal;
    std::vector<RouteTrap> traps{};
    std::vector<std::string> notes{};
    /// That verify it: one of each domain it is about, and those asked.
    std::vector<std::string> paths{};

    [[nodiscard]] const RouteStatus& status() const noexcept { return found.status; }
    [[nodiscard]] std::vector<RouteWrite> writes() const { return writes_between(before, goal); }
    /// In the order of the undo.
    [[nodiscard]] std::vector<RouteWrite> undo() const;
    /// Some process remembers something else than `before` and the goal.
    [[nodiscard]] bool mixture() const;
    [[nodiscard]] bool changes() const { return mixture() || before != goal; }
    /// From what the plan leads to, to what was before.
    [[nodiscard]] RoutePlan reversed() const;
    /// Values of `now` that nobody of us set: where the plan writes nothing they become part of it,
    /// so that its undo leaves them as they are; if `agreed`, what they cleared there, too (else a
    /// process may have begun again). Returned are those where it writes. If `undone`, what it
    /// leads to is theirs, too: its undo had removed that everywhere.
    Overrides adopt_theirs(const Overrides& now, bool agreed, bool undone = false);
};

/// Code::usage for an unknown target or domain.
[[nodiscard]] Result<RoutePlan> plan_routes(RouteSnapshot found, const RouteOrder& order);
/// The same of what the service remembers now. Reads only. The client's errors, too.
[[nodiscard]] Task<Result<RoutePlan>> plan_routes(RouteSplitClient& client, RouteOrder order);

/// The plan as it would be made now; it must lead where `saved` leads, from there or from a mixture
/// of both. Code::conflict when somebody else changed the overrides, precondition for another goal
/// or a trap.
[[nodiscard]] Task<Result<RoutePlan>>
replan_routes(RouteSplitClient& client, RoutePlan saved, RouteOrder order);

/// What a result shows of it.
[[nodiscard]] Json to_json(const RoutePlan& plan);
/// The whole of it, for a file: with the address, the status and the paths.
[[nodiscard]] Json route_plan_document(const RoutePlan& plan);
/// Reads a document of any release. Code::unreadable, protocol.
[[nodiscard]] Result<RoutePlan> read_route_plan(const Json& document);
/// Before → after, what is written, what undoes it, traps and notes; ends with a line break.
[[nodiscard]] std::string route_plan_text(const RoutePlan& plan);

/// Its change, and its undo, to be completed with a journal. The undo starts from what the service
/// says now: only the overrides that it writes are the plan's.
[[nodiscard]] RouteRun
change_of(RouteSplitClient& client, const RoutePlan& plan, const RouteLooks& looks);
[[nodiscard]] Task<RouteRun>
undo_of(RouteSplitClient& client, RoutePlan plan, RouteLooks looks, bool undone = false);

/// Do the processes behind the address remember the same?
[[nodiscard]] Check memories_check(const RouteSnapshot& snapshot);
/// Does the change reach all that it is about?
[[nodiscard]] Check precedence_check(const RoutePlan& plan);
/// What a rehearsal would write.
[[nodiscard]] Check preview_check(std::string id, const RoutePlan& plan);

/// What whoever writes overrides there holds the lock of.
[[nodiscard]] std::string route_lock_name(std::string_view control_url);

} // namespace oa_stream::routes
