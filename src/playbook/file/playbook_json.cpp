#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/playbook/playbook.hpp"

namespace oa_stream::playbook {
namespace {

Json millis(Millis duration) {
    return duration.count();
}

Json smokes_json(const std::vector<SmokeSpec>& smokes) {
    return json_list(smokes, [](const SmokeSpec& smoke) -> Json {
        return {
            {"id", smoke.id},
            {"surface", to_string(smoke.surface)},
            {"through", to_string(smoke.through)},
            {"profile", smoke.profile},
        };
    });
}

Json target_json(const Target& target) {
    Json out = {
        {"base_url", target.base_url},
        {"control_url", target.control_url},
        {"auth", config::to_json(target.auth)},
        {"revision_header", target.revision_header},
        {"compat",
         target.compat ? Json{{"build", target.compat->build},
                              {"protocol", target.compat->protocol},
                              {"schema", target.compat->schema}}
                       : Json(nullptr)},
        {"prompt", target.prompt},
    };
    for (const auto& [key, text] :
         {std::pair("ca", target.ca), std::pair("cert", target.cert), std::pair("key", target.key)
         }) {
        if (!text.empty()) {
            out[key] = text;
        }
    }
    if (!target.headers.empty()) {
        out["headers"] = target.headers;
    }
    return out;
}

Json traffic_json(const Traffic& traffic) {
    return {
        {"driver", traffic.driver},
        {"stable", traffic.stable},
        {"canary", traffic.canary},
        {"stable_url", traffic.stable_url},
        {"canary_url", traffic.canary_url},
        {"settings", traffic.settings ? traffic.settings->to_json() : Json::object()},
    };
}

Json slo_json(const SloSpec& slo) {
    return {
        {"name", slo.name},
        {"objective", slo.objective},
        {"window_ms", millis(slo.window)},
        {"bad", slo.bad},
        {"first_content_s", or_null(slo.first_content_s)},
        {"routes", slo.routes},
    };
}

Json source_json(const measure::SettingsPtr& source) {
    Json out = source->to_json();
    out["kind"] = source->kind().name();
    return out;
}

Json stage_json(const StageSpec& stage) {
    return {
        {"bake_ms", millis(stage.bake)},
        {"extend_at_most_ms", millis(stage.extend_at_most)},
        {"inconclusive_then", to_string(stage.inconclusive_then)},
        {"on_no_traffic", to_string(stage.on_no_traffic)},
        {"error_hold_at_most_ms", millis(stage.error_hold_at_most)},
        {"error_then", to_string(stage.error_then)},
        {"pause_after", stage.pause_after},
        {"pause_at_most_ms", millis(stage.pause_at_most)},
        {"probe",
         {{"per_arm_per_s", stage.probe.per_arm_per_s},
          {"unpinned_per_s", stage.probe.unpinned_per_s}}},
        {"gates", json_list(stage.gates)},
    };
}

Json drill_json(const std::optional<DrillSpec>& drill) {
    return drill ? Json{{"fail_at", drill->fail_at},
                        {"fault", drill->fault},
                        {"recover_within_ms", millis(drill->recover_within)}}
                 : Json(nullptr);
}

Json shadow_json(const std::optional<ShadowSpec>& shadow) {
    return shadow
               ? Json{{"prompts", shadow->prompts}, {"p95_delta_at_most_s", shadow->p95_delta_at_most_s}}
               : Json(nullptr);
}

Json routes_json(const RoutesSpec& routes) {
    const auto change_json = [](const RouteOverride& change) -> Json {
        return {{"domain", or_null(change.domain)}, {"target", change.target}};
    };
    return {
        {"control_url", routes.control_url},
        {"auth", config::to_json(routes.auth)},
        {"changes", json_list(routes.changes, change_json)},
        {"paths", routes.paths},
        {"fresh", routes.fresh},
    };
}

Json hook_json(const HookSpec& hook) {
    return {
        {"id", hook.id},
        {"run", hook.run},
        {"env", hook.env},
        {"webhook", hook.webhook},
        {"webhook_from", config::to_json(hook.webhook_from)},
        {"key", config::to_json(hook.key)},
        {"ca", hook.ca},
        {"on", hook.on},
        {"timeout_ms", millis(hook.timeout)},
        {"required", hook.required},
    };
}

} // namespace

Json to_json(const Playbook& playbook) {
    Json out = {
        {"version", playbook.version},
        {"kind", to_string(playbook.kind)},
        {"name", playbook.name},
        {"target", target_json(playbook.target)},
        {"traffic", traffic_json(playbook.traffic)},
        {"slo", json_list(playbook.slo, slo_json)},
        {"sources", json_list(playbook.sources, source_json)},
        {"preflight", smokes_json(playbook.preflight)},
        {"budget",
         playbook.budget ? Json{{"consumed_at_most", playbook.budget->consumed_at_most},
                                {"or_stated", playbook.budget->or_stated}}
                         : Json(nullptr)},
        {"stages", playbook.stages},
        {"stage", stage_json(playbook.stage)},
        {"run_gates", json_list(playbook.run_gates)},
        {"postflight", smokes_json(playbook.postflight)},
        {"shadow", shadow_json(playbook.shadow)},
        {"on_failure", to_string(playbook.on_failure)},
        {"rollback_ramp_ms", millis(playbook.rollback_ramp)},
        {"drill", drill_json(playbook.drill)},
        {"afterwards", playbook.afterwards == Afterwards::stay ? "stay" : "restore"},
        {"fresh_row", playbook.fresh_row},
        {"restore_limit_ms", millis(playbook.restore_limit)},
        {"driver_limit_ms", millis(playbook.driver_limit)},
        {"validity_ms", millis(playbook.validity)},
    };
    if (playbook.drilled) {
        out["gates_drilled"] = {
            {"within_ms", millis(playbook.drilled->within)},
            {"playbook", playbook.drilled->playbook}
        };
    }
    if (playbook.continuity) {
        out["continuity"] = word_at(k_continuity_words, *playbook.continuity);
        out["continuity_reason"] = playbook.continuity_reason;
    }
    if (playbook.routes) {
        out["routes"] = routes_json(*playbook.routes);
    }
    if (playbook.rehearse) {
        out["rehearse"] = {{"file", playbook.rehearse->file}, {"set", playbook.rehearse->set}};
    }
    if (!playbook.hooks.empty()) {
        out["hooks"] = json_list(playbook.hooks, hook_json);
    }
    if (playbook.approvals > 1) {
        out["approvals"] = playbook.approvals;
    }
    return out;
}

} // namespace oa_stream::playbook
