// The route half carried out and taken back.
#include "route_step.hpp"

#include "oa_stream/base/clock.hpp"
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

constexpr std::string_view k_label = "; does not touch the stream lane";

void add(LastStep& out, std::string id, Verdict verdict, const std::string& detail) {
    Check check;
    check.id = std::move(id);
    check.verdict = verdict;
    check.detail = detail + std::string(k_label);
    check.evidence = {std::string(k_routes_journal)};
    check.data = {{"touches_stream_lane", false}};
    out.checks.push_back(std::move(check));
}

Verdict verdict_of(const Error& error) {
    switch (error.code) {
    case Code::cancelled:
        return Verdict::inconclusive;
    case Code::precondition:
    case Code::conflict:
    case Code::timeout:
        return Verdict::fail;
    default:
        return Verdict::error;
    }
}

// Journal
// ---------------------------------------------------------------------------------------------------

/// Lines as the traffic half has them: seq, phase, step, time.
class RouteJournal {
public:
    static Result<std::shared_ptr<RouteJournal>> open(run::RunFolder& folder) {
        const auto path = folder.path() / k_routes_journal;
        const std::string before = read_file(path).value_or("");
        OA_TRY(auto file, LineAppender::open(path, LineAppender::Durability::synced));
        auto out = std::make_shared<RouteJournal>(folder, std::move(file));
        out->seq_ = std::ranges::count(before, '\n');
        if (!before.empty() && !before.ends_with('\n')) {
            OA_CHECK(out->file_.append("")); // what a crash tore stays a line of its own
            ++out->seq_;
        }
        return out;
    }
    RouteJournal(run::RunFolder& folder, LineAppender file)
        : folder_(folder), file_(std::move(file)) {}

    Result<void> record(const RouteEvent& event) {
        Json line{{"seq", ++seq_}, {"at", rfc3339_millis(std::chrono::system_clock::now())}};
        line["step"] = event.write ? "route:" + event.write->domain.value_or("global") : "route";
        line.update(to_json(event));
        folder_.note("route", {{"phase", to_string(event.phase)}, {"detail", event.detail}});
        return file_.append(folder_.redactor().apply(dump_json(line)));
    }

private:
    run::RunFolder& folder_;
    LineAppender file_;
    std::ptrdiff_t seq_ = 0;
};

// Run
// ----------------------------------------------------------------------------------------------------

/// Absent (a process that began anew), as planned, or as asked for; else somebody else was there.
bool ours(const Overrides& seen, const RouteMemory& memory) {
    const auto fits = [](const auto& value, const auto& one, const auto& other) {
        return !value || value == one || value == other;
    };
    const auto of = [](const Overrides& all, const std::string& domain) {
        const auto found = all.domains.find(domain);
        return found == all.domains.end() ? std::optional<std::string>()
                                          : std::optional(found->second);
    };
    return fits(seen.global, memory.before.global, memory.goal.global) &&
           std::ranges::all_of(seen.domains, [&](const auto& entry) {
               const auto value = std::optional(entry.second);
               return fits(value, of(memory.before, entry.first), of(memory.goal, entry.first));
           });
}

struct Ready {
    RoutePlan plan;
    RouteRun run;
};

