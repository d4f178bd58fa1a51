#include "stage_sources.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "engine/within.hpp"
#include "stage.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace oa_stream::playbook {
namespace {

using measure::GateRecord;
using measure::GateSpec;
using measure::SourceReading;

// One reading may fail without anything being wrong: a rollback for it would do harm.
constexpr int k_readings_that_may_fail = 3;

// Users are gone when hardly any of those expected came in the last quarter of the window.
constexpr double k_tail = 0.25;
constexpr double k_hardly = 0.1;
constexpr double k_expected = 10;

Millis every(const Session& session) {
    const Millis asked = session.in.timing.source_every;
    return asked > Millis(0)
               ? asked
               : std::clamp(session.playbook().stage.bake / 20, Millis(500), Millis(5000));
}

Millis patience(const Session& session) {
    return std::max(
        session.playbook().stage.error_hold_at_most, every(session) * k_readings_that_may_fail
    );
}

/// With whether a gate that decides needs the answer.
std::map<Asked, bool> asked_by(const Playbook& playbook) {
    std::map<Asked, bool> out;
    for (const GateSpec& gate : playbook.stage.gates) {
        const SourceKind kind = judged_by(playbook, gate);
        if (is_outside_source(kind)) {
            bool& decides = out[{kind, gate.events}];
            decides = decides || gate.mode == measure::GateMode::decide;
        }
    }
    return out;
}

/// Probes of ours that the revision answered: the source has counted them, too.
std::uint64_t own(const Hold& hold, const std::vector<measure::Sample>& arm, std::string_view who) {
    const auto met = hold.met.find(who);
    const auto answered = std::ranges::count_if(arm, [](const measure::Sample& sample) {
        return !sample.revision.empty();
    });
    return static_cast<std::uint64_t>(answered) + (met == hold.met.end() ? 0 : met->second);
}

double besides(const SourceReading& reading, std::uint64_t ours) {
    const auto seen = static_cast<double>(reading.tally.requests.total);
    return std::max(0.0, seen - static_cast<double>(ours));
}

Came came_by(const Hold& hold, const Told& told) {
    const Traffic& traffic = hold.session.playbook().traffic;
    Came out{.held_s = hold.held_s()};
    out.canary = besides(told.canary, own(hold, hold.row.canary, traffic.canary));
    out.all = out.canary;
    if (!compares_with_earlier(hold)) {
        out.all += besides(told.stable, own(hold, hold.row.stable, traffic.stable));
    }
    return out;
}

measure::Span stable_window(const Hold& hold, double now_s) {
    return compares_with_earlier(hold)
               ? measure::Span{hold.session.measured_since_s.value_or(hold.since_s), hold.since_s}
               : measure::Span{hold.since_s, now_s};
}

Task<Result<void>> ask_both(Hold* hold, Asked asked) {
    Session& session = hold->session;
    const Traffic& traffic = session.playbook().traffic;
    const double now_s = wall_seconds();
    Told told;
    OA_CO_TRY(
        told.canary,
        co_await ask_source(
            &session, asked.kind, question_of(asked.events, traffic.canary, {hold->since_s, now_s})
        )
    );
    OA_CO_TRY(
        told.stable,
        co_await ask_source(
            &session,
            asked.kind,
            question_of(asked.events, traffic.stable, stable_window(*hold, now_s))
        )
    );
    hold->sources.came[asked].push_back(came_by(*hold, told));
    hold->sources.told[asked] = std::move(told);
    co_return Result<void>{};
}

/// One reading of everything that is asked for. True: all that decide have answered.
Task<bool> read_once(Hold* hold) {
    Session& session = hold->session;
    SourceBook& book = hold->sources;
    std::map<SourceKind, bool> tried; // whether it answered
    bool all = true;
    for (const auto& [asked, decides] : asked_by(session.playbook())) {
        const auto before = tried.find(asked.kind);
        if (before == tried.end() || before->second) {
            const auto began = Clock::now();
            const auto answered = co_await ask_both(hold, asked);
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) {
                co_return false; // the window is over: nobody waited for this one
            }
            tried[asked.kind] = answered.has_value();
            if (!answered) {
                const auto [at, fresh] = book.silent.try_emplace(asked.kind, Silence{began, {}});
                at->second.why = answered.error().text();
                if (fresh) {
                    session.in.folder->note(
                        "source does not answer",
                        {{"source", to_string(asked.kind)}, {"why", at->second.why}}
                    );
                }
            }
        }
        all = all && (tried[asked.kind] || !decides);
    }
    for (const auto& [kind, answered] : tried) {
        if (answered) {
            book.silent.erase(kind);
        }
    }
    co_return all;
}

/// Silent for longer than the playbook waits.
bool lost(const Hold& hold) {
    const auto asked = asked_by(hold.session.playbook());
    return std::ranges::any_of(asked, [&](const auto& one) {
        const auto silent = hold.sources.silent.find(one.first.kind);
        return one.second && silent != hold.sources.silent.end() &&
               Clock::now() - silent->second.since >= patience(hold.session);
    });
}

void keep_interim_looks(Hold& hold) {
    for (const GateSpec& gate : hold.session.playbook().stage.gates) {
        const SourceKind kind = judged_by(hold.session.playbook(), gate);
        if (is_outside_source(kind) && !hold.sources.silent.contains(kind)) {
            keep_look(hold, look_at_source(hold, gate, {.interim = true}));
        }
    }
}

