// The way back that does not depend on what serves.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>

namespace oa_stream::playbook {

/// The command that plans a rollback of whatever serves, by the shipped playbook of this plan's
/// driver; what the plan does not say stays "…" in it. Empty when no playbook is shipped for it.
[[nodiscard]] std::string plan_back_command(const Json& plan);

} // namespace oa_stream::playbook
