// Rolls a run back in another process, from its journal.
#pragma once

#include "engine/run_plan.hpp"

namespace oa_stream::playbook {

struct JournalRollback {
    RunOutcome outcome;
    bool had_ended = false; ///< the run itself had ended before
};

/// Restores what the journal of `input.session` (see RunSession::resume) began with, or where the
/// plan of a rollback leads, and verifies it by read-back and over fresh connections; its lines go
/// on in the same journal. Nothing that others have set since a run restored everything is
/// touched (exit 6). `input.last` follows whatever became of the traffic. Exit 0 when verified,
/// else 8. For the holder of the lock; `input.journal` is the session's when unset.
[[nodiscard]] Task<JournalRollback> roll_back_by_journal(RunInput input);

} // namespace oa_stream::playbook
