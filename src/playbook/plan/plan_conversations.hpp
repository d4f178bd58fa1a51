// Describes in a plan what a cutover does to conversations. Private to the room.
#pragma once

#include "oa_stream/playbook/plan.hpp"

#include <string>

namespace oa_stream::playbook {

/// Printed before everything else in a plan, so that it is not missed. Empty: nothing to report.
[[nodiscard]] std::string conversations_text(const Plan& plan);

} // namespace oa_stream::playbook
