#include "drift.hpp"

#include "stage/stage.hpp"
#include "within.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

// Some reads may fail without anything being wrong: a rollback for one of them would do harm.
constexpr int k_reads_that_may_fail = 3;

/// How long machinery that does not answer is waited for.
Millis patience(const Session& session) {
    const Millis asked = session.playbook().stage.error_hold_at_most;
    return std::max(asked, session.in.timing.ground_every * k_reads_that_may_fail);
}

/// One look, kept in the hold. True: go on.
Task<bool> look(Hold* hold) {
    Session& session = hold->session;
    GroundLook now = judge_ground(
        session, co_await within(session.in.timing.driver_call, session.in.driver->read())
    );
    ++hold->ground_looks;
    if (now.state == GroundState::unreadable) {
        if (!hold->ground_silent_since) {
            hold->ground_silent_since = Clock::now();
            session.in.folder->note("traffic cannot be read", {{"why", now.detail}});
        }
        hold->ground = std::move(now);
        co_return Clock::now() - *hold->ground_silent_since <= patience(session);
    }
    hold->ground_silent_since.reset();
    hold->ground = std::move(now);
    if (!hold->first_seen) {
        hold->first_seen = hold->ground.seen;
    }
    co_return hold->ground.state == GroundState::ours;
}

} // namespace

bool has_restarted(const Json& before, const Json& now) noexcept {
    const auto pid_then = int_member(before, "pid");
    const auto pid_now = int_member(now, "pid");
    if (pid_then && pid_now && *pid_then != *pid_now) {
        return true;
    }
    const auto up_then = int_member(before, "uptime_s");
    const auto up_now = int_member(now, "uptime_s");
    return up_then && up_now && *up_now < *up_then;
}

GroundLook judge_ground(Session& session, Result<traffic::TrafficState> state) {
    if (!state) {
        return {GroundState::unreadable, state.error().text()};
    }
    GroundLook out;
    out.seen = *std::move(state);
    const traffic::TrafficState& now = *out.seen;
    const traffic::Split& ours = session.serving;
    const bool restarted = has_restarted(session.machine, now.extra);
    if (now.serving == ours && now.wanted == ours) {
        out.state = GroundState::ours;
        if (restarted) {
            session.in.folder->note("machinery restarted", {{"split", "kept"}});
        }
        session.machine = now.extra;
        return out;
    }
    out.state = restarted ? GroundState::restarted : GroundState::foreign;
    if (!(now.serving == ours)) {
        out.detail = fmt::format(
            "{} was set and {} serves: {}",
            ours.text(),
            now.serving.text(),
            restarted ? "the machinery was restarted and forgot what was set"
                      : "somebody else changed the traffic"
        );
    } else {
        out.detail = fmt::format(
            "{} serves, but somebody else asked for {}", ours.text(), now.wanted.text()
        );
    }
    return out;
}

Task<void> guard_ground(Hold* hold) {
    while (co_await sleep_for(hold->session.in.timing.ground_every)) {
        if (!co_await look(hold)) {
            co_return;
        }
    }
}

Task<bool> ground_holds(Hold* hold) {
    while (co_await look(hold)) {
        if (hold->ground.state == GroundState::ours) {
            co_return true;
        }
        if (hold->session.stop_requested()) {
            break;
        }
        (void)co_await sleep_for(hold->session.in.timing.ground_every);
    }
    co_return false;
}

void settle_ground(Hold& hold) {
    Session& session = hold.session;
    const GroundLook& ground = hold.ground;
    const std::string id = "traffic@" + hold.where;
    if (ground.state == GroundState::ours) {
        session.add(
            id,
            Verdict::pass,
            fmt::format("{} served, read {} times", session.serving.text(), hold.ground_looks)
        );
        return;
    }
    const bool unreadable = ground.state == GroundState::unreadable;
    session.add(
        id,
        Verdict::error,
        unreadable ? "the traffic cannot be read: " + ground.detail : ground.detail,
        {{"expected", session.serving.to_json()},
         {"seen", ground.seen ? ground.seen->serving.to_json() : Json(nullptr)},
         {"restarted", ground.state == GroundState::restarted}}
    );
    session.say("  ERROR " + id + ": " + session.out.checks.back().detail);
    session.ground_lost = !unreadable;
    session.source_failed = unreadable;
    if (ground.state == GroundState::restarted && session.changes_traffic()) {
        // Nobody chose this split: the rollback may write over it.
        session.ours.push_back(ground.seen->serving);
    }
}

} // namespace oa_stream::playbook
