#include "oa_stream/playbook/each_gate.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/probe/continuity.hpp"
#include "oa_stream/probe/opened_threads.hpp"
#include "oa_stream/run/run_session.hpp"
#include "oa_stream/run/suggest.hpp"

#include "planted_fault.hpp"
#include "stage/stage.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::playbook {
namespace {

using measure::GateSpec;

/// A stage where users reach the canary, but only a few.
int stage_of(const Playbook& playbook) {
    if (playbook.drill) {
        return playbook.drill->fail_at;
    }
    const auto first =
        std::ranges::find_if(playbook.stages, [](int percent) { return percent > 0; });
    return first == playbook.stages.end() ? 0 : *first;
}

/// A drill in which only this gate decides and nothing else is checked.
Playbook drill_of(const Playbook& from, const GateTrial& trial) {
    Playbook out = from;
    out.kind = Kind::rollback_drill;
    out.name = fmt::format("{}-{}", from.name, trial.gate);
    out.stages = {stage_of(from)};
    out.drill = DrillSpec{.fail_at = out.stages.front(), .fault = trial.fault};
    if (from.drill) {
        out.drill->recover_within = from.drill->recover_within;
    }
    out.afterwards = Afterwards::restore;
    out.preflight.clear();
    out.postflight.clear();
    out.run_gates.clear();
    out.budget.reset();
    out.drilled.reset();
    out.shadow.reset();
    out.routes.reset();
    out.continuity.reset();
    out.continuity_reason.clear();
    out.stage.pause_after.clear();
    for (GateSpec& gate : out.stage.gates) {
        gate.mode = gate.id == trial.gate ? measure::GateMode::decide : measure::GateMode::observe;
    }
    return out;
}

class EachGate {
public:
    EachGate(TargetRunInput input, run::RunSession session)
        : input_(std::move(input)), session_(std::move(session)) {}

    Task<Result<run::RunResult>> carry_out() {
        const auto trials = gate_trials(input_.playbook);
        for (const GateTrial& trial : trials) {
            if (!left_.empty() || is_requested(input_.by.stop)) {
                break;
            }
            co_await one(trial);
        }
        co_return finish(trials);
    }

private:
    Task<void> one(GateTrial trial) {
        session_.report(
            "gate trial",
            fmt::format("gate {}: {}", trial.gate, trial.fault),
            {{"gate", trial.gate}, {"fault", trial.fault}}
        );
        if (trial.fault.empty()) {
            add(trial, Verdict::inconclusive, "not tried: no fault is known for this gate");
        } else if (trial.gate == k_continuity_trial) {
            co_await try_continuity(trial);
        } else {
            co_await try_gate(trial);
        }
    }

    Task<void> try_gate(GateTrial trial) {
        TargetRunInput child;
        child.playbook = drill_of(input_.playbook, trial);
        child.source = input_.source;
        child.faults_file = input_.faults_file;
        child.by = input_.by;
        auto result = co_await drill_target(std::move(child));
        if (input_.by.stop != nullptr) {
            input_.by.stop->unsettle();
        }
        if (!result) {
            add(trial, Verdict::error, result.error().text());
            co_return;
        }
        const std::string run = result->evidence.filename().string();
        const bool unsafe = result->end.exit == ExitCode::rollback_unverified;
        left_ = unsafe ? fmt::format("the rollback is not verified: see {}", run) : std::string();
        moved_ = moved_ || unsafe || result->end.exit == ExitCode::ok ||
                 result->end.exit == ExitCode::rolled_back;
        next_ = unsafe ? result->next : next_;
        const Check* failure = drill_failure(result->checks);
        const bool there = failure != nullptr;
        const bool noticed = there && failure->verdict == Verdict::pass;
        add(trial,
            unsafe || !there ? Verdict::error : failure->verdict,
            unsafe    ? left_
            : noticed ? fmt::format("{} ({})", failure->detail, run)
            : there
                ? fmt::format("blind: {} was planted, and it did not notice ({})", trial.fault, run)
                : fmt::format("the drill did not get so far: {} ({})", result->headline, run));
    }

    /// Moves no traffic: conversations are tested at each revision's own address.
    Task<void> try_continuity(GateTrial trial) {
        const Playbook& playbook = input_.playbook;
        auto outside = open_outside(co_await asio::this_coro::executor, playbook);
        const auto pinned = [&](const std::string& revision) {
            return outside ? pinned_target(
                                 outside->users, *outside->driver, playbook.traffic.arms(), revision
                             )
                           : std::unexpected(outside.error());
        };
        const auto stable = pinned(playbook.traffic.stable);
        const auto canary = pinned(playbook.traffic.canary);
        const auto planted =
            stable && canary
                ? plant(trial.fault)
                : Result<void>(std::unexpected(stable ? canary.error() : stable.error()));
        if (!planted) {
            add(trial, Verdict::error, planted.error().text());
            co_return;
        }
        probe::Continuity conversations(*outside->client, {}, playbook.target.prompt);
        const Check check = co_await conversations.across(
            {"stable", *stable}, {"canary", *canary, true}, "continuity"
        );
        take_out_fault();
        const probe::Removal cleared = co_await probe::remove_threads(
            *outside->client, {{{*stable, *canary}, conversations.take()}}, {}
        );
        if (!left_.empty()) {
            add(trial, Verdict::error, left_);
            co_return;
        }
        const bool noticed = check.verdict == Verdict::fail;
        const bool blind = check.verdict == Verdict::pass;
        const std::string left = probe::left_text(cleared, " of this drill");
        add(trial,
            noticed ? Verdict::pass
            : blind ? Verdict::fail
                    : Verdict::error,
            (noticed ? fmt::format("{} was noticed: {}", trial.fault, check.detail)
             : blind ? fmt::format("blind: {} was planted, and it did not notice", trial.fault)
                     : "not judged: " + check.detail) +
                (left.empty() ? left : "; the target keeps " + left));
    }

