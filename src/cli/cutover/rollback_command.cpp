// rollback apply: restores the former state, by the run's journal or by a plan.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/client_certificate.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include "core/commands.hpp"
#include "operate.hpp"
#include "route/route_run.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

namespace oa_stream::cli {
namespace {

struct Options : RouteOptions {
    std::optional<std::string> plan{};
    std::optional<std::string> run{};
    bool take_over = false;
};

/// The run to roll back when none was named: the only unfinished one.
Result<std::filesystem::path> only_unfinished(Context& context) {
    OA_TRY(const auto runs, playbook::unfinished_statuses(context.state_dir));
    if (runs.size() == 1) {
        return runs.front().folder;
    }
    if (runs.empty()) {
        const auto folders = run::run_folders(context.state_dir);
        return fail(
            Code::usage,
            fmt::format(
                "no run was named, and {}",
                folders && folders->empty() ? "there are no runs" : "none needs anything"
            ),
            (context.state_dir / "runs").string(),
            playbook::run_to_roll_back(context.state_dir)
        );
    }
    const auto names = mapped(runs, [](const auto& one) {
        return fmt::format(
            "{} ({}{}{})",
            one.run,
            to_string(one.state),
            one.target.empty() ? "" : " on ",
            show_controls(trim(one.target))
        );
    });
    return fail(
        Code::usage,
        fmt::format("{} runs are not over: {}", runs.size(), fmt::join(names, ", ")),
        {},
        "name one: " + run::suggest_rollback(runs.front().run)
    );
}

Result<ExitCode> run(const Options& options, Context& context) {
    const auto& plan = options.plan;
    const auto& run = options.run;
    net::set_client_certificate({}, {}); // only given for a route run, whose undo sets it again
    if (plan && run) {
        return fail(
            Code::usage,
            "a run and a plan were given: only one of them can be rolled back",
            std::string(names::run),
            run::suggest_rollback("ID")
        );
    }
    if (plan) {
        if (std::error_code none; !std::filesystem::exists(*plan, none)) {
            // `last` and a run's name are not files: they belong to an option.
            return fail(
                Code::unreadable,
                "cannot read: No such file or directory",
                *plan,
                "a plan: " +
                    Suggestion{"rollback plan", {std::string(k_fill_in), names::out, "plan.json"}} +
                    "; a run: " + run::suggest_rollback(*plan)
            );
        }
        playbook::ApplyRequest request;
        request.plan = *plan;
        request.rollback = true;
        return operate(context, Touches::traffic, playbook::apply_plan, std::move(request));
    }
    OA_TRY(
        const std::filesystem::path folder,
        run ? run::find_run(context.state_dir, *run) : only_unfinished(context)
    );
    if (run::facts_of(folder).kind == run::RunKind::route_split) {
        return undo_route_run(
            static_cast<const RouteOptions&>(options),
            {.command = "rollback apply",
             .schema = "run-result",
             .apply = true,
             .restores = folder.string()},
            context
        );
    }
    for (const auto name : {names::auth, names::ca, names::cert, names::key, names::header}) {
        // It may be set in a config file, which is no reason to refuse.
        if (context.given.has(name)) {
            tell_text(
                fmt::format(
                    "{} is for a run of routes alone: this one takes what its playbook names\n",
                    name
                ),
                context
            );
        }
    }
    playbook::RollbackRequest request;
    request.run = folder.string();
    request.take_over = options.take_over;
    return operate(context, Touches::traffic, playbook::roll_back_run, std::move(request));
}

constexpr auto k_positionals =
    positionals<Options>(positional<&Options::plan>("PLAN", "The file that `rollback plan` wrote.")
                             .offering(Offer::files)
                             .optional());
constexpr auto k_options = options<Options>(
    option<&Options::run>(
        names::run,
        "RUN",
        "Roll back this run from its journal: its name, a unique beginning or end of it, "
        "`last`, `last:cutover`, or its folder. Without RUN and PLAN: the one run that is not over."
    )
        .offering(Offer::traffic_runs),
    k_undo_access,
    flag<&Options::take_over>(
        names::take_over,
        "Do not wait for a run's own process that does not answer, as after Ctrl-Z. If it "
        "continues later, it writes nothing more."
    )
        .typed()
);

} // namespace

const CommandSpec rollback_apply_command = command<run>({
    .path = "rollback apply",
    .summary = "Roll traffic back and verify it, also after a crash. It may be repeated.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream rollback apply",
            "oa-stream rollback apply --run last:cutover",
            "oa-stream rollback apply --run 20260222T043600Z-cutover-1a2b3c4d",
            "oa-stream rollback apply plan.json",
        },
    .leaves_run = true,
    .about =
        R"(Restores what served before a run, from the run's journal, and verifies it twice: by reading back the
setting, and by an unbroken row of good answers over fresh connections. It works after a crash, on a run
that is still active (which it asks to roll back), and when repeated. Without arguments it takes the one run
that is not over.

It never overwrites what somebody else wrote meanwhile: it exits with 8 and prints the manual command.)",
    .also = "undo revert restore rollback back",
    .exits = exits::k_restores.with({{ExitCode::ok, "What served before serves again, verified."}}),
});

} // namespace oa_stream::cli
