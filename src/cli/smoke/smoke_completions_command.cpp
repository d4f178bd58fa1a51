// smoke completions: does /v1/chat/completions keep its promises, at its origin and behind an edge?
#include "oa_stream/probe/completions_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_openai.hpp"

namespace oa_stream::cli {

namespace {

Result<ExitCode> run(OpenAiOptions given, Context& context) {
    return run_openai_smoke("smoke completions", std::move(given), context);
}

} // namespace

const CommandSpec smoke_completions_command = command<run>({
    .path = "smoke completions",
    .summary = "Verify /v1/chat/completions of a live lane, and its edge against its origin.",
    .options = k_openai_options,
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
});

} // namespace oa_stream::cli
