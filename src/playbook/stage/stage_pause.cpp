// Pauses of a run that waits for an operator, and the operator's orders.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"

#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

constexpr measure::Look k_interim{.number = 1, .of = 2, .interim = true};
constexpr measure::Look k_last{.number = 2, .of = 2};

std::string nobody_came(const Playbook& playbook) {
    return "no order came within " + format_duration(playbook.stage.pause_at_most);
}

/// What the playbook requires at this end of a stage.
Then wanted(const StageRun& stage, WindowEnd end) {
    const Playbook& playbook = stage.run.playbook();
    const bool unreadable = end == WindowEnd::lost && stage.drift.state == DriftState::unreadable;
    // A failure stays a failure even when a source also fell silent.
    if (end == WindowEnd::early_fail || came_out(stage, Verdict::fail)) {
        return playbook.on_failure;
    }
    if (end == WindowEnd::blind || end == WindowEnd::broken || unreadable) {
        return playbook.stage.error_then;
    }
    const bool undecided = came_out(stage, Verdict::inconclusive) || !stage.users_came;
    return end == WindowEnd::over && undecided && !came_out(stage, Verdict::error)
               ? playbook.stage.inconclusive_then
               : Then::rollback;
}

struct Reason {
    std::string why;
    bool trouble = false; ///< the fault is measured again before the run continues
};

std::string trouble_of(const StageRun& stage) {
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        const auto found =
            std::ranges::find(stage.row.gates, verdict, &measure::GateRecord::verdict);
        if (found != stage.row.gates.end()) {
            return fmt::format(
                "{} gate {}: {}", to_string(verdict), found->spec.id, found->sentence
            );
        }
        if (stage.answers.verdict == verdict) {
            return fmt::format("{} answers: {}", to_string(verdict), stage.answers.text);
        }
    }
    if (!stage.no_probes.empty()) {
        return "no probes: " + stage.no_probes;
    }
    return stage.drift.detail.empty() ? "a source does not answer" : stage.drift.detail;
}

std::optional<Reason> reason_to_pause(const StageRun& stage, WindowEnd end) {
    const RunContext& run = stage.run;
    if (run.in.steering == nullptr || run.playbook().drill || !run.changes_traffic()) {
        return std::nullopt;
    }
    if (wanted(stage, end) == Then::hold) {
        return Reason{trouble_of(stage), true};
    }
    const bool good = end == WindowEnd::over && stage.users_came &&
                      !came_out(stage, Verdict::fail) && !came_out(stage, Verdict::error) &&
                      !came_out(stage, Verdict::inconclusive);
    if (!good) {
        return std::nullopt;
    }
    if (const auto& asked = run.in.steering->pause_asked()) {
        return Reason{asked->text()};
    }
    const auto& planned = run.playbook().stage.pause_after;
    if (contains(planned, stage.percent)) {
        return Reason{"the playbook pauses after this stage"};
    }
    return std::nullopt;
}

Suggestion to_type(const RunContext& run, std::string command) {
    return {"cutover " + std::move(command), {names::run, run.session.id()}};
}

void begin_pause(RunContext& run, const Reason& reason, const std::string& where) {
    run.in.steering->paused(reason.why);
    const Millis limit = run.playbook().stage.pause_at_most;
    run.in.steering->pause_left(seconds(limit));
    run.session.report(
        "paused",
        fmt::format("paused at {} for at most {}: {}", where, format_duration(limit), reason.why),
        {{"where", where}, {"why", reason.why}, {"trouble", reason.trouble}}
    );
    run.tell_hooks(
        HookEvent::paused,
        fmt::format("paused at {} for at most {}: {}", where, format_duration(limit), reason.why),
        {{"where", where},
         {"why", reason.why},
         {"trouble", reason.trouble},
         {"to_go_on", to_type(run, "continue").text()},
         {"to_roll_back", to_type(run, "abort").text()}}
    );
    run.session.say("  to go on:     " + to_type(run, "continue"));
    run.session.say("  to roll back: " + to_type(run, "abort"));
}

void end_pause(RunContext& run, std::string_view how, const std::string& where, double seconds) {
    run.in.steering->unpaused();
    run.session.folder().note(
        "pause ended", {{"where", where}, {"how", how}, {"seconds", seconds}}
    );
    run.out.notes.push_back(
        fmt::format("Paused at {} for {:.0f}s; {}.", where, seconds, std::string(how))
    );
}

/// Reads the serving split periodically; false: it is no longer ours.
class DriftWatch {
public:
    explicit DriftWatch(RunContext& run) : run_(run) {}

