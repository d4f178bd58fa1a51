// smoke completions: does /v1/chat/completions keep its promises, at its origin and behind an edge?
#include "oa_stream/probe/completions_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

namespace oa_stream::cli {

namespace {

struct Options : TargetOptions, LimitOptions {
    probe::CompletionsSmokeOptions smoke{};
    std::optional<std::string> direct{};
};

Result<probe::CompletionsSmokeOptions> complete(Options options) {
    OA_CHECK(
        options.check_target("lane", "oa-stream smoke completions --base-url http://127.0.0.1:8080")
    );
    probe::CompletionsSmokeOptions out = std::move(options.smoke);
    out.target = std::move(options.target);
    out.limits = options.limits;
    if (options.direct) {
        out.direct = out.target;
        out.direct->base_url = *options.direct;
    }
    return out;
}

Result<ExitCode> run(Options given, Context& context) {
    OA_TRY(auto options, complete(std::move(given)));
    NewRun order{run::RunKind::smoke_completions, "smoke completions"};
    order.target["base_url"] = options.target.base_url;
    if (options.direct) {
        order.target["direct"] = options.direct->base_url;
    }
    order.redactor.add_known(options.target.bearer);
    SmokeCommand command{"smoke completions", options.target.base_url, options.id_prefix};
    command.typed = {context.command, context.given};
    return run_smoke(
        std::move(order), command, probe::smoke_completions, std::move(options), context
    );
}

using probe::CompletionsSmokeOptions;
constexpr auto k_options = options<Options>(
    k_base_url.saying("Send requests to this lane, without /v1: http or https, without credentials."
    ),
    k_auth.saying("Authenticate with this key: env:NAME, file:PATH or fd:N."),
    parsed<read_base_url, &Options::direct>(
        "--direct",
        "URL",
        "Also ask the origin behind the edge, and compare the shape and the timing of answers."
    ),
    option<&Options::smoke, &CompletionsSmokeOptions::model>(
        "--model", "NAME", "Ask this model. Without it: the first one listed."
    ),
    option<&Options::smoke, &CompletionsSmokeOptions::prompt>(
        "--prompt", "TEXT", "Ask this. Without it: a prompt that suits the target."
    ),
    k_connect_timeout,
    k_first_byte,
    k_stall.or_else("20s"),
    k_timeout
);

} // namespace

const CommandSpec smoke_completions_command = command<run>({
    .path = "smoke completions",
    .summary = "Verify /v1/chat/completions of a live lane, and its edge against its origin.",
    .options = k_options,
    .examples =
        {
            "oa-stream smoke completions --base-url http://127.0.0.1:8080",
            "oa-stream smoke completions --base-url https://edge.example.org --auth env:KEY --json",
            "oa-stream smoke completions --base-url https://edge.example.org --direct "
            "http://10.0.0.5:8080",
        },
    .leaves_run = true,
    .about =
        R"(Asks `/v1/chat/completions` with and without streaming and judges the answers by the rules of chat
completions. With `--direct` it asks the origin behind the edge the same and compares shape and timing,
which shows a proxy that buffers or rewrites.)",
    .also = "openai",
});

} // namespace oa_stream::cli
