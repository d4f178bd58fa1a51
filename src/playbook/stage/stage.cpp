// One stage: after the split is set, observes its effect on users.
#include "stage.hpp"

#include "oa_stream/base/clock.hpp"

#include "plan/chance.hpp"

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

using measure::GateRecord;
using measure::Look;

void show(const StageRun& stage) {
    const RunContext& run = stage.run;
    if (!run.in.on_stage) {
        return;
    }
    StageView view;
    view.percent = stage.percent;
    view.index = static_cast<std::size_t>(stage.index);
    view.stages = run.playbook().stages;
    view.later = run.changes_traffic() ? view.stages.size() - view.index - 1 : 0;
    view.elapsed_s = stage.elapsed_s();
    view.left_s = std::max(0.0, seconds(stage.until - Clock::now()));
    view.bake_s = seconds(run.playbook().stage.bake);
    view.extend_s = seconds(run.playbook().stage.extend_at_most);
    view.extended = stage.extended;
    view.paused = stage.paused;
    view.canary = measure::count_bad(stage.canary());
    view.stable = measure::count_bad(stage.stable());
    view.canary_p95_s = measure::first_content_p95(stage.canary());
    view.stable_p95_s = measure::first_content_p95(stage.stable());
    view.gates = &run.playbook().stage.gates;
    run.in.on_stage(view);
}

std::optional<WindowEnd> ordered(StageRun& stage) {
    run::Steering* const steering = stage.run.in.steering;
    if (steering == nullptr) {
        return std::nullopt;
    }
    auto order = stage.paused ? steering->take_order() : steering->take_promotion();
    if (!order) {
        return std::nullopt;
    }
    if (order->action != run::Action::promote) {
        return WindowEnd::resumed;
    }
    stage.promotion = std::move(order);
    return WindowEnd::promoted;
}

namespace {

/// Waits until `until`, checking for signals and, periodically, the gates.
Task<WindowEnd> watch(StageRun* stage, Clock::time_point until, Look look) {
    const RunnerTiming& timing = stage->run.in.timing;
    auto next_view = Clock::now();
    auto next_look = Clock::now() + timing.interim_every;
    look.interim = true;
    stage->until = until;
    while (Clock::now() < until) {
        if (stage->paused) {
            stage->run.in.steering->pause_left(seconds(until - Clock::now()));
        }
        if (stage->run.stop_requested()) {
            co_return WindowEnd::interrupted;
        }
        if (const auto order = ordered(*stage)) {
            co_return *order;
        }
        if (Clock::now() >= next_view) {
            next_view += timing.view_every;
            show(*stage);
        }
        if (Clock::now() >= next_look) {
            next_look += timing.interim_every;
            auto records = look_at(*stage, look);
            if (any(records, Verdict::fail)) {
                // The other gates did not decide: an interim look can only FAIL.
                std::erase_if(records, [](const GateRecord& record) {
                    return record.verdict != Verdict::fail;
                });
                stage->row.gates = std::move(records);
                co_return WindowEnd::early_fail;
            }
        }
        const auto left = std::chrono::duration_cast<Millis>(until - Clock::now());
        (void)co_await sleep_for(std::clamp(left, Millis(1), timing.tick));
    }
    co_return WindowEnd::over;
}

} // namespace

Task<WindowEnd> watch_all(StageRun* stage, Clock::time_point until, Look look) {
    const auto executor = co_await asio::this_coro::executor;
    auto [order, thrown, end, drift_thrown, sources_thrown] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, watch(stage, until, look), asio::deferred),
            asio::co_spawn(executor, watch_for_drift(stage), asio::deferred),
            asio::co_spawn(executor, keep_asking(stage), asio::deferred)
        )
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    // Cancelled tasks may report that by throwing.
    const std::array all{thrown, drift_thrown, sources_thrown};
    if (const auto& first = all[order[0]]) {
        std::rethrow_exception(first);
    }
    co_return order[0] == 0 ? end : order[0] == 1 ? WindowEnd::lost : WindowEnd::blind;
}

