// The operator's actions on a playbook: plan it, apply the plan, roll a run back.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/config/variables.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

// Plan
// ---------------------------------------------------------------------------------------------------

struct PlanRequest {
    NamedText playbook;
    config::Values set{};
    bool probes = true; ///< false: only GET requests are sent, and gates are not tried
    std::filesystem::path state_dir{}; ///< its runs are searched; empty: none are
    run::RunObserver* observer = nullptr; ///< null: no progress is shown
    std::optional<bool> rollback{}; ///< true: the playbook must be a rollback; false: it must not
};

/// Reads the live state and describes what will be done; changes nothing. Code::precondition when a
/// run on the same target left something undone (see check_nothing_undone()), the live split does
/// not allow the plan, a stage's split cannot be expressed, or a gate has nothing to judge. Also
/// the errors of the file, of credentials and of the driver.
[[nodiscard]] Task<Result<Plan>> plan_playbook(PlanRequest request);

/// Before → after for each mutation, its undo and its evidence; gates with their present result.
[[nodiscard]] std::string plan_diff(const Plan& plan);

/// No source measures the required error budget: apply stops unless the operator states it.
[[nodiscard]] bool needs_stated_budget(const Playbook& playbook);

// Approve
// -------------------------------------------------------------------------------------------------

/// An account as this machine knows it; not proof of identity on another machine.
struct Account {
    std::string name;
    std::string host;
    [[nodiscard]] std::string text() const; ///< "alice on ops-1"
    friend bool operator==(const Account&, const Account&) = default;
};
[[nodiscard]] Account this_account();

/// A second operator's approval, stored in FILE.approval.json beside the plan's file.
struct Approval {
    std::string plan; ///< the plan's id, which is the hash of its content
    Account by;
    std::string name{}; ///< as given by the operator; empty: the account's name
    std::string reason{};
    std::string at{}; ///< RFC 3339
    [[nodiscard]] std::string text() const;
    [[nodiscard]] Json to_json() const;
};

/// Writes the approval, replacing an earlier one. Code::precondition for a plan that apply would
/// refuse and for the plan's own author, Code::unreadable, Code::io. `shown`: the id of the plan
/// that the operator read; Code::precondition when the file now has another one.
[[nodiscard]] Result<Approval> approve_plan(
    const std::filesystem::path& plan,
    std::string_view shown,
    std::string_view name,
    std::string_view reason,
    WallTime now
);
/// The approval of a plan that requires one: for this plan, not by its author, not older than the
/// plan. Otherwise Code::precondition. For a plan that requires none, the approval that exists, if
/// any.
[[nodiscard]] Result<std::optional<Approval>>
check_approval(const std::filesystem::path& path, const Plan& plan, WallTime now);

/// A plan's file, including one that apply refuses.
struct ShownPlan {
    Plan plan;
    std::string refused{}; ///< why the file itself forbids applying it; empty: it does not
    std::string approval{}; ///< who approved it, or why no approval counts; empty: none is required
};
/// Code::unreadable for a file that is not a plan.
[[nodiscard]] Result<ShownPlan> read_shown_plan(const std::filesystem::path& path, WallTime now);
/// One screen: what moves, when each gate decides, how long it takes, what happens on failure.
[[nodiscard]] std::string plan_summary(const ShownPlan& shown, WallTime now);
/// The plan's times and gates, in the form of docs/schemas/plan-show.v1.schema.json.
[[nodiscard]] Json summary_json(const Plan& plan);

// Apply and roll back
// ------------------------------------------------------------------------------------

struct ApplyRequest {
    std::filesystem::path plan;
    bool rollback = false; ///< whether the plan must be one that rolls back, or must not
    std::string reopen{}; ///< reason to repeat the stages of a completed cutover
    std::optional<Asserted> asserted{}; ///< values that the operator states instead of measuring
    std::string approved_by{}; ///< who else agreed, as stated by the operator; not proof
    Operator by{};
    std::string shown{}; ///< id of the confirmed plan; empty: there was no confirmation
};

/// Applies exactly that plan. Returns an error only when no run folder could be created; refusals
/// (drift, too old, already applied, lock held) are outcomes with exit code 6.
[[nodiscard]] Task<Result<run::RunResult>> apply_plan(ApplyRequest request);

struct RollbackRequest {
    std::string run; ///< in the form that find_run() accepts
    /// Do not wait for a living process that does not answer: the lock fences it, so it writes
    /// nothing if it continues.
    bool take_over = false;
    Operator by{};
};

/// Restores what served before that run, whether it died or ended, from its folder alone: takes its
/// lock, repairs its journal and continues it, verifies by read-back and over fresh connections.
/// May be repeated. Exit 0 when verified, 8 when not, 6 when the run left nothing to roll back.
[[nodiscard]] Task<Result<run::RunResult>> roll_back_run(RollbackRequest request);

} // namespace oa_stream::playbook
