// The members of a response's items.
#pragma once

#include "oa_stream/contract/responses_machine.hpp"

namespace oa_stream::contract {

/// V5.
void judge_item(const Json& item, const ResponsesMachine::Report& report);

} // namespace oa_stream::contract
