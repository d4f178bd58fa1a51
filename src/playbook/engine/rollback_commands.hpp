// The commands for an operator when the traffic is not verified to be back. Private to the room.
#pragma once

#include "playbook_run.hpp"

namespace oa_stream::playbook {

struct RollbackCommands {
    Advice advice{};
    bool manual = false; ///< begins with an action without oa-stream
};
/// Includes the way without this program.
[[nodiscard]] RollbackCommands rollback_commands(const PlaybookRun& run, const RunOutcome& outcome);

} // namespace oa_stream::playbook
