#include "oa_stream/playbook/plan.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/evidence/digest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace oa_stream::playbook {
namespace {

using traffic::Split;

Result<void> check_live(const Playbook& playbook, const traffic::TrafficState& live) {
    if (!live.settled) {
        return fail(Code::precondition, "an earlier change of traffic is still being carried out");
    }
    if (!(live.wanted == live.serving)) {
        return fail(
            Code::precondition,
            fmt::format(
                "what was asked for ({}) is not what serves ({})",
                live.wanted.text(),
                live.serving.text()
            )
        );
    }
    const Traffic& traffic = playbook.traffic;
    const int ours =
        live.serving.percent_of(traffic.stable) + live.serving.percent_of(traffic.canary);
    if (ours != 100) {
        return fail(
            Code::precondition,
            fmt::format(
                "{} and {} do not have all the traffic: {}",
                traffic.stable,
                traffic.canary,
                live.serving.text()
            )
        );
    }
    if (live.serving.percent_of(traffic.canary) > playbook.stages.front()) {
        return fail(
            Code::precondition,
            fmt::format(
                "{} already has {}%, more than the first stage",
                traffic.canary,
                live.serving.percent_of(traffic.canary)
            )
        );
    }
    return {};
}

class Builder {
public:
    Builder(const Playbook& playbook, const Split& baseline)
        : playbook_(playbook), baseline_(baseline), now_(baseline) {}

    Result<std::vector<Step>> build() {
        smokes(playbook_.preflight);
        for (std::size_t i = 0; i < playbook_.stages.size(); ++i) {
            OA_CHECK(stage(static_cast<int>(i)));
        }
        gates(playbook_.run_gates, -1, "run");
        smokes(playbook_.postflight);
        if (playbook_.afterwards == Afterwards::restore) {
            Step& step = add("restore", StepKind::restore, "restore " + baseline_.text());
            step.before = now_;
            step.after = baseline_;
            step.evidence = {"journal.ndjson", "measure/samples.ndjson"};
        }
        return std::move(steps_);
    }

private:
    Step& add(std::string id, StepKind kind, std::string title) {
        steps_.push_back({std::move(id), kind, std::move(title)});
        return steps_.back();
    }

    void smokes(const std::vector<SmokeSpec>& list) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            Step& step =
                add(list[i].id,
                    StepKind::smoke,
                    fmt::format("smoke as {} meets it", to_string(list[i].through)));
            step.item = static_cast<int>(i);
            step.evidence = {"streams/"};
        }
    }

    void gates(const std::vector<measure::GateSpec>& list, int stage, std::string_view where) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            Step& step = add(
                fmt::format("gate.{}@{}", list[i].id, where), StepKind::gate, "judge " + list[i].id
            );
            step.stage = stage;
            step.item = static_cast<int>(i);
            step.evidence = {"measure/gates.ndjson"};
        }
    }

    Result<void> stage(int index) {
        const int percent = playbook_.stages[static_cast<std::size_t>(index)];
        const std::string where = fmt::format("{}%", percent);
        OA_TRY(
            const Split after,
            Split::between(playbook_.traffic.stable, playbook_.traffic.canary, percent)
        );
        Step& shift = add("shift@" + where, StepKind::shift, "");
        shift.before = now_;
        shift.after = after;
        shift.stage = index;
        if (shift.mutates()) {
            shift.title = fmt::format("{} → {}", now_.text(), after.text());
            shift.undo = "write " + baseline_.text();
            shift.evidence = {"journal.ndjson"};
        } else {
            shift.title = "nothing to change: " + after.text();
        }
        now_ = after;

        const ProbeSpec& rates = playbook_.stage.probe;
        Step& probe =
            add("probe@" + where,
                StepKind::probe,
                fmt::format(
                    "hold {}, probing each arm {}/s and unpinned {}/s",
                    format_duration(playbook_.stage.bake),
                    rates.per_arm_per_s,
                    rates.unpinned_per_s
                ));
        probe.stage = index;
        probe.evidence = {"measure/samples.ndjson"};
        gates(playbook_.stage.gates, index, where);
        return {};
    }

    const Playbook& playbook_;
    const Split& baseline_;
    Split now_;
    std::vector<Step> steps_;
};

