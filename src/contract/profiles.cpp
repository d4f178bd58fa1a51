#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/judge.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::contract {

namespace {

constexpr std::array<std::string_view, 2> k_names{"ai-sdk", "openagents-v1"};
constexpr std::array k_profiles{Profile::ai_sdk, Profile::openagents_v1};

} // namespace

Result<Profile> parse_profile(std::string_view name) {
    for (std::size_t i = 0; i < k_names.size(); ++i) {
        if (k_names[i] == name) {
            return k_profiles[i];
        }
    }
    const auto near = nearest(name, k_names);
    return fail(
        Code::usage,
        fmt::format("'{}' is no profile", printable(name, 40)),
        "--profile",
        near ? fmt::format("did you mean '{}'?", *near)
             : fmt::format("one of {}, {}", k_names[0], k_names[1])
    );
}

std::string_view to_string(Profile profile) noexcept {
    return profile == Profile::ai_sdk ? k_names[0] : k_names[1];
}

bool applies(const Rule& rule, Profile profile) noexcept {
    const Scope own = profile == Profile::ai_sdk ? Scope::ai_sdk : Scope::openagents_v1;
    return rule.scope == Scope::every || rule.scope == own;
}

} // namespace oa_stream::contract
