// smoke stream: does this lane keep its contract, right now, over the wire?
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_parallel = 64;

Result<probe::SmokeOptions> parse(const Args& args) {
    probe::SmokeOptions options;
    OA_TRY(
        options.target,
        parse_target(args, "lane", "oa-stream smoke stream --base-url http://127.0.0.1:8080")
    );
    OA_TRY(options.limits, parse_limits(args));
    options.prompt = args.get("--prompt").value_or("");
    options.expect = args.get("--expect").value_or("");
    options.probes = !args.has("--no-probes");
    options.abort = args.has("--abort");
    options.tool_prompt = args.get("--tool-prompt").value_or("");
    if (args.has("--detach-grace")) {
        OA_TRY(options.detach_grace, positive_duration(args, "--detach-grace"));
    }
    options.id_prefix = args.get("--id-prefix").value_or("stream");
    auto parallel = parse_count(args.get("--concurrency").value_or("1"), 1, k_most_parallel);
    if (!parallel) {
        return std::unexpected(std::move(parallel).error().prefixed("--concurrency"));
    }
    options.concurrency = static_cast<unsigned>(*parallel);
    if (const auto origin = args.get("--also-direct")) {
        options.direct = options.target;
        options.direct->connect_to.clear();
        OA_TRY(options.direct->base_url, parse_base_url(*origin, "--also-direct"));
    }
    return options;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(probe::SmokeOptions options, parse(args));
    NewRun order{run::RunKind::smoke_stream, "smoke stream"};
    order.target["base_url"] = options.target.base_url;
    order.redactor.add_known(options.target.bearer);
    SmokeCommand command{"smoke stream", options.target.base_url, options.id_prefix};
    command.typed = {&smoke_stream_command, args};
    return run_smoke(std::move(order), command, probe::smoke_stream, std::move(options), context);
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane: http or https, without credentials."},
    OptionSpec{"--auth", "REF", "The bearer token: env:NAME, file:PATH or fd:N."},
    k_target_build,
    k_target_protocol,
    k_target_schema,
    OptionSpec{"--no-compat", "", "Send no compatibility headers and judge no window."},
    k_target_connect_to,
    OptionSpec{
        "--prompt", "TEXT", "Prompt of the happy path, instead of one that suits the target."
    },
    OptionSpec{"--expect", "TEXT", "Text that its answer must contain."},
    OptionSpec{"--no-probes", "", "Send GETs alone; the rest is skipped, so it is never PASS."},
    OptionSpec{
        "--abort", "", "Disconnect, resume and stop turns on a target that is no replay too."
    },
    OptionSpec{"--tool-prompt", "TEXT", "What makes a target that is no replay call a tool."},
    OptionSpec{"--detach-grace", "D", "The lane's own; then a left turn must end within 2 s more."},
    OptionSpec{"--concurrency", "N", "So many parallel turns besides, 64 at most.", "1"},
    OptionSpec{"--also-direct", "URL", "The origin behind the lane: tells where bytes are held."},
    k_limit_connect,
    k_limit_first_byte,
    k_limit_stall,
    k_limit_total,
    OptionSpec{"--id-prefix", "WORD", "What check ids begin with.", "stream"},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream smoke stream --base-url http://127.0.0.1:8080",
    "oa-stream smoke stream --base-url https://chat.example.org --auth env:AUTH_TOKEN --json",
    "oa-stream smoke stream --base-url https://chat.example.org --auth file:token --no-probes",
};

} // namespace

const CommandSpec smoke_stream_command{
    .path = "smoke stream",
    .summary = "Verify that a live lane keeps the stream contract.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
