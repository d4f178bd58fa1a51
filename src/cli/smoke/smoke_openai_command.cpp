// smoke completions, smoke responses: check that /v1/chat/completions and /v1/responses keep their
// contract, at their origin and behind an edge.
#include "oa_stream/probe/completions_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::cli {

namespace {

struct Options : TargetOptions, LimitOptions {
    probe::CompletionsSmokeOptions smoke{};
    std::optional<std::string> direct{};
};

Result<probe::CompletionsSmokeOptions> complete(const std::string& name, Options options) {
    OA_CHECK(options.check_target("lane", {name, {names::base_url, "http://127.0.0.1:8080"}}));
    probe::CompletionsSmokeOptions out = std::move(options.smoke);
    out.target = std::move(options.target);
    out.limits = options.limits;
    out.made_up_turns = true;
    if (options.direct) {
        out.direct = out.target;
        out.direct->base_url = *options.direct;
    }
    return out;
}

Result<ExitCode> run(run::RunKind kind, std::string_view profile, Options given, Context& context) {
    const std::string name(context.command->path);
    OA_TRY(auto options, complete(name, std::move(given)));
    NewRun order{kind, name};
    if (options.direct) {
        order.target["direct"] = options.direct->base_url;
    }
    return run_smoke(
        std::move(order),
        {.profile = profile},
        probe::smoke_completions,
        std::move(options),
        context
    );
}

Result<ExitCode> completions(Options given, Context& context) {
    return run(run::RunKind::smoke_completions, "chat-completions", std::move(given), context);
}

Result<ExitCode> responses(Options given, Context& context) {
    given.smoke.api = probe::OpenAiApi::responses;
    given.smoke.id_prefix = "responses";
    return run(run::RunKind::smoke_responses, "responses", std::move(given), context);
}

constexpr auto k_options = options<Options>(
    k_base_url.saying("Send requests to this lane, without /v1: http or https, without credentials."
    ),
    k_auth.saying("Authenticate with this key: env:NAME, file:PATH, fd:N or command:PROGRAM."),
    k_access,
    parsed<http_url, &Options::direct>(
        "--direct",
        "URL",
        "Also send requests to the origin behind the edge, and compare the shape and the timing of "
        "answers."
    ),
    option<&Options::smoke, &probe::CompletionsSmokeOptions::model>(
        "--model", "NAME", "Use this model. Without it: the first listed model."
    ),
    option<&Options::smoke, &probe::CompletionsSmokeOptions::prompt>(
        "--prompt", "TEXT", "Send this prompt. Without it: a prompt that suits the target."
    ),
    flag<&Options::smoke, &probe::CompletionsSmokeOptions::slow>(
        "--slow",
        "Also check that a silent stream sends comments, which takes 19 s. Only a lane that plays "
        "made-up turns can be silent on request."
    ),
    k_connect_timeout,
    k_first_byte,
    k_stall.or_else("20s"),
    k_timeout
);

} // namespace

const CommandSpec smoke_completions_command = command<completions>({
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
completions: shapes and order, models, errors, tools, stop sequences. With `--direct` it sends the same
requests to the origin behind the edge and compares shape and timing,
which shows a proxy that buffers or rewrites.)",
    .also = "openai",
    .exits = exits::k_judges,
});

const CommandSpec smoke_responses_command = command<responses>({
    .path = "smoke responses",
    .summary = "Verify /v1/responses of a live lane, and its edge against its origin.",
    .options = k_options,
    .examples =
        {
            "oa-stream smoke responses --base-url http://127.0.0.1:8080",
            "oa-stream smoke responses --base-url https://edge.example.org --auth env:KEY --json",
        },
    .leaves_run = true,
    .about =
        R"(Asks `/v1/responses` with and without streaming and judges the answers by the rules of the Responses
API: shapes and events, models, errors, tools, formats, and responses that continue an earlier one. With
`--direct` it sends the same requests to the origin behind the edge and compares shape and timing.)",
    .also = "agents",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