    [[nodiscard]] Task<bool> still_ours() {
        if (!run_.changes_traffic() || Clock::now() < next_) {
            co_return true;
        }
        next_ = Clock::now() + run_.in.timing.drift_every;
        last = co_await look_at_traffic(&run_);
        co_return last.state == DriftState::ours || last.state == DriftState::unreadable;
    }

    DriftLook last{};

private:
    RunContext& run_;
    Clock::time_point next_{};
};

/// Measures nothing: the fault first needs an operator.
Task<WindowEnd> wait_in_trouble(StageRun* stage, Clock::time_point until) {
    RunContext& run = stage->run;
    DriftWatch drift(run);
    stage->until = until;
    while (Clock::now() < until) {
        if (run.stop_requested()) {
            co_return WindowEnd::interrupted;
        }
        if (const auto order = ordered(*stage)) {
            co_return *order;
        }
        if (!co_await drift.still_ours()) {
            stage->drift = std::move(drift.last);
            co_return WindowEnd::lost;
        }
        run.in.steering->pause_left(seconds(until - Clock::now()));
        show(*stage);
        (void)co_await sleep_for(run.in.timing.tick);
    }
    co_return WindowEnd::over;
}

/// The stage was good: measuring continues, and a breach does not wait for the operator.
Task<WindowEnd> wait_and_measure(StageRun* stage, Clock::time_point until) {
    if (!co_await start_probes(stage)) {
        co_return WindowEnd::broken;
    }
    const WindowEnd end = co_await watch_all(stage, until, k_interim);
    co_await stage->run.in.instruments->stop_flow(Millis(0));
    co_return end;
}

Task<WindowEnd> pause(StageRun* stage, Reason reason) {
    RunContext& run = stage->run;
    const auto begun = Clock::now();
    const auto until = begun + run.playbook().stage.pause_at_most;
    begin_pause(run, reason, stage->where);
    if (came_out(*stage, Verdict::fail)) {
        run.in.steering->forbid_promotion("this stage failed: it cannot be promoted");
    }
    stage->paused = true;
    stage->judged_before_pause = true;
    WindowEnd end = reason.trouble ? co_await wait_in_trouble(stage, until)
                                   : co_await wait_and_measure(stage, until);
    if (end == WindowEnd::over) { // an order may have come during the last read of the traffic
        end = ordered(*stage).value_or(end);
    }
    stage->paused = false;
    run.in.steering->forbid_promotion({});
    const auto& orders = run.in.steering->orders();
    const bool steered = end == WindowEnd::resumed || end == WindowEnd::promoted;
    end_pause(
        run,
        steered                         ? orders.back().text()
        : end == WindowEnd::interrupted ? run.in.stop->text()
        : end == WindowEnd::over        ? "no order came"
                                        : "what was seen meanwhile ended it",
        stage->where,
        seconds(Clock::now() - begun)
    );
    co_return end;
}

/// After a pause in trouble the gates of the stage were not judged again.
WindowEnd judged_now(StageRun& stage, WindowEnd end) {
    if (end == WindowEnd::promoted && any(stage.row.gates, Verdict::fail)) {
        return WindowEnd::early_fail;
    }
    return end;
}

/// An operator wants the stage measured again: earlier observations no longer count, but stay on
/// record.
void forget_measurement(StageRun& stage) {
    for (const measure::GateRecord& record : stage.row.gates) {
        keep_look(stage, record); // a new look never erases an earlier one
    }
    stage.row.gates.clear();
    stage.answers = {};
    stage.canary_from = stage.row.canary.size();
    stage.stable_from = stage.row.stable.size();
    stage.met.clear();
    stage.strays.clear();
    stage.given_up_at.clear();
    stage.unanswered = stage.ours = stage.unnamed = stage.given_up = 0;
    stage.delivered.clear();
    stage.sources = {};
    stage.first_seen.reset();
    stage.unreadable_since.reset();
    stage.promotion.reset();
    stage.judged_before_pause = false;
    stage.measured_from = Clock::now();
    stage.extended = true; // this is the last window
}

Task<WindowEnd> measure_once_more(StageRun* stage) {
    forget_measurement(*stage);
    if (!co_await split_still_ours(stage)) { // users are counted from here
        co_return stage->run.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
    }
    co_return co_await window(stage, stage->run.playbook().stage.bake, k_last);
}

/// The run itself found the reason that ended the wait of a good stage.
bool was_found(WindowEnd end) {
    return end == WindowEnd::early_fail || end == WindowEnd::blind || end == WindowEnd::broken ||
           end == WindowEnd::lost;
}

} // namespace