namespace {

/// Sample size: if 5 % of all conversations at a side are lost, 98 of 100 stages detect it.
constexpr std::size_t k_sampled = 80;

FlowRates rates_of(const StageRun& stage) {
    const ProbeSpec& probe = stage.run.playbook().stage.probe;
    return {
        // Also at 100 %: the canary can only be compared with stable at the same time.
        .stable = probe.per_arm_per_s,
        .canary = probe.per_arm_per_s,
        // A drill's users are observed from its beginning to its end.
        .users = stage.run.drill ? 0 : probe.unpinned_per_s,
        .sampled = stage.run.keeps_conversations ? k_sampled : 0,
    };
}

} // namespace

/// Waits for a failing source as long as the playbook allows.
Task<bool> start_probes(StageRun* stage) {
    RunContext& run = stage->run;
    const auto deadline = Clock::now() + run.playbook().stage.error_hold_at_most;
    for (;;) {
        auto started =
            run.in.instruments->start_flow(rates_of(*stage), [stage](measure::Sample sample) {
                stage->add_sample(std::move(sample));
            });
        if (started || run.stop_requested() || Clock::now() >= deadline) {
            stage->no_probes = started ? std::string() : started.error().text();
            if (!started) {
                run.session.folder().note("probes not started", {{"why", stage->no_probes}});
            }
            co_return started.has_value();
        }
        (void)co_await sleep_for(run.in.timing.retry_pause);
    }
}

Task<WindowEnd> window(StageRun* stage, Millis length, Look look) {
    RunContext& run = stage->run;
    if (!co_await start_probes(stage)) {
        co_return WindowEnd::broken;
    }
    WindowEnd end = co_await watch_all(stage, Clock::now() + length, look);
    // A breach and a signal do not wait for the last probes. After a promotion the gates judge
    // without the probes under way, and must know when those began.
    constexpr Millis k_at_once{1};
    co_await run.in.instruments->stop_flow(
        end == WindowEnd::over       ? run.in.timing.in_flight
        : end == WindowEnd::promoted ? k_at_once
                                     : Millis(0)
    );
    const bool good = end == WindowEnd::over || end == WindowEnd::promoted;
    if (good && !co_await split_still_ours(stage)) {
        end = run.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
    }
    if (end == WindowEnd::over && !co_await sources_answer(stage)) {
        end = run.stop_requested() ? WindowEnd::interrupted : WindowEnd::blind;
    }
    if (end == WindowEnd::over || end == WindowEnd::blind) {
        // An order may have come while waiting for the last answers.
        end = ordered(*stage).value_or(end);
    }
    if (end == WindowEnd::over || end == WindowEnd::blind || end == WindowEnd::promoted) {
        stage->row.gates = look_at(*stage, look);
        stage->answers = look_at_answers(*stage);
        check_users(*stage);
    }
    co_return end;
}

