#include "smoke_openai.hpp"

#include "smoke_run.hpp"

namespace oa_stream::cli {

namespace {

Result<probe::CompletionsSmokeOptions> complete(const std::string& name, OpenAiOptions options) {
    OA_CHECK(options.check_target("lane", "oa-stream " + name + " --base-url http://127.0.0.1:8080")
    );
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

} // namespace

Result<ExitCode> run_openai_smoke(const std::string& name, OpenAiOptions given, Context& context) {
    OA_TRY(auto options, complete(name, std::move(given)));
    const bool responses = options.api == probe::OpenAiApi::responses;
    NewRun order{responses ? run::RunKind::smoke_responses : run::RunKind::smoke_completions, name};
    if (options.direct) {
        order.target["direct"] = options.direct->base_url;
    }
    return run_smoke(std::move(order), probe::smoke_completions, std::move(options), context);
}

} // namespace oa_stream::cli
