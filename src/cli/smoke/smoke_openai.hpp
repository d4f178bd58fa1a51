// What smoke completions and smoke responses share: their options and how they run.
#pragma once

#include "oa_stream/probe/completions_smoke.hpp"

#include "core/run_command.hpp"
#include "smoke_args.hpp"

#include <optional>
#include <string>

namespace oa_stream::cli {

struct OpenAiOptions : TargetOptions, LimitOptions {
    probe::CompletionsSmokeOptions smoke{};
    std::optional<std::string> direct{};
};

inline constexpr auto k_openai_options = options<OpenAiOptions>(
    k_base_url.saying("Send requests to this lane, without /v1: http or https, without credentials."
    ),
    k_auth.saying("Authenticate with this key: env:NAME, file:PATH, fd:N or command:PROGRAM."),
    k_access,
    parsed<read_base_url, &OpenAiOptions::direct>(
        "--direct",
        "URL",
        "Also send requests to the origin behind the edge, and compare the shape and the timing of "
        "answers."
    ),
    option<&OpenAiOptions::smoke, &probe::CompletionsSmokeOptions::model>(
        "--model", "NAME", "Use this model. Without it: the first listed model."
    ),
    option<&OpenAiOptions::smoke, &probe::CompletionsSmokeOptions::prompt>(
        "--prompt", "TEXT", "Send this prompt. Without it: a prompt that suits the target."
    ),
    flag<&OpenAiOptions::smoke, &probe::CompletionsSmokeOptions::slow>(
        "--slow",
        "Also check that a silent stream sends comments, which takes 19 s. Only a lane that plays "
        "made-up turns can be silent on request."
    ),
    k_connect_timeout,
    k_first_byte,
    k_stall.or_else("20s"),
    k_timeout
);

/// `name`: of the command.
[[nodiscard]] Result<ExitCode>
run_openai_smoke(const std::string& name, OpenAiOptions given, Context& context);

} // namespace oa_stream::cli
