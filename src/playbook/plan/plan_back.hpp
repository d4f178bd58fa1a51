// The rollback that does not depend on what serves.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// The command that plans a rollback of whatever serves, by the shipped playbook of this plan's
/// driver. Empty when no playbook is shipped for it, or the plan does not say all that it needs.
[[nodiscard]] std::string plan_back_command(const Json& plan);
/// The same where the plan is lost and only the target's name is known: "local:/run/front.sock".
/// Where not even that is known DRIVER stands for it.
[[nodiscard]] std::string plan_back_of(std::string_view target);

} // namespace oa_stream::playbook
