// smoke completions: does /v1/chat/completions keep its promises, at its origin and behind an edge?
#include "oa_stream/probe/completions_smoke.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/commands.hpp"
#include "core/version.hpp"
#include "smoke_args.hpp"
#include "smoke_record.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_command = "smoke completions";

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

Result<run::RunFolder>
open_folder(const probe::CompletionsSmokeOptions& options, const Context& context) {
    Redactor redactor;
    redactor.add_known(options.target.bearer);
    run::RunInfo info;
    info.kind = "smoke-completions";
    info.name = k_command;
    info.target["base_url"] = options.target.base_url;
    if (options.direct) {
        info.target["direct"] = options.direct->base_url;
    }
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse(args));
    OA_TRY(auto folder, open_folder(options, context));
    auto result = begin_result(folder, k_command, options.target.base_url);
    result.typed = {&smoke_completions_command, args};
    const int ended_by =
        probe_until_done(probe::smoke_completions, std::move(options), folder, result.checks);
    OA_CHECK(seal(result, folder, ended_by));
    show(result, folder.redactor(), context);
    return result.exit;
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
