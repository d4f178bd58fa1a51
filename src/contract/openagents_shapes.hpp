// The members of each frame of the retired lane: the table for rules A1 and A2.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <string_view>

namespace oa_stream::contract {

/// Reports A2. False when the retired lane has no such type.
[[nodiscard]] bool
judge_openagents_members(std::string_view type, const Json& frame, const UiMachine::Report& report);

} // namespace oa_stream::contract
