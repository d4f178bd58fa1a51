#include "drift.hpp"

#include "oa_stream/base/layout.hpp"

#include "stage/stage.hpp"
#include "within.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

/// How long to wait for machinery that does not answer.
Millis patience(const RunContext& run) {
    return run.patience(run.in.timing.drift_every);
}

/// Reads the split once and stores the result in the stage. True: continue.
Task<bool> look(StageRun* stage) {
    RunContext& run = stage->run;
    const std::uint64_t others = run.in.instruments->other_requests().over;
    DriftLook now = co_await look_at_traffic(&run);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        co_return true; // the window has ended: the read was cut short, the machinery did not fail
    }
    ++stage->drift_looks;
    if (now.state == DriftState::unreadable) {
        if (!stage->unreadable_since) {
            stage->unreadable_since = Clock::now();
            run.session.folder().note("traffic cannot be read", {{"why", now.detail}});
        }
        stage->drift = std::move(now);
        co_return Clock::now() - *stage->unreadable_since <= patience(run);
    }
    stage->unreadable_since.reset();
    stage->drift = std::move(now);
    if (!stage->first_seen) {
        stage->first_seen = stage->drift.seen;
        stage->others_before = others;
    }
    co_return stage->drift.state == DriftState::ours;
}

DriftLook judge_drift(RunContext& run, Result<traffic::TrafficState> state) {
    if (!state) {
        return {DriftState::unreadable, state.error().text()};
    }
    DriftLook out;
    out.seen = *std::move(state);
    const traffic::TrafficState& now = *out.seen;
    const traffic::Split& ours = run.serving;
    const bool restarted = now.process.is_newer_than(run.machinery);
    if (traffic::rests_at(now, ours)) {
        out.state = DriftState::ours;
        if (restarted) {
            run.session.folder().note("machinery restarted", {{"split", "kept"}});
        }
        run.machinery = now.process;
        return out;
    }
    out.state = restarted ? DriftState::restarted : DriftState::foreign;
    if (!(now.serving == ours)) {
        out.detail = fmt::format(
            "{} was set and {}: {}",
            ours.text(),
            traffic::serves_text(now),
            restarted ? "the machinery was restarted and forgot what was set"
                      : "somebody else changed the traffic"
        );
    } else {
        out.detail = fmt::format(
            "{} serves, but somebody else requested {}", ours.text(), now.wanted.text()
        );
    }
    return out;
}

} // namespace

Task<DriftLook> look_at_traffic(RunContext* run) {
    co_return judge_drift(
        *run, co_await within(run->in.timing.driver_call, run->in.driver->read())
    );
}

Task<void> watch_for_drift(StageRun* stage) {
    while (co_await sleep_for(stage->run.in.timing.drift_every)) {
        if (!co_await look(stage)) {
            co_return;
        }
    }
}

Task<bool> split_still_ours(StageRun* stage) {
    while (co_await look(stage)) {
        if (stage->drift.state == DriftState::ours) {
            co_return true;
        }
        if (stage->run.stop_requested()) {
            break;
        }
        (void)co_await sleep_for(stage->run.in.timing.drift_every);
    }
    co_return false;
}

namespace {

/// Records that the split no longer serves, or that this is unknown.
void record_loss(RunContext& run, const std::string& id, const DriftLook& drift) {
    const bool unreadable = drift.state == DriftState::unreadable;
    run.session.add(
        id,
        Verdict::error,
        unreadable ? "the traffic cannot be read: " + drift.detail : drift.detail,
        {{"expected", run.serving.to_json()},
         {"seen", drift.seen ? drift.seen->serving.to_json() : Json(nullptr)},
         {"restarted", drift.state == DriftState::restarted}}
    );
    run.session.say("  ERROR " + id + ": " + run.checks().back().detail);
    run.drifted = !unreadable;
    run.source_failed = unreadable;
    if (drift.state == DriftState::restarted && drift.seen && run.changes_traffic()) {
        // A restart produced this split, not an operator: the rollback may overwrite it.
        run.ours.push_back(drift.seen->serving);
        if (drift.seen->serving == run.serving) {
            return; // only a foreign request differs
        }
        // Even if nothing was shifted yet: otherwise users would stay on the split that the
        // machinery fell back to.
        run.out.mutated = true;
        run.mark_mutated();
    }
}

} // namespace

void record_drift(StageRun& stage) {
    RunContext& run = stage.run;
    const DriftLook& drift = stage.drift;
    const std::string id = "traffic@" + stage.where;
    if (drift.state != DriftState::ours) {
        record_loss(run, id, drift);
        return;
    }
    run.session.add(
        id,
        Verdict::pass,
        fmt::format(
            "{} served, read {}",
            run.serving.text(),
            counted(static_cast<std::uint64_t>(stage.drift_looks), "time")
        )
    );
}

Task<bool> still_serves(RunContext* run) {
    if (!run->out.mutated || run->out.restore || run->out.rollback) {
        co_return true;
    }
    const auto until = Clock::now() + patience(*run);
    DriftLook drift;
    do {
        drift = co_await look_at_traffic(run);
    } while (drift.state == DriftState::unreadable && Clock::now() < until &&
             !run->stop_requested() && co_await sleep_for(run->in.timing.retry_pause));
    if (drift.state == DriftState::ours) {
        co_return true;
    }
    record_loss(*run, "traffic@end", drift);
    co_return false;
}

} // namespace oa_stream::playbook