/// Instead of users' requests, and said so.
GateRecord
fill_in(const Hold& hold, const GateSpec& gate, const measure::Look& look, std::string why) {
    GateRecord record = measure::evaluate(gate, input_of(hold, look));
    record.sentence += "; by the run's own probes: " + why;
    record.notes.push_back("judged on the run's own probes: " + std::move(why));
    return record;
}

/// Why what was seen says nothing of who comes now; empty when it does.
std::string gone(const Hold& hold, const Asked& asked, double blur) {
    const auto found = hold.sources.came.find(asked);
    if (found == hold.sources.came.end() || found->second.empty()) {
        return {};
    }
    const auto& came = found->second;
    const Came& last = came.back();
    const double tail_from = last.held_s * (1 - k_tail);
    const auto then = std::ranges::find_if(came.rbegin(), came.rend(), [&](const Came& one) {
        return one.held_s <= tail_from;
    });
    if (then == came.rend() || then->held_s <= 0) {
        return {};
    }
    const double more = (last.held_s - then->held_s) / then->held_s;
    for (const auto& [who, count] :
         {std::pair{"users' requests", &Came::all}, {"users' requests at the canary", &Came::canary}
         }) {
        const double expected = *then.*count * more;
        const double came_since = last.*count - *then.*count;
        if (expected >= k_expected + 2 * blur && came_since <= expected * k_hardly) {
            return fmt::format(
                "{} have ended: {:.0f} came in the first {:.1f}s, {:.0f} in the {:.1f}s since",
                who,
                *then.*count,
                then->held_s,
                std::max(0.0, came_since),
                last.held_s - then->held_s
            );
        }
    }
    return {};
}

GateRecord told_record(
    const Hold& hold,
    const GateSpec& gate,
    const Asked& asked,
    const Told& told,
    const measure::GateInput& base
) {
    const Session& session = hold.session;
    GateRecord record = measure::evaluate_readings(gate, told.canary, told.stable, base);
    const bool missing = told.canary.state == SourceReading::State::missing;
    if (record.verdict == Verdict::fail || base.look.interim || missing) {
        return record;
    }
    const auto open = [&](std::string_view why) {
        measure::GateInput again = base;
        again.source = record.source;
        again.query = record.query;
        return measure::unjudged(gate, again, Verdict::inconclusive, why);
    };
    if (session.serving.percent_of(session.playbook().traffic.canary) == 0) {
        return fill_in(hold, gate, base.look, "at 0% no user reaches the canary");
    }
    const double blur = std::max(told.canary.count_error, told.stable.count_error);
    if (came_by(hold, told).canary <= told.canary.count_error) {
        const std::string why =
            fmt::format("{} saw no user's request at the canary", record.source);
        return session.playbook().stage.on_no_traffic == NoTraffic::probe
                   ? fill_in(hold, gate, base.look, why)
                   : open(why);
    }
    if (const std::string why = gone(hold, asked, blur); !why.empty()) {
        return open(why);
    }
    return record;
}

} // namespace

double wall_seconds() {
    return unix_seconds(std::chrono::system_clock::now());
}

Task<Result<SourceReading>>
ask_source(Session* session, SourceKind kind, measure::Question question) {
    const auto found = session->in.sources.find(kind);
    if (found == session->in.sources.end()) {
        co_return fail(Code::config, fmt::format("{} is not open here", to_string(kind)));
    }
    co_return co_await within(
        session->in.timing.source_call, found->second->read(std::move(question))
    );
}

measure::Question
question_of(const std::string& events, std::string revision, measure::Span window) {
    measure::Question out;
    out.revision = std::move(revision);
    out.window = window;
    if (auto bad = measure::parse_bad_events(events)) {
        out.bad = *std::move(bad);
    }
    return out;
}

Task<void> keep_asking(Hold* hold) {
    const bool any = !asked_by(hold->session.playbook()).empty();
    while (co_await sleep_for(every(hold->session))) {
        if (!any) {
            continue;
        }
        if (co_await read_once(hold)) {
            keep_interim_looks(*hold);
        } else if (lost(*hold)) {
            co_return;
        }
    }
}

Task<bool> sources_answer(Hold* hold) {
    while (!co_await read_once(hold)) {
        if (lost(*hold) || hold->session.stop_requested()) {
            co_return false;
        }
        (void)co_await sleep_for(hold->session.in.timing.retry_pause);
    }
    co_return true;
}

GateRecord look_at_source(const Hold& hold, const GateSpec& gate, const measure::Look& look) {
    const SourceKind kind = judged_by(hold.session.playbook(), gate);
    const Asked asked{kind, gate.events};
    measure::GateInput base = input_of(hold, look);
    base.source = to_string(kind);
    const auto silent = hold.sources.silent.find(kind);
    const auto told = hold.sources.told.find(asked);
    GateRecord record;
    if (silent != hold.sources.silent.end()) {
        record = measure::unjudged(gate, base, Verdict::error, silent->second.why);
    } else if (told == hold.sources.told.end()) {
        record = measure::unjudged(gate, base, Verdict::inconclusive, "it was not asked yet");
    } else {
        record = told_record(hold, gate, asked, told->second, base);
    }
    if (record.verdict == Verdict::fail) {
        return record;
    }
    measure::Look beside = look;
    beside.interim = true;
    GateRecord probed = measure::evaluate(gate, input_of(hold, beside));
    if (probed.verdict == Verdict::fail) {
        probed.sentence += "; by the run's own probes, beside " + base.source;
        probed.notes.push_back("beside: " + record.sentence);
        return probed;
    }
    return record;
}

} // namespace oa_stream::playbook
