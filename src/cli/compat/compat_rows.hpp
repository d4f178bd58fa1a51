// The retired scripts' rows, one function for each. Private to the command.
#pragma once

#include "compat_scripts.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace oa_stream::cli {

using Words = std::vector<std::string>;
inline void add(Words& words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
}
/// The longest timeout that a script accepts, in seconds.
inline constexpr std::uint64_t k_longest_s = 3600;

inline constexpr std::string_view k_rollout_usage =
    "status | deploy-no-traffic <image> | set-traffic "
    "<stable> <canary> <percent> | drill <stable> <canary> | rollback <stable>";

/// The target's URL; required, because the scripts' own default was production.
[[nodiscard]] Result<std::string> old_base_url(const OldCall& call);

[[nodiscard]] Result<Replacement> smoke_health(const OldCall& call);
[[nodiscard]] Result<Replacement> smoke_control(const OldCall& call);
[[nodiscard]] Result<Replacement> stream_smoke(const OldCall& call);
[[nodiscard]] Result<Replacement> shadow(const OldCall& call);
[[nodiscard]] Result<Replacement> harness(const OldCall& call);
[[nodiscard]] Result<Replacement> cutover(const OldCall& call);
[[nodiscard]] Result<Replacement> route_flip(const OldCall& call);
[[nodiscard]] Result<Replacement> rollout(const OldCall& call);
[[nodiscard]] Result<Replacement> drill(const OldCall& call);

} // namespace oa_stream::cli
