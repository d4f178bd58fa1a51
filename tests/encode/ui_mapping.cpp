#include "mapping.hpp"

#include <array>

namespace oa_stream::encode {
namespace {

constexpr std::array k_codex{
    CodexRow{"turn/started", "turn-started", "The first one of the thread; it names the turn."},
    CodexRow{
        "item/started agentMessage",
        "",
        "A part opens with its first text, so a refusal or an empty message leaves no empty part. "
        "If the answer has nothing else and the message never ended, or tokens were spent, the "
        "lane sends one sentence instead. "
        "A message or reasoning still open is closed first: it was cut off by a retry or a steer."
    },
    CodexRow{
        "item/agentMessage/delta",
        "part-opened, part-delta",
        "Verbatim. Part ids are `m1`, `m2` … (text) and `r1` … (reasoning): they are in every "
        "frame, and item ids of providers are long and repeat."
    },
    CodexRow{
        "item/completed agentMessage",
        "part-opened, part-delta, part-closed",
        "The text that no delta contained; all of it when there were no deltas. When the deltas "
        "are not a prefix of the text, they win and the mismatch is counted. `phase` is reported "
        "in `/v1/responses`; where the answer must be JSON, chat completions send commentary as "
        "reasoning."
    },
    CodexRow{
        "item/reasoning/summaryTextDelta, item/reasoning/textDelta",
        "part-opened, part-delta",
        "One reasoning part for each item. A blank line separates summary parts and precedes raw "
        "text."
    },
    CodexRow{
        "item/completed reasoning",
        "part-opened, part-delta, part-closed",
        "As for messages, over the summary parts and then the raw content."
    },
    CodexRow{
        "item/started commandExecution",
        "tool-opened, tool-input-ready",
        "Tool `shell`, input `{command, cwd?}`. The command is the text inside `bash -lc '…'` or "
        "`-c`, for the shells of the system only; otherwise all of it is shown. "
        "`cwd` is present for another folder than the thread's: relative to that one, or absolute "
        "when it is elsewhere."
    },
    CodexRow{
        "item/commandExecution/outputDelta",
        "tool-output-delta",
        "Live output, shown while it runs. Its beginning can be missing; the final output is "
        "complete."
    },
    CodexRow{
        "item/completed commandExecution",
        "tool-output, tool-failed",
        "`{output, exitCode, durationMs}` whatever the exit code: the output must stay visible and "
        "`grep` without a match is not a tool failure. Failed only when it was declined or could "
        "not be run (no exit code); its output, if any, then follows the sentence."
    },
    CodexRow{
        "item/started fileChange",
        "tool-opened, tool-input-ready",
        "Tool `apply_patch`, input `{changes:[{path, kind, movePath?, diff}]}`, paths relative to "
        "the thread's folder. Announced without changes, its input waits for item/completed."
    },
    CodexRow{
        "item/completed fileChange",
        "tool-output, tool-failed",
        "`{status:\"completed\"}`; declined and failed are failures."
    },
    CodexRow{
        "item/started mcpToolCall, dynamicToolCall",
        "tool-opened, tool-input-ready",
        "Tool `server__tool` (or `namespace__tool`, or the tool alone) in `[A-Za-z0-9_-]{1,64}`, "
        "input as given."
    },
    CodexRow{"item/mcpToolCall/progress", "tool-output-delta", "The message and a line end."},
    CodexRow{
        "item/completed mcpToolCall",
        "tool-output, tool-failed",
        "`{content, structuredContent?}`, without `_meta`. A failed call shows what the tool "
        "answered, else a fixed sentence: the error's own text can name paths and hosts."
    },
    CodexRow{
        "item/completed dynamicToolCall",
        "tool-output, tool-failed",
        "`{content, success}`; failed when there is no content. For a function of the page: the "
        "page's result, and failed when the page reported a failure."
    },
    CodexRow{
        "item/started webSearch",
        "tool-opened",
        "Tool `web_search`. Its query is empty until it completes, so the input waits."
    },
    CodexRow{
        "item/completed webSearch",
        "tool-input-ready, tool-output",
        "Input `{query, action, queries?, url?, pattern?}`, output `{status, results?}`."
    },
    CodexRow{
        "item/started collabAgentToolCall",
        "tool-opened, tool-input-ready",
        "Tool `agent__NAME`, input `{prompt?, model?}`. Ids of other threads are dropped."
    },
    CodexRow{
        "item/completed collabAgentToolCall",
        "tool-output, tool-failed",
        "`{status:\"completed\"}`."
    },
    CodexRow{
        "item/completed plan", "note", "`proposed-plan` with `{text}`; its deltas are dropped."
    },
    CodexRow{
        "turn/plan/updated",
        "note",
        "`plan` with id `plan` and `{explanation?, steps:[{step, status}]}`: each replaces the "
        "last."
    },
    CodexRow{
        "turn/diff/updated",
        "note",
        "`diff` with id `diff` and `{diff}`; repeated ones are dropped."
    },
    CodexRow{
        "item/started, item/completed contextCompaction",
        "note",
        "Transient `notice` of kind `compacting`, then `compacted`. Before the model has read the "
        "results of calls in its request: `turn-ended`, `turn_failed` with "
        "`context_length_exceeded`."
    },
    CodexRow{
        "error, willRetry true",
        "part-closed, note",
        "Transient `notice` of kind `reconnecting`. Open parts are closed: the retry repeats the "
        "text from its start, in a new item."
    },
    CodexRow{"error, willRetry false", "", "turn/completed follows and reports it, once."},
    CodexRow{
        "thread/tokenUsage/updated",
        "usage-known",
        "Difference of the four `total` fields since the turn began; all zero is unknown. One of "
        "an earlier turn that comes first is the baseline. None for a turn that was joined behind "
        "a call, if its baseline is unknown."
    },
    CodexRow{
        "turn/completed, status completed",
        "turn-ended",
        "Finish `stop`. Without any text so far, the message in `turn.items` is sent first."
    },
    CodexRow{"turn/completed, status interrupted", "turn-ended", "Outcome `interrupted`."},
    CodexRow{
        "turn/completed, status failed",
        "turn-ended",
        "Outcome `failed`, code `turn_failed`, `retryable` as below. Codex's text goes only to the "
        "log. A truncated or filtered answer is a completed turn."
    },
    CodexRow{
        "item/commandExecution/requestApproval, item/fileChange/requestApproval",
        "note, approval-asked",
        "When the turn's client takes approvals; otherwise declined, and the call ends as "
        "declined. The call is that of `itemId`. The note `approval` describes the question "
        "(docs/approvals.md)."
    },
    CodexRow{
        "item/permissions/requestApproval",
        "tool-opened, tool-input-ready, note, approval-asked, approval-settled, tool-output, "
        "tool-failed",
        "There is no item, so a call `request_permissions` represents it, input `{reason?, "
        "permissions}`. Approved: what was asked for, for this turn."
    },
    CodexRow{
        "mcpServer/elicitation/request of an mcp_tool_call",
        "note, approval-asked",
        "The approval of an MCP call: that of the open call of this server and tool."
    },
    CodexRow{
        "item/tool/requestUserInput, mcpServer/elicitation/request",
        "note",
        "`question` with `{kind, questions}`. Answered empty or declined, so that the turn "
        "continues; the user sees the question."
    },
    CodexRow{
        "serverRequest/resolved",
        "approval-settled",
        "Only for an approval that still waits: another client decided, or a decision is no longer "
        "possible."
    },
    CodexRow{
        "warning, thread/status/changed, item/* of other types, …",
        "",
        "Nothing: our own input, the log's business, or unknown. So is everything of other threads "
        "and turns, and whatever follows turn/completed."
    },
};

constexpr std::array k_chunks{
    ChunkRow{
        "turn-started",
        "start, start-step",
        "Written as soon as the authority accepted the turn, when the event has not come yet."
    },
    ChunkRow{"part-opened", "text-start, reasoning-start", "By kind."},
    ChunkRow{"part-delta", "text-delta, reasoning-delta", "Whole code points, otherwise verbatim."},
    ChunkRow{"part-closed", "text-end, reasoning-end", ""},
    ChunkRow{
        "tool-opened",
        "tool-input-start",
        "`dynamic` and `providerExecuted` on every chunk of a call: Codex runs the tools, and a "
        "page with `sendAutomaticallyWhen` would otherwise ask for ever. Calls of the page's own "
        "functions have neither."
    },
    ChunkRow{"tool-input-delta", "tool-input-delta", ""},
    ChunkRow{"tool-input-ready", "tool-input-available", ""},
    ChunkRow{
        "tool-output-delta",
        "data-tool-output",
        "Transient, `{toolCallId, delta}`; old clients reject `preliminary`."
    },
    ChunkRow{"tool-output", "tool-output-available", ""},
    ChunkRow{
        "tool-failed",
        "tool-output-error, tool-output-denied",
        "Denied when its approval was, for a client that takes approvals."
    },
    ChunkRow{"note", "data-NAME", "With its id, so that a later one replaces it, or transient."},
    ChunkRow{
        "approval-asked",
        "tool-approval-request",
        "Only for a client that takes approvals. Once no part is open and every other call has "
        "ended, or a second later, the answer ends: `finish-step`, `finish` with status "
        "`waiting-for-approval`, `[DONE]`. The request with the decision is answered with `start` "
        "of the same message id, "
        "`start-step` and what follows."
    },
    ChunkRow{"approval-settled", "", "The end of the call shows it."},
    ChunkRow{"usage-known", "", "Kept for the end of the stream."},
    ChunkRow{
        "turn-ended",
        "text-start, text-delta, text-end, reasoning-end, tool-input-available, "
        "tool-output-error, data-error, error, abort, finish-step, finish, [DONE]",
        "Open parts and calls are closed first. Completed with text that may be lost: one sentence "
        "states it (`notice` of the finish). Failed and aborted: "
        "`data-error {code, reason, "
        "message, retryable, retryAfter}`, then `error`, after which useChat reads no more. "
        "Interrupted: `abort`."
    },
};

} // namespace

std::span<const CodexRow> codex_rows() noexcept {
    return k_codex;
}
std::span<const ChunkRow> chunk_rows() noexcept {
    return k_chunks;
}

} // namespace oa_stream::encode
