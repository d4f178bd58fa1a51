#include "run_plan.hpp"

#include "oa_stream/run/suggest.hpp"

#include "headline.hpp"
#include "run_context.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::playbook {
namespace {

/// Returns how many steps were done; all of them means completed.
Task<std::size_t> carry_out_all(RunContext* run) {
    const auto& steps = run->in.plan->steps;
    bool all = true;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (run->stop_requested()) {
            run->add_interrupted("before " + steps[i].id);
            co_return i;
        }
        run->in.instruments->write_pending();
        if (co_await pause_before(run, steps[i].id, steps[i].in_stage()) == StepEnd::stop) {
            co_return i;
        }
        if (steps[i].kind != StepKind::gate) {
            run->session.folder().note("step", {{"id", steps[i].id}});
        }
        const bool stage_begins = steps[i].kind == StepKind::shift && run->changes_traffic();
        const StepEnd asked = stage_begins ? co_await ask_hooks(run, &steps[i]) : StepEnd::go_on;
        // A hook's answer does not override a stop that was requested meanwhile.
        if (run->stop_requested()) {
            run->add_interrupted("before " + steps[i].id);
            co_return i;
        }
        // Unless an order came meanwhile.
        const bool moves = stage_begins && asked == StepEnd::go_on;
        if (moves && co_await pause_before(run, steps[i].id) == StepEnd::stop) {
            co_return i;
        }
        if (asked == StepEnd::go_on && co_await carry_out(run, &steps[i]) == StepEnd::go_on) {
            continue;
        }
        if (moves_traffic(run->playbook().kind)) {
            co_return i;
        }
        all = false; // nothing depends on it: a verification reports everything
    }
    co_return all ? steps.size() : steps.size() - 1;
}

/// A signal ends a smoke early: then all checks that it made may have passed.
void note_cut_short(RunContext& run, std::size_t done) {
    const auto& steps = run.in.plan->steps;
    const bool whole = done == steps.size() && run.out.mutated;
    if (run.stop_requested() && !whole) {
        run.add_interrupted(done < steps.size() ? "in " + steps[done].id : "in the last step");
    }
}

/// An interruption during the last smoke, or the last read of the traffic, restores the old state
/// as at any other moment.
Task<bool> may_stay(RunContext* run) {
    const bool stays = run->playbook().kind == Kind::cutover && run->out.mutated;
    const bool interrupted = stays && run->stop_requested();
    if (!interrupted && !co_await still_serves(run)) {
        co_return false;
    }
    if (stays && run->stop_requested()) {
        run->add_interrupted("in the last step");
        co_return false;
    }
    // Routes that could not be proved later are not begun; conclude() reports it.
    co_return !stays || !run->session.folder().trouble();
}

void note_rest(RunContext& run, std::size_t done, bool completed) {
    const auto& steps = run.in.plan->steps;
    std::vector<std::string> rest;
    for (std::size_t i = done + 1; i < steps.size(); ++i) {
        if (steps[i].kind != StepKind::gate || steps[i].stage < 0) {
            rest.push_back(steps[i].id);
        }
    }
    if (run.in.last && !completed) {
        rest.emplace_back("routes");
    }
    if (!rest.empty()) {
        run.out.notes.push_back(fmt::format("Not reached: {}.", fmt::join(rest, ", ")));
    }
}

/// Only after everything was done: a run that stopped has its own reason, which determines what
/// happens to the traffic.
void note_unjudged(RunContext& run) {
    const Playbook& playbook = run.playbook();
    if (!no_gate_decides(playbook)) {
        return;
    }
    run.session.add(
        "gates",
        Verdict::inconclusive,
        fmt::format(
            "no gate decided, {}: it is unknown whether {} is good",
            playbook.stage.gates.empty() ? "the playbook has none" : "they only observe",
            playbook.traffic.canary
        )
    );
}

std::string interrupted_text(const StopRequest& stop) {
    return stop.by_person() ? stop.text() : "interrupted by " + stop.text();
}

Task<void> roll_back(RunContext* run) {
    const bool interrupted = run->stop_requested();
    run->out.rollback = co_await restore_baseline(
        run,
        "rollback",
        interrupted ? interrupted_text(*run->in.stop) : first_trouble(run->checks())
    );
    run->out.restored = run->out.rollback->verified;
    if (run->routes_set && run->in.undo_last) {
        co_await undo_last(run);
    }
}