Json split_or_null(const std::optional<Split>& split) {
    return split ? split->to_json() : Json(nullptr);
}

Json step_json(const Step& step) {
    return {
        {"id", step.id},
        {"kind", to_string(step.kind)},
        {"title", step.title},
        {"before", split_or_null(step.before)},
        {"after", split_or_null(step.after)},
        {"mutates", step.mutates()},
        {"undo", step.undo},
        {"evidence", step.evidence},
    };
}

Json body(const Plan& plan) {
    Json steps = Json::array();
    for (const Step& step : plan.steps) {
        steps.push_back(step_json(step));
    }
    return {
        {"schema", "oa-stream.plan.v1"},
        {"driver", plan.driver},
        {"target", plan.target},
        {"baseline", plan.baseline.to_json()},
        {"playbook", to_json(plan.playbook)},
        {"steps", std::move(steps)},
        {"warnings", plan.warnings},
    };
}

/// Canonical: keys sorted, no white space, numbers in their shortest form.
std::string digest(const Json& json) {
    const auto sorted = nlohmann::json::parse(dump_json(json));
    return evidence::sha256_hex(sorted.dump());
}

/// A gate that cannot decide within its bake even when nothing is bad.
std::vector<std::string> warnings_for(const Playbook& playbook) {
    std::vector<std::string> out;
    const double n = playbook.stage.probe.per_arm_per_s *
                     std::chrono::duration<double>(playbook.stage.bake).count();
    const int looks = playbook.stage.extend_at_most > Millis(0) ? 2 : 1;
    for (const measure::GateSpec& gate : playbook.stage.gates) {
        const measure::Look look{.number = 1, .of = looks};
        const measure::GateRecord empty = measure::evaluate(gate, {.look = look});
        if (empty.needs_n && static_cast<double>(*empty.needs_n) > n) {
            out.push_back(fmt::format(
                "gate {} needs {} samples an arm, the bake gives about {:.0f}",
                gate.id,
                *empty.needs_n,
                n
            ));
        }
    }
    return out;
}

} // namespace

std::string_view to_string(StepKind kind) noexcept {
    switch (kind) {
    case StepKind::smoke:
        return "smoke";
    case StepKind::shift:
        return "shift";
    case StepKind::probe:
        return "probe";
    case StepKind::gate:
        return "gate";
    case StepKind::restore:
        return "restore";
    }
    return "smoke";
}

Result<Plan> make_plan(
    Playbook playbook, std::string driver, std::string target, const traffic::TrafficState& live
) {
    OA_CHECK(validate(playbook));
    if (auto missing = not_carried_out(playbook); !missing.empty()) {
        return std::unexpected(std::move(missing.front()));
    }
    OA_CHECK(check_live(playbook, live));
    Plan plan;
    plan.playbook = std::move(playbook);
    plan.driver = std::move(driver);
    plan.target = std::move(target);
    plan.baseline = live.serving;
    OA_TRY(plan.steps, Builder(plan.playbook, plan.baseline).build());
    plan.warnings = warnings_for(plan.playbook);
    plan.id = digest(body(plan));
    return plan;
}

Json to_json(const Plan& plan) {
    Json out = body(plan);
    out["id"] = plan.id;
    return out;
}

std::string plan_text(const Plan& plan) {
    std::string out = fmt::format("plan {} on {}\n", plan.id.substr(0, 12), plan.target);
    for (const Step& step : plan.steps) {
        out += fmt::format(
            "  {:<7} {}{}\n", to_string(step.kind), step.mutates() ? "~ " : "  ", step.title
        );
    }
    for (const std::string& warning : plan.warnings) {
        out += "  warning: " + warning + "\n";
    }
    return out;
}

} // namespace oa_stream::playbook
