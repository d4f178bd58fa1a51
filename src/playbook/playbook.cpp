#include "oa_stream/playbook/playbook.hpp"

#include <fmt/format.h>

#include <set>

namespace oa_stream::playbook {
namespace {

constexpr double k_max_rate = 1000;

Result<void> bad(std::string_view field, std::string message) {
    return fail(Code::config, std::move(message), std::string(field));
}

Result<void> validate_stages(const std::vector<int>& stages) {
    if (stages.empty()) {
        return bad("stages", "at least one stage is needed");
    }
    int before = -1;
    for (const int percent : stages) {
        if (percent <= before || percent > 100) {
            return bad(
                "stages", fmt::format("{}% after {}%: must rise, within 0–100%", percent, before)
            );
        }
        before = percent;
    }
    return {};
}

Result<void> validate_gates(std::string_view field, const std::vector<measure::GateSpec>& gates) {
    std::set<std::string, std::less<>> ids;
    for (const measure::GateSpec& gate : gates) {
        if (gate.id.empty() || !ids.insert(gate.id).second) {
            return bad(field, fmt::format("gate id '{}' is empty or given twice", gate.id));
        }
        if (!(gate.confidence > 0.5 && gate.confidence < 1)) {
            return bad(field, fmt::format("gate {}: confidence must lie in 50–100%", gate.id));
        }
        const bool share = gate.metric == measure::Metric::bad_rate;
        if (!(gate.limit >= 0) || (share && gate.limit >= 1)) {
            return bad(field, fmt::format("gate {}: limit is out of range", gate.id));
        }
    }
    return {};
}

Json millis(Millis duration) {
    return duration.count();
}

Json gates_json(const std::vector<measure::GateSpec>& gates) {
    Json out = Json::array();
    for (const measure::GateSpec& gate : gates) {
        out.push_back(measure::to_json(gate));
    }
    return out;
}

Json smokes_json(const std::vector<SmokeSpec>& smokes) {
    Json out = Json::array();
    for (const SmokeSpec& smoke : smokes) {
        out.push_back({{"id", smoke.id}, {"through", to_string(smoke.through)}});
    }
    return out;
}

} // namespace

std::string_view to_string(Through through) noexcept {
    switch (through) {
    case Through::stable:
        return "stable";
    case Through::canary:
        return "canary";
    case Through::users:
        return "users";
    }
    return "users";
}

Result<void> validate(const Playbook& playbook) {
    if (playbook.version != 1) {
        return bad("version", fmt::format("version {} is unknown, this is 1", playbook.version));
    }
    const Traffic& traffic = playbook.traffic;
    if (traffic.stable.empty() || traffic.canary.empty() || traffic.stable == traffic.canary) {
        return bad("traffic", "stable and canary must be two named revisions");
    }
    OA_CHECK(validate_stages(playbook.stages));
    OA_CHECK(validate_gates("stage.gates", playbook.stage.gates));
    OA_CHECK(validate_gates("run_gates", playbook.run_gates));
    const ProbeSpec& probe = playbook.stage.probe;
    const auto in_range = [](double rate) { return rate >= 0 && rate <= k_max_rate; };
    if (!in_range(probe.per_arm_per_s) || !in_range(probe.unpinned_per_s)) {
        return bad("stage.probe.rate", "a rate must lie within 0 and 1000 a second");
    }
    if (playbook.stage.bake <= Millis(0) || playbook.fresh_row < 1) {
        return bad("stage.bake", "bake and fresh_row must be above 0");
    }
    return {};
}

Json to_json(const Playbook& playbook) {
    return {
        {"version", playbook.version},
        {"kind", playbook.kind},
        {"name", playbook.name},
        {"traffic",
         {{"driver", playbook.traffic.driver},
          {"stable", playbook.traffic.stable},
          {"canary", playbook.traffic.canary}}},
        {"preflight", smokes_json(playbook.preflight)},
        {"stages", playbook.stages},
        {"stage",
         {{"bake_ms", millis(playbook.stage.bake)},
          {"extend_at_most_ms", millis(playbook.stage.extend_at_most)},
          {"probe",
           {{"per_arm_per_s", playbook.stage.probe.per_arm_per_s},
            {"unpinned_per_s", playbook.stage.probe.unpinned_per_s}}},
          {"gates", gates_json(playbook.stage.gates)}}},
        {"run_gates", gates_json(playbook.run_gates)},
        {"postflight", smokes_json(playbook.postflight)},
        {"afterwards", playbook.afterwards == Afterwards::stay ? "stay" : "restore"},
        {"fresh_row", playbook.fresh_row},
        {"restore_limit_ms", millis(playbook.restore_limit)},
        {"driver_limit_ms", millis(playbook.driver_limit)},
    };
}

} // namespace oa_stream::playbook
