// Estimates before anything moves how likely a canary as good as stable passes a playbook's gates.
// Private to the room.
#pragma once

#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/playbook/playbook.hpp"

#include <optional>
#include <vector>

namespace oa_stream::playbook {

struct GateTrials;

/// The gate compares plain numbers, so more requests make it no more certain.
[[nodiscard]] bool has_no_bounds(const measure::GateSpec& gate) noexcept;

/// Number of looks that may decide.
[[nodiscard]] int looks_of(const StageSpec& stage);

/// Requests per second and arm that a gate on users' requests counts at a stage, given the total
/// rate of users.
[[nodiscard]] measure::Flow
flow_at(const Playbook& playbook, const measure::GateSpec& gate, int percent, double users_per_s);

/// The probability that the gate passes an equal canary at every stage, one flow each; also
/// multiplied into `out.chance`. nullopt: the gate does not decide, or nothing is known.
[[nodiscard]] std::optional<double> chance_of(
    const measure::GateSpec& gate,
    const StageSpec& stage,
    const std::optional<measure::Expectation>& now,
    const std::vector<measure::Flow>& flows,
    GateTrials& out
);

} // namespace oa_stream::playbook
