// smoke control: checks over the network that the control surface keeps its contract.
#include "oa_stream/probe/control_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

namespace oa_stream::cli {

namespace {

struct Options : TargetOptions, LimitOptions {
    probe::ControlSmokeOptions smoke{};
};

Result<probe::ControlSmokeOptions> complete(Options options) {
    OA_CHECK(options.check_target(
        "service",
        {"smoke control", {names::base_url, "https://chat.example.org", names::auth, "env:NAME"}}
    ));
    probe::ControlSmokeOptions out = std::move(options.smoke);
    out.target = std::move(options.target);
    out.limits = options.limits;
    return out;
}

Result<ExitCode> run(Options given, Context& context) {
    OA_TRY(auto options, complete(std::move(given)));
    NewRun order{run::RunKind::smoke_control, "smoke control"};
    order.target["profile"] = probe::to_string(options.profile);
    order.redactor.add_known(options.maintenance_cookie);
    return run_smoke(std::move(order), {}, probe::smoke_control, std::move(options), context);
}

using probe::ControlSmokeOptions;
constexpr auto k_options = options<Options>(
    k_base_url.saying("Send requests to this service: http or https, without credentials."),
    option<&Options::smoke, &ControlSmokeOptions::profile>(
        names::profile,
        probe::k_control_profile_words,
        "Check the service alone (api-only), or the site with its web shell (shell-serving)."
    )
        .or_else("api-only"),
    k_auth.saying(
        "Authenticate with this user's token: env:NAME, file:PATH, fd:N or command:PROGRAM. "
        "Without it the run cannot PASS."
    ),
    option<&Options::smoke, &ControlSmokeOptions::layout>(
        "--layout",
        probe::k_control_layout_words,
        "State which routes mint sync tokens: khala (also the v1 route) or spacetime (no v1 route)."
    )
        .or_else("detect"),
    k_compat_options,
    option<&Options::smoke, &ControlSmokeOptions::maintenance_cookie>(
        names::maintenance_cookie,
        "REF",
        "Send this value as the cookie oa_maintenance_bypass: env:NAME, file:PATH or fd:N."
    ),
    option<&Options::smoke, &ControlSmokeOptions::cohort_key>(
        "--cohort-key", "KEY", "Evaluate routes for this cohort."
    )
        .or_else("oa-stream-smoke"),
    k_access,
    k_connect_to,
    off_flag<&Options::smoke, &ControlSmokeOptions::probes>(
        names::no_probes,
        "Send only GET requests. Other checks are skipped, so the run cannot PASS."
    ),
    k_connect_timeout,
    k_first_byte.or_else("10s"),
    k_stall.or_else("10s"),
    k_timeout.or_else("30s"),
    k_id_prefix<&Options::smoke, &ControlSmokeOptions::id_prefix>.or_else("control")
);

} // namespace

const CommandSpec smoke_control_command = command<run>({
    .path = "smoke control",
    .summary = "Verify the control surface of a live service.",
    .options = k_options,
    .examples =
        {
            "oa-stream smoke control --base-url https://api.example.org --auth env:AUTH_TOKEN",
            "oa-stream smoke control --base-url https://chat.example.org --profile shell-serving"
            " --json",
            "oa-stream smoke control --base-url https://chat.example.org --auth file:token"
            " --no-probes",
        },
    .leaves_run = true,
    .about =
        R"(Checks the control service of a deployment: sign-in, sync tokens, compatibility headers, the route split
and, with `--profile shell-serving`, the web shell. Without `--auth` most checks cannot run, and the run
is not PASS.)",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
