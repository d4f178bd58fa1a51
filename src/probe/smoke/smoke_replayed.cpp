// Paths that only a replayed transcript can trigger on demand: a tool call, a failing turn.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"

#include "smoke_run.hpp"
#include "stream/describe.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {
namespace {

// Plays the first of these recordings that the replay has; 422 when it has none.
Task<ProbeSample> replay(SmokePtr smoke, std::string name, std::vector<std::string> recordings) {
    ProbeSample sample;
    for (const std::string& recording : recordings) {
        const std::string thread = smoke->thread();
        smoke->kept.erase(std::string(name));
        sample = co_await smoke->probe(name, thread, probe_request(thread, "replay:" + recording));
        if (sample.status != 422) {
            break;
        }
    }
    co_return sample;
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
    // Texts from the recordings; upstream text may contain prompts, hosts or keys.
    for (const std::string_view upstream : {"ran out of room", "recorded failure"}) {
        if (sample.raw_body.find(upstream) != std::string::npos) {
            return "the upstream's error text was passed on to the client";
        }
    }
    return {};
}

void report_tool(Smoke& smoke, const ProbeSample& tool) {
    std::string wrong = wrong_with_answer(tool, "");
    if (wrong.empty() && tool.tool_outputs == 0) {
        wrong = "expected a tool output, saw none";
    }
    if (wrong.empty() && tool.unmarked_outputs > 0) { // the request names no tools of the page
        wrong = fmt::format(
            "{} of {} belong to a call without providerExecuted in the last step: a page may run "
            "the call itself, and with sendAutomaticallyWhen it may ask again without end",
            tool.unmarked_outputs,
            counted(tool.tool_outputs, "tool output")
        );
    }
    smoke.judge("tool.call", wrong, counted(tool.tool_outputs, "tool output"), to_json(tool));
}

Task<void> tool_call(SmokePtr smoke) {
    const ProbeSample tool = co_await replay(smoke, "tool.call", {"16-mcp-call", "tool"});
    if (tool.status == 422) {
        smoke->not_applicable("tool.call", "the replay has no recording of a tool call");
        co_return;
    }
    report_tool(*smoke, tool);
}

Task<void> tool_asked_for(SmokePtr smoke) {
    const std::string thread = smoke->thread();
    ProbeRequest request = probe_request(thread, smoke->options.tool_prompt);
    report_tool(*smoke, co_await smoke->probe("tool.call", thread, std::move(request)));
}

Task<void> in_stream_failure(SmokePtr smoke) {
    const ProbeSample failed =
        co_await replay(smoke, "failure.in-stream", {"36-failed-context-window", "fail"});
    if (failed.status == 422) {
        smoke->not_applicable("failure.in-stream", "the replay has no recording of a failed turn");
        co_return;
    }
    smoke->judge(
        "failure.in-stream",
        wrong_with_failure(failed),
        "one error, code " + printable(failed.error_code, 60),
        to_json(failed)
    );
}

} // namespace

Task<void> smoke_replayed(SmokePtr smoke) {
    if (!smoke->replay) {
        if (smoke->options.tool_prompt.empty()) {
            smoke->not_applicable(
                "tool.call", "only a replay has one at will; --tool-prompt asks for one elsewhere"
            );
        } else {
            co_await tool_asked_for(smoke);
        }
        smoke->not_applicable(
            "failure.in-stream", "done only where /version names the replay authority"
        );
        co_return;
    }
    co_await tool_call(smoke);
    co_await in_stream_failure(smoke);
}

} // namespace oa_stream::probe
