#include "oa_stream/contract/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

namespace oa_stream::contract {

namespace {

struct Group {
    char letter;
    std::string_view title, about;
};
constexpr std::array k_groups{
    Group{
        'H',
        "The response head",
        "Judged when the head is known: `check --headers FILE`, or a file that `curl -i` printed."
    },
    Group{'S', "Bytes and framing", "Server-sent events, WHATWG HTML section 9.2."},
    Group{'J', "Each chunk", "One event is one JSON object, or exactly `[DONE]`."},
    Group{'O', "Order", "O10 is judged when the request is known: `check --messages FILE`."},
    Group{'P', "Text and reasoning parts", ""},
    Group{
        'T',
        "Tool calls",
        "An answer may give the output of a call in the newest assistant message of its request. "
        "Give that request with `check --messages FILE`: without it T1 (and Q1 and Q3) is not "
        "judged for a call that the stream has not begun."
    },
    Group{'E', "Errors and aborts", ""},
    Group{'R', "Resume", "Judged when the recording is known: `check --recording FILE`."},
    Group{'W', "Size and transport", ""},
    Group{'A', "The retired dialect", "Profile `openagents-v1` only."},
    Group{
        'C',
        "Chat completions",
        "Profile `chat-completions` only; a body that begins with `{` is judged as a whole answer "
        "or an error."
    },
    Group{
        'V',
        "Responses",
        "Profile `responses` only; a body that begins with `{` is judged as a whole response or an "
        "error. C1 to C5, C14 and C19 hold here too."
    },
    Group{'Q', "Approvals", "Profile `ai-sdk-6` only: no client of AI SDK 5 knows these chunks."},
};

constexpr std::string_view k_intro =
    R"(# The stream contract

<!-- Generated: oa-stream check --rules --markdown. A test compares this page with the rule table. -->

A lane answers a turn with server-sent events. Each frame is `data: <one-line JSON>` and an empty
line; comments (`: ping`) may stand between frames; the last frame is `data: [DONE]`.

`start` → `start-step` → parts and tools → `finish-step` → `finish` → `[DONE]`

A broken *must* fails a stream; a broken *should* is a warning. The writer is held to the same rules
as every stream that `check`, `smoke`, `load` and `shadow` judge.

| profile | what it judges |
|---|---|
| `ai-sdk` | streams for stock AI SDK clients 5, 6 and 7 (the default) |
| `ai-sdk-6` | the same, with `tool-approval-request` and `tool-output-denied`: for clients that sent `x-oa-accept: tool-approval` |
| `openagents-v1` | streams of the retired lane's own dialect |
| `chat-completions` | answers of `POST /v1/chat/completions`, streamed and whole |
| `responses` | answers of `POST /v1/responses`, streamed and whole |

`oa-stream check --explain ID` shows the reason for a rule.

## Keys

Only these keys are accepted by every released client from 5.0.0 to 7.0.173; strict releases refuse
a chunk with any other, and no release takes an unknown `type`.

| chunk | keys |
|---|---|
| `start` | `messageId`, `messageMetadata` |
| `start-step`, `finish-step`, `abort` | none |
| `text-start`, `text-end`, `reasoning-start`, `reasoning-end` | `id` |
| `text-delta`, `reasoning-delta` | `id`, `delta` |
| `tool-input-start` | `toolCallId`, `toolName`, `dynamic`, `providerExecuted` |
| `tool-input-delta` | `toolCallId`, `inputTextDelta` |
| `tool-input-available` | `toolCallId`, `toolName`, `input`, `dynamic`, `providerExecuted` |
| `tool-output-available` | `toolCallId`, `output`, `dynamic`, `providerExecuted` |
| `tool-output-error` | `toolCallId`, `errorText`, `dynamic`, `providerExecuted` |
| `tool-approval-request` (`ai-sdk-6`) | `approvalId`, `toolCallId` |
| `tool-output-denied` (`ai-sdk-6`) | `toolCallId` |
| `data-NAME` | `id`, `data`, `transient` |
| `error` | `errorText` |
| `finish` | `messageMetadata` |
)";

std::vector<std::string_view> profiles_of(const Rule& rule) {
    std::vector<std::string_view> out;
    for (const Profile profile : all_profiles()) {
        if (applies(rule, profile)) {
            out.push_back(to_string(profile));
        }
    }
    return out;
}

/// Escapes characters of a statement that have a meaning in Markdown.
std::string for_table(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|' || c == '_' || c == '*' || c == '<') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

/// Text that the table of the C rules lacks: the order, and which other rules apply too.
std::string completions_order() {
    const auto shared = [](AnswerKind kind) {
        std::string ids;
        for (const Rule& rule : all_rules()) {
            if (rule.id.front() != 'C' && applies(rule, Profile::chat_completions, kind)) {
                ids.append(ids.empty() ? "" : ", ").append(rule.id);
            }
        }
        return ids;
    };
    return fmt::format(
        "A stream: role → content… → finish → usage, when asked for and known → `[DONE]`. A failed "
        "turn:\nrole → content… → usage, as before → one error, and the body ends.\n\n"
        "Of the rules above these hold for a stream too: {}; and for a whole body: {}.\n\n",
        shared(AnswerKind::stream),
        shared(AnswerKind::whole)
    );
}

} // namespace

Json to_json(const Rule& rule) {
    Json out = Json::object();
    out["id"] = rule.id;
    out["level"] = to_string(rule.level);
    out["statement"] = rule.statement;
    out["needs"] = to_string(rule.input);
    out["profiles"] = profiles_of(rule);
    out["why"] = rule.why;
    out["source"] = rule.source;
    return out;
}

std::string explain(const Rule& rule) {
    return fmt::format(
        "{}  {}  {}\n\n{}\n\nneeds     {}\nprofiles  {}\nsource    {}\n",
        rule.id,
        to_string(rule.level),
        rule.statement,
        rule.why,
        to_string(rule.input),
        fmt::join(profiles_of(rule), ", "),
        rule.source
    );
}

std::string rules_text(std::optional<Profile> profile) {
    std::string out;
    for (const Rule& rule : all_rules()) {
        if (profile && !applies(rule, *profile)) {
            continue;
        }
        const bool default_profile = applies(rule, Profile::ai_sdk);
        out += fmt::format(
            "{:<4} {:<6} {}{}\n",
            rule.id,
            to_string(rule.level),
            rule.statement,
            default_profile ? "" : fmt::format(" [profile {}]", fmt::join(profiles_of(rule), ", "))
        );
    }
    return out;
}

std::string rules_page() {
    std::string out(k_intro);
    for (const Group& group : k_groups) {
        out += fmt::format("\n## {}\n\n", group.title);
        if (!group.about.empty()) {
            out += fmt::format("{}\n\n", group.about);
        }
        if (group.letter == 'C') {
            out += completions_order();
        }
        out += "| id | level | rule | why |\n|---|---|---|---|\n";
        for (const Rule& rule : all_rules()) {
            if (rule.id.front() == group.letter) {
                out += fmt::format(
                    "| {} | {} | {} | {} |\n",
                    rule.id,
                    to_string(rule.level),
                    for_table(rule.statement),
                    for_table(rule.why)
                );
            }
        }
    }
    return out;
}

} // namespace oa_stream::contract
