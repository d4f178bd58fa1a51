// The way back, tried on purpose: users are watched from the first shift until they are well again.
#include "stage/stage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

using measure::Sample;
using report::DrillFacts;

DrillSpec spec_of(const Session& session) {
    return session.playbook().drill.value_or(DrillSpec{});
}

bool on_baseline(const Session& session, const Sample& sample) {
    return sample.revision.empty() || session.in.plan->baseline.percent_of(sample.revision) > 0;
}

void take_user(Session& session, Sample sample) {
    if (session.holding != nullptr) {
        session.holding->take(sample);
    } else {
        session.keep(sample, "users");
    }
    if (auto& watch = session.drill) {
        watch->seen.push_back(std::move(sample));
    }
}

/// Users in the order in which they came.
DrillFacts facts_of(const Session& session, double decided_s) {
    DrillFacts out;
    const Playbook& playbook = session.playbook();
    const DrillSpec spec = spec_of(session);
    UserWatch watch = session.drill.value_or(UserWatch{});
    out.stage = fmt::format("{}%", spec.fail_at);
    out.fault = session.fault_s ? spec.fault : "";
    out.users_per_s = watch.per_s;
    out.decided_s = decided_s;
    out.limit_s = std::chrono::duration<double>(spec.recover_within).count();
    std::vector<Sample> users = std::move(watch.seen);
    std::ranges::sort(users, {}, &Sample::at_s);
    for (const Sample& user : users) {
        ++out.users;
        out.users_bad += user.bad ? 1U : 0U;
        out.users_canary += user.revision == playbook.traffic.canary ? 1U : 0U;
        if (user.bad || !on_baseline(session, user)) {
            out.hurt_s = user.at_s;
            out.well_s.reset();
        } else if (!out.well_s) {
            out.well_s = user.at_s;
        }
    }
    return out;
}

/// Users who came after `since_s` and were well, in a row to the end.
int well_since(const Session& session, double since_s) {
    int row = 0;
    const auto& watch = session.drill;
    if (!watch) {
        return row;
    }
    for (const Sample& user : watch->seen) {
        if (user.bad || !on_baseline(session, user)) {
            row = 0;
        } else if (user.at_s >= since_s) {
            ++row;
        }
    }
    return row;
}

std::string reason_of(const Session& session) {
    const auto failed = std::ranges::find_if(session.out.checks, [](const Check& check) {
        return check.id.starts_with("drill.failure@");
    });
    return failed == session.out.checks.end() ? "the drill's stage failed" : failed->detail;
}

void judge_recovery(Session& session, const DrillFacts& facts) {
    const auto recovery = facts.recovery_s();
    const bool fine = recovery && *recovery <= facts.limit_s;
    const std::string limit = format_duration(spec_of(session).recover_within);
    session.add(
        "drill.recovery",
        fine ? Verdict::pass : Verdict::fail,
        recovery ? fmt::format(
                       "{:.3f} s after the decision users met nothing but the baseline, at most {} "
                       "was asked for; known to within {:.3f} s",
                       *recovery,
                       limit,
                       1 / facts.users_per_s
                   )
                 : fmt::format("users were not well again {} after the decision", limit),
        report::to_json(facts)
    );
}

} // namespace

Next begin_drill(Session& session) {
    const double per_s = session.playbook().stage.probe.unpinned_per_s;
    session.drill = UserWatch{.per_s = per_s};
    const auto started = session.in.instruments->start_watch(per_s, [&session](Sample sample) {
        take_user(session, std::move(sample));
    });
    if (!started) {
        session.add("drill.users", Verdict::error, started.error().text());
        return Next::stop;
    }
    return Next::go_on;
}

bool settle_drill(Hold& hold, bool judged) {
    Session& session = hold.session;
    if (!is_drilled(hold) || !judged) {
        return false;
    }
    const std::string id = "drill.failure@" + hold.where;
    if (!session.fault_s) {
        if (hold.row.verdict != Verdict::pass) {
            return false; // it failed by itself, which nobody planned
        }
        Check check{.id = id, .verdict = Verdict::pass, .mode = CheckMode::rehearsed};
        check.detail = "ruled to have failed: nothing was planted, so detection was not tried";
        session.add(std::move(check));
        hold.row.verdict = Verdict::fail;
        return true;
    }
    const auto failed = std::ranges::find_if(hold.row.gates, [](const measure::GateRecord& record) {
        return record.verdict == Verdict::fail && record.spec.mode == measure::GateMode::decide;
    });
    const bool noticed = failed != hold.row.gates.end();
    const std::string fault = spec_of(session).fault;
    session.add(
        id,
        noticed ? Verdict::pass : Verdict::fail,
        noticed ? fmt::format("{} was noticed: {}", fault, failed->sentence)
                : fmt::format("{} was planted and no gate failed", fault)
    );
    return noticed && run_verdict(session.out.checks) == Verdict::pass;
}

Task<Next> recover(Session* session, const Step* step) {
    session->out.mutated = session->out.mutated || step->mutates();
    auto facts = co_await bring_back(session, step->id, reason_of(*session));
    session->out.restored = facts.verified;
    const double decided_s = facts.decided_s;
    const double written_s = facts.written_s.value_or(decided_s);
    session->out.rollback = std::move(facts);

    const Playbook& playbook = session->playbook();
    const double until =
        decided_s + std::chrono::duration<double>(spec_of(*session).recover_within).count();
    while (well_since(*session, written_s) < playbook.fresh_row && session->now() < until &&
           !session->stop_requested()) {
        (void)co_await sleep_for(session->in.timing.tick);
    }
    const bool enough = well_since(*session, written_s) >= playbook.fresh_row;
    co_await session->in.instruments->stop_watch(session->in.timing.in_flight);
    DrillFacts drill = facts_of(*session, decided_s);
    if (!enough) {
        drill.well_s.reset(); // too few to say so
    }
    judge_recovery(*session, drill);
    session->out.drill = std::move(drill);
    co_return session->out.restored&& run_verdict(session->out.checks) == Verdict::pass
        ? Next::go_on
        : Next::stop;
}

} // namespace oa_stream::playbook
