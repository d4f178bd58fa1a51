// Implements each step of a plan.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/playbook/each_gate.hpp"

#include "run_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

bool good(const Check& check) {
    return check.verdict == Verdict::pass || check.verdict == Verdict::skipped;
}

/// Adds checks made elsewhere to the run.
StepEnd add_checks(RunContext& run, const std::string& id, std::vector<Check> checks) {
    const auto passed = std::ranges::count(checks, Verdict::pass, &Check::verdict);
    const auto skipped = std::ranges::count(checks, Verdict::skipped, &Check::verdict);
    const bool fine = run_verdict(checks) == Verdict::pass;
    const auto total = checks.size();
    for (Check& check : checks) {
        if (!good(check)) {
            run.session.say("  " + check_line(check));
        }
        run.session.add(std::move(check));
    }
    run.session.say(fmt::format(
        "  {} passed, {} skipped, {} in all",
        counted(static_cast<std::uint64_t>(passed), "check"),
        skipped,
        total
    ));
    if (!fine && std::ranges::all_of(run.checks(), good)) {
        run.session.add(id, Verdict::inconclusive, "nothing that was required passed live");
    }
    return fine ? StepEnd::go_on : StepEnd::stop;
}

Task<StepEnd> shadow(RunContext* run, const Step* step) {
    run->session.report(
        "shadow begins", fmt::format("{}: {}", step->id, step->title), {{"id", step->id}}
    );
    const ShadowSpec spec = run->playbook().shadow.value_or(ShadowSpec{});
    auto checks = co_await run->in.instruments->shadow(spec, step->id);
    co_return add_checks(*run, step->id, std::move(checks));
}

Task<StepEnd> rehearse(RunContext* run, const Step* step) {
    run->session.report(
        "rehearsal begins", fmt::format("{}: {}", step->id, step->title), {{"id", step->id}}
    );
    Check check = co_await run->in.rehearse();
    check.id = step->id;
    std::vector<Check> checks;
    checks.push_back(std::move(check));
    co_return add_checks(*run, step->id, std::move(checks));
}

Task<StepEnd> smoke(RunContext* run, const Step* step) {
    const auto& list =
        step->id.starts_with("postflight") ? run->playbook().postflight : run->playbook().preflight;
    const SmokeSpec spec = list[static_cast<std::size_t>(step->item)];
    run->session.report(
        "smoke begins", fmt::format("{}: {}", spec.id, step->title), {{"id", spec.id}}
    );
    auto checks = co_await run->in.instruments->smoke(spec);
    co_return add_checks(*run, spec.id, std::move(checks));
}

Task<StepEnd> check_drilled(RunContext* run) {
    // <state>/runs/<id>
    const auto state = run->session.folder().path().parent_path().parent_path();
    Check check = judge_drilled(state, run->playbook());
    const bool fine = check.verdict == Verdict::pass;
    run->session.add_said(std::move(check));
    co_return fine || !run->changes_traffic() ? StepEnd::go_on : StepEnd::stop;
}

Task<StepEnd> shift(RunContext* run, const Step* step) {
    // A step that could not be proved later is not begun; the rollback works without evidence.
    if (step->mutates() && run->session.folder().trouble()) {
        run->session.say("  the evidence cannot be written: nothing more is moved");
        co_return StepEnd::stop; // conclude() reports it
    }
    const traffic::Split after = step->after.value_or(run->serving);
    if (step->mutates()) {
        run->session.report(run::k_shift_begins, step->title, {{"step", step->id}});
        run->ours.push_back(after);
        run->mark_mutated();
    }
    if (run->playbook().drill && !run->drill && begin_drill(*run) == StepEnd::stop) {
        co_return StepEnd::stop;
    }
    Mover mover = run->mover(run->playbook().driver_limit);
    const Moved moved = co_await mover.move(step->id, {run->serving}, after, Urgency::normal);
    // A split that a restart caused is undone, too.
    run->out.mutated = run->out.mutated || moved.mutated || moved.restarted;
    const bool done = moved.result == Moved::Result::done;
    run->session.add(step->id, done ? Verdict::pass : Verdict::error, moved.detail);
    if (!moved.before.process.id.empty()) {
        run->machinery = moved.before.process;
    }
    if (done) {
        run->serving = after;
        co_return StepEnd::go_on;
    }
    run->torn = moved.torn;
    run->fence = run->fence || moved.torn.has_value();
    run->refused = moved.result == Moved::Result::foreign || moved.result == Moved::Result::refused;
    run->denied = run->denied || moved.denied;
    run->session.say(fmt::format("  ERROR {}: {}", step->id, moved.detail));
    co_return StepEnd::stop;
}

Task<StepEnd> restore(RunContext* run, const Step* step) {
    // From here on we move the traffic back, whatever served before.
    run->out.mutated = run->out.mutated || step->mutates();
    if (step->mutates()) {
        run->mark_mutated();
    }
    run->out.restore =
        co_await restore_baseline(run, step->id, "The playbook ends where it began.");
    run->out.restore->planned = true;
    run->out.restored = run->out.restore->verified;
    co_return run->out.restored ? StepEnd::go_on : StepEnd::stop;
}

using StepFunction = Task<StepEnd> (*)(RunContext*, const Step*);

/// A stage's gates are judged within the stage; those of the whole run all together, at the first
/// of them.
Task<StepEnd> gate(RunContext* run, const Step* step) {
    co_return step->stage < 0 && step->item == 0 ? co_await judge_run(run) : StepEnd::go_on;
}

/// In the order of StepKind.
constexpr std::array<StepFunction, 10> k_steps{
    smoke,
    [](RunContext* run, const Step*) { return judge_budget(run); },
    shift,
    [](RunContext* run, const Step* step) { return run_stage(run, step->stage); },
    gate,
    [](RunContext* run, const Step* step) {
        return run->playbook().drill ? roll_back_drill(run, step) : restore(run, step);
    },
    shadow,
    check_continuity,
    [](RunContext* run, const Step*) { return check_drilled(run); },
    rehearse,
};

/// Returns whether all checks are fine.
bool add_routes(RunContext& run, const LastStep& last) {
    run.routes_unverified = last.routes_unverified;
    for (const Check& check : last.checks) {
        run.session.add_said(check);
    }
    return std::ranges::all_of(last.checks, good);
}

} // namespace

Task<StepEnd> carry_out(RunContext* run, const Step* step) {
    const bool mutation = step->before.has_value();
    return mutation && !run->changes_traffic()
               ? forecast_step(run, step)
               : k_steps[static_cast<std::size_t>(step->kind)](run, step);
}

Task<bool> carry_out_last(RunContext* run) {
    if (co_await pause_before(run, "routes") == StepEnd::stop) {
        co_return false;
    }
    if (run->stop_requested()) {
        run->add_interrupted("before the routes");
        co_return false;
    }
    run->session.report("step", "the routes", {{"id", "routes"}});
    const LastStep last = co_await run->in.last(&run->journal);
    run->out.mutated = run->out.mutated || last.mutated;
    const bool fine = add_routes(*run, last);
    run->routes_set = fine && last.mutated && run->playbook().kind == Kind::cutover;
    co_return fine;
}

Task<void> undo_last(RunContext* run) {
    run->session.say("the routes");
    (void)add_routes(*run, co_await run->in.undo_last(&run->journal));
}

} // namespace oa_stream::playbook
