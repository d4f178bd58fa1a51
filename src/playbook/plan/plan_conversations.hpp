// What a cutover does to conversations, in a plan's words. Private to the room.
#pragma once

#include "oa_stream/playbook/plan.hpp"

#include <string>

namespace oa_stream::playbook {

/// Stands before everything else of a plan: nobody may miss it. Empty: there is nothing to say.
[[nodiscard]] std::string conversations_text(const Plan& plan);

} // namespace oa_stream::playbook
