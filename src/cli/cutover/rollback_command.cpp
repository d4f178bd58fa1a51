// rollback apply: back to what was, by the run's journal or by a plan.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/run/run_facts.hpp"

#include "core/commands.hpp"
#include "operate.hpp"
#include "route/route_run.hpp"

namespace oa_stream::cli {
namespace {

struct Options {
    std::optional<std::string> plan{};
    std::optional<std::string> run{};
    std::optional<NamedSecret> auth{};
};

bool is_route_run(const std::string& run, const Context& context) {
    const auto folder = context.state_dir / "runs" / run;
    return run::facts_of(folder).kind == run::RunKind::route_split;
}

Result<ExitCode> run(const Options& options, Context& context) {
    const auto& [plan, run, auth] = options;
    if (plan.has_value() == run.has_value()) {
        return fail(
            Code::usage,
            "name either a run to roll back or the plan of a rollback",
            {},
            "oa-stream rollback apply --run ID"
        );
    }
    if (plan) {
        playbook::ApplyRequest request;
        request.plan = *plan;
        request.rollback = true;
        return operate(context, Touches::traffic, [&](playbook::Operator by) {
            request.by = std::move(by);
            return playbook::apply_plan(std::move(request));
        });
    }
    if (is_route_run(*run, context)) {
        RouteOptions undo;
        undo.auth = auth;
        return undo_route_run(
            std::move(undo),
            {.command = "rollback apply", .schema = "run-result", .apply = true, .restores = *run},
            context
        );
    }
    playbook::RollbackRequest request;
    request.run = *run;
    return operate(context, Touches::traffic, [&](playbook::Operator by) {
        request.by = std::move(by);
        return playbook::roll_back_run(std::move(request));
    });
}

constexpr auto k_positionals =
    positionals<Options>(positional<&Options::plan>("PLAN", "The file that `rollback plan` wrote.")
                             .offering(Offer::files)
                             .optional());
constexpr auto k_options = options<Options>(
    option<&Options::run>(names::run, "RUN", "Roll back what this run did, from its journal."),
    parsed<read_named_secret, &Options::auth>(
        names::auth,
        "REF",
        "Undo a route run with this bearer token: env:NAME, file:PATH or fd:N. Without it: as that "
        "run was given its own."
    )
);

} // namespace

const CommandSpec rollback_apply_command = command<run>({
    .path = "rollback apply",
    .summary = "Roll traffic back and verify it, also after a crash. It may be repeated.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream rollback apply --run 20260222T043600Z-cutover-1a2b3c4d",
            "oa-stream rollback apply plan.json",
        },
    .leaves_run = true,
});

} // namespace oa_stream::cli
