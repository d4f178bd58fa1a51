// A mutation in a dry run: could it be done?
#include "engine/drift.hpp"
#include "engine/within.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

void leave_check(Session& session, const Step& step, Verdict verdict, std::string detail) {
    Check check;
    check.id = step.id;
    check.verdict = verdict;
    check.mode = CheckMode::rehearsed;
    check.detail = std::move(detail);
    if (step.before && step.after) {
        check.data = {
            {"before", step.before->to_json()},
            {"after", step.after->to_json()},
            {"undo", step.undo},
        };
    }
    session.say(fmt::format("  {} {}: {}", to_string(verdict), check.id, check.detail));
    session.add(std::move(check));
}

Next refuse(Session& session, const Step& step, const Error& error) {
    session.denied = session.denied || error.code == Code::credentials;
    session.refused = session.refused || error.code == Code::precondition;
    leave_check(session, step, Verdict::error, error.text());
    return Next::stop;
}

} // namespace

Task<Next> preview_step(Session* session, const Step* step) {
    session->tell("step rehearsed", step->title, {{"step", step->id}});
    const Millis limit = session->in.timing.driver_call;
    const GroundLook ground =
        judge_ground(*session, co_await within(limit, session->in.driver->read()));
    if (ground.state != GroundState::ours) {
        const bool drifted = ground.state != GroundState::unreadable;
        co_return refuse(
            *session, *step, {drifted ? Code::precondition : Code::unavailable, ground.detail}
        );
    }
    const traffic::Split after = step->after.value_or(session->in.plan->baseline);
    // The way back must be open before the way there is taken.
    for (const traffic::Split& split : {session->in.plan->baseline, after}) {
        const auto possible = co_await within(limit, session->in.driver->preview(split));
        if (!possible) {
            co_return refuse(*session, *step, possible.error());
        }
    }
    leave_check(
        *session,
        *step,
        Verdict::pass,
        step->mutates() ? fmt::format("not written; could be: {}", step->title) : step->title
    );
    co_return Next::go_on;
}

} // namespace oa_stream::playbook
