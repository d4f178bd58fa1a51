// Checks that the revisions that a rollback restores still exist. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/traffic/split.hpp"

namespace oa_stream::playbook {

/// Code::precondition when GET /version at the address of a revision of `split` is answered by
/// another revision: users would get a release that was never judged. A revision that does not
/// answer within a second, or names no revision, does not block the rollback. Requires that the
/// driver was read.
[[nodiscard]] Task<Result<void>>
check_who_answers(const Outside* outside, const Playbook* playbook, traffic::Split split);

} // namespace oa_stream::playbook
