// The words of the file format, in the order of their enums. Private to the room.
#pragma once

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/playbook/playbook.hpp"

#include <array>
#include <string_view>

namespace oa_stream::playbook {

inline constexpr std::array<std::string_view, 3> k_through_words{"stable", "canary", "users"};
inline constexpr std::array<std::string_view, 3> k_surface_words{
    "stream", "control", "completions"
};
inline constexpr std::array<std::string_view, 2> k_then_words{"rollback", "hold"};
inline constexpr std::array<std::string_view, 2> k_no_traffic_words{"probe", "hold"};

inline constexpr Millis k_longest_hook{600'000}; ///< a hook's `timeout`
/// Errors in a playbook's hooks, `where` = "hooks[1].timeout".
[[nodiscard]] std::vector<Error> hook_problems(const std::vector<HookSpec>& hooks);

} // namespace oa_stream::playbook
