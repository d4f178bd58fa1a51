// smoke control: does the control surface keep its promises, right now, over the wire?
#include "oa_stream/probe/control_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

Result<probe::ControlSmokeOptions> parse(const Args& args) {
    probe::ControlSmokeOptions options;
    OA_TRY(
        options.target,
        parse_target(
            args,
            "service",
            "oa-stream smoke control --base-url https://chat.example.org --auth env:NAME"
        )
    );
    OA_TRY(options.profile, probe::parse_control_profile(args.get("--profile").value_or("")));
    OA_TRY(options.layout, probe::parse_control_layout(args.get("--layout").value_or("detect")));
    OA_TRY(options.limits, parse_limits(args));
    if (const auto reference = args.get("--maintenance-cookie")) {
        OA_TRY(options.maintenance_cookie, read_secret(*reference));
    }
    options.cohort_key = args.get("--cohort-key").value_or(options.cohort_key);
    options.probes = !args.has("--no-probes");
    options.id_prefix = args.get("--id-prefix").value_or("control");
    return options;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse(args));
    NewRun order{run::RunKind::smoke_control, "smoke control"};
    order.target["base_url"] = options.target.base_url;
    order.target["profile"] = probe::to_string(options.profile);
    order.redactor.add_known(options.target.bearer);
    order.redactor.add_known(options.maintenance_cookie);
    SmokeCommand command{"smoke control", options.target.base_url, options.id_prefix};
    command.typed = {&smoke_control_command, args};
    return run_smoke(std::move(order), command, probe::smoke_control, std::move(options), context);
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The service: http or https, without credentials."},
    OptionSpec{
        "--profile",
        "api-only|shell-serving",
        "api-only: the service alone; shell-serving: the site with its web shell.",
        "api-only"
    },
    OptionSpec{
        "--auth", "REF", "The user's token: env:NAME, file:PATH or fd:N; without, never PASS."
    },
    OptionSpec{
        "--layout",
        "khala|spacetime|detect",
        "Who mints sync tokens: khala (v1 route too), spacetime (v1 route gone), or detect.",
        "detect"
    },
    k_target_build,
    k_target_protocol,
    k_target_schema,
    OptionSpec{"--no-compat", "", "Send no compatibility headers and judge no window."},
    OptionSpec{
        "--maintenance-cookie",
        "REF",
        "Value of the cookie oa_maintenance_bypass: env:NAME, file:PATH or fd:N."
    },
    OptionSpec{"--cohort-key", "KEY", "Of route evaluations.", "oa-stream-smoke"},
    k_target_connect_to,
    OptionSpec{"--no-probes", "", "Send GETs alone; the rest is skipped, so it is never PASS."},
    k_limit_connect,
    OptionSpec{"--first-byte", "D", "Limit on the response head.", "10s"},
    OptionSpec{"--stall", "D", "Limit on silence within an answer.", "10s"},
    OptionSpec{"--timeout", "D", "Limit on a whole answer.", "30s"},
    OptionSpec{"--id-prefix", "WORD", "What check ids begin with.", "control"},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream smoke control --base-url https://api.example.org --auth env:AUTH_TOKEN",
    "oa-stream smoke control --base-url https://chat.example.org --profile shell-serving --json",
    "oa-stream smoke control --base-url https://chat.example.org --auth file:token --no-probes",
};

} // namespace

const CommandSpec smoke_control_command{
    .path = "smoke control",
    .summary = "Verify the control surface of a live service.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
