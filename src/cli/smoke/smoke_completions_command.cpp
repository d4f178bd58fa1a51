// smoke completions: does /v1/chat/completions keep its promises, at its origin and behind an edge?
#include "oa_stream/probe/completions_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_args.hpp"
#include "smoke_run.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

Result<probe::CompletionsSmokeOptions> parse(const Args& args) {
    probe::CompletionsSmokeOptions options;
    OA_TRY(
        options.target,
        parse_target(args, "lane", "oa-stream smoke completions --base-url http://127.0.0.1:8080")
    );
    OA_TRY(options.limits, parse_limits(args));
    if (const auto origin = args.get("--direct")) {
        options.direct = options.target;
        OA_TRY(options.direct->base_url, parse_base_url(*origin, "--direct"));
    }
    options.model = args.get("--model").value_or("");
    options.prompt = args.get("--prompt").value_or("");
    return options;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse(args));
    NewRun order{run::RunKind::smoke_completions, "smoke completions"};
    order.target["base_url"] = options.target.base_url;
    if (options.direct) {
        order.target["direct"] = options.direct->base_url;
    }
    order.redactor.add_known(options.target.bearer);
    SmokeCommand command{"smoke completions", options.target.base_url, options.id_prefix};
    command.typed = {&smoke_completions_command, args};
    return run_smoke(
        std::move(order), command, probe::smoke_completions, std::move(options), context
    );
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane, without /v1: http or https, no credentials."},
    OptionSpec{"--auth", "REF", "The key: env:NAME, file:PATH or fd:N."},
    OptionSpec{
        "--direct", "URL", "The origin behind it: answers are compared in shape and timings."
    },
    OptionSpec{"--model", "NAME", "The model to ask; the first one listed if not given."},
    OptionSpec{"--prompt", "TEXT", "What to ask, instead of something that suits the target."},
    k_limit_connect,
    OptionSpec{"--first-byte", "D", "Limit on the head of a stream.", "15s"},
    OptionSpec{"--stall", "D", "Limit on silence within a stream.", "20s"},
    k_limit_total,
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream smoke completions --base-url http://127.0.0.1:8080",
    "oa-stream smoke completions --base-url https://edge.example.org --auth env:KEY --json",
    "oa-stream smoke completions --base-url https://edge.example.org --direct http://10.0.0.5:8080",
};

} // namespace

const CommandSpec smoke_completions_command{
    .path = "smoke completions",
    .summary = "Verify /v1/chat/completions of a live lane, and its edge against its origin.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