    /// From here on an operator would roll back this run, not one of its drills.
    Result<void> plant(const std::string& fault) {
        if (input_.by.on_run) {
            input_.by.on_run(session_.id());
        }
        if (input_.by.stop != nullptr) {
            input_.by.stop->mark_mutated();
        }
        auto planted = plant_fault(session_.folder().path(), input_.faults_file, fault);
        if (!planted) {
            take_out_fault(); // the fault may be recorded as planted
        }
        return planted;
    }

    void take_out_fault() {
        const auto removed = remove_fault(session_.folder().path());
        if (removed && removed->verdict != Verdict::pass) {
            left_ = removed->detail;
            next_ = run::suggest_rollback(session_.id());
        } else if (input_.by.stop != nullptr) { // this run needs no rollback
            input_.by.stop->settle(
                "its fault is removed", moved_ ? ExitCode::rolled_back : ExitCode::inconclusive
            );
        }
    }

    void add(const GateTrial& trial, Verdict verdict, std::string detail) {
        session_.say(fmt::format("  {} gate.{}: {}", to_string(verdict), trial.gate, detail));
        tried_.push_back(
            {{"gate", trial.gate},
             {"fault", trial.fault},
             {"verdict", to_string(verdict)},
             {"detail", detail}}
        );
        session_.add("gate." + trial.gate, verdict, std::move(detail), tried_.back());
    }

    /// A signal ended the last trial before its gate was judged.
    [[nodiscard]] bool interrupted() const {
        return is_requested(input_.by.stop) && !tried_.empty() &&
               tried_.back()["verdict"] == to_string(Verdict::error);
    }

    run::RunResult finish(const std::vector<GateTrial>& trials) {
        const bool restored = left_.empty();
        const bool completed = tried_.size() == trials.size() && restored && !interrupted();
        if (completed) {
            const Json document{
                {"playbook", input_.playbook.name},
                {"digest", gates_digest(input_.playbook)},
                {"at", rfc3339_millis(std::chrono::system_clock::now())},
                {"gates", tried_},
            };
            session_.folder().write("gates.json", json_document(document));
        }
        Json all = tried_;
        for (std::size_t i = tried_.size(); i < trials.size(); ++i) {
            all.push_back({{"gate", trials[i].gate}, {"verdict", to_string(Verdict::error)}});
        }
        const std::string open = open_gates(all);
        const auto noticed = std::ranges::count_if(all, [](const Json& trial) {
            return trial["verdict"] == to_string(Verdict::pass);
        });
        report::Report report;
        report.title = "drill of each gate";
        report.facts = {
            {"playbook", input_.playbook.name}, {"target", input_.playbook.target.base_url}
        };
        report.headline = restored ? "" : fmt::format("Not restored: {}. ", left_);
        report.headline +=
            open.empty() ? fmt::format("All gates noticed their fault ({}).", all.size())
                         : fmt::format("{} of {} gates noticed; {}.", noticed, all.size(), open);
        report.more = {{"restored", restored}, {"rollback", nullptr}, {"notes", Json::array()}};
        report.next = next_;
        const int signal = input_.by.stop != nullptr ? input_.by.stop->signal() : 0;
        // An operator who interrupts the run must learn whether there was something to restore.
        const run::Conclusion end = session_.conclude(
            {.mutated = !restored || (moved_ && signal != 0),
             .restored = restored,
             .completed = completed,
             .signal = signal}
        );
        return session_.finish(end, std::move(report));
    }

    TargetRunInput input_;
    run::RunSession session_;
    Json tried_ = Json::array(); ///< content of gates.json
    std::string left_{}; ///< what a drill left behind
    bool moved_ = false; ///< a drill moved traffic
    Advice next_{};
};

} // namespace

Result<void> check_each_gate(const TargetRunInput& input) {
    const Playbook& playbook = input.playbook;
    if (gate_trials(playbook).empty() || stage_of(playbook) == 0) {
        return fail(
            Code::usage,
            fmt::format("{} has no gate that decides at a stage above 0%", playbook.name),
            "stage.gates",
            Suggestion{"playbook explain"}
        );
    }
    if (brings_its_own_lanes(playbook)) {
        return fail(Code::usage, "this playbook names no lane and no front door", "stage.gates");
    }
    if (input.faults_file.empty()) {
        return fail(
            Code::usage,
            "faults cannot be planted: into which file?",
            names::inject_file,
            "the file of the canary's `serve --inject-file`"
        );
    }
    return check_faults_file(input.faults_file);
}

Task<Result<run::RunResult>> drill_each_gate(TargetRunInput input) {
    OA_CO_CHECK(validate(input.playbook));
    OA_CO_CHECK(check_each_gate(input));
    OA_CO_TRY(
        const Outside outside, open_outside(co_await asio::this_coro::executor, input.playbook)
    );
    OA_CO_TRY(
        auto session,
        run::RunSession::begin(
            input.by.state_dir,
            {.kind = run::RunKind::rollback_drill,
             .name = input.playbook.name,
             .target =
                 {{"base_url", input.playbook.target.base_url},
                  {"what", outside.driver ? outside.driver->target() : ""}},
             .versions = {{"oa_stream", input.by.version}},
             .argv = input.by.argv,
             .mutates = false}, // its drills move traffic, and have their own folders
            outside.redactor,
            input.by.observer
        )
    );
    EachGate each(std::move(input), std::move(session));
    co_return co_await each.carry_out();
}

} // namespace oa_stream::playbook
