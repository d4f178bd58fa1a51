// One stage: the split is set; now look what it does to the users.
#include "stage.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>

namespace oa_stream::playbook {
namespace {

using measure::GateRecord;
using measure::Look;
using measure::Sample;

enum class WindowEnd {
    over,
    early_fail,
    interrupted,
    broken,
    lost, ///< the split is no longer ours
    blind, ///< a source that decides does not answer
};

std::optional<double> p95(const std::vector<Sample>& samples) {
    const auto times = measure::first_content_sorted(samples);
    return times.empty() ? std::nullopt
                         : std::optional(measure::quantile_sorted(times, measure::k_p95));
}

void show(const Hold& hold) {
    const Session& session = hold.session;
    if (!session.in.observer.stage) {
        return;
    }
    StageView view;
    view.percent = hold.percent;
    view.index = static_cast<std::size_t>(hold.index);
    view.stages = session.playbook().stages;
    view.held_s = hold.held_s();
    view.hold_s = std::chrono::duration<double>(hold.planned).count();
    view.extended = hold.extended;
    view.canary = measure::count_bad(hold.row.canary);
    view.stable = measure::count_bad(hold.row.stable);
    view.canary_p95_s = p95(hold.row.canary);
    view.stable_p95_s = p95(hold.row.stable);
    view.gates = &session.playbook().stage.gates;
    session.in.observer.stage(view);
}

/// Waits until `until`, looking for signals and, now and then, at the gates.
Task<WindowEnd> watch(Hold* hold, Clock::time_point until, Look look) {
    const RunnerTiming& timing = hold->session.in.timing;
    auto next_view = Clock::now();
    auto next_look = Clock::now() + timing.interim_every;
    look.interim = true;
    while (Clock::now() < until) {
        if (hold->session.stop_requested()) {
            co_return WindowEnd::interrupted;
        }
        if (Clock::now() >= next_view) {
            next_view += timing.view_every;
            show(*hold);
        }
        if (Clock::now() >= next_look) {
            next_look += timing.interim_every;
            auto records = look_at(*hold, look);
            if (any(records, Verdict::fail)) {
                // The others were not asked: an interim look can only FAIL.
                std::erase_if(records, [](const GateRecord& record) {
                    return record.verdict != Verdict::fail;
                });
                hold->row.gates = std::move(records);
                co_return WindowEnd::early_fail;
            }
        }
        const auto left = std::chrono::duration_cast<Millis>(until - Clock::now());
        (void)co_await sleep_for(std::clamp(left, Millis(1), timing.tick));
    }
    co_return WindowEnd::over;
}

/// watch(), until something takes the split or a source away.
Task<WindowEnd> watch_all(Hold* hold, Clock::time_point until, Look look) {
    const auto executor = co_await asio::this_coro::executor;
    auto [order, thrown, end, ground_thrown, sources_thrown] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, watch(hold, until, look), asio::deferred),
            asio::co_spawn(executor, guard_ground(hold), asio::deferred),
            asio::co_spawn(executor, keep_asking(hold), asio::deferred)
        )
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    // Those that were cancelled may say so by throwing.
    const std::array all{thrown, ground_thrown, sources_thrown};
    if (const auto& first = all[order[0]]) {
        std::rethrow_exception(first);
    }
    co_return order[0] == 0 ? end : order[0] == 1 ? WindowEnd::lost : WindowEnd::blind;
}

FlowRates rates_of(const Hold& hold) {
    const ProbeSpec& probe = hold.session.playbook().stage.probe;
    return {
        .stable = compares_with_earlier(hold) ? 0 : probe.per_arm_per_s,
        .canary = probe.per_arm_per_s,
        // A drill's users are watched from its beginning to its end.
        .users = hold.session.drill ? 0 : probe.unpinned_per_s,
    };
}

/// A source that fails is waited for, as long as the playbook says.
Task<Result<void>> start_probes(Hold* hold) {
    Session& session = hold->session;
    const auto deadline = Clock::now() + session.playbook().stage.error_hold_at_most;
    for (;;) {
        auto started = session.in.instruments->start_flow(rates_of(*hold), [hold](Sample sample) {
            hold->take(std::move(sample));
        });
        if (started || session.stop_requested() || Clock::now() >= deadline) {
            co_return started;
        }
        (void)co_await sleep_for(session.in.timing.retry_pause);
    }
}

Task<WindowEnd> window(Hold* hold, Millis length, Look look) {
    Session& session = hold->session;
    if (const auto started = co_await start_probes(hold); !started) {
        session.source_failed = true;
        session.add("probe@" + hold->where, Verdict::error, started.error().text());
        co_return WindowEnd::broken;
    }
    hold->planned += length;
    WindowEnd end = co_await watch_all(hold, Clock::now() + length, look);
    // A breach and a signal do not wait for the last probes.
    co_await session.in.instruments->stop_flow(
        end == WindowEnd::over ? session.in.timing.in_flight : Millis(0)
    );
    if (end == WindowEnd::over && !co_await ground_holds(hold)) {
        end = session.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
    }
    if (end == WindowEnd::over && !co_await sources_answer(hold)) {
        end = session.stop_requested() ? WindowEnd::interrupted : WindowEnd::blind;
    }
    if (end == WindowEnd::over || end == WindowEnd::blind) {
        hold->row.gates = look_at(*hold, look);
        check_users(*hold);
    }
    co_return end;
}

