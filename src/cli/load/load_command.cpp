// load: tests how a lane behaves under a given rate of requests.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/config/units.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "cutover/live_events.hpp"
#include "load_run.hpp"
#include "smoke/smoke_args.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace oa_stream::cli {

namespace {

using probe::LoadOptions;
constexpr auto k_duration = option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::duration>(
                                "--duration", "D", "Hold the full load for this long."
)
                                .range(1, k_longest_ms)
                                .or_else("30s");
constexpr std::uint64_t k_most_requests = 1'000'000'000;
constexpr auto k_requests = option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::requests>(
                                "--requests", "N", "End after N requests at the latest."
)
                                .range(1, k_most_requests);

Result<ExitCode> run(LoadGiven given, Context& context) {
    OA_TRY(LoadArgs parsed, complete_load(std::move(given)));
    OA_CHECK(check_live({parsed.ndjson}, context));
    parsed.typed = {context.command, context.given};
    parsed.longer = [typed = parsed.typed, load = parsed.options](int times) {
        Instead instead{{k_duration.name, format_duration(times * load.duration)}};
        if (load.requests > 0) {
            const auto requests = load.requests * static_cast<std::uint64_t>(times);
            instead[k_requests.name] = std::to_string(std::min(requests, k_most_requests));
        }
        return typed.suggestion(instead);
    };
    return run_load(std::move(parsed), context);
}

/// Common forms of a limit, as templates.
std::span<const std::string_view> usual_limits() {
    static constexpr std::array<std::string_view, 5> k_words{
        "bad<=1%",
        "p95-first_content<=2.5s",
        "p99-first_content<=5s",
        "p95-gap<=1s",
        "dropped<=0.1%"
    };
    return k_words;
}

constexpr auto k_options = options<LoadGiven>(
    k_base_url,
    k_auth,
    parsed<parse_rate, &LoadGiven::per_second>(
        names::rate,
        "N/s",
        "Start N requests a second (or N/m, N/h) by the clock, however slow the answers are."
    ),
    option<&LoadGiven::users>(
        "--concurrency", "N", "Run N users instead. Each sends when its last answer ended."
    )
        .range(1, 100'000),
    option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::ramp>(
        "--ramp", "D", "Rise evenly to the full load in this time, which is not measured."
    )
        .range(1, k_longest_ms),
    k_duration,
    k_requests,
    option<&LoadGiven::max_in_flight>(
        names::max_in_flight,
        "N",
        "Keep at most N requests in flight. Drop those that are due meanwhile, and report them. "
        "With --concurrency: refuse more users."
    )
        .range(1, 1'000'000)
        .or_else_text("10000 with --rate"),
    option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::drain>(
        "--drain", "D", "Wait this long for the requests in flight at the end."
    )
        .range(1, k_longest_ms)
        .or_else("30s"),
    parsed<probe::parse_load_limit, &LoadGiven::load, &LoadArgs::limits>(
        names::limit, "RULE", "Add a gate: 'p99 first_content <= 2s'. 'bad <= 1%' is always there."
    )
        .suggesting(usual_limits),
    parsed<read_confidence, &LoadGiven::load, &LoadArgs::confidence>(
        "--confidence", "SHARE", "Decide each limit with this one-sided confidence."
    )
        .or_else("95%"),
    option<&LoadGiven::prompts>("--prompt", "TEXT", "Ask this. Several prompts are asked in turn."),
    option<&LoadGiven::prompts_file>(
        names::prompts, "FILE", "Ask the prompts of this file, one a line."
    ),
    parsed<config::read_share, &LoadGiven::load, &LoadArgs::options, &LoadOptions::slow_share>(
        "--slow-readers", "SHARE", "Let this share of the readers read slowly."
    )
        .or_else("0%"),
    option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::read_pause>(
        "--read-pause", "D", "Let a slow reader pause this long before each piece."
    )
        .range(1, k_longest_ms)
        .or_else("200ms"),
    parsed<config::read_share, &LoadGiven::load, &LoadArgs::options, &LoadOptions::leaving_share>(
        "--disconnect", "SHARE", "Let this share of the readers leave at the first content."
    )
        .or_else("0%"),
    parsed<config::read_share, &LoadGiven::load, &LoadArgs::options, &LoadOptions::stop_at_bad>(
        "--stop-at-bad", "SHARE", "Stop when this share of the last 5 s is bad. 0%: never."
    )
        .or_else("50%"),
    option<&LoadGiven::load, &LoadArgs::allowed>(
        names::yes_load, "HOST", "Confirm a load on this host, or turns there that cost money."
    )
        .typed(),
    flag<&LoadGiven::load, &LoadArgs::ndjson>(
        "--ndjson", "Print a JSON line for each second, then the summary as one line."
    ),
    option<&LoadGiven::load, &LoadArgs::list>(
        "--list", "N", "List at most N requests in the run folder."
    )
        .range(0, 10'000'000)
        .or_else("100000"),
    option<&LoadGiven::load, &LoadArgs::options, &LoadOptions::seed>(
        "--seed", "N", "Choose by this seed which requests read slowly or leave."
    )
        .range(0, 1'000'000'000)
        .or_else("1"),
    k_compat_options,
    k_access,
    k_connect_to,
    k_waits
);

} // namespace

const CommandSpec load_command = command<run>({
    .path = "load",
    .summary = "Load a lane and report how long its users wait, without coordinated omission.",
    .options = k_options,
    .examples =
        {
            "oa-stream load --base-url http://127.0.0.1:8080 --rate 200/s --duration 30s",
            "oa-stream load --base-url http://127.0.0.1:8080 --rate 500/s --ramp 10s --limit "
            "'p99-first_content<=2s' --limit 'bad<=1%'",
            "oa-stream load --base-url http://127.0.0.1:8080 --concurrency 200 --slow-readers "
            "10% --disconnect 5% --json",
            "oa-stream load --base-url https://staging.example.org --auth env:AUTH_TOKEN --rate "
            "5/s --yes-load staging.example.org",
        },
    .leaves_run = true,
    .about =
        R"(Sends turns at a fixed rate (`--rate`) or with a fixed number of users (`--concurrency`), judges every
stream by the contract, and reports how long users waited. Times count from the moment a request was
planned, so a lane that stalls cannot hide it.

A host other than this machine, and turns of a real model, need `--yes-load HOST`. The load stops by
itself when half of the answers of the last five seconds are bad.)",
    .also = "bench benchmark stress k6 wrk",
    .exits = exits::k_loads.with({{ExitCode::refused, "The load needs --yes-load."}}),
});

} // namespace oa_stream::cli
