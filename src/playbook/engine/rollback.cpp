// Restores the baseline and proves that users are served by it.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include "run_context.hpp"
#include "stage/live_sample.hpp"
#include "within.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace oa_stream::playbook {
namespace {

using report::RollbackFacts;

/// Number of consecutive answers that would occur once in a thousand times if the canary still had
/// its share: the last split's share, or the observed one if that is smaller. Each answer of the
/// canary starts a new row.
int row_against(double last_share, int met, int probes, int least) {
    constexpr double k_by_chance = 0.001;
    const double seen = static_cast<double>(met) / std::max(probes, 1);
    const double share = last_share > 0 ? std::min(last_share, seen) : seen;
    if (met == 0 || share >= 1) {
        return least;
    }
    const double row = std::log(k_by_chance / met) / std::log1p(-share);
    return std::max(least, static_cast<int>(std::ceil(row)));
}

bool is_third(const Traffic& traffic, std::string_view revision) {
    return !revision.empty() && revision != traffic.stable && revision != traffic.canary;
}

struct UserProof {
    bool back = false;
    int asked_for = 0; ///< required number in a row
    std::string miss{}; ///< why one was not a good answer of the baseline
    bool by_third = false; ///< that one was answered well, but by neither arm
};

/// Users are back when enough consecutive fresh connections were answered well by a revision that
/// the baseline names. An API's answer alone does not prove it.
Task<UserProof> users_are_back(RunContext* run, double last_share, RollbackFacts* facts) {
    const Playbook& playbook = run->playbook();
    const auto began = Clock::now();
    const probe::StallMeter stalls(co_await asio::this_coro::executor);
    const auto in_time = [&] { // time in which no request was possible shows nothing about users
        const auto now = Clock::now();
        return seconds(now - began) - stalls.stalled_s(began, now) <
               seconds(playbook.restore_limit);
    };
    UserProof out{.asked_for = playbook.fresh_row};
    int met = 0;
    while (facts->row < out.asked_for && in_time()) {
        const double sent_s = run->now();
        const measure::Sample sample = co_await run->in.instruments->fresh_probe();
        run->keep(sample, "restore");
        ++facts->probes;
        if (!reaches(sample, run->in.plan->home())) {
            facts->row = 0;
            out.miss = "; the last that missed: " + missed_text(sample);
            met += sample.bad ? 0 : 1;
            out.by_third = !sample.bad && is_third(playbook.traffic, sample.revision);
            out.asked_for = row_against(last_share, met, facts->probes, playbook.fresh_row);
            facts->user_visible_s.reset();
            (void)co_await sleep_for(run->in.timing.retry_pause);
            continue;
        }
        if (++facts->row == 1) {
            facts->user_visible_s = sent_s + sample.first_content_s.value_or(0);
        }
    }
    facts->confirmed_s = run->now();
    out.back = facts->row >= out.asked_for;
    co_return out;
}

traffic::StreamCounts canary_streams(const RunContext& run, const traffic::TrafficState& state) {
    const auto found = state.streams.find(run.playbook().traffic.canary);
    return found == state.streams.end() ? traffic::StreamCounts{} : found->second;
}

/// The result for the canary's streams, which is also part of judging a rollback.
std::string streams_text(
    const RunContext& run, const traffic::TrafficState& before, const traffic::TrafficState& after
) {
    if (before.streams.empty() || after.streams.empty()) {
        return {};
    }
    const auto then = canary_streams(run, before);
    const auto now = canary_streams(run, after);
    // Restarted machinery counts from 0.
    const auto since = [](std::uint64_t first, std::uint64_t last) {
        return last - std::min(first, last);
    };
    return fmt::format(
        "open at the switch {}, since then finished {}, cut {}, still open {}",
        then.active,
        since(then.finished, now.finished),
        since(then.broken, now.broken),
        now.active
    );
}

std::string outcome_text(const Moved& moved) {
    return moved.already ? "nothing to write: " + moved.detail : moved.detail;
}

/// Waits this long, or until a signal or an order requests the immediate rollback.
Task<void> wait_on_ramp(const RunContext* run, Millis length) {
    const auto until = Clock::now() + length;
    while (!run->stop_requested() && Clock::now() < until) {
        const auto left = std::chrono::ceil<Millis>(until - Clock::now());
        (void)co_await sleep_for(std::clamp(left, Millis(1), run->in.timing.tick));
    }
}

/// The canary's share at which a ramp begins. A run that died, or whose traffic others moved, may
/// assume more than serves. 0: the split cannot be read.
Task<int> ramp_from(const RunContext* run) {
    const std::string& canary = run->playbook().traffic.canary;
    const auto now = co_await within(run->in.timing.driver_call, run->in.driver->read());
    co_return now ? std::min(run->serving.percent_of(canary), now->serving.percent_of(canary)) : 0;
}

/// Gives a cold baseline its traffic back gradually, when the playbook requests it. A failure on
/// the way only ends the ramp: the full baseline is written next.
Task<void> ramp_down(RunContext* run, std::string step) {
    const Traffic& traffic = run->playbook().traffic;
    const Millis ramp = run->playbook().rollback_ramp;
    if (ramp <= Millis(0)) {
        co_return;
    }
    const int from = co_await ramp_from(run);
    const int to = run->in.plan->home().percent_of(traffic.canary);
    const int steps = std::min(Playbook::k_ramp_steps, from - to);
    for (int i = 1; i < steps; ++i) {
        const auto next =
            traffic::Split::between(traffic.stable, traffic.canary, from - (from - to) * i / steps);
        if (!next || run->stop_requested()) {
            co_return;
        }
        run->ours.push_back(*next);
        Mover mover = run->mover(run->playbook().driver_limit, nullptr, false, traffic.canary);
        const Moved moved = co_await mover.move(
            fmt::format("{}.ramp-{}", step, i), run->ours, *next, Urgency::rescue
        );
        if (moved.result != Moved::Result::done) {
            run->torn = moved.torn;
            co_return;
        }
        run->serving = *next;
        co_await wait_on_ramp(run, ramp / steps);
    }
}

/// Writes the baseline and reads it back. Returns the state before, if that succeeded.
Task<std::optional<traffic::TrafficState>>
write_baseline(RunContext* run, std::string step, RollbackFacts* facts) {
    co_await ramp_down(run, step);
    const traffic::Split baseline = run->in.plan->home();
    Mover mover = run->mover(run->playbook().restore_limit, run->in.plan->home_exact(), run->fence);
    Moved moved = co_await mover.move(step, run->ours, baseline, Urgency::rescue);
    const bool done = moved.result == Moved::Result::done;
    const bool foreign = moved.result == Moved::Result::foreign;
    run->out.mutated = run->out.mutated || moved.mutated;
    run->out.foreign = foreign;
    run->out.gone = moved.gone;
    run->out.differs = moved.differs;
    run->session.add(
        step + ".read-back",
        done ? Verdict::pass : Verdict::fail,
        outcome_text(moved),
        foreign      ? Json{{"foreign", true}}
        : moved.gone ? Json{{"gone", true}}
                     : Json::object()
    );
    if (moved.mutated) {
        facts->written_s = moved.written_s;
    }
    if (!done && !moved.differs) {
        co_return std::nullopt;
    }
    facts->read_back_s = run->now();
    run->serving = baseline;
    co_return std::move(moved.before);
}

/// Notes what the machinery could not restore, in the driver's words. The extra facts of a command
/// driver come from its program and may be anything.
void note_left_out(RunContext& run, const traffic::TrafficState& state) {
    for (const Json& what : list_in(state.extra, "left_out")) {
        if (what.is_string()) {
            run.out.notes.push_back(
                fmt::format("Left out, because it is gone: {}.", printable(what.get<std::string>()))
            );
            run.session.say("  " + run.out.notes.back());
        }
    }
}

void record_user_proof(
    RunContext& run,
    const std::string& step,
    const RollbackFacts& facts,
    bool holds,
    const UserProof& proof
) {
    const bool back = proof.back && holds;
    Json data = report::to_json(facts);
    data["users_missed"] = !back;
    if (run.out.differs) {
        data["differs"] = true;
    }
    run.session.add(
        step + ".users",
        back ? Verdict::pass : Verdict::fail,
        fmt::format(
            "{} fresh connections, the last {} in a row answered well by the baseline (asked for "
            "{}){}{}",
            facts.probes,
            facts.row,
            proof.asked_for,
            proof.back ? "" : proof.miss,
            holds ? "" : "; at the end the traffic is another one"
        ),
        std::move(data)
    );
    run.session.say(fmt::format(
        "  {} in a row over fresh connections: {}", facts.row, back ? "verified" : "NOT VERIFIED"
    ));
}

/// The canary's last known share; 1 is all. Even if only the baseline was seen, a write of this run
/// may still partly serve.
double last_share_of(const RunContext& run) {
    const std::string& canary = run.playbook().traffic.canary;
    int percent = run.serving.percent_of(canary);
    for (auto split = run.ours.rbegin(); percent == 0 && split != run.ours.rend(); ++split) {
        percent = split->percent_of(canary);
    }
    return percent / 100.0;
}

/// Runs before an operator is advised to write the baseline: a write that the driver refuses would
/// cost users answers.
Task<void> find_obstacle(RunContext* run) {
    const auto possible =
        co_await within(run->in.timing.driver_call, run->in.driver->preview(run->in.plan->home()));
    const bool refused = !possible && possible.error().code == Code::precondition;
    run->out.obstacle = refused ? possible.error().text() : "";
}

void tell_restored(RunContext& run, const RollbackFacts& facts) {
    run.tell_hooks(
        HookEvent::rollback_ended,
        facts.verified ? fmt::format("{} serves again, verified", facts.to)
                       : fmt::format("{} is NOT verified to serve again", facts.to),
        {{"verified", facts.verified}, {"rollback", report::to_json(facts)}}
    );
}

} // namespace

