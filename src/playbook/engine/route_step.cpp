#include "route_step.hpp"

#include "oa_stream/base/file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace oa_stream::playbook {
namespace {

using namespace routes;

constexpr std::string_view k_set = "routes.set";
constexpr std::string_view k_undo = "rollback.routes";

/// A file of its own, whose lines a crash may have cut: the torn one stays a line.
Result<RouteSink> journal_into(run::RunFolder& folder) {
    const auto path = folder.path() / k_routes_journal;
    const std::string before = read_file(path).value_or("");
    OA_TRY(auto file, LineAppender::open(path, LineAppender::Durability::synced));
    auto lines = static_cast<std::size_t>(std::ranges::count(before, '\n'));
    if (!before.empty() && !before.ends_with('\n')) {
        OA_CHECK(file.append(""));
        ++lines;
    }
    const auto shared = std::make_shared<LineAppender>(std::move(file));
    return route_sink(
        [&folder, shared](const Json& line) {
            folder.note("route", {{"phase", line["phase"]}, {"detail", line.value("detail", "")}});
            return shared->append(folder.redactor().apply(dump_json(line)));
        },
        lines + 1
    );
}

Result<void> equip(const RouteStep& step, RouteRun& run) {
    OA_TRY(run.journal, journal_into(step.session->folder()));
    run.stop = [stop = step.stop] { return stop != nullptr && stop->requested(); };
    run.say = [stop = step.stop, session = step.session](std::string_view line) {
        if (stop != nullptr) {
            stop->mark_mutated(); // said before each write
        }
        session->say(fmt::format("  route {}", line));
    };
    return {};
}

LastStep failed(std::string_view id, const Error& error, bool unverified) {
    return {
        .checks = {failed_check(std::string(id), error, k_routes_journal)},
        .routes_unverified = unverified
    };
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

Result<void> reserve_routes_journal(const run::RunFolder& folder) {
    constexpr off_t k_reserve = 64 << 10; // a change and its undo are some dozen lines
    const auto path = folder.path() / k_routes_journal;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fail(Code::io, "cannot create", path.string());
    }
    const int result = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, k_reserve);
    const int reason = errno;
    ::close(fd);
    if (result != 0 && reason == ENOSPC) {
        return fail(Code::io, "no space left for the journal of the routes", path.string());
    }
    return {};
}

Task<LastStep> set_routes(const RouteStep* step) {
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
    run.evidence = k_routes_journal;
    if (const auto equipped = equip(*step, run); !equipped) {
        co_return failed(k_set, equipped.error(), rolls_back);
    }
    const RouteOutcome done = co_await change_routes(run);
    out.checks = change_checks("routes", run, done);
    out.mutated = done.mutated;
    out.routes_unverified = !done.changed && (rolls_back || (done.mutated && !done.restored));
    co_return out;
}

bool has_routes_to_undo(const Plan& plan, const run::RunFolder& folder) {
    std::string journal = read_file(folder.path() / k_routes_journal).value_or("");
    if (!journal.empty() && !journal.ends_with('\n')) {
        journal += '\n'; // a line that was cut may have been an intent
    }
    return plan.playbook.routes &&
           (plan.playbook.kind == Kind::rollback || read_route_journal(journal).intended);
}

Task<LastStep> undo_route_step(const RouteStep* step) {
    const Plan& plan = *step->plan;
    if (plan.playbook.kind == Kind::rollback) {
        co_return co_await set_routes(step);
    }
    RouteSplitClient client(*step->outside->client, route_service(plan.playbook, *step->outside));
    auto planned = read_route_plan(plan.facts.routes);
    if (!planned) {
        co_return failed(k_undo, planned.error(), true);
    }
    RouteRun run = co_await undo_of(client, *std::move(planned), route_order(plan.playbook).looks);
    run.evidence = k_routes_journal;
    RouteOutcome done;
    done.back = co_await is_undone(run);
    done.restored = done.back.ok;
    if (!done.restored) {
        if (auto equipped = equip(*step, run); !equipped) {
            co_return failed(k_undo, std::move(equipped).error().prefixed("NOT restored"), true);
        }
        done = co_await undo_routes(run);
    }
    co_return LastStep{
        .checks = {undo_check(std::string(k_undo), run, done)}, .routes_unverified = !done.restored
    };
}

} // namespace oa_stream::playbook
