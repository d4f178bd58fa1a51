#include "mapping.hpp"

#include <array>

namespace oa_stream::encode {
namespace {

constexpr std::array k_worker_rows{
    CodexRow{
        "turn/started",
        "turn-started",
        "Once. A turn whose first event is another one begins with that. The turn's id is the "
        "receipt's, whatever the worker calls it."
    },
    CodexRow{
        "item/agentMessage/delta, item/reasoning/summaryTextDelta, item/reasoning/textDelta",
        "part-opened, part-delta",
        "As from Codex. Parts are distinguished by kind and item id: one id may have both. With "
        "`--worker-text items` they wait for the whole item."
    },
    CodexRow{
        "item/completed of a message or reasoning",
        "part-opened, part-delta, part-closed",
        "The text that no delta contained. If the deltas are not a beginning of the text, they win "
        "and are counted."
    },
    CodexRow{
        "item/started of a tool",
        "tool-opened, tool-input-ready",
        "As from Codex. `tool_name` alone is the name, made fit for the wire: `web.search` is "
        "`web_search`."
    },
    CodexRow{
        "item/toolOutput/delta, item/commandExecution/outputDelta, item/mcpToolCall/progress",
        "tool-output-delta",
        "Also kept: it is the output of a tool whose item has none."
    },
    CodexRow{
        "item/completed of a tool",
        "tool-output",
        "As from Codex. Without an item: `{output}` of the joined deltas, without those "
        "`{status:\"completed\"}`."
    },
    CodexRow{
        "item/completed of a tool, failed or declined",
        "tool-failed",
        "A fixed sentence, never the error's own text."
    },
    CodexRow{"item/completed todo_list, turn/plan/updated", "note", "The plan."},
    CodexRow{"error and codex/error with will_retry", "note", "`notice` `reconnecting`; no end."},
    CodexRow{
        "codex/error without will_retry",
        "turn-ended",
        "`codex_error`. This is an end by itself: nothing follows."
    },
    CodexRow{"error without will_retry", "", "`turn/completed` follows."},
    CodexRow{
        "thread/tokenUsage/updated",
        "usage-known",
        "Its difference to the thread's total before the turn: 0 for a thread that the lane "
        "started, "
        "else the last reported total, also from turns of others. Nothing where none was reported."
    },
    CodexRow{
        "turn/completed",
        "turn-ended",
        "Completed, interrupted, `turn_failed`, or for another status `codex_error`. "
        "`token_usage` is the turn's; all zero means unknown. With items still open the end waits "
        "up to 150 ms for them."
    },
    CodexRow{"turn/failed", "turn-ended", "`turn_failed`, retryable as `will_retry` states."},
    CodexRow{"turn/aborted", "turn-ended", "`turn_aborted`."},
    CodexRow{"turn/interrupted", "turn-ended", "Interrupted, by any client."},
    CodexRow{
        "thread/started, user_message items, anything else",
        "",
        "Counted; no event ends a turn by being wrong."
    },
};

} // namespace

std::span<const CodexRow> worker_rows() noexcept {
    return k_worker_rows;
}

} // namespace oa_stream::encode