Task<RollbackFacts> restore_baseline(RunContext* run, std::string step, std::string reason) {
    RollbackFacts facts;
    facts.reason = std::move(reason);
    facts.from = run->serving.text();
    const double last_share = last_share_of(*run);
    facts.to = run->in.plan->home().text();
    facts.fault_s = run->fault_s;
    facts.seen_s = run->seen_s;
    facts.decided_s = run->now();
    run->session.report(
        run::k_restore_begins,
        fmt::format("restoring {}", facts.to),
        {{"step", step}, {"reason", facts.reason}}
    );
    run->tell_hooks(
        HookEvent::rollback_begins,
        fmt::format("goes back to {}: {}", facts.to, facts.reason),
        {{"step", step}, {"reason", facts.reason}, {"from", facts.from}, {"to", facts.to}}
    );
    run->in.driver->begin_rescue();
    const auto before = co_await write_baseline(run, step, &facts);
    if (!before) {
        co_await find_obstacle(run);
        tell_restored(*run, facts);
        co_return facts;
    }
    const UserProof proof = co_await users_are_back(run, last_share, &facts);
    const auto last = co_await within(run->in.timing.driver_call, run->in.driver->read());
    const Json exact = run->in.plan->home_exact();
    const bool holds =
        last && traffic::rests_at(*last, run->in.plan->home()) &&
        (exact.is_null() || run->out.differs || run->in.driver->same_setting(last->exact, exact));
    if (last) {
        facts.streams = streams_text(*run, *before, *last);
        note_left_out(*run, *last);
    }
    run->out.differs = holds && (proof.back ? run->out.differs : proof.by_third);
    facts.verified = proof.back && holds && !run->out.differs;
    record_user_proof(*run, step, facts, holds, proof);
    if (!facts.verified) {
        co_await find_obstacle(run);
    }
    tell_restored(*run, facts);
    co_await check_conversations(run, step, facts.verified);
    co_return facts;
}

} // namespace oa_stream::playbook
