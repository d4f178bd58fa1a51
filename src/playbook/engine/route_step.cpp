#include "route_step.hpp"

#include "oa_stream/routes/route_change.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "playbook_run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

using namespace routes;

constexpr std::string_view k_set = "routes.set";
constexpr std::string_view k_undo = "rollback.routes";

/// `stop`: null when interruption is not allowed.
void equip(RouteRun& change, Journal* journal, PlaybookRun& run, StopRequest* stop) {
    change.journal = journal;
    change.may_write = run.may_write;
    change.stop = [stop] { return is_requested(stop); };
    change.say = [stop, &session = run.session](std::string_view line) {
        if (stop != nullptr) {
            stop->mark_mutated(); // marked before each write
        }
        session.say(fmt::format("  route {}", line));
    };
}

LastStep failed(std::string_view id, const Error& error, bool unverified) {
    return {.checks = {failed_check(std::string(id), error)}, .routes_unverified = unverified};
}

/// Earlier versions' journal first: a rollback by this version continues in the run's own journal.
RouteProgress read_progress(const run::RunFolder& folder) {
    std::string all;
    for (const std::string_view file : {run::k_routes_journal, run::k_journal_file}) {
        all += run::read_kept(folder.path() / file).value_or("");
        if (!all.empty() && !all.ends_with('\n')) {
            all += '\n'; // the cut line may have been an intent
        }
    }
    return read_route_journal(all);
}

/// Others had already undone the change: from now on the result belongs to them.
void record_undone(Journal* journal) {
    if (journal != nullptr) {
        run::JournalLine line{.phase = Phase::done, .step = "route"};
        line.more["way"] = "back";
        (void)journal->record(line); // a full disk must not prevent an undo
    }
}

LastStep others_alone(const std::string& undone_at, const std::string& what) {
    const std::string retry_hint =
        undone_at.empty() ? std::string() : fmt::format("undone already ({}); ", undone_at);
    return {
        .checks = {failed_check(std::string(k_undo), {Code::conflict, retry_hint + what})},
        .routes_unverified = undone_at.empty(),
        .others_alone = true,
        .undone_before = !undone_at.empty(),
    };
}

/// Reduces the plan to what it may undo. Set: only others' overrides remain. After a verified undo,
/// every difference is someone else's.
std::optional<LastStep>
keep_theirs(RoutePlan& plan, const Overrides& now, const std::string& undone_at) {
    const Overrides theirs = plan.adopt_theirs(now, true, !undone_at.empty());
    if (!undone_at.empty()) {
        return now == plan.before
                   ? std::nullopt
                   : std::optional(others_alone(
                         undone_at,
                         fmt::format(
                             "since then somebody else changed {} to {}: it stays as it is",
                             plan.before.text(),
                             now.text()
                         )
                     ));
    }
    Overrides left = plan.before;
    left.lay_over(theirs);
    if (theirs == Overrides{} || now != left) {
        return std::nullopt;
    }
    return others_alone(
        undone_at, fmt::format("somebody else set {} meanwhile: it stays as it is", theirs.text())
    );
}

} // namespace

Result<std::optional<run::TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run) {
    std::optional<run::TargetLock> out;
    if (plan.playbook.routes) {
        const std::string name = route_lock_name(route_url(plan.playbook));
        OA_TRY(run::TargetLock lock, run::TargetLock::acquire(state_dir, name, {{"run", run}}));
        out.emplace(std::move(lock));
    }
    return out;
}

namespace {

Result<std::optional<run::TargetLock>>
take_routes_over(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run) {
    auto lock = lock_routes(state_dir, plan, run);
    if (lock) {
        return lock;
    }
    const std::string name = route_lock_name(route_url(plan.playbook));
    const auto holder = run::TargetLock::holder(state_dir, name);
    if (!holder || string_member(*holder, "run") != run) {
        return lock; // its process continues
    }
    OA_TRY(run::TargetLock taken, run::TargetLock::take_over(state_dir, name, {{"run", run}}));
    return std::optional(std::move(taken));
}

Task<LastStep> set_planned(PlaybookRun* run, Journal* journal, StopRequest* stop) {
    const Plan& plan = run->plan;
    // A rollback already has stable serving; only the pages are not where they should be.
    const bool rolls_back = plan.playbook.kind == Kind::rollback;
    RouteSplitClient client(*run->outside.client, route_service(plan.playbook, run->outside));
    const auto planned = read_route_plan(plan.facts.routes);
    if (!planned) {
        co_return failed(k_set, planned.error(), rolls_back);
    }
    const RouteOrder order = route_order(plan.playbook);
    const auto now = co_await replan_routes(client, *planned, order);
    if (!now) {
        co_return failed(k_set, now.error(), rolls_back);
    }
    LastStep out;
    if (run->mode == RunMode::rehearse) {
        out.checks.push_back(preview_check(std::string(k_set), *now));
        co_return out;
    }
    RouteRun change = change_of(client, *now, order.looks);
    equip(change, journal, *run, stop);
    const RouteOutcome done = co_await change_routes(change);
    out.checks = change_checks("routes", change, done);
    out.mutated = done.mutated;
    out.routes_unverified = !done.changed && (rolls_back || (done.mutated && !done.restored));
    co_return out;
}

} // namespace

Task<LastStep> set_routes(PlaybookRun* run, Journal* journal) {
    return set_planned(run, journal, run->by.stop);
}

bool has_routes_to_undo(const Plan& plan, const run::RunFolder& folder) {
    if (!plan.playbook.routes || plan.playbook.kind == Kind::rollback) {
        return plan.playbook.routes.has_value();
    }
    return read_progress(folder).intended;
}

Task<LastStep> undo_route_step(PlaybookRun* run, Journal* journal) {
    const Plan& plan = run->plan;
    if (plan.playbook.kind == Kind::rollback) {
        co_return co_await set_planned(run, journal, nullptr);
    }
    RouteSplitClient client(*run->outside.client, route_service(plan.playbook, run->outside));
    auto planned = read_route_plan(plan.facts.routes);
    if (!planned) {
        co_return failed(k_undo, planned.error(), true);
    }
    const RouteLooks looks = route_order(plan.playbook).looks;
    const std::string undone_at = read_progress(run->session.folder()).undone_at;
    const auto found = co_await snapshot_routes(client, looks);
    const bool agreed = found && found->agreed;
    if (agreed) {
        if (auto refused = keep_theirs(*planned, overrides_of(found->status), undone_at)) {
            co_return *std::move(refused);
        }
    }
    const bool undone_before = agreed && !undone_at.empty();
    RouteRun undo = co_await undo_of(client, *std::move(planned), looks, undone_before);
    equip(undo, journal, *run, nullptr);
    if (found) {
        undo.last_seen = overrides_of(found->status);
    }
    const RouteOutcome done = co_await undo_routes(undo);
    if (done.restored && done.writes == 0 && undone_at.empty()) {
        record_undone(journal);
    }
    co_return LastStep{
        .checks = {undo_check(std::string(k_undo), undo, done)},
        .mutated = done.writes > 0,
        .routes_unverified = !done.restored,
    };
}

Task<LastStep> undo_routes_locked(PlaybookRun* run, Journal* journal, bool take_over) {
    const auto take = take_over ? take_routes_over : lock_routes;
    const auto lock = take(run->by.state_dir, run->plan, run->session.id());
    if (!lock) {
        co_return failed(k_undo, lock.error(), true);
    }
    co_return co_await undo_route_step(run, journal);
}

} // namespace oa_stream::playbook