namespace {

Task<bool> plant_faults(StageRun* stage) {
    RunContext& run = stage->run;
    if (!run.changes_traffic()) {
        co_return true;
    }
    // A process that took the run over would not know of a fault planted now.
    const auto allowed =
        is_drilled(*stage) && run.in.may_write ? run.in.may_write() : Result<void>{};
    const auto planted = allowed ? co_await run.in.instruments->begin_stage(stage->percent)
                                 : Result<std::string>(std::unexpected(allowed.error()));
    if (!planted) {
        run.session.add("fault@" + stage->where, Verdict::error, planted.error().text());
        co_return false;
    }
    if (!planted->empty()) {
        run.fault_s = run.fault_s.value_or(run.now());
        run.session.report(
            "fault planted",
            fmt::format("  planted fault on the canary: {}", *planted),
            {{"fault", *planted}}
        );
    }
    co_return true;
}

Task<WindowEnd> windows(StageRun* stage) {
    const StageSpec& spec = stage->run.playbook().stage;
    const int looks = looks_of(spec);
    // Users and others' requests are counted from here.
    if (!co_await split_still_ours(stage)) {
        co_return stage->run.stop_requested() ? WindowEnd::interrupted : WindowEnd::lost;
    }
    WindowEnd end = co_await window(stage, spec.bake, {.number = 1, .of = looks});
    const bool undecided = end == WindowEnd::over && !came_out(*stage, Verdict::fail) &&
                           (came_out(*stage, Verdict::inconclusive) || !stage->users_came);
    if (undecided && looks == 2) {
        for (const GateRecord& record : stage->row.gates) {
            keep_look(*stage, record); // a new look never erases an earlier one
        }
        stage->extended = true;
        stage->run.session.report(
            "stage extended",
            fmt::format(
                "  not decided yet, measuring for another {}", format_duration(spec.extend_at_most)
            ),
            {{"stage", stage->where}}
        );
        end = co_await window(stage, spec.extend_at_most, {.number = 2, .of = 2});
    }
    co_return co_await steer(stage, end);
}

bool is_good(const StageRun& stage, WindowEnd end) {
    return (end == WindowEnd::over && stage.row.verdict == Verdict::pass) ||
           (end == WindowEnd::promoted && stage.row.verdict != Verdict::fail);
}

/// A rehearsal shifts nothing: both arms are the same as at its first stage.
StepEnd skip_stage(RunContext& run, int index) {
    const int percent = run.playbook().stages[static_cast<std::size_t>(index)];
    const std::string why = run.in.probes
                                ? fmt::format(
                                      "a rehearsal moves no traffic: both arms were judged at {}%",
                                      run.playbook().stages.front()
                                  )
                                : "no probes were asked for";
    report::StageRow row;
    row.name = fmt::format("{}%", percent);
    row.split = run.serving.text();
    row.verdict = Verdict::skipped;
    for (const measure::GateSpec& gate : run.playbook().stage.gates) {
        // Without probes nothing can be judged.
        run.skip(fmt::format("gate.{}@{}", gate.id, row.name), index == 0, why);
    }
    run.out.stages.push_back(std::move(row));
    return StepEnd::go_on;
}

void tell_ended(RunContext& run, const report::StageRow& row) {
    run.tell_hooks(
        HookEvent::stage_ended,
        fmt::format("stage {}: {}", row.name, to_string(row.verdict)),
        {{"stage", row.name}, {"verdict", to_string(row.verdict)}, {"row", report::to_json(row)}}
    );
}

} // namespace

Task<StepEnd> run_stage(RunContext* run, int index) {
    if (!run->changes_traffic() && (index > 0 || !run->in.probes)) {
        co_return skip_stage(*run, index);
    }
    const int percent = run->playbook().stages[static_cast<std::size_t>(index)];
    StageRun stage{*run, index, percent, fmt::format("{}%", percent)};
    stage.row.name = stage.where;
    stage.row.split = run->serving.text();
    run->session.report(
        "stage begins",
        fmt::format("stage {}: {}", stage.where, stage.row.split),
        {{"stage", stage.where}, {"split", run->serving.to_json()}}
    );
    if (!co_await plant_faults(&stage)) {
        co_return StepEnd::stop;
    }
    run->measured_since = run->measured_since.value_or(stage.begun);
    run->current_stage = &stage;
    if (run->in.steering != nullptr) {
        run->in.steering->in_stage(stage.where);
        if (is_drilled(stage)) {
            run->in.steering->forbid_promotion("this stage is to fail: the run is a drill");
        }
    }
    const WindowEnd end = co_await windows(&stage);
    run->current_stage = nullptr;
    stage.row.seconds = seconds(Clock::now() - stage.begun);
    stage.row.began_s = run->now() - stage.row.seconds;
    if (run->in.steering != nullptr) {
        run->in.steering->in_stage({});
    }
    record_end(stage, end);
    const bool planned =
        record_drill(stage, end == WindowEnd::over || end == WindowEnd::early_fail);
    bool good = is_good(stage, end);
    if (good && !planned) {
        const Verdict kept = co_await check_kept(run, stage.where);
        good = kept == Verdict::pass;
        stage.row.verdict = good || kept == Verdict::skipped ? stage.row.verdict : kept;
    }
    if (good && !planned && !judged(stage)) {
        stage.row.verdict = Verdict::skipped;
        stage.row.judged = false;
    }
    run->session.folder().note("stage ended", {{"row", report::to_json(stage.row)}});
    tell_ended(*run, stage.row);
    run->out.stages.push_back(std::move(stage.row));
    co_return planned || good ? StepEnd::go_on : StepEnd::stop;
}

} // namespace oa_stream::playbook
