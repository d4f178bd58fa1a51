// smoke responses: does /v1/responses keep its promises, at its origin and behind an edge?
#include "oa_stream/probe/completions_smoke.hpp"

#include "core/commands.hpp"
#include "smoke_openai.hpp"

namespace oa_stream::cli {

namespace {

Result<ExitCode> run(OpenAiOptions given, Context& context) {
    given.smoke.api = probe::OpenAiApi::responses;
    given.smoke.id_prefix = "responses";
    return run_openai_smoke("smoke responses", std::move(given), context);
}

} // namespace

const CommandSpec smoke_responses_command = command<run>({
    .path = "smoke responses",
    .summary = "Verify /v1/responses of a live lane, and its edge against its origin.",
    .options = k_openai_options,
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
});

} // namespace oa_stream::cli
