// What the parameters of OpenAI's APIs have in common: rows with their allowed values, and readers
// of parameters that mean the same in both APIs.
#pragma once

#include "completions_params.hpp"

#include <array>
#include <span>
#include <string_view>

namespace oa_stream::lane {

/// null, [], {} and false request nothing.
[[nodiscard]] bool asks_nothing(const Json& value);
[[nodiscard]] bool is_free_choice(const Json& value); ///< for tool choices: none and auto, too
[[nodiscard]] bool is_no_count(const Json& value); ///< 0, too

/// Refused when it requests something: without it the answer would have another meaning.
struct RefusedRow {
    std::string_view name;
    bool (*neutral)(const Json& value);
    std::string_view code = "unsupported_parameter";
    bool tools = false; ///< not refused when the authority (Codex) accepts the client's functions
    std::string_view instead{}; ///< the parameter to use in its place
};
[[nodiscard]] Accepted<void>
refuse_unsupported(const Json& body, std::span<const RefusedRow> rows, bool tools);

// No effect, and reported as ignored: many clients always send them.
struct NumberRow {
    std::string_view name;
    double low;
    double high;
    double neutral;
};
[[nodiscard]] Accepted<void>
read_numbers(const Json& body, std::span<const NumberRow> rows, IgnoredNames& ignored);
struct WordRow {
    std::string_view name;
    std::span<const std::string_view> values;
    std::size_t neutral; ///< the first so many values request nothing special
};
/// `inside`: the prefix of the names in refusals and in the ignored list ("text.").
[[nodiscard]] Accepted<void> read_words(
    const Json& body,
    std::span<const WordRow> rows,
    IgnoredNames& ignored,
    std::string_view inside = ""
);
inline constexpr std::array<std::string_view, 3> k_verbosities{"medium", "low", "high"};
/// Values of service_tier.
inline constexpr std::array<std::string_view, 7> k_tiers{
    "auto", "default", "flex", "scale", "priority", "fast", "ultrafast"
};
/// Reads a limit of tokens.
[[nodiscard]] Accepted<void>
read_most(const Json& body, std::string_view name, IgnoredNames& ignored);

/// `deployment`: the model in the path of Azure's clients, which takes precedence over the member.
[[nodiscard]] Accepted<void>
read_model(const Json& body, const std::optional<std::string>& deployment, CompletionsRequest& out);
/// `otherwise`: the value when it is missing; `inside`: as in read_words().
[[nodiscard]] Accepted<bool>
read_flag(const Json& object, std::string_view name, bool otherwise, std::string_view inside = "");
/// The member as an object; nullptr when it is missing.
[[nodiscard]] Accepted<const Json*> object_in(const Json& body, std::string_view name);
/// 400 unless the answer is streamed.
[[nodiscard]] Accepted<const Json*> stream_options_in(const Json& body, bool stream);
/// `effort`: the member, or nullptr; `efforts`: those of the model, empty when they are unknown.
[[nodiscard]] Accepted<void> read_effort(
    const Json* effort,
    std::string_view name,
    std::span<const std::string> efforts,
    CompletionsRequest& out
);
/// Reads `schema` of `format`, whose full name is `name`.
[[nodiscard]] Accepted<void>
read_schema(const Json& format, const std::string& name, CompletionsRequest& out);

} // namespace oa_stream::lane
