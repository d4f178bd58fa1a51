// Checks in a dry run whether a mutation could be done.
#include "engine/drift.hpp"
#include "engine/within.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

void leave_check(RunContext& run, const Step& step, Verdict verdict, std::string detail) {
    Check check = make_check(step.id, verdict, std::move(detail));
    check.mode = CheckMode::rehearsed;
    if (step.before && step.after) {
        check.data = {
            {"before", step.before->to_json()},
            {"after", step.after->to_json()},
            {"undo", step.undo},
        };
    }
    run.session.say(fmt::format("  {} {}: {}", to_string(verdict), check.id, check.detail));
    run.session.add(std::move(check));
}

StepEnd refuse(RunContext& run, const Step& step, const Error& error) {
    run.denied = run.denied || error.code == Code::credentials;
    run.refused = run.refused || error.code == Code::precondition;
    leave_check(run, step, Verdict::error, error.text());
    return StepEnd::stop;
}

} // namespace

Task<StepEnd> forecast_step(RunContext* run, const Step* step) {
    run->session.report("step rehearsed", step->title, {{"step", step->id}});
    const Millis limit = run->in.timing.driver_call;
    const DriftLook drift = co_await look_at_traffic(run);
    if (drift.state != DriftState::ours) {
        const bool drifted = drift.state != DriftState::unreadable;
        co_return refuse(
            *run, *step, {drifted ? Code::precondition : Code::unavailable, drift.detail}
        );
    }
    const traffic::Split after = step->after.value_or(run->in.plan->baseline);
    // The rollback must be possible before anything moves.
    for (const traffic::Split& split : {run->in.plan->baseline, after}) {
        const auto possible = co_await within(limit, run->in.driver->preview(split));
        if (!possible) {
            co_return refuse(*run, *step, possible.error());
        }
    }
    leave_check(
        *run,
        *step,
        Verdict::pass,
        step->mutates() ? fmt::format("not written; could be: {}", step->title) : step->title
    );
    co_return StepEnd::go_on;
}

} // namespace oa_stream::playbook
