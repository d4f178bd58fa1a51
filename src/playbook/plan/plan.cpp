#include "oa_stream/playbook/plan.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/run/files.hpp"

#include "chance.hpp"
#include "plan_file.hpp"
#include "plan_live.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

using traffic::Split;

class Builder {
public:
    Builder(const Playbook& playbook, const Split& baseline, const std::optional<Split>& requested)
        : playbook_(playbook), baseline_(baseline), requested_(requested), now_(baseline) {}

    Result<std::vector<Step>> build() {
        smokes(playbook_.preflight);
        if (continuous()) {
            add("continuity",
                StepKind::continuity,
                fmt::format(
                    "a conversation of {} continues on {}",
                    playbook_.traffic.stable,
                    playbook_.traffic.canary
                ));
        }
        if (playbook_.drilled) {
            add("gates.drilled", StepKind::drilled, "the gates were tried on planted faults lately"
            );
        }
        if (playbook_.rehearse) {
            add("rehearse",
                StepKind::rehearse,
                "dry run of " + playbook_.rehearse->file + ", with its budget measured")
                .evidence = {std::string(run::k_timeline_file)};
        }
        if (playbook_.budget) {
            add("budget",
                StepKind::budget,
                fmt::format("at most {:g}% consumed", playbook_.budget->consumed_at_most * 100));
        }
        for (std::size_t i = 0; i < playbook_.stages.size(); ++i) {
            // A drill ends at the stage that it makes fail.
            if (!playbook_.drill || playbook_.stages[i] <= playbook_.drill->fail_at) {
                OA_CHECK(stage(static_cast<int>(i)));
            }
        }
        if (playbook_.drill) {
            restore("recover", "back to " + baseline_.text() + ", while unpinned probes watch");
        } else {
            gates(playbook_.run_gates, -1, "run");
        }
        if (playbook_.kind == Kind::rollback) {
            OA_CHECK(roll_back());
        }
        smokes(playbook_.postflight);
        if (playbook_.shadow) {
            Step& step = add("postflight.shadow", StepKind::shadow, "canary answers like stable");
            step.evidence = {"streams/", "measure/pairs.ndjson"};
        }
        const bool moves = moves_traffic(playbook_.kind);
        if (moves && playbook_.afterwards == Afterwards::restore && !playbook_.drill) {
            restore("restore", "restore " + baseline_.text());
        }
        return std::move(steps_);
    }

private:
    [[nodiscard]] bool continuous() const { return playbook_.continuity == Continuity::required; }

    Step& add(std::string id, StepKind kind, std::string title) {
        steps_.push_back({std::move(id), kind, std::move(title)});
        return steps_.back();
    }

    void restore(std::string id, std::string title) {
        Step& step = add(std::move(id), StepKind::restore, std::move(title));
        step.before = now_;
        step.after = baseline_;
        step.evidence = {std::string(run::k_journal_file), "measure/samples.ndjson"};
        now_ = baseline_;
    }

    /// It has no undo, which would bring the bad revision back.
    Result<void> roll_back() {
        OA_TRY(
            const Split after, Split::between(playbook_.traffic.stable, playbook_.traffic.canary, 0)
        );
        Step& step = add("rollback", StepKind::restore, "");
        // A request that does not serve yet must also be withdrawn.
        const bool only_requested = now_ == after && requested_;
        step.before = only_requested ? *requested_ : now_;
        step.title = *step.before == after ? "nothing to change: " + after.text()
                                           : fmt::format(
                                                 "{}{} → {}",
                                                 only_requested ? "requested " : "",
                                                 step.before->text(),
                                                 after.text()
                                             );
        step.after = after;
        step.evidence = {std::string(run::k_journal_file), "measure/samples.ndjson"};
        now_ = after;
        return {};
    }

    void smokes(const std::vector<SmokeSpec>& list) {
        for (std::size_t i = 0; i < list.size(); ++i) {
            const bool users = list[i].through == Through::users;
            Step& step =
                add(list[i].id,
                    StepKind::smoke,
                    fmt::format(
                        "smoke test on the {} path",
                        users ? std::string_view("users'") : to_string(list[i].through)
                    ));
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
            shift.evidence = {std::string(run::k_journal_file)};
        } else {
            shift.title = "nothing to change: " + after.text();
        }
        now_ = after;

        // Before the bake, so that users do not lose conversations until its end.
        if (continuous()) {
            Step& step =
                add("continuity@" + where,
                    StepKind::continuity,
                    "conversations continue on both revisions");
            step.stage = index;
        }
        const ProbeSpec& rates = playbook_.stage.probe;
        Step& probe =
            add("probe@" + where,
                StepKind::probe,
                fmt::format(
                    "probe each arm {}/s and unpinned {}/s for {}",
                    rates.per_arm_per_s,
                    rates.unpinned_per_s,
                    format_duration(playbook_.stage.bake)
                ));
        probe.stage = index;
        probe.evidence = {"measure/samples.ndjson"};
        gates(playbook_.stage.gates, index, where);
        return {};
    }

