// What an operator does with a playbook: plan it, apply the plan, roll a run back.
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
    bool probes = true; ///< false: only GETs leave the machine, and gates are not tried
    std::filesystem::path state_dir{}; ///< whose runs are looked through; empty: none are
    run::RunObserver* observer = nullptr; ///< null: nothing is shown
    std::optional<bool> rollback{}; ///< set: refuse a playbook that is none, or one that is
};

/// Looks at what is live and says what will be done; changes nothing. Code::precondition when a run
/// on the same target left something undone (see check_nothing_undone()), what serves does not
/// allow it, a stage cannot be expressed, or a gate has nothing to judge; the
/// errors of the file, of credentials and of the driver.
[[nodiscard]] Task<Result<Plan>> plan_playbook(PlanRequest request);

/// Before → after for each mutation, its undo and its evidence; gates with what they would say now.
[[nodiscard]] std::string plan_diff(const Plan& plan);

/// Nothing measures the error budget that must be known: apply stops unless somebody states it.
[[nodiscard]] bool needs_stated_budget(const Playbook& playbook);

// Approve
// -------------------------------------------------------------------------------------------------

/// As this machine knows somebody; nothing proves it to another one.
struct Account {
    std::string name;
    std::string host;
    [[nodiscard]] std::string text() const; ///< "alice on ops-1"
    friend bool operator==(const Account&, const Account&) = default;
};
[[nodiscard]] Account this_account();

/// A second operator's yes, in FILE.approval.json beside the plan's file.
struct Approval {
    std::string plan; ///< the plan's id, which is the hash of its content
    Account by;
    std::string name{}; ///< as the operator gave it; empty: the account's
    std::string reason{};
    std::string at{}; ///< RFC 3339
    [[nodiscard]] std::string text() const;
    [[nodiscard]] Json to_json() const;
};

/// Writes it; one that was there is replaced. Code::precondition for a plan that apply would refuse
/// and for who made it, Code::unreadable, Code::io.
/// `shown`: the id of the plan that was read; Code::precondition when the file has another one now.
[[nodiscard]] Result<Approval> approve_plan(
    const std::filesystem::path& plan,
    std::string_view shown,
    std::string_view name,
    std::string_view reason,
    WallTime now
);
/// The approval of a plan that needs one: of this plan, not by its author, not before it was made.
/// Else Code::precondition. Of a plan that needs none what there is.
[[nodiscard]] Result<std::optional<Approval>>
check_approval(const std::filesystem::path& path, const Plan& plan, WallTime now);

/// A plan's file, also one that apply refuses.
struct ShownPlan {
    Plan plan;
    std::string refused{}; ///< why the file alone forbids to apply it; empty: it does not
    std::string approval{}; ///< who approved it, or why nobody counts; empty: nobody has to
};
/// Code::unreadable for a file that is not a plan.
[[nodiscard]] Result<ShownPlan> read_shown_plan(const std::filesystem::path& path, WallTime now);
/// One screen: what moves, when each gate decides, how long it takes, what becomes of a failure.
[[nodiscard]] std::string plan_summary(const ShownPlan& shown, WallTime now);
/// Its times and gates, as docs/schemas/plan-show.v1.schema.json has them.
[[nodiscard]] Json summary_json(const Plan& plan);

// Apply and roll back
// ------------------------------------------------------------------------------------

struct ApplyRequest {
    std::filesystem::path plan;
    bool rollback = false; ///< the plan must be one that rolls back; else it must not
    std::string reopen{}; ///< reason to walk the stages of a cutover that is over once more
    std::optional<Asserted> asserted{}; ///< what somebody states instead of measuring it
    std::string approved_by{}; ///< who else agreed, as whoever applies it states; proves nothing
    Operator by{};
    std::string shown{}; ///< id of the plan that was confirmed; empty: nobody was asked
};

/// Applies exactly that plan. An error only when there is not even a run folder; refusals (drift,
/// too old, already applied, lock held) are outcomes with exit code 6.
[[nodiscard]] Task<Result<run::RunResult>> apply_plan(ApplyRequest request);

struct RollbackRequest {
    std::string run; ///< as find_run() takes it
    /// Do not wait for a living process that does not answer: fenced by the lock, it writes nothing
    /// more when it goes on.
    bool take_over = false;
    Operator by{};
};

/// Restores what served before that run, dead or ended, from its folder alone: takes its lock,
/// repairs its journal and continues it, verifies by read-back and over fresh connections. May be
/// repeated. Exit 0 when verified, 8 when not, 6 when that run left nothing to roll back.
[[nodiscard]] Task<Result<run::RunResult>> roll_back_run(RollbackRequest request);

} // namespace oa_stream::playbook
