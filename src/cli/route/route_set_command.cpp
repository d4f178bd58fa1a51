// route set, clear, restore: changes of the route split; nothing is written without --apply.
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/run/run_facts.hpp"

#include "core/commands.hpp"
#include "route_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace oa_stream::cli {
namespace {

struct ChangeOptions : RouteOptions {
    std::string word{}; ///< TARGET or RUN
    std::vector<std::string> domains{};
    RouteTask task{};
};

constexpr auto k_domain = option<&ChangeOptions::domains>(
    names::domain, "NAME", "Change only this route domain, not the global override."
);
constexpr auto k_all =
    flag<&ChangeOptions::target, &RouteTarget::order, &routes::RouteOrder::clear_all>(
        "--all", "Clear the global override and those of all domains."
    )
        .typed();

RouteTask task_of(const ChangeOptions& options, std::string command) {
    RouteTask out = options.task;
    out.command = std::move(command);
    return out;
}

/// One change, global or for each named domain.
std::vector<routes::RouteChange>
changes_of(const ChangeOptions& options, const std::string& target) {
    std::vector<routes::RouteChange> out;
    out.reserve(std::max<std::size_t>(options.domains.size(), 1));
    for (const std::string& domain : options.domains) {
        out.push_back({target, domain});
    }
    if (out.empty()) {
        out.push_back({target, std::nullopt});
    }
    return out;
}

Result<ExitCode> set(const ChangeOptions& options, Context& context) {
    OA_TRY(RouteTarget target, options.checked("route set legacy"));
    target.order.changes = changes_of(options, options.word);
    return carry_out_routes(std::move(target), task_of(options, "route set"), context);
}

Result<ExitCode> clear(const ChangeOptions& options, Context& context) {
    OA_TRY(RouteTarget target, options.checked("route clear"));
    if (target.order.clear_all && !options.domains.empty()) {
        return fail(
            Code::usage, fmt::format("{} and {} exclude each other", k_all.name, k_domain.name)
        );
    }
    if (!target.order.clear_all) {
        target.order.changes = changes_of(options, "clear");
    }
    return carry_out_routes(std::move(target), task_of(options, "route clear"), context);
}

Result<ExitCode> restore(const ChangeOptions& options, Context& context) {
    RouteTask task = task_of(options, "route restore");
    task.restores = options.word;
    return undo_route_run(static_cast<const RouteOptions&>(options), std::move(task), context);
}

constexpr auto k_apply =
    flag<&ChangeOptions::task, &RouteTask::apply>(
        names::apply, "Write the change. Without it the command only shows the change."
    )
        .typed();
constexpr auto k_mixture =
    flag<&ChangeOptions::task, &RouteTask::accept_mixture>(
        names::accept_mixture,
        "Continue even if processes disagree. An undo then restores the overrides that most of "
        "them have."
    )
        .typed();
constexpr auto k_set_options = options<ChangeOptions>(
    k_route_base,
    k_route_auth,
    k_route_access,
    k_domain,
    k_apply,
    flag<&ChangeOptions::task, &RouteTask::partial>(
        names::partial, "Continue even if the change does not affect everything that it names."
    )
        .typed(),
    k_mixture,
    k_route_path,
    k_route_cohort,
    k_route_call
);
constexpr auto k_clear_options = options<ChangeOptions>(
    k_route_base,
    k_route_auth,
    k_route_access,
    k_domain,
    k_all,
    k_apply,
    k_mixture,
    k_route_path,
    k_route_cohort,
    k_route_call
);
constexpr auto k_restore_options = options<ChangeOptions>(k_undo_access, k_apply, k_route_call);
std::span<const std::string_view> target_words() {
    static constexpr std::array<std::string_view, 3> k_words{"legacy", "rust", "rollback"};
    return k_words;
}
constexpr auto k_target =
    positionals<ChangeOptions>(positional<&ChangeOptions::word>(
                                   "TARGET",
                                   "legacy, rust, or rollback: a domain's own rollback target."
    )
                                   .suggesting(target_words));
constexpr auto k_run = positionals<ChangeOptions>(
    positional<&ChangeOptions::word>("RUN", "Run folder of a route set or clear that did not end.")
        .offering(Offer::traffic_runs, bit(run::RunKind::route_split))
);

constexpr Exits k_exits = exits::k_shows_and_moves.with(
    {{ExitCode::has_changes, "Without --apply: there is something to write."}}
);

} // namespace

const CommandSpec route_set_command = command<set>({
    .path = "route set",
    .summary = "Override what serves a route domain, or all domains; --apply writes it.",
    .positionals = k_target,
    .options = k_set_options,
    .examples =
        {
            "oa-stream route set legacy --domain billing_l402 --base-url "
            "https://control.example.org --auth env:TOKEN",
            "oa-stream route set rust --apply --base-url https://control.example.org --auth "
            "file:token",
        },
    .leaves_run = true,
    .about =
        R"(Overrides what serves one route domain, or all of them. Without `--apply` it shows which paths would
change. With it the change is written, read back over fresh connections and recorded with its undo. No
route change touches the stream lane below `/api`.)",
    .exits = k_exits,
});
const CommandSpec route_clear_command = command<clear>({
    .path = "route clear",
    .summary = "Remove overrides; --apply writes it.",
    .options = k_clear_options,
    .examples =
        {
            "oa-stream route clear --all --apply --base-url https://control.example.org --auth "
            "env:TOKEN",
        },
    .leaves_run = true,
    .about =
        R"(Removes overrides, so that the service's own mode decides again: the global one, with `--domain` that of a
domain, with `--all` every one. Without `--apply` it shows what would change.)",
    .exits = k_exits,
});
const CommandSpec route_restore_command = command<restore>({
    .path = "route restore",
    .summary = "Restore the overrides that an unfinished route run replaced.",
    .positionals = k_run,
    .options = k_restore_options,
    .examples =
        {
            "oa-stream route restore 20261120T143000Z-route-split-0123abcd --apply --auth "
            "env:TOKEN",
        },
    .leaves_run = true,
    .about =
        R"(Puts back the overrides that a run of `route set` or `route clear` replaced before it died. It reads the
run's journal, and reaches the control service as that run did: with its token, authority, client
certificate and headers, unless options say otherwise. `rollback apply --run` does the same.)",
    .exits = k_exits,
});

} // namespace oa_stream::cli
