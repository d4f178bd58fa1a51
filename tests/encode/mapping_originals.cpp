#include "mapping.hpp"

#include <array>

namespace oa_stream::encode {
namespace {

constexpr std::string_view k_text = "success_text_reasoning";
constexpr std::string_view k_tool = "success_tool_then_text";
constexpr std::string_view k_error = "in_stream_error";

constexpr std::string_view k_why_start = "Ids and model travel in `messageMetadata`; `messageId` "
                                         "lets the page resume. `source` had no information.";
constexpr std::string_view k_why_step = "No member is allowed here.";
constexpr std::string_view k_why_step_end = "Status moved to finish; the step is the turn.";
constexpr std::string_view k_why_finish =
    "Everything of ours in `messageMetadata`, with the reason; usage when known.";
constexpr std::string_view k_why_done = "The same.";
constexpr std::string_view k_why_end = "A part must be ended; the golden never did. The model's "
                                       "next output ends it, or the end of the turn.";

constexpr std::array k_original_rows{
    // --- text and reasoning
    OriginalRow{
        k_text,
        R"({"type":"start","threadId":"thr_text","source":"codex"})",
        R"({"type":"start","messageId":"turn_text","messageMetadata":{"threadId":"thr_text","turnId":"turn_text","model":"gpt-5.2-codex"}})",
        k_why_start
    },
    OriginalRow{
        k_text,
        R"({"type":"start-step","threadId":"thr_text","turnId":"turn_text","model":"gpt-5.2-codex"})",
        R"({"type":"start-step"})",
        k_why_step
    },
    OriginalRow{
        k_text,
        R"({"type":"text-start","id":"item_text_1","turnId":"turn_text"})",
        R"({"type":"text-start","id":"m1"})",
        "Only `id` is allowed. Ids of our own: item ids repeat, and here one id has a text and a "
        "reasoning part."
    },
    OriginalRow{
        k_text,
        R"({"type":"text-delta","id":"item_text_1","channel":"assistant","delta":"Hello from Codex"})",
        R"({"type":"text-delta","id":"m1","delta":"Hello from Codex"})",
        "No `channel`: the chunk's type shows it."
    },
    OriginalRow{k_text, "", R"({"type":"text-end","id":"m1"})", k_why_end},
    OriginalRow{
        k_text,
        R"({"type":"text-delta","id":"item_text_1","channel":"reasoning","delta":"Inspecting context"})",
        R"({"type":"reasoning-start","id":"r1"} {"type":"reasoning-delta","id":"r1","delta":"Inspecting context"})",
        "Reasoning has chunks of its own; as text it would be shown as the answer."
    },
    OriginalRow{k_text, "", R"({"type":"reasoning-end","id":"r1"})", k_why_end},
    OriginalRow{
        k_text,
        R"({"type":"finish-step","turnId":"turn_text","status":"completed"})",
        R"({"type":"finish-step"})",
        k_why_step_end
    },
    OriginalRow{
        k_text,
        R"({"type":"finish","status":"completed"})",
        R"({"type":"finish","messageMetadata":{"threadId":"thr_text","turnId":"turn_text","status":"completed","finishReason":"stop"}})",
        k_why_finish
    },
    OriginalRow{k_text, "[DONE]", "[DONE]", k_why_done},
    // --- tool, then text
    OriginalRow{
        k_tool,
        R"({"type":"start","threadId":"thr_tool","source":"codex"})",
        R"({"type":"start","messageId":"turn_tool","messageMetadata":{"threadId":"thr_tool","turnId":"turn_tool","model":"gpt-5.2-codex"}})",
        k_why_start
    },
    OriginalRow{
        k_tool,
        R"({"type":"start-step","threadId":"thr_tool","turnId":"turn_tool","model":"gpt-5.2-codex"})",
        R"({"type":"start-step"})",
        k_why_step
    },
    OriginalRow{
        k_tool,
        R"({"type":"tool-input","toolCallId":"tool_call_1","toolName":"web.search","input":{"q":"openagents status"}})",
        R"({"type":"tool-input-start","toolCallId":"tool_call_1","toolName":"web_search","dynamic":true,"providerExecuted":true} {"type":"tool-input-available","toolCallId":"tool_call_1","toolName":"web_search","input":{"q":"openagents status"},"dynamic":true,"providerExecuted":true})",
        "The protocol has no type `tool-input`. Names keep to `[A-Za-z0-9_-]`; `dynamic` because "
        "the page knows no such tool, `providerExecuted` because it must not run it."
    },
    OriginalRow{
        k_tool,
        R"j({"type":"tool-output","toolCallId":"tool_call_1","delta":"{\"result\":\"ok\"}"})j",
        R"j({"type":"data-tool-output","data":{"toolCallId":"tool_call_1","delta":"{\"result\":\"ok\"}"},"transient":true})j",
        "The protocol has no type `tool-output`; live output is transient data."
    },
    OriginalRow{
        k_tool,
        R"({"type":"tool-output","toolCallId":"tool_call_1","status":"completed"})",
        R"({"type":"tool-output-available","toolCallId":"tool_call_1","output":{},"dynamic":true,"providerExecuted":true})",
        "The output is what the completed item holds; the old event holds none."
    },
    OriginalRow{
        k_tool,
        R"({"type":"text-start","id":"item_text_2","turnId":"turn_tool"})",
        R"({"type":"text-start","id":"m1"})",
        "Only `id` is allowed."
    },
    OriginalRow{
        k_tool,
        R"({"type":"text-delta","id":"item_text_2","channel":"assistant","delta":"Tool completed successfully"})",
        R"({"type":"text-delta","id":"m1","delta":"Tool completed successfully"})",
        "No `channel`: the chunk's type shows it."
    },
    OriginalRow{k_tool, "", R"({"type":"text-end","id":"m1"})", k_why_end},
    OriginalRow{
        k_tool,
        R"({"type":"finish-step","turnId":"turn_tool","status":"completed"})",
        R"({"type":"finish-step"})",
        k_why_step_end
    },
    OriginalRow{
        k_tool,
        R"({"type":"finish","status":"completed"})",
        R"({"type":"finish","messageMetadata":{"threadId":"thr_tool","turnId":"turn_tool","status":"completed","finishReason":"stop"}})",
        k_why_finish
    },
    OriginalRow{k_tool, "[DONE]", "[DONE]", k_why_done},
    // --- error in the stream
    OriginalRow{
        k_error,
        R"({"type":"start","threadId":"thr_error","source":"codex"})",
        R"({"type":"start","messageId":"turn_error","messageMetadata":{"threadId":"thr_error","turnId":"turn_error","model":"gpt-5.2-codex"}})",
        k_why_start
    },
    OriginalRow{
        k_error,
        R"({"type":"start-step","threadId":"thr_error","turnId":"turn_error","model":"gpt-5.2-codex"})",
        R"({"type":"start-step"})",
        k_why_step
    },
    OriginalRow{
        k_error,
        R"({"type":"error","code":"codex_error","message":"runtime unavailable","retryable":false})",
        R"({"type":"data-error","data":{"code":"turn_failed","message":"The assistant could not finish this answer.","retryable":false}} {"type":"error","errorText":"The assistant could not finish this answer."})",
        "`error` has only a text, so code and retryable precede it as data. The upstream's "
        "text stays in the log. Today's app-server reports this as a failed turn, hence the code; "
        "`codex_error` is for an authority that sends invalid events."
    },
    OriginalRow{k_error, "", R"({"type":"finish-step"})", "The step that was started is finished."},
    OriginalRow{
        k_error,
        R"({"type":"finish","status":"error"})",
        R"({"type":"finish","messageMetadata":{"threadId":"thr_error","turnId":"turn_error","status":"failed","finishReason":"error"}})",
        k_why_finish
    },
    OriginalRow{k_error, "[DONE]", "[DONE]", k_why_done},
};

} // namespace

std::span<const OriginalRow> original_rows() noexcept {
    return k_original_rows;
}

} // namespace oa_stream::encode
