// load: how does this lane behave under so many requests?
#include "oa_stream/base/clock.hpp"

#include "core/commands.hpp"
#include "core/retry.hpp"
#include "load_run.hpp"
#include "smoke/smoke_args.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(LoadArgs parsed, parse_load(args));
    if (parsed.ndjson && context.json) {
        return fail(Code::usage, "one document or many lines?", "--ndjson", "leave --json out");
    }
    parsed.typed = {&load_command, args};
    parsed.again = typed_again(
        load_command, args, {{"--duration", format_duration(2 * parsed.options.duration)}}
    );
    return run_load(std::move(parsed), context);
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane: http or https, without credentials."},
    OptionSpec{"--auth", "REF", "The bearer token: env:NAME, file:PATH or fd:N."},
    OptionSpec{
        "--rate", "N/s", "Requests begin so often, by the clock, whatever the answers do; or N/m."
    },
    OptionSpec{"--concurrency", "N", "Instead: so many users, each sends when its last is over."},
    OptionSpec{"--ramp", "D", "Rise evenly to the full load in this time, which is not measured."},
    OptionSpec{"--duration", "D", "Hold the full load for so long.", "30s"},
    OptionSpec{"--requests", "N", "End after so many requests at the latest."},
    OptionSpec{
        "--max-in-flight", "N", "Requests due while so many run are dropped, and told.", "10000"
    },
    OptionSpec{"--drain", "D", "Wait so long for what is in flight at the end.", "30s"},
    OptionSpec{
        "--limit", "RULE", "A gate: 'p99 first_content <= 2s', 'bad <= 1%' (the default).", "", true
    },
    OptionSpec{"--confidence", "SHARE", "One-sided, of each limit's decision.", "95%"},
    OptionSpec{"--prompt", "TEXT", "What is asked; given more than once, in turn.", "", true},
    OptionSpec{"--prompts", "FILE", "The same from a file, one a line."},
    OptionSpec{"--slow-readers", "SHARE", "So many read slowly.", "0%"},
    OptionSpec{"--read-pause", "D", "A slow reader waits so long before each piece.", "200ms"},
    OptionSpec{"--disconnect", "SHARE", "So many leave at the first content.", "0%"},
    OptionSpec{
        "--stop-at-bad",
        "SHARE",
        "Break off when so many of the last 5 s are bad; 0%: never.",
        "50%"
    },
    OptionSpec{
        "--yes-load", "HOST", "Yes: load this host, or run turns there that cost.", "", true
    },
    OptionSpec{"--ndjson", "", "Print a line for each second, then the summary as one line."},
    OptionSpec{"--list", "N", "List at most so many requests in the run folder.", "100000"},
    OptionSpec{"--seed", "N", "Which requests read slowly or leave.", "1"},
    k_target_build,
    k_target_protocol,
    k_target_schema,
    k_target_no_compat,
    k_target_connect_to,
    k_limit_connect,
    k_limit_first_byte,
    k_limit_stall,
    k_limit_total,
};

constexpr std::array<std::string_view, 4> k_examples{
    "oa-stream load --base-url http://127.0.0.1:8080 --rate 200/s --duration 30s",
    "oa-stream load --base-url http://127.0.0.1:8080 --rate 500/s --ramp 10s "
    "--limit 'p99-first_content<=2s' --limit 'bad<=1%'",
    "oa-stream load --base-url http://127.0.0.1:8080 --concurrency 200 --slow-readers 10% "
    "--disconnect 5% --json",
    "oa-stream load --base-url https://staging.example.org --auth env:AUTH_TOKEN --rate 5/s "
    "--yes-load staging.example.org",
};

} // namespace

const CommandSpec load_command{
    .path = "load",
    .summary = "Load a lane and tell how it behaves, safe from coordinated omission.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
