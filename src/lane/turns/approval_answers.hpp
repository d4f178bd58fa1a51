// A user's decisions on approvals, as stock clients send them: in the tool parts of the last
// message.
#pragma once

#include "oa_stream/base/json.hpp"

#include "approvals.hpp"

#include <vector>

namespace oa_stream::lane {

/// The answers in an assistant's message: its tool parts in state "approval-responded". Each id
/// appears once; the last part with an id counts.
[[nodiscard]] std::vector<ApprovalAnswer> read_approval_answers(const Json& message);

} // namespace oa_stream::lane