/// Looks once more: a stage's bake may have taken hours, and the revision that serves now may have
/// an environment of its own.
Task<Result<Ready>> make_ready(const RouteHalf* half, RouteSplitClient* client) {
    const Playbook& playbook = half->plan->playbook;
    Ready out;
    OA_CO_TRY(const RouteMemory memory, route_memory(*half->plan));
    OA_CO_TRY(const auto snapshot, co_await snapshot_routes(*client, routes_looks(playbook)));
    for (const Overrides& seen : snapshot.seen) {
        if (!ours(seen, memory)) {
            co_return fail(
                Code::conflict,
                fmt::format(
                    "somebody else changed the routes meanwhile: planned {}, live {}",
                    memory.before.text(),
                    seen.text()
                )
            );
        }
    }
    const auto changes = routes_changes(playbook);
    const auto paths = playbook.routes.value_or(RoutesSpec{}).paths;
    const RouteStatus before = with_overrides(snapshot.status, memory.before);
    OA_CO_TRY(out.plan, plan_routes(before, changes, paths));
    if (!out.plan.traps.empty() || out.plan.goal != memory.goal) {
        co_return fail(
            Code::precondition,
            out.plan.traps.empty()
                ? fmt::format(
                      "it would become {}, planned {}", out.plan.goal.text(), memory.goal.text()
                  )
                : out.plan.traps.front().text + " (" + out.plan.traps.front().hint + ")"
        );
    }
    out.run.client = client;
    out.run.before = before;
    out.run.goal = memory.goal;
    out.run.known = snapshot.seen;
    out.run.paths = expectations_of(before, memory.goal, out.plan.paths);
    out.run.looks = routes_looks(playbook);
    co_return out;
}

Result<void> equip(const RouteHalf& half, RouteRun& run) {
    OA_TRY(auto journal, RouteJournal::open(*half.folder));
    run.journal = [journal](const RouteEvent& event) { return journal->record(event); };
    run.stop = [stop = half.stop] { return stop != nullptr && stop->requested(); };
    run.say =
        [stop = half.stop, say = half.observer.say, folder = half.folder](std::string_view line) {
            if (stop != nullptr) {
                stop->mark_mutated(); // said before each write
            }
            if (say) {
                say("  route " + folder->redactor().apply(line));
            }
        };
    return {};
}

void tell(LastStep& out, const RouteOutcome& done, const RouteRun& run) {
    out.mutated = done.mutated;
    out.loose = done.mutated && !done.changed && !done.restored;
    if (done.changed) {
        add(out,
            "routes.set",
            Verdict::pass,
            fmt::format(
                "{} -> {}: {} writes, {} successive fresh looks agree by evaluate",
                overrides_of(run.before).text(),
                run.goal.text(),
                done.writes,
                done.verified.row
            ));
        return;
    }
    const Error error = done.error.value_or(Error{Code::internal, "not done"});
    add(out, "routes.set", verdict_of(error), error.text());
    if (done.mutated) {
        add(out,
            "routes.restored",
            done.restored ? Verdict::pass : Verdict::error,
            done.restored ? fmt::format(
                                "{} is back, {} successive fresh looks agree by evaluate",
                                overrides_of(run.before).text(),
                                done.back.row
                            )
                          : "NOT restored: " + done.restore_error.value_or(error).text());
    }
}

void preview(LastStep& out, const RoutePlan& plan) {
    std::string writes;
    for (const RouteWrite& write : plan.writes) {
        writes += (writes.empty() ? "" : ", ") + write.text();
    }
    add(out,
        "routes.set",
        Verdict::pass,
        plan.writes.empty()
            ? "nothing to change: " + plan.goal.text()
            : fmt::format("{} -> {}, would write {}", plan.before.text(), plan.goal.text(), writes)
    );
    out.checks.back().mode = CheckMode::rehearsed;
    out.checks.back().evidence.clear();
}

/// Is it there already, wherever one looks? Then nothing is written.
Task<bool> there(RouteSplitClient* client, const RouteRun* run, RouteVerified* seen) {
    const Overrides home = overrides_of(run->before);
    std::vector<std::string> paths;
    paths.reserve(run->paths.size());
    for (const RouteExpectation& path : run->paths) {
        paths.push_back(path.path);
    }
    auto looked = co_await verify_routes(
        *client, home, expectations_of(run->before, home, paths), {}, run->looks
    );
    *seen = looked.value_or(RouteVerified{});
    co_return seen->ok;
}

