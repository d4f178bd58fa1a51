// Back to the baseline, and proof that users are there.
#include "session.hpp"
#include "within.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace oa_stream::playbook {
namespace {

using report::RollbackFacts;

bool reached_baseline(const Session& session, const measure::Sample& sample) {
    return !sample.bad && session.in.plan->home().percent_of(sample.revision) > 0;
}

/// Users are back when so many fresh connections in a row were answered well by a revision that
/// the baseline names. What an API says is not enough.
Task<bool> users_are_back(Session* session, RollbackFacts* facts) {
    const Playbook& playbook = session->playbook();
    const auto deadline = Clock::now() + playbook.restore_limit;
    while (facts->row < playbook.fresh_row && Clock::now() < deadline) {
        const double sent_s = session->now();
        const measure::Sample sample = co_await session->in.instruments->fresh_probe();
        session->keep(sample, "restore");
        ++facts->probes;
        if (!reached_baseline(*session, sample)) {
            facts->row = 0;
            facts->user_visible_s.reset();
            (void)co_await sleep_for(session->in.timing.retry_pause);
            continue;
        }
        if (++facts->row == 1) {
            facts->user_visible_s = sent_s + sample.first_content_s.value_or(0);
        }
    }
    facts->confirmed_s = session->now();
    co_return facts->row >= playbook.fresh_row;
}

traffic::StreamCounts canary_streams(const Session& session, const traffic::TrafficState& state) {
    const auto found = state.streams.find(session.playbook().traffic.canary);
    return found == state.streams.end() ? traffic::StreamCounts{} : found->second;
}

/// What became of the canary's streams: a rollback is judged by those, too.
std::string streams_text(
    const Session& session, const traffic::TrafficState& before, const traffic::TrafficState& after
) {
    if (before.streams.empty() || after.streams.empty()) {
        return {};
    }
    const auto then = canary_streams(session, before);
    const auto now = canary_streams(session, after);
    // Machinery that was started again counts from 0.
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

constexpr int k_ramp_steps = 5;

/// A cold baseline gets its traffic back bit by bit, when the playbook asks for that. What fails on
/// the way only ends the ramp: the whole baseline is written next.
Task<void> ramp_down(Session* session, std::string step) {
    const Traffic& traffic = session->playbook().traffic;
    const Millis ramp = session->playbook().rollback_ramp;
    const int from = session->serving.percent_of(traffic.canary);
    const int to = session->in.plan->home().percent_of(traffic.canary);
    const int steps = std::min(k_ramp_steps, from - to);
    for (int i = 1; ramp > Millis(0) && i < steps; ++i) {
        const auto next =
            traffic::Split::between(traffic.stable, traffic.canary, from - (from - to) * i / steps);
        if (!next || session->stop_requested()) {
            co_return;
        }
        session->ours.push_back(*next);
        Mover mover = session->mover(session->playbook().driver_limit);
        const Moved moved = co_await mover.move(
            fmt::format("{}.ramp-{}", step, i), session->ours, *next, Urgency::rescue
        );
        if (moved.result != Moved::Result::done) {
            co_return;
        }
        session->serving = *next;
        (void)co_await sleep_for(ramp / steps);
    }
}

/// Writes the baseline and reads it back. The state before, when that worked.
Task<std::optional<traffic::TrafficState>>
write_baseline(Session* session, std::string step, RollbackFacts* facts) {
    co_await ramp_down(session, step);
    const traffic::Split baseline = session->in.plan->home();
    Mover mover = session->mover(
        session->playbook().restore_limit, session->in.plan->home_exact(), session->fence
    );
    Moved moved = co_await mover.move(step, session->ours, baseline, Urgency::rescue);
    const bool done = moved.result == Moved::Result::done;
    session->add(step + ".read-back", done ? Verdict::pass : Verdict::fail, outcome_text(moved));
    if (moved.mutated) {
        facts->written_s = moved.written_s;
    }
    if (!done) {
        co_return std::nullopt;
    }
    facts->read_back_s = session->now();
    session->serving = baseline;
    co_return std::move(moved.before);
}

void tell_proof(Session& session, const std::string& step, const RollbackFacts& facts, bool holds) {
    session.add(
        step + ".users",
        facts.verified ? Verdict::pass : Verdict::fail,
        fmt::format(
            "{} fresh connections, the last {} in a row answered well by the baseline (asked for "
            "{}){}",
            facts.probes,
            facts.row,
            session.playbook().fresh_row,
            holds ? "" : "; at the end the traffic is another one"
        ),
        report::to_json(facts)
    );
    session.say(fmt::format(
        "  {} in a row over fresh connections: {}",
        facts.row,
        facts.verified ? "verified" : "NOT VERIFIED"
    ));
}

} // namespace

Task<RollbackFacts> bring_back(Session* session, std::string step, std::string reason) {
    RollbackFacts facts;
    facts.reason = std::move(reason);
    facts.from = session->serving.text();
    facts.to = session->in.plan->home().text();
    facts.fault_s = session->fault_s;
    facts.seen_s = session->seen_s;
    facts.decided_s = session->now();
    session->tell(
        "restore begins",
        fmt::format("restoring {}", facts.to),
        {{"step", step}, {"reason", facts.reason}}
    );
    const auto before = co_await write_baseline(session, step, &facts);
    if (!before) {
        co_return facts;
    }
    const bool back = co_await users_are_back(session, &facts);
    const auto last = co_await within(session->in.timing.driver_call, session->in.driver->read());
    const Json exact = session->in.plan->home_exact();
    const bool holds = last && last->serving == session->in.plan->home() &&
                       (exact.is_null() || last->exact == exact);
    if (last) {
        facts.streams = streams_text(*session, *before, *last);
    }
    facts.verified = back && holds;
    tell_proof(*session, step, facts, holds);
    co_return facts;
}

} // namespace oa_stream::playbook
