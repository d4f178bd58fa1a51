// The drift guard: does the split that we set still serve? Asked during a stage. Private to the
// room.
#pragma once

#include "run_context.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::playbook {

enum class DriftState {
    ours,       ///< the split we wrote serves, and nobody asked for another
    restarted,  ///< another split serves, and the machinery restarted and forgot ours
    foreign,    ///< another split serves or was asked for: somebody else is at work
    unreadable, ///< no answer
};

struct DriftLook {
    DriftState state = DriftState::unreadable;
    std::string detail{};
    std::optional<traffic::TrafficState> seen{};
};

/// Reads what serves and judges it against what the run set. Takes over the machinery's identity
/// when the split is ours.
[[nodiscard]] Task<DriftLook> look_at_traffic(RunContext* run);

struct StageRun;

/// Looks every `drift_every` until the split is no longer ours, and writes that into `stage`. Ends
/// only then.
[[nodiscard]] Task<void> watch_for_drift(StageRun* stage);

/// The look that a stage's verdict needs: waits for machinery that does not answer, at most as long
/// as the playbook says. False: lost, as `stage` says.
[[nodiscard]] Task<bool> split_still_ours(StageRun* stage);

/// Leaves the check "traffic@25%", and allows the rollback to write over what a restart brought.
void record_drift(StageRun& stage);

} // namespace oa_stream::playbook