Task<Result<RouteRun>> way_back(const RouteHalf* half, RouteSplitClient* client) {
    OA_CO_TRY(const RouteMemory memory, route_memory(*half->plan));
    const auto status = co_await client->status();
    RouteRun run;
    run.client = client;
    run.before = with_overrides(status ? *status : memory.status, memory.before);
    run.goal = memory.goal;
    run.looks = routes_looks(half->plan->playbook);
    for (const RouteGroup& group : run.before.groups) {
        if (!group.prefixes.empty()) {
            run.paths.push_back({group.prefixes.front(), {}, {}});
        }
    }
    co_return run;
}

Task<Result<RouteOutcome>> back(const RouteHalf* half, RouteSplitClient* client) {
    OA_CO_TRY(RouteRun run, co_await way_back(half, client));
    RouteOutcome out;
    if (co_await there(client, &run, &out.back)) {
        out.restored = true;
        co_return out;
    }
    OA_CO_CHECK(equip(*half, run));
    co_return co_await restore_routes(std::move(run));
}

} // namespace

Result<std::optional<TargetLock>>
lock_routes(const std::filesystem::path& state_dir, const Plan& plan, const std::string& run) {
    std::optional<TargetLock> out;
    if (plan.playbook.routes) {
        OA_TRY(
            TargetLock lock,
            TargetLock::take(state_dir, "route-split:" + routes_url(plan.playbook), {{"run", run}})
        );
        out.emplace(std::move(lock));
    }
    return out;
}

Result<void> reserve_routes_journal(const run::RunFolder& folder) {
    constexpr off_t k_reserve = 64 << 10; // a change and its way back are some dozen lines
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

Task<LastStep> set_routes(const RouteHalf* half) {
    LastStep out;
    const bool rolls_back = half->plan->playbook.kind == Kind::rollback;
    RouteSplitClient client(
        *half->outside->client, routes_service(half->plan->playbook, *half->outside)
    );
    auto ready = co_await make_ready(half, &client);
    if (!ready) {
        add(out, "routes.set", verdict_of(ready.error()), ready.error().text());
        out.loose = rolls_back; // stable serves, and the pages are not where they should be
        co_return out;
    }
    if (half->mode == RunMode::rehearse) {
        preview(out, ready->plan);
        co_return out;
    }
    if (const auto equipped = equip(*half, ready->run); !equipped) {
        add(out, "routes.set", Verdict::error, equipped.error().text());
        out.loose = rolls_back;
        co_return out;
    }
    const RouteRun run = ready->run;
    tell(out, co_await change_routes(std::move(ready->run)), run);
    out.loose = out.loose || (rolls_back && out.checks.front().verdict != Verdict::pass);
    co_return out;
}

bool routes_begun(const run::RunFolder& folder) {
    const std::string text = read_file(folder.path() / k_routes_journal).value_or("");
    return text.contains("\"intent\"");
}

bool routes_to_take_back(const Plan& plan, const run::RunFolder& folder) {
    return plan.playbook.routes && (plan.playbook.kind == Kind::rollback || routes_begun(folder));
}

Task<LastStep> take_routes_back(const RouteHalf* half) {
    if (half->plan->playbook.kind == Kind::rollback) {
        co_return co_await set_routes(half);
    }
    LastStep out;
    RouteSplitClient client(
        *half->outside->client, routes_service(half->plan->playbook, *half->outside)
    );
    const auto done = co_await back(half, &client);
    const bool fine = done && done->restored;
    out.loose = !fine;
    if (fine) {
        add(out,
            "rollback.routes",
            Verdict::pass,
            fmt::format(
                "as before the run: {} writes, {} successive fresh looks agree by evaluate",
                done->writes,
                done->back.row
            ));
        co_return out;
    }
    const auto& why = done ? done->restore_error : std::optional(done.error());
    add(out,
        "rollback.routes",
        Verdict::error,
        "NOT restored: " + (why ? why->text() : std::string("no clear answer")));
    co_return out;
}

} // namespace oa_stream::playbook
