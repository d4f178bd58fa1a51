// Whether the revisions that a rollback is to give users to are still there. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/traffic/split.hpp"

namespace oa_stream::playbook {

/// Code::precondition where another revision than one of `split` answers GET /version at its
/// address: users would get a release that nobody judged. One that does not answer within a second,
/// or names no revision, is no reason: a rollback does not wait for it. The driver was read.
[[nodiscard]] Task<Result<void>>
check_who_answers(const Outside* outside, const Playbook* playbook, traffic::Split split);

} // namespace oa_stream::playbook
