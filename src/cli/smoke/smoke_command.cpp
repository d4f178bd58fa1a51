// smoke stream: checks over the network that a lane keeps its contract.
#include "oa_stream/probe/hops.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

namespace oa_stream::cli {

namespace {

struct Options : TargetOptions, LimitOptions {
    probe::SmokeOptions smoke{};
    std::optional<std::string> origin{};
    std::optional<std::vector<probe::Hop>> hops{};
};

Result<std::vector<probe::Hop>> read_hops(std::string_view text) {
    OA_TRY(auto hops, probe::parse_hops(text));
    for (probe::Hop& hop : hops) {
        if (!hop.base_url.empty()) {
            OA_TRY(hop.base_url, http_url(hop.base_url));
        }
    }
    return hops;
}

Result<probe::SmokeOptions> complete(Options options) {
    options.smoke.hops = options.hops.value_or(std::vector<probe::Hop>{});
    if (options.target.base_url.empty() && options.hops) {
        options.target.base_url = options.hops->front().base_url;
    }
    OA_CHECK(
        options.check_target("lane", {"smoke stream", {names::base_url, "http://127.0.0.1:8080"}})
    );
    probe::SmokeOptions out = std::move(options.smoke);
    out.target = std::move(options.target);
    out.limits = options.limits;
    if (options.origin) {
        out.direct = out.target;
        out.direct->connect_to.clear();
        out.direct->base_url = *options.origin;
    }
    return out;
}

Result<ExitCode> run(Options given, Context& context) {
    OA_TRY(probe::SmokeOptions options, complete(std::move(given)));
    NewRun order{run::RunKind::smoke_stream, "smoke stream"};
    const bool lighter = options.hops.empty(); // GETs alone show nothing about hops
    return run_smoke(
        std::move(order), {.lighter = lighter}, probe::smoke_stream, std::move(options), context
    );
}

using probe::SmokeOptions;
constexpr auto k_options = options<Options>(
    k_base_url,
    k_auth,
    k_compat_options,
    k_access,
    k_connect_to,
    option<&Options::smoke, &SmokeOptions::prompt>(
        "--prompt",
        "TEXT",
        "Send this prompt on the happy path. Without it: a prompt that suits the target."
    ),
    option<&Options::smoke, &SmokeOptions::expect>(
        "--expect", "TEXT", "Require this text in the answer."
    ),
    off_flag<&Options::smoke, &SmokeOptions::probes>(
        names::no_probes,
        "Send only GET requests. Other checks are skipped, so the run cannot PASS."
    ),
    flag<&Options::smoke, &SmokeOptions::abort>(
        "--abort",
        "Also disconnect, resume and stop real turns. Without it the smoke does this only on a "
        "target with recorded turns."
    ),
    option<&Options::smoke, &SmokeOptions::tool_prompt>(
        "--tool-prompt", "TEXT", "Use this prompt to make a real model call a tool."
    ),
    option<&Options::smoke, &SmokeOptions::detach_grace>(
        "--detach-grace",
        "D",
        "State the lane's --detach-grace. The smoke then requires that a turn without a reader "
        "ends within 2 s after this time."
    )
        .range(1, k_longest_ms),
    option<&Options::smoke, &SmokeOptions::concurrency>(
        "--concurrency", "N", "Also run N turns in parallel, at most 64."
    )
        .range(1, 64)
        .or_else("1"),
    parsed<http_url, &Options::origin>(
        "--direct",
        "URL",
        "Also send requests to the origin behind the lane, to find out which hop holds bytes back."
    )
        .once_called("--also-direct"),
    parsed<read_hops, &Options::hops>(
        "--hops",
        "NAME=URL,…",
        "Also find the hop that cuts, delays or changes answers. Name addresses of this lane, the "
        "outermost first, like client=URL,edge=URL,origin=URL; the last may be authority."
    ),
    option<&Options::smoke, &SmokeOptions::hops_longest>(
        "--hops-longest", "D", "Test silences and durations up to this at each hop."
    )
        .range(1000, k_longest_ms)
        .or_else("20s"),
    k_waits,
    k_id_prefix<&Options::smoke, &SmokeOptions::id_prefix>.or_else("stream")
);

} // namespace

const CommandSpec smoke_stream_command = command<run>({
    .path = "smoke stream",
    .summary = "Verify that a live lane keeps the stream contract.",
    .options = k_options,
    .examples =
        {
            "oa-stream smoke stream --base-url http://127.0.0.1:8080",
            "oa-stream smoke stream --base-url https://chat.example.org --auth env:AUTH_TOKEN"
            " --json",
            "oa-stream smoke stream --base-url https://chat.example.org --auth file:token"
            " --no-probes",
            "oa-stream smoke stream --hops "
            "edge=https://chat.example.org,origin=http://10.0.0.7:8080,authority"
            " --hops-longest 70s",
        },
    .leaves_run = true,
    .about =
        R"(Asks a live lane like a chat page would and judges every byte of the answers by the rules of the stream
contract: head, framing, order of parts, ending, compatibility refusals, concurrency. With `--direct` it
also sends requests to the origin behind a proxy and names the one that holds bytes back.

On a target with recorded turns it also disconnects, resumes and stops turns. On a real one those
turns cost money, so `--abort` has to ask for them. `--no-probes` sends GET requests only; such a run
skips checks and is therefore never PASS.)",
    .also = "test probe smoke-test",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
