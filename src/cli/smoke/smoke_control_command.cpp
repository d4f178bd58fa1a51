// smoke control: does the control surface keep its promises, right now, over the wire?
#include "oa_stream/probe/control_smoke.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/commands.hpp"
#include "core/version.hpp"
#include "smoke_args.hpp"
#include "smoke_record.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_command = "smoke control";

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

Result<run::RunFolder>
open_folder(const probe::ControlSmokeOptions& options, const Context& context) {
    Redactor redactor;
    redactor.add_known(options.target.bearer);
    redactor.add_known(options.maintenance_cookie);
    run::RunInfo info;
    info.kind = "smoke-control";
    info.name = k_command;
    info.target["base_url"] = options.target.base_url;
    info.target["profile"] = probe::to_string(options.profile);
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse(args));
    OA_TRY(auto folder, open_folder(options, context));
    auto result = begin_result(folder, k_command, options.target.base_url);
    result.typed = {&smoke_control_command, args};
    const int ended_by =
        probe_until_done(probe::smoke_control, std::move(options), folder, result.checks);
    OA_CHECK(seal(result, folder, ended_by));
    show(result, folder.redactor(), context);
    return result.exit;
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
