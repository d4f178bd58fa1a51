// cutover plan and cutover apply: show the plan first, then carry out exactly that.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/suggest.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "detach.hpp"
#include "operate.hpp"
#include "plan_view.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

using playbook::Kind;
using playbook::Plan;

struct PlanOptions : PlaybookChoice, ProbeChoice {
    std::string out{};
};

Result<void> write_plan(const Plan& plan, const PlanOptions& options) {
    if (!options.out.empty()) {
        return write_file_atomic(options.out, json_document(to_json(plan)));
    }
    return {};
}

/// The command that tries the gates that must be tried first: those of this playbook, or of another
/// one.
Suggestion drill_of(const Plan& plan, const Args& given) {
    const std::string other = plan.playbook.drilled ? plan.playbook.drilled->playbook : "";
    return other.empty() || other == plan.playbook.name
               ? Typed{&rollback_drill_command, given}.with(names::each_gate)
               : Suggestion{"rollback drill", {other, names::each_gate}};
}

/// The command that carries out the plan.
Suggestion next_of(const Plan& plan, const std::string& file, const Args& given) {
    const bool back = plan.playbook.kind == Kind::rollback;
    if (plan.facts.undrilled) {
        return drill_of(plan, given);
    }
    if (file.empty()) {
        return Typed{back ? &rollback_plan_command : &cutover_plan_command, given}.with(
            names::out, "FILE"
        );
    }
    return plan.playbook.approvals > 1 ? Suggestion{"plan approve", {file}}
                                       : apply_command_of(plan, file);
}

/// A rollback with nothing to move may have been planned because of an unfinished run: returns the
/// command that ends it, now that stable has all the traffic.
Advice end_of_open_run(const Plan& plan, const Context& context) {
    const auto all = playbook::all_statuses(context.state_dir);
    const auto open = [&](const playbook::RunStatus& run) {
        return run.target == plan.target && run.needs_somebody() && !run.routes_unverified;
    };
    const auto* run = all ? find_if_or_null(*all, open) : nullptr;
    if (run == nullptr) {
        return {};
    }
    const bool home = run->baseline.empty() || run->baseline == plan.baseline.text();
    return run->planned && home ? run::suggest_rollback(run->run) : run::suggest_abandon(run->run);
}

Result<ExitCode> plan_of_kind(const PlanOptions& options, Context& context, bool rollback) {
    playbook::PlanRequest request;
    request.set = options.set;
    OA_TRY(request.playbook, playbook::find_playbook(options.playbook));
    request.probes = options.probes;
    request.rollback = rollback;
    OA_TRY(const Plan plan, make_shown_plan(std::move(request), context));
    OA_CHECK(write_plan(plan, options));
    const Advice next = plan.changes() ? next_of(plan, options.out, context.given)
                        : rollback     ? end_of_open_run(plan, context)
                                       : Advice();
    show_plan(plan, options.out, next, context);
    return plan.changes() ? ExitCode::has_changes : ExitCode::ok;
}

Result<ExitCode> plan_cutover(const PlanOptions& options, Context& context) {
    return plan_of_kind(options, context, false);
}
Result<ExitCode> plan_rollback(const PlanOptions& options, Context& context) {
    return plan_of_kind(options, context, true);
}

struct ApplyOptions : StatedBudget, LiveOptions {
    std::string plan{};
    bool yes = false;
    std::optional<std::string> reopen{};
    std::string approved_by{};
    bool detach = false;
};

/// Shows the plan; on an interactive terminal asks for confirmation. A file that cannot be read
/// here is refused by apply itself, with a run folder if there is to be one. `id`: of the plan
/// shown.
Result<bool> agrees(const ApplyOptions& options, std::string& id, Context& context) {
    const auto now = std::chrono::system_clock::now();
    const auto shown = playbook::read_shown_plan(options.plan, now);
    if (!shown || context.quiet || options.yes) {
        return true;
    }
    id = shown->plan.id;
    tell_text(playbook::plan_summary(*shown, now), context);
    return options.ndjson || !shown->refused.empty() || agreed_to("Apply this plan?", context);
}

Result<ExitCode> apply(const ApplyOptions& options, Context& context) {
    playbook::ApplyRequest request;
    request.plan = options.plan;
    if (options.reopen) {
        request.reopen = trim(*options.reopen);
        if (request.reopen.empty()) {
            return fail(
                Code::usage,
                "running a cutover's stages again needs a reason",
                std::string(names::reopen),
                "like 'v2 was rolled back manually at 14:00'"
            );
        }
    }
    request.approved_by = printable(trim(options.approved_by));
    OA_TRY(request.asserted, options.asserted());
    OA_TRY(const bool agreed, agrees(options, request.shown, context));
    if (!agreed) {
        context.err("nothing was applied\n");
        return ExitCode::interrupted;
    }
    std::optional<Detached> detached;
    if (options.detach) {
        if (options.ndjson) {
            return fail(Code::usage, "a detached run prints no events here", names::ndjson);
        }
        OA_TRY(detached, Detached::fork(context));
        if (const auto& answer = detached->answered()) {
            return *answer;
        }
    }
    const auto result = carry_out(
        context,
        Touches::traffic,
        [&](playbook::Operator by) {
            if (detached) {
                by.on_run = [&, then = std::move(by.on_run)](const std::string& run) {
                    then(run);
                    detached->began(run, context);
                };
            }
            request.by = std::move(by);
            return playbook::apply_plan(std::move(request));
        },
        options
    );
    return result ? show_run(*result, context, options)
                  : Result<ExitCode>(std::unexpected(result.error()));
}

