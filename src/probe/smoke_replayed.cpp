// Paths that only a replayed transcript can provoke at will: a tool call, a failing turn.
#include "oa_stream/base/text.hpp"

#include "describe.hpp"
#include "smoke_run.hpp"
#include "target_request.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {
namespace {

constexpr std::string_view k_not_replay = "done only where /version names the replay authority";

Task<ProbeSample> replay(SmokePtr smoke, std::string name, std::string capture) {
    const std::string thread = smoke->thread();
    ProbeRequest request;
    request.body = chat_body(thread, "replay:" + capture);
    request.pacing = PacingMode::observe;
    co_return co_await smoke->probe(std::move(name), thread, std::move(request));
}

bool no_such_capture(const ProbeSample& sample) {
    return sample.status == 404 || sample.status == 422;
}

std::string wrong_with_failure(const ProbeSample& sample) {
    if (sample.outcome != Outcome::in_stream_error) {
        return fmt::format(
            "expected in_stream_error, saw {}: {}", to_string(sample.outcome), sample.detail
        );
    }
    if (sample.errors != 1) {
        return fmt::format("expected exactly one error chunk, saw {}", sample.errors);
    }
    if (sample.error_code.empty()) {
        return "the error has no data-error with a code before it";
    }
    // The transcript's own sentence; upstream text may hold prompts, hosts or keys.
    if (sample.raw_body.find("ran out of room") != std::string::npos) {
        return "the upstream's error text was passed on to the client";
    }
    return {};
}

} // namespace

Task<void> smoke_replayed(SmokePtr smoke) {
    if (!smoke->replay) {
        smoke->not_applicable("tool.call", std::string(k_not_replay));
        smoke->not_applicable("failure.in-stream", std::string(k_not_replay));
        co_return;
    }
    const ProbeSample tool = co_await replay(smoke, "tool.call", "16-mcp-call");
    std::string wrong = wrong_with_answer(tool, "");
    if (wrong.empty() && tool.tool_outputs == 0) {
        wrong = "expected a tool output, saw none";
    }
    if (no_such_capture(tool)) {
        smoke->not_applicable("tool.call", "the replay lacks 16-mcp-call: " + tool.detail);
    } else {
        smoke->report(
            "tool.call",
            wrong.empty() ? Verdict::pass : Verdict::fail,
            wrong.empty() ? fmt::format("{} tool outputs", tool.tool_outputs) : wrong,
            to_json(tool)
        );
    }
    const ProbeSample failed =
        co_await replay(smoke, "failure.in-stream", "36-failed-context-window");
    if (no_such_capture(failed)) {
        smoke->not_applicable(
            "failure.in-stream", "the replay lacks 36-failed-context-window: " + failed.detail
        );
        co_return;
    }
    wrong = wrong_with_failure(failed);
    smoke->report(
        "failure.in-stream",
        wrong.empty() ? Verdict::pass : Verdict::fail,
        wrong.empty() ? "one error, code " + printable(failed.error_code, 60) : wrong,
        to_json(failed)
    );
}

} // namespace oa_stream::probe