Task<bool> plant_faults(Hold* hold) {
    Session& session = hold->session;
    if (!session.changes_traffic()) {
        co_return true;
    }
    const auto planted = co_await session.in.instruments->begin_stage(hold->percent);
    if (!planted) {
        session.add("fault@" + hold->where, Verdict::error, planted.error().text());
        co_return false;
    }
    if (!planted->empty()) {
        session.fault_s = session.fault_s.value_or(session.now());
        session.tell(
            "fault planted",
            fmt::format("  planted fault on the canary: {}", *planted),
            {{"fault", *planted}}
        );
    }
    co_return true;
}

void interrupted(Session& session, const std::string& where) {
    session.add(
        "interrupted",
        Verdict::inconclusive,
        fmt::format("signal {} at stage {}", session.in.stop->signal(), where)
    );
}

Task<WindowEnd> windows(Hold* hold) {
    const StageSpec& spec = hold->session.playbook().stage;
    const int looks = spec.extend_at_most > Millis(0) ? 2 : 1;
    if (spec.on_no_traffic == NoTraffic::hold && !co_await ground_holds(hold)) {
        co_return WindowEnd::lost; // users are counted from here
    }
    WindowEnd end = co_await window(hold, spec.bake, {.number = 1, .of = looks});
    const bool undecided = end == WindowEnd::over && !any(hold->row.gates, Verdict::fail) &&
                           (any(hold->row.gates, Verdict::inconclusive) || !hold->users_came);
    if (undecided && looks == 2) {
        for (const GateRecord& record : hold->row.gates) {
            keep_look(*hold, record); // a new look never erases an old one
        }
        hold->extended = true;
        hold->session.tell(
            "stage extended",
            fmt::format(
                "  not decided yet, holding another {}", format_duration(spec.extend_at_most)
            ),
            {{"stage", hold->where}}
        );
        end = co_await window(hold, spec.extend_at_most, {.number = 2, .of = 2});
    }
    co_return end;
}

/// What was seen becomes checks and the row's verdict.
void settle(Hold& hold, WindowEnd end) {
    Session& session = hold.session;
    switch (end) {
    case WindowEnd::interrupted:
        interrupted(session, hold.where);
        return;
    case WindowEnd::broken:
        hold.row.verdict = Verdict::error;
        return;
    case WindowEnd::lost:
        settle_ground(hold);
        hold.row.verdict = Verdict::error;
        return;
    case WindowEnd::early_fail:
        settle_gates(hold);
        return;
    case WindowEnd::blind:
        session.source_failed = true;
        settle_gates(hold);
        if (hold.row.verdict == Verdict::pass) {
            hold.row.verdict = Verdict::error;
        }
        return;
    case WindowEnd::over:
        settle_ground(hold);
        settle_gates(hold);
        check_split(hold);
        settle_users(hold);
        return;
    }
}

/// A rehearsal moves nothing: both arms are what they were at its first stage.
Next skip_stage(Session& session, int stage) {
    const int percent = session.playbook().stages[static_cast<std::size_t>(stage)];
    const std::string why = session.in.probes
                                ? fmt::format(
                                      "a rehearsal moves no traffic: both arms were judged at {}%",
                                      session.playbook().stages.front()
                                  )
                                : "no probes were asked for";
    report::StageRow row;
    row.name = fmt::format("{}%", percent);
    row.split = session.serving.text();
    row.verdict = Verdict::skipped;
    for (const measure::GateSpec& gate : session.playbook().stage.gates) {
        Check check;
        check.id = fmt::format("gate.{}@{}", gate.id, row.name);
        check.verdict = Verdict::skipped;
        check.mode = CheckMode::skipped;
        check.required = stage == 0; // without probes there is no judgement at all
        check.detail = why;
        session.add(std::move(check));
    }
    session.out.stages.push_back(std::move(row));
    return Next::go_on;
}

} // namespace

Task<Next> hold_stage(Session* session, int stage) {
    if (!session->changes_traffic() && (stage > 0 || !session->in.probes)) {
        co_return skip_stage(*session, stage);
    }
    const int percent = session->playbook().stages[static_cast<std::size_t>(stage)];
    Hold hold{*session, stage, percent, fmt::format("{}%", percent)};
    hold.row.name = hold.where;
    hold.row.split = session->serving.text();
    session->tell(
        "stage begins",
        fmt::format("stage {}: {}", hold.where, hold.row.split),
        {{"stage", hold.where}, {"split", session->serving.to_json()}}
    );
    if (!co_await plant_faults(&hold)) {
        co_return Next::stop;
    }
    session->measured_since_s = session->measured_since_s.value_or(hold.since_s);
    session->holding = &hold;
    const WindowEnd end = co_await windows(&hold);
    session->holding = nullptr;
    hold.row.seconds = hold.held_s();
    settle(hold, end);
    const bool planned = settle_drill(hold, end == WindowEnd::over || end == WindowEnd::early_fail);
    const bool good = end == WindowEnd::over && hold.row.verdict == Verdict::pass;
    if (good && !planned && !judged(hold)) {
        hold.row.verdict = Verdict::skipped;
        hold.row.judged = false;
    }
    session->in.folder->note("stage ended", {{"row", report::to_json(hold.row)}});
    session->out.stages.push_back(std::move(hold.row));
    co_return planned || good ? Next::go_on : Next::stop;
}

} // namespace oa_stream::playbook
