#include "route_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/finished.hpp"
#include "oa_stream/playbook/lock.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "core/version.hpp"
#include "route_end.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace oa_stream::cli {
namespace {

using namespace routes;
using Prepared = PreparedRoutes;
using Applied = AppliedRoutes;

Check precedence_check(const RoutePlan& plan, bool partial) {
    Check check;
    check.id = "route.precedence";
    const bool caught = !plan.traps.empty() && !partial;
    check.verdict = caught ? Verdict::fail : Verdict::pass;
    check.detail = "the change reaches all that it is about";
    if (!plan.traps.empty()) {
        check.detail = plan.traps.front().text + " (" + plan.traps.front().hint + ")";
        if (partial) {
            check.detail = "accepted with --partial: " + check.detail;
        }
    }
    return check;
}

std::vector<RouteChange> changes_of(const RouteOrder& order, const RouteSnapshot& snapshot) {
    auto out = order.changes;
    if (order.all) {
        out.push_back({"clear", std::nullopt});
        std::set<std::string> domains;
        for (const Overrides& memory : snapshot.seen) {
            for (const auto& [domain, target] : memory.domains) {
                domains.insert(domain);
            }
        }
        for (const std::string& domain : domains) {
            out.push_back({"clear", domain});
        }
    }
    return out;
}

Result<Prepared>
prepare(RouteSnapshot snapshot, const RouteTarget& target, const RouteOrder& order) {
    Prepared out;
    OA_TRY(out.plan, plan_routes(snapshot.status, changes_of(order, snapshot), target.paths));
    out.plan.mixture = std::ranges::any_of(snapshot.seen, [&](const Overrides& memory) {
        return memory != out.plan.goal && memory != out.plan.before;
    });
    out.checks.push_back(memories_check(snapshot));
    if (!snapshot.agreed && order.accept_mixture) {
        out.checks[0].verdict = Verdict::pass;
        out.checks[0].detail = "accepted with --accept-mixture: " + out.checks[0].detail;
    }
    out.checks.push_back(precedence_check(out.plan, order.partial));
    out.refused = std::ranges::any_of(out.checks, [](const Check& check) {
        return check.verdict != Verdict::pass;
    });
    out.snapshot = std::move(snapshot);
    return out;
}

constexpr std::string_view k_plan_schema = "oa-stream.route-plan.v1";

// Dry run
// ------------------------------------------------------------------------------------------------

struct AskPlan {
    RouteOrder order;
    Task<Result<Prepared>> operator()(RouteSplitClient& client, RouteTarget target) const {
        return ask(client, std::move(target), order);
    }
    static Task<Result<Prepared>>
    // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
    ask(RouteSplitClient& client, RouteTarget target, RouteOrder order) {
        OA_CO_TRY(RouteSnapshot snapshot, co_await snapshot_routes(client, target.looks));
        co_return prepare(std::move(snapshot), target, order);
    }
};

ExitCode show_plan(const Prepared& prepared, const RouteOrder& order, Context& context) {
    auto checks = prepared.checks;
    const bool changes = prepared.plan.changes();
    if (!prepared.refused && changes && !order.apply) {
        checks.push_back(
            {"route.apply",
             Verdict::skipped,
             CheckMode::rehearsed,
             false,
             "dry run: nothing was written; --apply carries it out"}
        );
    }
    const Verdict verdict = run_verdict(checks);
    const ExitCode exit = prepared.refused          ? ExitCode::refused
                          : changes && !order.apply ? ExitCode::has_changes
                                                    : ExitCode::ok;
    if (context.json) {
        Json out = route_document(verdict, checks);
        out.update(to_json(prepared.plan));
        out["dry_run"] = !order.apply;
        print_document("route-change", out, context);
    } else {
        std::string text = route_plan_text(prepared.plan);
        if (!changes) {
            text += "nothing to change\n";
        } else if (!prepared.refused) {
            text += "dry run: nothing was written; the same with --apply carries it out\n";
        }
        context.out(text);
    }
    tell_route_checks(verdict, checks, context);
    return exit;
}

// Apply
// --------------------------------------------------------------------------------------------------

/// What one run needs beside the target and the order; outlives its coroutine.
struct Desk {
    Context& context;
    Screen& screen;
    playbook::StopRequest& stop;
    std::string run{};
};

Result<run::RunFolder> open_folder(
    const RouteTarget& target, const RouteOrder& order, const RoutePlan& plan, const Desk& desk
) {
    Redactor redactor;
    redactor.add_known(target.service.bearer);
    run::RunInfo info;
    info.kind = "route-split";
    info.name = order.command;
    info.target["control_url"] = target.service.base_url;
    info.versions["oa_stream"] = version();
    info.argv = desk.context.argv;
    OA_TRY(
        run::RunFolder folder,
        run::RunFolder::create(desk.context.state_dir, std::move(info), std::move(redactor))
    );
    Json document = to_json(plan);
    document["schema"] = k_plan_schema;
    document["control_url"] = target.service.base_url;
    document["status"] = to_json(plan.status);
    document["paths"] = plan.paths;
    document["cohort_key"] = target.cohort_key;
    folder.write("plan.json", document.dump(2) + "\n");
    return folder;
}

/// Lines as the traffic half has them: seq, phase, step, time.
RouteSink journal_into(run::RunFolder& folder) {
    return [&folder, seq = 0](const RouteEvent& event) mutable {
        Json line{{"seq", ++seq}, {"at", rfc3339_millis(std::chrono::system_clock::now())}};
        line["step"] = event.write ? "route:" + event.write->domain.value_or("global") : "route";
        line.update(to_json(event));
        folder.note("route", {{"phase", to_string(event.phase)}, {"detail", event.detail}});
        return folder.journal(line);
    };
}

RouteRun run_of(
    RouteSplitClient& client,
    const RouteTarget& target,
    const Prepared& prepared,
    run::RunFolder& folder,
    Desk& desk
) {
    const RoutePlan& plan = prepared.plan;
    RouteRun run;
    run.client = &client;
    run.before = plan.status;
    run.goal = plan.goal;
    run.known = prepared.snapshot.seen;
    run.paths = expectations_of(plan.status, plan.goal, plan.paths);
    run.cohort_key = target.cohort_key;
    run.looks = target.looks;
    run.journal = journal_into(folder);
    run.stop = [&desk] { return desk.stop.requested(); };
    run.say = [&desk](std::string_view line) {
        desk.stop.mark_mutated(); // said before each write
        if (!desk.context.quiet) {
            desk.screen.say(line);
        }
    };
    return run;
}

struct AskApply {
    RouteOrder order;
    Desk* desk;
    Task<Result<Applied>> operator()(RouteSplitClient& client, RouteTarget target) const {
        return ask(client, std::move(target), order, desk);
    }
    static Task<Result<Applied>>
    // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
    ask(RouteSplitClient& client, RouteTarget target, RouteOrder order, Desk* desk) {
        Applied out;
        OA_CO_TRY(RouteSnapshot snapshot, co_await snapshot_routes(client, target.looks));
        OA_CO_TRY(out.prepared, prepare(std::move(snapshot), target, order));
        if (out.prepared.refused || !out.prepared.plan.changes()) {
            co_return out;
        }
        OA_CO_TRY(auto folder, open_folder(target, order, out.prepared.plan, *desk));
        desk->run = folder.id();
        RouteRun run = run_of(client, target, out.prepared, folder, *desk);
        auto outcome = co_await change_routes(std::move(run));
        out.carried = CarriedRoutes{std::move(folder), std::move(outcome)};
        co_return out;
    }
};

// Commands
// -----------------------------------------------------------------------------------------------

Result<playbook::TargetLock>
lock_target(const RouteTarget& target, std::string_view command, const Context& context) {
    return playbook::TargetLock::take(
        context.state_dir,
        "route-split:" + target.service.base_url,
        {{"command", command}, {"target", target.service.base_url}}
    );
}

template <class Make> Result<Applied> attempt(RouteTarget target, Make make, Desk& desk) {
    const SignalWords words{
        "finishing the write under way, then restoring the routes (at most a few minutes)",
        [&desk] {
            return desk.run.empty()
                       ? std::string("nothing was written")
                       : fmt::format("oa-stream route restore {} --apply finishes it", desk.run);
        }
    };
    return run_to_end<Applied>(
        [&](asio::any_io_executor executor) {
            return with_routes<Applied>(std::move(executor), std::move(target), std::move(make));
        },
        desk.stop,
        desk.screen,
        words
    );
}

// Restore
// ------------------------------------------------------------------------------------------------

/// The plan of a run, turned round.
struct OldRun {
    std::string url;
    std::string cohort_key;
    RoutePlan plan;
};

Result<OldRun> read_old_run(const std::string& run, const Context& context) {
    const auto file = context.state_dir / "runs" / run / "plan.json";
    const bool plain = !run.empty() && run.find('/') == std::string::npos && run[0] != '.';
    if (!plain) {
        return fail(Code::usage, "RUN is the name of a run folder", {}, "as the last line said it");
    }
    OA_TRY(const std::string text, read_file(file));
    const auto json = parse_json(text);
    if (!json || string_member(*json, "schema") != k_plan_schema) {
        return fail(Code::unreadable, "this is no run of route set or clear", file.string());
    }
    OldRun out;
    out.url = string_member(*json, "control_url").value_or("");
    out.cohort_key = string_member(*json, "cohort_key").value_or("");
    OA_TRY(out.plan.status, parse_route_status(json->value("status", Json())));
    OA_TRY(out.plan.goal, parse_overrides(json->value("before", Json())));
    OA_TRY(out.plan.before, parse_overrides(json->value("after", Json())));
    out.plan.writes = writes_between(out.plan.before, out.plan.goal);
    out.plan.undo = writes_between(out.plan.goal, out.plan.before);
    for (const RouteGroup& group : out.plan.status.groups) {
        out.plan.paths.push_back(group.prefixes.empty() ? "/" : group.prefixes.front());
    }
    out.plan.notes = {std::string(k_lane_untouched)};
    return out;
}

struct AskRestore {
    RouteOrder order;
    RoutePlan plan;
    std::string restores; ///< the run
    Desk* desk;
    Task<Result<Applied>> operator()(RouteSplitClient& client, RouteTarget target) const {
        return ask(client, std::move(target), *this);
    }
    static Task<Result<Applied>>
    // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
    ask(RouteSplitClient& client, RouteTarget target, AskRestore self) {
        auto& [order, plan, restores, desk] = self;
        Applied out;
        OA_CO_TRY(out.prepared.snapshot, co_await snapshot_routes(client, target.looks));
        Check found = memories_check(out.prepared.snapshot);
        found.verdict = Verdict::pass; // a run that died may well have left a mixture
        const bool there =
            out.prepared.snapshot.agreed && overrides_of(out.prepared.snapshot.status) == plan.goal;
        out.prepared.checks.push_back(std::move(found));
        if (there) {
            plan.before = plan.goal;
            plan.writes.clear();
            plan.undo.clear();
        }
        out.prepared.plan = std::move(plan);
        if (there || !order.apply) {
            co_return out;
        }
        OA_CO_TRY(auto folder, open_folder(target, order, out.prepared.plan, *desk));
        desk->run = folder.id();
        RouteRun run = run_of(client, target, out.prepared, folder, *desk);
        run.goal = out.prepared.plan.before; // what the dead run may have left
        auto outcome = co_await restore_routes(std::move(run));
        outcome.changed = outcome.restored;
        outcome.verified = outcome.back;
        outcome.error = outcome.restore_error;
        out.carried = CarriedRoutes{std::move(folder), std::move(outcome), restores};
        co_return out;
    }
};

/// The run, and earlier tries to bring it back, need nobody any more.
Result<void>
settle_restored(const std::string& run, const Applied& applied, const Context& context) {
    OA_TRY(const auto all, playbook::all_statuses(context.state_dir));
    for (const playbook::RunStatus& one : all) {
        if (!one.needs_somebody() || (one.run != run && one.restores != run)) {
            continue;
        }
        OA_CHECK(playbook::settle(
            one.folder,
            "brought back",
            applied.carried ? "route restore, run " + applied.carried->folder.id()
                            : "route restore found the overrides as they were"
        ));
    }
    return {};
}

} // namespace