/// A run that cannot change anything needs no journal for a rollback.
Result<void> journal_of(RunContext& run, const JournalLine& line) {
    if (!run.changes_traffic() || !moves_traffic(run.playbook().kind)) {
        return {};
    }
    return run.journal.record(line);
}

/// What the playbook requires when it could not be carried out. A signal, a split that is no longer
/// ours, and a pause of a good stage that nobody ended leave no choice.
Then after_trouble(const RunContext& run) {
    const Playbook& playbook = run.playbook();
    if (run.stop_requested() || run.drifted || run.unattended || playbook.drill) {
        return Then::rollback;
    }
    switch (run_verdict(run.checks())) {
    case Verdict::inconclusive:
        return playbook.stage.inconclusive_then;
    case Verdict::error:
        return run.source_failed && !run.session.folder().trouble() ? playbook.stage.error_then
                                                                    : Then::rollback;
    default:
        return playbook.on_failure;
    }
}

void keep_split(RunContext& run) {
    run.out.held = true;
    run.session.report(
        "held",
        fmt::format("holding {}, as the playbook requires", run.serving.text()),
        {{"split", run.serving.to_json()}}
    );
    run.out.notes.push_back(fmt::format(
        "Held: {} stays. To roll it back: {}",
        run.serving.text(),
        run::suggest_rollback(run.session.id()).text()
    ));
}

void conclude(RunContext& run, bool completed) {
    RunOutcome& out = run.out;
    run.in.instruments->write_pending();
    const run::EndFacts facts{
        .mutated = out.mutated,
        .restored = out.restored && !run.routes_unverified,
        .completed = completed,
        .stays = run.playbook().afterwards == Afterwards::stay,
        .unjudged = no_gate_decides(run.playbook()) || run.unjudged,
        .held = out.held,
        .refused = run.refused,
        .denied = run.denied,
        .signal = run.in.stop != nullptr ? run.in.stop->signal() : 0,
    };
    out.conclude(run.session, facts);
    Headline head = headline(run, completed);
    out.headline = std::move(head.text);
    out.headline_check = std::move(head.check);
    settle(run);
    const auto ended = journal_of(
        run,
        run::end_line(
            {.verdict = std::string(to_string(out.verdict)),
             .exit = static_cast<int>(out.exit),
             .ended = std::string(to_string(out.ended))},
            run.serving.to_json()
        )
    );
    if (!ended) {
        out.notes.emplace_back("The journal's last line could not be written.");
    }
}

} // namespace

Task<RunOutcome> run_plan(RunInput input) {
    RunContext run(std::move(input));
    run.session.folder().write(run::k_plan_file, json_document(to_json(*run.in.plan)));
    const auto begun = journal_of(
        run,
        {.phase = Phase::begin, .to = run.in.plan->baseline.to_json(), .detail = run.in.plan->id}
    );
    if (!begun) {
        run.session.add("journal", Verdict::error, begun.error().text());
        conclude(run, false);
        co_return std::move(run.out);
    }
    run.tell_hooks(
        HookEvent::run_begins,
        fmt::format("the run begins at {}", run.serving.text()),
        {{"split", run.serving.to_json()}, {"plan", run.in.plan->id}}
    );
    const std::size_t done = co_await carry_out_all(&run);
    bool completed = done == run.in.plan->steps.size();
    note_cut_short(run, done);
    if (run.in.beside) {
        run.session.add(co_await run.in.beside());
    }
    completed = completed && co_await may_stay(&run);
    note_rest(run, done, completed);
    if (completed && run.in.last) {
        completed = co_await carry_out_last(&run);
    }
    if (run.session.folder().trouble() && run.out.mutated && !run.out.restored) {
        completed = false; // it could not be proved that what serves was right
    }
    if (!completed && run.out.mutated && !run.out.restore && !run.out.rollback) {
        run.session.add_trouble(); // a step stopped by this left no check
        if (after_trouble(run) == Then::hold) {
            keep_split(run);
        } else {
            co_await roll_back(&run);
        }
    }
    if (completed) {
        note_unjudged(run);
    }
    if (run.drill) {
        co_await run.in.instruments->stop_watch(Millis(0));
    }
    conclude(run, completed);
    co_await remove_conversations(&run); // an interruption here does not change how the run ended
    co_return std::move(run.out);
}

} // namespace oa_stream::playbook
