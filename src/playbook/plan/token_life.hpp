// Checks whether the tokens of a run live as long as it may take. Private to the room.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/playbook/playbook.hpp"

#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Warnings: a token that is read once and has an unknown life, for a run that may outlive it.
/// Code::credentials when a token is known to expire before a run that begins now may end.
[[nodiscard]] Result<std::vector<std::string>>
check_token_lives(const Playbook& playbook, const Outside& outside, WallTime now);

} // namespace oa_stream::playbook
