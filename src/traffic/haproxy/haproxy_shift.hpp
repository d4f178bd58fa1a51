// The order in which servers get their new weights. Private to the room.
#pragma once

#include "haproxy_answers.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic {

/// The `set server …` commands that lead from `snapshot` to `wanted`, in an order in which there is
/// never a moment without any weight, and in which nobody but `stable` ever has a larger share in
/// between than before or after: raise stable, raise the others, lower the others, lower stable.
/// Servers that are not in `wanted` are left alone; no command is sent twice.
[[nodiscard]] std::vector<std::string> shift_commands(
    const HaproxySnapshot& snapshot,
    std::string_view backend,
    std::string_view stable,
    const Settings& wanted
);

} // namespace oa_stream::traffic