constexpr std::string_view k_planned = "A shipped playbook's name, or a file.";
constexpr auto k_cutover_positionals =
    positionals<PlanOptions>(playbook_word(k_planned, bit(Kind::cutover)));
constexpr auto k_rollback_positionals =
    positionals<PlanOptions>(playbook_word(k_planned, bit(Kind::rollback)));
constexpr auto k_plan_options = options<PlanOptions>(
    k_set,
    option<&PlanOptions::out>(
        names::out, "FILE", "Write the plan to this file, to review and apply it."
    ),
    k_no_probes.saying("Send only GET requests. Gates are not tried.")
);

constexpr auto k_apply_positionals = positionals<ApplyOptions>(
    positional<&ApplyOptions::plan>("PLAN", "The file that `cutover plan` wrote.")
        .offering(Offer::files)
);
constexpr auto k_apply_options = options<ApplyOptions>(
    k_stated_budget,
    k_live,
    flag<&ApplyOptions::yes>(
        "-y,--yes", "Do not show the plan again, and do not ask on a terminal."
    )
        .typed(),
    flag<&ApplyOptions::detach>(
        "--detach",
        "Continue without this terminal, and print how to follow, pause and roll back the run."
    )
        .typed(),
    option<&ApplyOptions::approved_by>(
        "--approved-by",
        "NAME",
        "State who else agreed. The report marks it as stated. It does not replace `plan approve`."
    )
        .typed(),
    option<&ApplyOptions::reopen>(
        names::reopen, "REASON", "Run the stages of a finished cutover again, for this reason."
    )
        .typed()
);

} // namespace

const CommandSpec cutover_plan_command = command<plan_cutover>({
    .path = "cutover plan",
    .summary =
        "Show what a cutover will do, step by step. Changes nothing (exit 10: there are changes).",
    .positionals = k_cutover_positionals,
    .options = k_plan_options,
    .examples =
        {
            "oa-stream cutover plan cutover.yaml --set stable=v1 --set canary=v2 --out plan.json",
        },
    .reads_runs = true,
    .about =
        R"(Reads the live traffic and writes down what a cutover will do to it: each change with its undo, each gate
with the time it needs, and the chance that a healthy canary passes. Nothing is changed. `cutover apply`
then does exactly what the file of `--out` contains, or refuses.

A plan is refused when traffic is moving, when an unfinished run left a split behind, or when stable gives
no samples to compare with. It is valid for two hours unless the playbook says otherwise.)",
    .also = "plan rollout deploy release",
    .exits = exits::k_plans,
});

const CommandSpec rollback_plan_command = command<plan_rollback>({
    .path = "rollback plan",
    .summary =
        "Show what a rollback to stable will do. Changes nothing (exit 10: there are changes).",
    .positionals = k_rollback_positionals,
    .options = k_plan_options,
    .examples =
        {
            "oa-stream rollback plan rollback.yaml --set stable=v1 --set canary=v2 --out plan.json",
        },
    .reads_runs = true,
    .about =
        R"(Plans a rollback to stable, whatever moved the traffic and whatever serves now. When a run of this machine
moved it, you need no plan: `rollback apply` is enough.)",
    .exits = exits::k_plans,
});

const CommandSpec cutover_apply_command = command<apply>({
    .path = "cutover apply",
    .summary = "Apply exactly one plan. A failed gate or Ctrl-C rolls back.",
    .positionals = k_apply_positionals,
    .options = k_apply_options,
    .examples =
        {
            "oa-stream cutover apply plan.json",
            "oa-stream cutover apply plan.json --detach --yes",
        },
    .leaves_run = true,
    .about =
        R"(Carries out one plan: moves traffic stage by stage, reads back what really serves, and judges the gates of
each stage. When a gate fails, a write fails or a signal arrives, it restores exactly what served before
and verifies that over fresh connections. Without a plan file it writes nothing.

Before the first write it compares everything that the plan recorded with what is live, and refuses with
exit 6 on any difference. With `--detach` the run outlives the terminal: it is steered with
`cutover pause|continue|promote|abort`, and its output is in the state directory. A second Ctrl-C stops at once and shows the command that finishes the rollback.)",
    .also = "apply shift",
    .exits = exits::k_moves,
});

} // namespace oa_stream::cli
