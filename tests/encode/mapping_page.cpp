#include "oa_stream/turn/words.hpp"

#include "codex/events/codex_events.hpp"
#include "mapping.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace oa_stream::encode {
namespace {

constexpr std::string_view k_head = R"(# From Codex events to stream chunks

The tables in `tests/encode/` generate this page. The unit tests of `encode` compare the translator, the
encoder and this page with them. Change the table, run `unit_encode`, and copy the page that it prints.

Three steps, each with its own types: Codex app-server messages → turn events
(`authority::CodexTranslator`) → the same events in a grammar that always holds
(`encode::Normaliser`) → chunks of the UI message stream (`encode::UiEncoder`). The encoder passes
every chunk through the contract's machine before it writes a byte.

)";

constexpr std::string_view k_metadata = R"(
## Metadata

Strict clients refuse unknown members on `start` and `finish`, so the lane's own members are in
`messageMetadata`, which clients merge over the stream.

| member | on | what |
|---|---|---|
| `threadId` | start, finish | the client's own thread id |
| `turnId` | start, finish | the turn; `messageId` is the same unless the answer continues an older message |
| `model` | start | when known |
| `status` | finish | `completed`, `interrupted`, `failed`, or `aborted` for a failure of the class `turn_aborted` |
| `finishReason` | finish | `stop`, `length`, `tool-calls`, `content-filter`, `error`, `other` |
| `usage` | finish | `{inputTokens, cachedInputTokens, outputTokens, reasoningOutputTokens}`; left out when unknown. Input includes cached, output includes reasoning. |

## Values that are changed

- A key `__proto__`, and a key `constructor` that is null or holds `prototype`, at any depth of a
  tool's input or output or of a note, gets the suffix ` (renamed)`: clients drop the whole stream at
  such a key (at the null, AI SDK 5.0.0 and 6.0.0).
- A value nested deeper than 60 levels is sent as a string of its JSON.
- Invalid UTF-8 and an unfinished code point become U+FFFD. The lane holds back a code point that is cut
  over two deltas until it is complete.
- An id that is not valid on the wire (`[A-Za-z0-9_-]{1,128}`) is replaced. Valid call ids of the provider
  stay, with `-2`, `-3` for later occurrences in the turn, and with a hash behind ids that already end in
  such a number. They are the same in the stream and in the history.

)";

constexpr std::string_view k_worker_head = R"(
## Worker notifications to events

With `--authority worker` the same notifications arrive as events of the worker, in one of two dialects:
Codex's own (camelCase), and that of the worker event contract (snake_case, `item_kind`). The lane
distinguishes them member by member and translates the second into the first; then the table above
applies. The differences:

| the worker sends | events | how |
|---|---|---|
)";

constexpr std::string_view k_original_head = R"(
## Against the goldens of the retired lane

The three scenarios of `fixtures/originals/codex-event-scenarios.json` (a test translates their old method
names) give other frames than `golden-sse-transcripts.json`. Strict AI SDK clients refuse the first golden
frame for its unknown members. Lenient clients refuse the unknown types and the `error` without
`errorText`, and show reasoning as the answer. Frame by frame:
)";

[[nodiscard]] std::string code(std::string_view text) {
    return text.empty() ? "–" : fmt::format("`{}`", text);
}

/// "a, b" → "`a`, `b`"
[[nodiscard]] std::string codes(std::string_view list) {
    std::string out;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(", "), list.size());
        out += (out.empty() ? "" : ", ") + code(list.substr(0, end));
        list.remove_prefix(std::min(end + 2, list.size()));
    }
    return out.empty() ? "–" : out;
}

void append_codex(std::string& out) {
    out += "## Codex to events\n\n| Codex sends | events | how |\n|---|---|---|\n";
    for (const CodexRow& row : codex_rows()) {
        out += fmt::format("| {} | {} | {} |\n", row.message, codes(row.events), row.how);
    }
}

void append_worker(std::string& out) {
    out += k_worker_head;
    for (const CodexRow& row : worker_rows()) {
        out += fmt::format("| {} | {} | {} |\n", row.message, codes(row.events), row.how);
    }
}

void append_chunks(std::string& out) {
    out += "\n## Events to chunks\n\n| event | chunks | how |\n|---|---|---|\n";
    for (const ChunkRow& row : chunk_rows()) {
        out += fmt::format("| {} | {} | {} |\n", code(row.event), codes(row.chunks), row.how);
    }
}

void append_failures(std::string& out) {
    out += "## Failures\n\n| code | what a client reads | counted as |\n|---|---|---|\n";
    for (const turn::FailureWords& words : turn::all_failure_words()) {
        out += fmt::format(
            "| {} | {} | {} |\n", code(words.word), words.sentence, code(to_string(words.terminal))
        );
    }
}

void append_errors(std::string& out) {
    out +=
        "\nA turn that Codex reports as failed is `turn_failed`. Whether trying again makes sense "
        "is decided by its `codexErrorInfo`; where that is `other`, by a text in its message. A "
        "status of the provider, where Codex reports one, decides instead: 408, 409, 425, 429 and "
        "5xx but 501 and 505 are retryable. Anything else is not.\n\n"
        "| Codex sends | as | retryable | the turn is |\n|---|---|---|---|\n";
    for (const auto& row : authority::codex_error_rows()) {
        using enum authority::CodexErrorRow::Match;
        out += fmt::format(
            "| {} | {} | {} | {} |\n",
            code(row.word),
            row.match == kind ? "codexErrorInfo" : "text",
            row.retryable ? "yes" : "no",
            row.match == ending ? fmt::format("completed, finish `{}`", to_string(row.finish))
                                : "failed"
        );
    }
}

void append_originals(std::string& out) {
    out += k_original_head;
    std::string_view scenario;
    for (const OriginalRow& row : original_rows()) {
        if (row.scenario != scenario) {
            scenario = row.scenario;
            out +=
                fmt::format("\n### {}\n\n| golden | now | why |\n|---|---|---|\n", code(scenario));
        }
        out += fmt::format("| {} | {} | {} |\n", code(row.original), code(row.ours), row.reason);
    }
}

} // namespace

std::string mapping_markdown() {
    std::string out(k_head);
    append_codex(out);
    append_worker(out);
    append_chunks(out);
    out += k_metadata;
    append_failures(out);
    append_errors(out);
    append_originals(out);
    return out;
}

} // namespace oa_stream::encode
