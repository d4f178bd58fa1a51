#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace oa_stream::contract {

namespace {

constexpr std::array<std::string_view, 5> k_names{
    "ai-sdk", "ai-sdk-6", "openagents-v1", "chat-completions", "responses"
};
constexpr std::array k_profiles{
    Profile::ai_sdk,
    Profile::ai_sdk_6,
    Profile::openagents_v1,
    Profile::chat_completions,
    Profile::responses,
};

} // namespace

std::span<const Profile> all_profiles() noexcept {
    return k_profiles;
}

Result<Profile> parse_profile(std::string_view name) {
    if (const auto known = enum_value<Profile>(k_names, name)) {
        return *known;
    }
    const auto near = nearest(name, k_names);
    return fail(
        Code::usage,
        fmt::format("'{}' is not a profile", printable(name, 40)),
        {},
        near ? fmt::format("did you mean '{}'?", *near)
             : fmt::format("one of {}", fmt::join(k_names, ", "))
    );
}

std::string_view to_string(Profile profile) noexcept {
    return enum_word<Profile::responses>(k_names, profile);
}

bool applies(const Rule& rule, Profile profile) noexcept {
    switch (rule.scope) {
    case Scope::every:
        return true;
    case Scope::ai_sdk:
        return profile == Profile::ai_sdk || profile == Profile::ai_sdk_6;
    case Scope::ai_sdk_6:
        return profile == Profile::ai_sdk_6;
    case Scope::openagents_v1:
        return profile == Profile::openagents_v1;
    case Scope::data_only:
        return profile != Profile::responses;
    case Scope::ui_streams:
        return !is_openai(profile);
    case Scope::openai:
    case Scope::openai_stream:
    case Scope::openai_whole:
        return is_openai(profile);
    case Scope::responses:
    case Scope::responses_stream:
        return profile == Profile::responses;
    case Scope::completions:
    case Scope::completions_stream:
    case Scope::completions_whole:
        return profile == Profile::chat_completions;
    }
    return false;
}

bool applies(const Rule& rule, Profile profile, AnswerKind kind) noexcept {
    if (!applies(rule, profile)) {
        return false;
    }
    if (!is_openai(profile) || kind == AnswerKind::stream) {
        return rule.scope != Scope::completions_whole && rule.scope != Scope::openai_whole;
    }
    // Rules about a frame's JSON and the transport also apply to a whole body.
    static constexpr std::array<std::string_view, 7> k_any_body{
        "S1", "J5", "J6", "J7", "W1", "W2", "W3"
    };
    return rule.scope == Scope::completions || rule.scope == Scope::completions_whole ||
           rule.scope == Scope::openai || rule.scope == Scope::openai_whole ||
           rule.scope == Scope::responses || contains(k_any_body, rule.id);
}

std::string_view to_string(AnswerKind kind) noexcept {
    static constexpr std::array<std::string_view, 3> k_words{"stream", "whole", "error"};
    return enum_word<AnswerKind::error>(k_words, kind);
}

} // namespace oa_stream::contract
