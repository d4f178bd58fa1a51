#include "chance.hpp"

#include "oa_stream/base/seconds.hpp"

#include "forecast.hpp"

namespace oa_stream::playbook {

bool has_no_bounds(const measure::GateSpec& gate) noexcept {
    return gate.metric == measure::Metric::spike || gate.metric == measure::Metric::expression;
}

int looks_of(const StageSpec& stage) {
    return stage.extend_at_most > Millis(0) ? 2 : 1;
}

measure::Flow
flow_at(const Playbook& playbook, const measure::GateSpec& gate, int percent, double users_per_s) {
    const ProbeSpec& probe = playbook.stage.probe;
    const double pinned = probe.per_arm_per_s;
    // At 0 % only probes reach the canary; at 100 % only probes reach stable.
    const bool compared_at_100 = percent == 100 && gate.against == measure::Against::stable;
    const bool filled_in = users_per_s <= 0 && playbook.stage.on_no_traffic == NoTraffic::probe;
    if (percent == 0 || compared_at_100 || filled_in) {
        return {pinned, pinned};
    }
    const auto* source = judging_source(playbook, gate);
    const bool counted = source != nullptr && source->counts_probes();
    const double all = users_per_s + (counted ? probe.unpinned_per_s : 0);
    const double beside = counted ? pinned : 0;
    const double share = percent / 100.0;
    return {all * share + beside, all * (1 - share) + beside};
}

std::optional<double> chance_of(
    const measure::GateSpec& gate,
    const StageSpec& stage,
    const std::optional<measure::Expectation>& now,
    const std::vector<measure::Flow>& flows,
    GateTrials& out
) {
    if (!now || gate.mode != measure::GateMode::decide || has_no_bounds(gate)) {
        return std::nullopt;
    }
    const double whole_s = seconds(stage.bake + stage.extend_at_most);
    double chance = 1;
    for (const measure::Flow& flow : flows) {
        chance *= measure::chance_to_pass(gate, *now, flow, looks_of(stage), whole_s);
    }
    out.chance *= chance;
    return chance;
}

} // namespace oa_stream::playbook
