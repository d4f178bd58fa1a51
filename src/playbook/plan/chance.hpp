// How likely a canary as good as stable passes a playbook's gates, reckoned before anything moves.
// Private to the room.
#pragma once

#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/playbook/playbook.hpp"

#include <optional>
#include <vector>

namespace oa_stream::playbook {

struct GateTrials;

/// It compares numbers as they are, so no number of requests makes it surer.
[[nodiscard]] bool has_no_bounds(const measure::GateSpec& gate) noexcept;

/// Looks that may decide.
[[nodiscard]] int looks_of(const StageSpec& stage);

/// Requests a second of each arm at a stage that a gate on users' requests counts, when so many
/// users come in all.
[[nodiscard]] measure::Flow
flow_at(const Playbook& playbook, const measure::GateSpec& gate, int percent, double users_per_s);

/// That the gate passes an equal canary at every stage, one flow each; goes into `out.chance`, too.
/// nullopt: it does not decide, or nothing is known.
[[nodiscard]] std::optional<double> chance_of(
    const measure::GateSpec& gate,
    const StageSpec& stage,
    const std::optional<measure::Expectation>& now,
    const std::vector<measure::Flow>& flows,
    GateTrials& out
);

} // namespace oa_stream::playbook
