// A drill: users are probed from the first shift until they are served well again.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/cancelled.hpp"

#include "stage/stage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

using measure::Sample;
using report::DrillFacts;

constexpr std::string_view k_failure = "drill.failure@"; ///< id prefix, before the stage

DrillSpec spec_of(const RunContext& run) {
    return run.playbook().drill.value_or(DrillSpec{});
}

bool on_baseline(const RunContext& run, const Sample& sample) {
    return sample.revision.empty() || run.in.plan->baseline.percent_of(sample.revision) > 0;
}

void add_user_sample(RunContext& run, Sample sample) {
    if (measure::is_cancelled(sample)) {
        return; // this user's result was not waited for
    }
    if (run.current_stage != nullptr) {
        run.current_stage->add_sample(sample);
    } else {
        run.keep(sample, "users");
    }
    if (auto& watch = run.drill) {
        watch->seen.push_back(std::move(sample));
    }
}

/// Facts from the users in order of arrival.
DrillFacts facts_of(const RunContext& run, double decided_s) {
    DrillFacts out;
    const Playbook& playbook = run.playbook();
    const DrillSpec spec = spec_of(run);
    UserWatch watch = run.drill.value_or(UserWatch{});
    out.stage = fmt::format("{}%", spec.fail_at);
    out.fault = run.fault_s ? spec.fault : "";
    out.users_per_s = watch.per_s;
    out.decided_s = decided_s;
    out.limit_s = seconds(spec.recover_within);
    std::vector<Sample> users = std::move(watch.seen);
    std::ranges::sort(users, {}, &Sample::at_s);
    for (const Sample& user : users) {
        ++out.users;
        out.users_bad += user.bad ? 1U : 0U;
        out.users_canary += user.revision == playbook.traffic.canary ? 1U : 0U;
        if (user.bad || !on_baseline(run, user)) {
            out.hurt_s = user.at_s;
            out.well_s.reset();
        } else if (!out.well_s) {
            out.well_s = user.at_s;
        }
    }
    return out;
}

/// Number of consecutive users up to the end, of those that came after `since_s`, that were served
/// well.
int well_since(const RunContext& run, double since_s) {
    int row = 0;
    const auto& watch = run.drill;
    if (!watch) {
        return row;
    }
    for (const Sample& user : watch->seen) {
        if (user.bad || !on_baseline(run, user)) {
            row = 0;
        } else if (user.at_s >= since_s) {
            ++row;
        }
    }
    return row;
}

std::string reason_of(const RunContext& run) {
    const Check* failed = drill_failure(run.checks());
    return failed == nullptr ? "the drill's stage failed" : failed->detail;
}

void judge_recovery(RunContext& run, const DrillFacts& facts) {
    const auto recovery = facts.recovery_s();
    const bool fine = recovery && *recovery <= facts.limit_s;
    const std::string limit = format_duration(spec_of(run).recover_within);
    run.session.add(
        "drill.recovery",
        fine ? Verdict::pass : Verdict::fail,
        recovery ? fmt::format(
                       "{:.3f}s after the decision probes met nothing but the baseline, at most {} "
                       "was asked for; known to within {:.3f}s",
                       *recovery,
                       limit,
                       facts.known_to_within_s()
                   )
                 : fmt::format("unpinned probes were not well again {} after the decision", limit),
        report::to_json(facts)
    );
}

} // namespace

StepEnd begin_drill(RunContext& run) {
    const double per_s = run.playbook().stage.probe.unpinned_per_s;
    run.drill = UserWatch{.per_s = per_s};
    const auto started = run.in.instruments->start_watch(per_s, [&run](Sample sample) {
        add_user_sample(run, std::move(sample));
    });
    if (!started) {
        run.session.add("drill.users", Verdict::error, started.error().text());
        return StepEnd::stop;
    }
    return StepEnd::go_on;
}

const Check* drill_failure(const std::vector<Check>& checks) {
    return find_if_or_null(checks, [](const Check& check) {
        return check.id.starts_with(k_failure);
    });
}

bool record_drill(StageRun& stage, bool judged) {
    RunContext& run = stage.run;
    if (!is_drilled(stage) || !judged) {
        return false;
    }
    const std::string id = fmt::format("{}{}", k_failure, stage.where);
    if (!run.fault_s) {
        if (stage.row.verdict != Verdict::pass) {
            return false; // a genuine failure, not the planned one
        }
        Check check{.id = id, .verdict = Verdict::pass, .mode = CheckMode::rehearsed};
        check.detail = "declared failed without a fault, so detection was not measured";
        run.session.add(std::move(check));
        stage.row.verdict = Verdict::fail;
        return true;
    }
    const auto* failed = find_if_or_null(stage.row.gates, [](const measure::GateRecord& record) {
        return record.verdict == Verdict::fail && record.spec.mode == measure::GateMode::decide;
    });
    const bool noticed = failed != nullptr;
    const std::string fault = spec_of(run).fault;
    run.session.add(
        id,
        noticed ? Verdict::pass : Verdict::fail,
        noticed ? fmt::format("{} was noticed: {}", fault, failed->sentence)
                : fmt::format("{} was planted and no gate failed", fault)
    );
    return noticed && run_verdict(run.checks()) == Verdict::pass;
}

Task<StepEnd> roll_back_drill(RunContext* run, const Step* step) {
    run->out.mutated = run->out.mutated || step->mutates();
    auto facts = co_await restore_baseline(run, step->id, reason_of(*run));
    run->out.restored = facts.verified;
    const double decided_s = facts.decided_s;
    const double written_s = facts.written_s.value_or(decided_s);
    run->out.rollback = std::move(facts);

    const Playbook& playbook = run->playbook();
    const double until = decided_s + seconds(spec_of(*run).recover_within);
    while (well_since(*run, written_s) < playbook.fresh_row && run->now() < until &&
           !run->stop_requested()) {
        (void)co_await sleep_for(run->in.timing.tick);
    }
    const bool enough = well_since(*run, written_s) >= playbook.fresh_row;
    co_await run->in.instruments->stop_watch(run->in.timing.in_flight);
    DrillFacts drill = facts_of(*run, decided_s);
    if (!enough) {
        drill.well_s.reset(); // too few users to conclude that
    }
    judge_recovery(*run, drill);
    run->out.drill = std::move(drill);
    const bool well = run->out.restored && run_verdict(run->checks()) == Verdict::pass;
    co_return well ? StepEnd::go_on : StepEnd::stop;
}

} // namespace oa_stream::playbook
