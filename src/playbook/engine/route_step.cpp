#include "route_step.hpp"

#include "oa_stream/routes/route_change.hpp"
#include "oa_stream/run/kept_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

using namespace routes;

constexpr std::string_view k_set = "routes.set";
constexpr std::string_view k_undo = "rollback.routes";

void equip(const RouteStep& step, Journal* journal, RouteRun& run) {
    run.journal = journal;
    run.stop = [stop = step.stop] { return stop != nullptr && stop->requested(); };
    run.say = [stop = step.stop, session = step.session](std::string_view line) {
        if (stop != nullptr) {
            stop->mark_mutated(); // said before each write
        }
        session->say(fmt::format("  route {}", line));
    };
}

LastStep failed(std::string_view id, const Error& error, bool unverified) {
    return {.checks = {failed_check(std::string(id), error)}, .routes_unverified = unverified};
}

} // namespace

Result<std::optional<run::TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run) {
    std::optional<run::TargetLock> out;
    if (plan.playbook.routes) {
        const std::string name = route_lock_name(route_url(plan.playbook));
        OA_TRY(run::TargetLock lock, run::TargetLock::take(state_dir, name, {{"run", run}}));
        out.emplace(std::move(lock));
    }
    return out;
}

Task<LastStep> set_routes(const RouteStep* step, Journal* journal) {
    const Plan& plan = *step->plan;
    // A rollback has stable serving already; the pages are not where they should be.
    const bool rolls_back = plan.playbook.kind == Kind::rollback;
    RouteSplitClient client(*step->outside->client, route_service(plan.playbook, *step->outside));
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
    if (step->mode == RunMode::rehearse) {
        out.checks.push_back(preview_check(std::string(k_set), *now));
        co_return out;
    }
    RouteRun run = change_of(client, *now, order.looks);
    equip(*step, journal, run);
    const RouteOutcome done = co_await change_routes(run);
    out.checks = change_checks("routes", run, done);
    out.mutated = done.mutated;
    out.routes_unverified = !done.changed && (rolls_back || (done.mutated && !done.restored));
    co_return out;
}

bool has_routes_to_undo(const Plan& plan, const run::RunFolder& folder) {
    if (!plan.playbook.routes || plan.playbook.kind == Kind::rollback) {
        return plan.playbook.routes.has_value();
    }
    return std::ranges::any_of(
        std::array{run::k_journal_file, k_routes_journal},
        [&](std::string_view file) {
            std::string journal = run::read_kept(folder.path() / file).value_or("");
            if (!journal.empty() && !journal.ends_with('\n')) {
                journal += '\n'; // a line that was cut may have been an intent
            }
            return read_route_journal(journal).intended;
        }
    );
}

Task<LastStep> undo_route_step(const RouteStep* step, Journal* journal) {
    const Plan& plan = *step->plan;
    if (plan.playbook.kind == Kind::rollback) {
        co_return co_await set_routes(step, journal);
    }
    RouteSplitClient client(*step->outside->client, route_service(plan.playbook, *step->outside));
    auto planned = read_route_plan(plan.facts.routes);
    if (!planned) {
        co_return failed(k_undo, planned.error(), true);
    }
    RouteRun run = co_await undo_of(client, *std::move(planned), route_order(plan.playbook).looks);
    equip(*step, journal, run);
    const RouteOutcome done = co_await undo_routes(run);
    co_return LastStep{
        .checks = {undo_check(std::string(k_undo), run, done)}, .routes_unverified = !done.restored
    };
}

} // namespace oa_stream::playbook