Result<ExitCode> carry_out_routes(RouteTarget target, const RouteOrder& order, Context& context) {
    if (!order.apply) {
        OA_TRY(const Prepared prepared, look_with<Prepared>(std::move(target), AskPlan{order}));
        return show_plan(prepared, order, context);
    }
    OA_TRY(const playbook::TargetLock lock, lock_target(target, order.command, context));
    Screen screen(context);
    playbook::StopRequest stop;
    Desk desk{context, screen, stop};
    OA_TRY(Applied applied, attempt(std::move(target), AskApply{order, &desk}, desk));
    if (!applied.carried) {
        return show_plan(applied.prepared, order, context);
    }
    return tell_route_end(applied.prepared, *applied.carried, stop.signal(), context);
}

Result<ExitCode>
restore_routes_of(const Args& args, const std::string& run, bool apply, Context& context) {
    OA_TRY(OldRun old, read_old_run(run, context));
    OA_TRY(RouteTarget target, parse_route_target(args, "route restore RUN", old.url));
    target.cohort_key = old.cohort_key;
    RouteOrder order{.command = "route restore", .apply = apply};
    Screen screen(context);
    playbook::StopRequest stop;
    Desk desk{context, screen, stop};
    std::optional<playbook::TargetLock> lock;
    if (apply) {
        OA_TRY(playbook::TargetLock taken, lock_target(target, order.command, context));
        lock.emplace(std::move(taken));
    }
    OA_TRY(
        Applied applied,
        attempt(std::move(target), AskRestore{order, std::move(old.plan), run, &desk}, desk)
    );
    const bool is_back = !applied.carried || applied.carried->outcome.restored;
    const auto told =
        applied.carried ? tell_route_end(applied.prepared, *applied.carried, stop.signal(), context)
                        : Result<ExitCode>(show_plan(applied.prepared, order, context));
    if (apply && is_back) {
        OA_CHECK(settle_restored(run, applied, context));
    }
    return told;
}

} // namespace oa_stream::cli
