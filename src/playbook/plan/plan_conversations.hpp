// What a cutover does to conversations, in a plan's words. Private to the room.
#pragma once

#include "oa_stream/playbook/plan.hpp"

#include <string>

namespace oa_stream::playbook {

/// Stands before everything else that a plan says: nobody may miss it. Empty: nothing is to be
/// said.
[[nodiscard]] std::string conversations_text(const Plan& plan);

} // namespace oa_stream::playbook
