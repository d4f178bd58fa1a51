// route set, clear, restore: changes of the route split; nothing is written without --apply.
#include "core/commands.hpp"
#include "route_run.hpp"

#include <array>

namespace oa_stream::cli {
namespace {

RouteTask task_of(const Args& args, std::string command) {
    RouteTask out;
    out.command = std::move(command);
    out.apply = args.has("--apply");
    out.partial = args.has("--partial");
    out.accept_mixture = args.has("--accept-mixture");
    return out;
}

/// One change, global or for each domain named.
std::vector<routes::RouteChange> changes_of(const Args& args, const std::string& target) {
    std::vector<routes::RouteChange> out;
    for (const std::string& domain : args.all("--domain")) {
        out.push_back({target, domain});
    }
    if (out.empty()) {
        out.push_back({target, std::nullopt});
    }
    return out;
}

Result<ExitCode> set(const Args& args, Context& context) {
    OA_TRY(RouteTarget target, parse_route_target(args, "route set legacy"));
    target.order.changes = changes_of(args, args.positional("TARGET").value_or(""));
    return carry_out_routes(std::move(target), task_of(args, "route set"), context);
}

Result<ExitCode> clear(const Args& args, Context& context) {
    OA_TRY(RouteTarget target, parse_route_target(args, "route clear"));
    target.order.clear_all = args.has("--all");
    if (target.order.clear_all && args.has("--domain")) {
        return fail(Code::usage, "--all and --domain exclude each other");
    }
    if (!target.order.clear_all) {
        target.order.changes = changes_of(args, "clear");
    }
    return carry_out_routes(std::move(target), task_of(args, "route clear"), context);
}

Result<ExitCode> restore(const Args& args, Context& context) {
    RouteTask task = task_of(args, "route restore");
    task.restores = args.positional("RUN").value_or("");
    OA_TRY(task.undone, route_plan_of(task.restores, context));
    OA_TRY(
        RouteTarget target, parse_route_target(args, "route restore RUN", task.undone->control_url)
    );
    return carry_out_routes(std::move(target), std::move(task), context);
}

constexpr OptionSpec k_apply{
    "--apply", "", "Write the change; without it the change is only shown."
};
constexpr OptionSpec k_domain{
    "--domain", "NAME", "Of this route domain, not global; repeats.", {}, true
};
constexpr OptionSpec k_mixture{
    "--accept-mixture",
    "",
    "Change them although processes disagree; an undo then restores what most of them remember."
};
constexpr std::array k_set_options{
    k_route_base,
    k_route_auth,
    k_domain,
    k_apply,
    OptionSpec{
        "--partial", "", "Change them although the change does not reach all that it is about."
    },
    k_mixture,
    k_route_path,
    k_route_cohort,
    k_route_fresh,
    k_route_build,
    k_route_protocol,
    k_route_schema,
    k_route_timeout,
};
constexpr std::array k_clear_options{
    k_route_base,
    k_route_auth,
    k_domain,
    OptionSpec{"--all", "", "The global override and those of all domains."},
    k_apply,
    k_mixture,
    k_route_path,
    k_route_cohort,
    k_route_fresh,
    k_route_build,
    k_route_protocol,
    k_route_schema,
    k_route_timeout,
};
constexpr std::array k_restore_options{
    k_route_auth,
    k_apply,
    k_route_fresh,
    k_route_build,
    k_route_protocol,
    k_route_schema,
    k_route_timeout,
};
constexpr std::array k_target{
    PositionalSpec{"TARGET", "legacy, rust, or rollback: a domain's own rollback target.", true},
};
constexpr std::array k_run{
    PositionalSpec{"RUN", "Run folder of a route set or clear that did not end.", true},
};
constexpr std::array<std::string_view, 2> k_set_examples{
    "oa-stream route set legacy --domain billing_l402 --base-url https://control.example.org "
    "--auth env:TOKEN",
    "oa-stream route set rust --apply --base-url https://control.example.org --auth file:token",
};
constexpr std::array<std::string_view, 1> k_clear_examples{
    "oa-stream route clear --all --apply --base-url https://control.example.org --auth env:TOKEN",
};
constexpr std::array<std::string_view, 1> k_restore_examples{
    "oa-stream route restore 20261120T143000Z-route-split-0123abcd --apply --auth env:TOKEN",
};

} // namespace

const CommandSpec route_set_command{
    .path = "route set",
    .summary = "Override what serves a route domain, or all domains; --apply writes it.",
    .positionals = k_target,
    .options = k_set_options,
    .examples = k_set_examples,
    .run = set,
    .leaves_run = true,
};
const CommandSpec route_clear_command{
    .path = "route clear",
    .summary = "Remove overrides; --apply writes it.",
    .positionals = {},
    .options = k_clear_options,
    .examples = k_clear_examples,
    .run = clear,
    .leaves_run = true,
};
const CommandSpec route_restore_command{
    .path = "route restore",
    .summary = "Restore the overrides that an unfinished route run replaced.",
    .positionals = k_run,
    .options = k_restore_options,
    .examples = k_restore_examples,
    .run = restore,
    .leaves_run = true,
};

} // namespace oa_stream::cli
