// What to type when the traffic is not verified to be back. Private to the room.
#pragma once

#include "playbook_run.hpp"

namespace oa_stream::playbook {

struct RollbackCommands {
    Advice advice{};
    bool manual = false; ///< it begins with what a person types without oa-stream
};
/// Also without this program.
[[nodiscard]] RollbackCommands rollback_commands(const PlaybookRun& run, const RunOutcome& outcome);

} // namespace oa_stream::playbook
