// The rule table, with the ids of the conformance kit, continued for new rules. It is the source
// for the violations' texts, `check --rules`, docs/contract.md and the tests' names.
#pragma once

#include <span>
#include <string_view>

namespace oa_stream::contract {

enum class Level { must, should };
/// The input that a rule needs; without it the rule is reported as "not judged".
enum class Input {
    bytes,
    headers,   ///< the response head
    messages,  ///< the request's messages
    resume,    ///< the recording that a resume answer replays
    transport, ///< how the connection ended; unknown for a file
};
/// The profiles, and for OpenAI's APIs the kinds of answer, to which the rule applies.
enum class Scope {
    every,      ///< streams of every profile
    data_only,  ///< … except responses, whose events have names
    ui_streams, ///< every profile except OpenAI's APIs
    ai_sdk,
    ai_sdk_6,
    openagents_v1,
    openai, ///< chat-completions and responses, streamed or whole
    openai_stream,
    openai_whole,
    completions, ///< chat-completions, streamed or whole
    completions_stream,
    completions_whole,
    responses, ///< responses, streamed or whole
    responses_stream,
};

struct Rule {
    std::string_view id;      ///< "O5"
    Level level;
    Input input;
    std::string_view statement; ///< one line
    std::string_view source;    ///< where the rule comes from
    std::string_view why;       ///< the effect of a violation on users; shown by --explain
    Scope scope = Scope::ai_sdk;
};

/// All rules, in the order of the kit.
[[nodiscard]] std::span<const Rule> all_rules() noexcept;
/// nullptr for an unknown id.
[[nodiscard]] const Rule* find_rule(std::string_view id) noexcept;
/// Whether a frame that breaks this rule must not be sent. An unknown rule counts as one.
[[nodiscard]] bool is_must(std::string_view id) noexcept;
[[nodiscard]] std::string_view to_string(Level level) noexcept;
[[nodiscard]] std::string_view to_string(Input input) noexcept;

} // namespace oa_stream::contract