Task<WindowEnd> steer(StageRun* stage, WindowEnd end) {
    while (const auto reason = reason_to_pause(*stage, end)) {
        const WindowEnd got = co_await pause(stage, *reason);
        if (got == WindowEnd::over) { // nobody came
            co_return reason->trouble ? judged_now(*stage, end) : WindowEnd::unattended;
        }
        // The last read of a pause may have failed, and does not cover the continuation.
        const bool goes_on =
            got == WindowEnd::promoted || (got == WindowEnd::resumed && !reason->trouble);
        if (goes_on && !co_await split_still_ours(stage)) {
            stage->promotion.reset(); // the promotion had no effect and explains no open check
            co_return stage->run.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
        }
        if (!reason->trouble && was_found(got)) {
            end = got; // the playbook may require a pause because of that
            continue;
        }
        if (got != WindowEnd::resumed) {
            co_return judged_now(*stage, got);
        }
        if (!reason->trouble) {
            co_return end;
        }
        end = co_await measure_once_more(stage);
    }
    co_return judged_now(*stage, end);
}

void record_promotion(StageRun& stage) {
    RunContext& run = stage.run;
    const bool last = is_last(run.playbook(), stage.percent);
    const std::string how = stage.promotion ? stage.promotion->text() : "promoted";
    bool decided = true;
    for (const measure::GateRecord& record : stage.row.gates) {
        const bool open = record.spec.mode == measure::GateMode::decide &&
                          record.verdict != Verdict::pass && record.verdict != Verdict::fail;
        decided = decided && !open;
        record_gate(stage, record, [&](Check& check) {
            if (open) {
                check.detail = fmt::format(
                    "{}; was {}: {}", how, to_string(check.verdict), std::move(check.detail)
                );
                check.verdict = Verdict::skipped;
                check.mode = CheckMode::skipped;
                check.required = last; // a later stage judges the same canary on more samples
            }
        });
    }
    if (stage.row.gates.empty() && !run.playbook().stage.gates.empty()) {
        decided = false; // it ended before any gate was judged
        run.skip("gates@" + stage.where, last, how + "; none of its gates was judged");
    }
    run.out.notes.push_back(fmt::format("Stage {}: {}.", stage.where, how));
    run.unjudged = run.unjudged || (last && !decided);
    stage.row.verdict = decided ? Verdict::pass : Verdict::skipped;
    stage.row.judged = decided;
}

void record_unattended(StageRun& stage) {
    stage.run.unattended = true;
    stage.add_check("pause", Verdict::inconclusive, nobody_came(stage.run.playbook()));
}

Task<StepEnd> pause_before(RunContext* run, std::string step, bool in_stage) {
    if (run->in.steering == nullptr) {
        co_return StepEnd::go_on;
    }
    run::Steering& steering = *run->in.steering;
    steering.at_step(step);
    if (run->playbook().drill) {
        steering.forbid_pause("a drill is not paused: it measures times, and its users are hurt");
    }
    if (in_stage && run->out.mutated) {
        co_return StepEnd::go_on; // the stage is measured first
    }
    const auto& asked = steering.pause_asked();
    if (!asked || run->stop_requested()) {
        co_return StepEnd::go_on;
    }
    const std::string where = "before " + step;
    begin_pause(*run, {asked->text()}, where);
    const auto begun = Clock::now();
    const auto until = begun + run->playbook().stage.pause_at_most;
    DriftWatch drift(*run);
    std::optional<run::Order> order;
    bool ours = true;
    while (!order && ours && !run->stop_requested() && Clock::now() < until) {
        (void)co_await sleep_for(run->in.timing.tick);
        steering.pause_left(seconds(until - Clock::now()));
        order = steering.take_order();
        ours = !run->out.mutated || co_await drift.still_ours(); // a shift reads the split itself
    }
    const std::string how = order                   ? order->text()
                            : run->stop_requested() ? run->in.stop->text()
                            : ours                  ? "no order came"
                                                    : drift.last.detail;
    end_pause(*run, how, where, seconds(Clock::now() - begun));
    if (order) {
        co_return StepEnd::go_on;
    }
    if (run->stop_requested()) {
        run->add_interrupted(where);
    } else {
        run->drifted = !ours;
        run->unattended = ours;
        run->session.add(
            "pause." + step,
            ours ? Verdict::inconclusive : Verdict::error,
            ours ? nobody_came(run->playbook()) : drift.last.detail
        );
    }
    co_return StepEnd::stop;
}

} // namespace oa_stream::playbook
