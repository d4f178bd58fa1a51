// What the parameters of OpenAI's APIs have in common: rows that say what one may be, and readers
// of those that mean the same in both.
#pragma once

#include "completions_params.hpp"

#include <array>
#include <span>
#include <string_view>

namespace oa_stream::lane {

/// null, [], {} and false ask for nothing.
[[nodiscard]] bool asks_nothing(const Json& value);
[[nodiscard]] bool is_free_choice(const Json& value); ///< of a tool: none and auto, too
[[nodiscard]] bool is_no_count(const Json& value); ///< 0, too

/// Refused where it asks for something: an answer without it would mean something else.
struct RefusedRow {
    std::string_view name;
    bool (*neutral)(const Json& value);
    std::string_view code = "unsupported_parameter";
    bool tools = false; ///< not where the authority takes functions of the client's: over Codex
    std::string_view instead{}; ///< the parameter that has its meaning there
};
[[nodiscard]] Accepted<void>
refuse_unsupported(const Json& body, std::span<const RefusedRow> rows, bool tools);

// Without effect, and named as such: many clients send them by habit.
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
    std::size_t neutral; ///< the first so many ask for nothing special
};
/// `inside`: what stands before the names in a refusal and among the ignored ("text.").
[[nodiscard]] Accepted<void> read_words(
    const Json& body,
    std::span<const WordRow> rows,
    IgnoredNames& ignored,
    std::string_view inside = ""
);
inline constexpr std::array<std::string_view, 3> k_verbosities{"medium", "low", "high"};
/// Of service_tier.
inline constexpr std::array<std::string_view, 7> k_tiers{
    "auto", "default", "flex", "scale", "priority", "fast", "ultrafast"
};
/// A limit of tokens.
[[nodiscard]] Accepted<void>
read_most(const Json& body, std::string_view name, IgnoredNames& ignored);

/// `deployment`: the name in the path of Azure's clients, which counts instead of the member.
[[nodiscard]] Accepted<void>
read_model(const Json& body, const std::optional<std::string>& deployment, CompletionsRequest& out);
/// `otherwise`: where it is not given; `inside`: as of read_words().
[[nodiscard]] Accepted<bool>
read_flag(const Json& object, std::string_view name, bool otherwise, std::string_view inside = "");
/// The member as an object; nullptr when it is not given.
[[nodiscard]] Accepted<const Json*> object_in(const Json& body, std::string_view name);
/// Only of an answer that is streamed.
[[nodiscard]] Accepted<const Json*> stream_options_in(const Json& body, bool stream);
/// `effort`: the member, or nullptr; `efforts`: the model's, empty when they are not known.
[[nodiscard]] Accepted<void> read_effort(
    const Json* effort,
    std::string_view name,
    std::span<const std::string> efforts,
    CompletionsRequest& out
);
/// `schema` of `format`, whose full name is `name`.
[[nodiscard]] Accepted<void>
read_schema(const Json& format, const std::string& name, CompletionsRequest& out);

} // namespace oa_stream::lane