    const Playbook& playbook_;
    const Split& baseline_;
    const std::optional<Split>& requested_; ///< when it differs from the baseline
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
    Json out = {
        {"schema", "oa-stream.plan.v1"},
        {"driver", plan.driver},
        {"target", plan.target},
        {"baseline", plan.baseline.to_json()},
        {"playbook", to_json(plan.playbook)},
        {"steps", json_list(plan.steps, step_json)},
        {"warnings", plan.warnings},
    };
    if (plan.source) {
        out["source"] = {
            {"file", plan.source->file}, {"set", plan.source->set}, {"text", plan.source->text}
        };
        out["created_at"] = plan.facts.created_at;
        out["etag"] = plan.facts.etag;
        out["exact"] = plan.facts.exact;
        out["revisions"] = plan.facts.revisions;
        out["tried"] = plan.facts.trials;
        out["seen_warnings"] = plan.facts.warnings;
    }
    if (plan.requested) {
        out["requested"] = plan.requested->to_json();
    }
    if (!plan.facts.probes) {
        out["probes"] = false;
    }
    for (const auto& [name, fact] :
         {std::pair{"continuity", &plan.facts.continuity},
          {"gates_drilled", &plan.facts.drilled},
          {"author", &plan.facts.author},
          {"routes", &plan.facts.routes}}) {
        if (!fact->is_null()) {
            out[name] = *fact;
        }
    }
    return out;
}

/// Warns of gates that cannot decide within their bake even when nothing is bad.
std::vector<std::string> warnings_for(const Playbook& playbook) {
    std::vector<std::string> out;
    const double n = playbook.stage.probe.per_arm_per_s * seconds(playbook.stage.bake);
    for (const measure::GateSpec& gate : playbook.stage.gates) {
        const measure::Look look{.number = 1, .of = looks_of(playbook.stage)};
        const measure::GateRecord empty = measure::evaluate(gate, {.look = look});
        if (empty.needs_n && static_cast<double>(*empty.needs_n) > n) {
            out.push_back(fmt::format(
                "gate {} needs {} an arm, the bake gives about {:.0f}",
                gate.id,
                counted(*empty.needs_n, "sample"),
                n
            ));
        }
    }
    return out;
}

/// Warns that no gate decides.
void warn_of_no_gate(const Playbook& playbook, std::vector<std::string>& out) {
    if (!no_gate_decides(playbook)) {
        return;
    }
    out.push_back(fmt::format(
        "no gate decides{}: whatever {} does, every stage continues, and the run ends INCONCLUSIVE "
        "at best",
        playbook.stage.gates.empty() ? "" : ", they only observe",
        playbook.traffic.canary
    ));
}

} // namespace

Result<Plan> make_plan(
    Playbook playbook, std::string driver, std::string target, const traffic::TrafficState& live
) {
    OA_CHECK(validate(playbook));
    if (moves_traffic(playbook.kind)) {
        OA_CHECK(check_live(playbook, target, live));
    }
    Plan plan;
    plan.playbook = std::move(playbook);
    plan.driver = std::move(driver);
    plan.target = std::move(target);
    plan.baseline = live.serving;
    if (live.wanted != live.serving) {
        plan.requested = live.wanted;
    }
    OA_TRY(plan.steps, Builder(plan.playbook, plan.baseline, plan.requested).build());
    plan.warnings = warnings_for(plan.playbook);
    warn_of_no_gate(plan.playbook, plan.warnings);
    plan.facts.exact = live.exact;
    plan.id = canonical_digest(body(plan));
    return plan;
}

Result<Plan> make_plan(
    Playbook playbook,
    std::string driver,
    std::string target,
    const traffic::TrafficState& live,
    PlanSource source,
    PlanFacts facts
) {
    OA_TRY(Plan plan, make_plan(std::move(playbook), std::move(driver), std::move(target), live));
    if (!facts.trials.empty()) {
        plan.warnings.clear(); // the trial's results replace the estimates
        warn_of_no_gate(plan.playbook, plan.warnings);
    }
    plan.warnings.insert(plan.warnings.end(), facts.warnings.begin(), facts.warnings.end());
    plan.source = std::move(source);
    plan.facts = std::move(facts);
    plan.id = canonical_digest(body(plan));
    return plan;
}

Split Plan::home() const {
    return playbook.kind == Kind::rollback
               ? Split::between(playbook.traffic.stable, playbook.traffic.canary, 0)
                     .value_or(baseline)
               : baseline;
}

Json Plan::home_exact() const {
    return playbook.kind == Kind::rollback ? Json(nullptr) : facts.exact;
}

bool Plan::changes() const noexcept {
    const bool routes = bool_member(facts.routes, "changes") == true;
    return !is_over(playbook, baseline) && (std::ranges::any_of(steps, &Step::mutates) || routes);
}

Json to_json(const Plan& plan) {
    Json out = body(plan);
    out["id"] = plan.id;
    return out;
}

} // namespace oa_stream::playbook
