// The drift guard: checks during a stage that the split we set still serves. Private to the room.
#pragma once

#include "run_context.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::playbook {

enum class DriftState {
    ours, ///< our split serves, and no other was requested
    restarted, ///< another split serves, because the machinery restarted and lost ours
    foreign, ///< another split serves or was requested by somebody else
    unreadable, ///< no answer
};

struct DriftLook {
    DriftState state = DriftState::unreadable;
    std::string detail{};
    std::optional<traffic::TrafficState> seen{};
};

/// Reads the serving split and compares it with what the run set. Adopts the machinery's identity
/// when the split is ours.
[[nodiscard]] Task<DriftLook> look_at_traffic(RunContext* run);

struct StageRun;

/// Reads every `drift_every` until the split is no longer ours, and stores that in `stage`. Ends
/// only then.
[[nodiscard]] Task<void> watch_for_drift(StageRun* stage);

/// The read that a stage's verdict requires: waits for machinery that does not answer, as long as
/// the playbook allows. False: lost; `stage` has the reason.
[[nodiscard]] Task<bool> split_still_ours(StageRun* stage);

/// Adds the check "traffic@25%", and allows the rollback to overwrite a split that a restart
/// produced.
void record_drift(StageRun& stage);

} // namespace oa_stream::playbook
