#include "oa_stream/playbook/runner.hpp"

#include "session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

bool good(const Check& check) {
    return check.verdict == Verdict::pass || check.verdict == Verdict::skipped;
}

/// What somebody else checked becomes part of the run.
Next take_checks(Session& session, const std::string& id, std::vector<Check> checks) {
    const auto passed = std::ranges::count(checks, Verdict::pass, &Check::verdict);
    const auto skipped = std::ranges::count(checks, Verdict::skipped, &Check::verdict);
    const bool fine = run_verdict(checks) == Verdict::pass;
    const auto total = checks.size();
    for (Check& check : checks) {
        if (!good(check)) {
            session.say(fmt::format("  {} {}: {}", to_string(check.verdict), check.id, check.detail)
            );
        }
        session.add(std::move(check));
    }
    session.say(fmt::format("  {} checks passed, {} skipped, {} in all", passed, skipped, total));
    if (!fine && std::ranges::all_of(session.out.checks, good)) {
        session.add(id, Verdict::inconclusive, "nothing that was required passed live");
    }
    return fine ? Next::go_on : Next::stop;
}

Task<Next> shadow(Session* session, const Step* step) {
    session->tell(
        "shadow begins", fmt::format("{}: {}", step->id, step->title), {{"id", step->id}}
    );
    const ShadowSpec spec = session->playbook().shadow.value_or(ShadowSpec{});
    auto checks = co_await session->in.instruments->shadow(spec, step->id);
    co_return take_checks(*session, step->id, std::move(checks));
}

Task<Next> smoke(Session* session, const Step* step) {
    const auto& list = step->id.starts_with("postflight") ? session->playbook().postflight
                                                          : session->playbook().preflight;
    const SmokeSpec spec = list[static_cast<std::size_t>(step->item)];
    session->tell("smoke begins", fmt::format("{}: {}", spec.id, step->title), {{"id", spec.id}});
    auto checks = co_await session->in.instruments->smoke(spec);
    co_return take_checks(*session, spec.id, std::move(checks));
}

Task<Next> shift(Session* session, const Step* step) {
    // What cannot be proved later is not begun; the rollback does without.
    if (step->mutates() && session->in.folder->trouble()) {
        session->say("  the evidence cannot be written: nothing more is moved");
        co_return Next::stop; // conclude() reports it
    }
    const traffic::Split after = step->after.value_or(session->serving);
    if (step->mutates()) {
        session->tell("shift begins", step->title, {{"step", step->id}});
        session->ours.push_back(after);
        if (session->in.stop != nullptr) {
            session->in.stop->mark_mutated();
        }
    }
    if (session->playbook().drill && !session->drill && begin_drill(*session) == Next::stop) {
        co_return Next::stop;
    }
    Mover mover = session->mover(session->playbook().driver_limit);
    const Moved moved = co_await mover.move(step->id, {session->serving}, after, Urgency::normal);
    session->out.mutated = session->out.mutated || moved.mutated;
    const bool done = moved.result == Moved::Result::done;
    session->add(step->id, done ? Verdict::pass : Verdict::error, moved.detail);
    if (!moved.before.extra.empty()) {
        session->machine = moved.before.extra;
    }
    if (done) {
        session->serving = after;
        co_return Next::go_on;
    }
    session->refused =
        moved.result == Moved::Result::foreign || moved.result == Moved::Result::refused;
    session->denied = session->denied || moved.denied;
    session->say(fmt::format("  ERROR {}: {}", step->id, moved.detail));
    co_return Next::stop;
}

Task<Next> restore(Session* session, const Step* step) {
    // From here on the traffic is moved back by us, whatever served before.
    session->out.mutated = session->out.mutated || step->mutates();
    if (step->mutates() && session->in.stop != nullptr) {
        session->in.stop->mark_mutated();
    }
    session->out.restore =
        co_await bring_back(session, step->id, "The playbook ends where it began.");
    session->out.restore->planned = true;
    session->out.restored = session->out.restore->verified;
    co_return session->out.restored ? Next::go_on : Next::stop;
}

Task<Next> carry_out(Session* session, const Step* step) {
    if (step->kind == StepKind::smoke) {
        co_return co_await smoke(session, step);
    }
    if (step->kind == StepKind::shadow) {
        co_return co_await shadow(session, step);
    }
    if (!session->changes_traffic() && step->before) {
        co_return co_await preview_step(session, step);
    }
    switch (step->kind) {
    case StepKind::smoke:
    case StepKind::shadow:
        break;
    case StepKind::budget:
        co_return co_await judge_budget(session);
    case StepKind::shift:
        co_return co_await shift(session, step);
    case StepKind::probe:
        co_return co_await hold_stage(session, step->stage);
    case StepKind::gate:
        // A stage's gates are judged by its hold, those of the run together with their first.
        co_return step->stage < 0 && step->item == 0 ? co_await judge_run(session) : Next::go_on;
    case StepKind::restore:
        break;
    }
    if (session->playbook().drill) {
        co_return co_await recover(session, step);
    }
    co_return co_await restore(session, step);
}

/// How many steps were done; all of them: completed.
Task<std::size_t> carry_out_all(Session* session) {
    const auto& steps = session->in.plan->steps;
    bool all = true;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (session->stop_requested()) {
            session->add(
                "interrupted",
                Verdict::inconclusive,
                fmt::format("signal {} before {}", session->in.stop->signal(), steps[i].id)
            );
            co_return i;
        }
        session->in.instruments->settle();
        if (steps[i].kind != StepKind::gate) {
            session->in.folder->note("step", {{"id", steps[i].id}});
        }
        if (co_await carry_out(session, &steps[i]) == Next::go_on) {
            continue;
        }
        if (moves_traffic(session->playbook().kind)) {
            co_return i;
        }
        all = false; // nothing hangs on it: whoever verifies wants to know everything
    }
    // As good as any other moment: who interrupts the last smoke wants the old state, too.
    const bool stays = session->playbook().kind == Kind::cutover && session->out.mutated;
    if (stays && session->stop_requested()) {
        session->add(
            "interrupted",
            Verdict::inconclusive,
            fmt::format("signal {} in the last step", session->in.stop->signal())
        );
        co_return steps.size() - 1;
    }
    co_return all ? steps.size() : steps.size() - 1;
}

/// Whether it went well, too.
Task<bool> carry_out_last(Session* session) {
    if (session->stop_requested()) {
        session->add(
            "interrupted",
            Verdict::inconclusive,
            fmt::format("signal {} before the routes", session->in.stop->signal())
        );
        co_return false;
    }
    session->tell("step", "the routes", {{"id", "routes"}});
    LastStep last = co_await session->in.last();
    session->out.mutated = session->out.mutated || last.mutated;
    session->loose = last.loose;
    const bool fine = std::ranges::all_of(last.checks, good);
    for (Check& check : last.checks) {
        session->say(fmt::format("  {} {}: {}", to_string(check.verdict), check.id, check.detail));
        session->add(std::move(check));
    }
    co_return fine;
}

std::string first_trouble(const std::vector<Check>& checks) {
    const Verdict verdict = run_verdict(checks);
    for (const Check& check : checks) {
        if (check.verdict == verdict) {
            return check.id + ": " + check.detail;
        }
    }
    const auto skipped = std::ranges::find_if(checks, [](const Check& check) {
        return check.verdict == Verdict::skipped && check.required;
    });
    return skipped == checks.end() ? "nothing passed live"
                                   : skipped->id + ": skipped, " + skipped->detail;
}

void note_rest(Session& session, std::size_t done) {
    const auto& steps = session.in.plan->steps;
    std::vector<std::string> rest;
    for (std::size_t i = done + 1; i < steps.size(); ++i) {
        if (steps[i].kind != StepKind::gate || steps[i].stage < 0) {
            rest.push_back(steps[i].id);
        }
    }
    if (session.in.last && done < steps.size()) {
        rest.emplace_back("routes");
    }
    if (!rest.empty()) {
        session.out.notes.push_back(fmt::format("Not reached: {}.", fmt::join(rest, ", ")));
    }
}

/// "12 checks passed live, 5 rehearsed, 2 skipped"
std::string counts_text(const std::vector<Check>& checks) {
    const auto count = [&](Verdict verdict, CheckMode mode) {
        return std::ranges::count_if(checks, [&](const Check& check) {
            return check.verdict == verdict && check.mode == mode;
        });
    };
    std::string out = fmt::format("{} checks passed live", count(Verdict::pass, CheckMode::live));
    for (const CheckMode mode : {CheckMode::rehearsed, CheckMode::asserted}) {
        if (const auto n = count(Verdict::pass, mode); n > 0) {
            out += fmt::format(", {} {}", n, to_string(mode));
        }
    }
    if (const auto n = std::ranges::count(checks, Verdict::skipped, &Check::verdict); n > 0) {
        out += fmt::format(", {} skipped", n);
    }
    return out;
}

std::string good_headline(const Session& session) {
    const RunOutcome& out = session.out;
    if (!session.changes_traffic()) {
        return counts_text(out.checks) + "; nothing was changed.";
    }
    if (out.stages.empty()) {
        return counts_text(out.checks) + ".";
    }
    if (out.drill) {
        return fmt::format(
            "The failure at {} was met as planned, users were well {:.3f} s after the decision; "
            "the "
            "traffic is back where it began, verified.",
            out.drill->stage,
            out.drill->recovery_s().value_or(0)
        );
    }
    return fmt::format(
        "{} stages passed{}{}.",
        out.stages.size(),
        out.restore ? "; the traffic is back where it began, verified" : "",
        session.in.last ? "; the routes are as asked, verified" : ""
    );
}

std::string headline(const Session& session, bool completed) {
    const RunOutcome& out = session.out;
    if (completed && out.verdict == Verdict::pass) {
        return good_headline(session);
    }
    std::string text = first_trouble(out.checks);
    if (completed && out.mutated) {
        text += out.restored ? "; the traffic is back where it began, verified"
                             : fmt::format("; {} stays", session.serving.text());
    } else if (out.held) {
        text += "; held, the split stays";
    } else if (out.rollback) {
        text += out.rollback->verified ? "; rolled back and verified"
                                       : "; the rollback is NOT verified";
    } else if (!out.mutated && moves_traffic(session.playbook().kind)) {
        text += "; no traffic was moved";
    }
    if (session.loose) {
        text += "; the routes are NOT verified";
    }
    return text + ".";
}

/// Only once everything was done: a run that stopped has its own reason, and what is to become of
/// the traffic follows from that one.
void note_unjudged(Session& session) {
    const Playbook& playbook = session.playbook();
    if (!no_gate_decides(playbook)) {
        return;
    }
    session.add(
        "gates",
        Verdict::inconclusive,
        fmt::format(
            "no gate decided, {}: nobody knows whether {} is good",
            playbook.stage.gates.empty() ? "the playbook has none" : "they only observe",
            playbook.traffic.canary
        )
    );
}

Task<void> roll_back(Session* session) {
    const bool interrupted = session->stop_requested();
    session->out.rollback = co_await bring_back(
        session,
        "rollback",
        interrupted ? fmt::format("interrupted by signal {}", session->in.stop->signal())
                    : first_trouble(session->out.checks)
    );
    session->out.restored = session->out.rollback->verified;
}

/// A run that cannot change anything has nothing to remember for a rollback.
Result<void> journal_of(Session& session, const JournalLine& line) {
    if (!session.changes_traffic() || !moves_traffic(session.playbook().kind)) {
        return {};
    }
    return session.journal.record(line);
}

/// What the playbook wants done when it could not be carried out. A signal and a split that is no
/// longer ours leave no choice.
Then after_trouble(const Session& session) {
    const Playbook& playbook = session.playbook();
    if (session.stop_requested() || session.ground_lost || playbook.drill) {
        return Then::rollback;
    }
    switch (run_verdict(session.out.checks)) {
    case Verdict::inconclusive:
        return playbook.stage.inconclusive_then;
    case Verdict::error:
        return session.source_failed ? playbook.stage.error_then : Then::rollback;
    default:
        return playbook.on_failure;
    }
}

void hold_here(Session& session) {
    session.out.held = true;
    session.tell(
        "held",
        fmt::format("holding {}, as the playbook says", session.serving.text()),
        {{"split", session.serving.to_json()}}
    );
    session.out.notes.push_back(fmt::format(
        "Held: {} stays. To take it back: oa-stream rollback apply --run {}",
        session.serving.text(),
        session.in.folder->id()
    ));
}

void conclude(Session& session, bool completed) {
    RunOutcome& out = session.out;
    session.in.instruments->settle();
    if (const auto& trouble = session.in.folder->trouble()) {
        session.add(
            "evidence", Verdict::error, "evidence could not be written: " + trouble->text()
        );
    }
    const run::Conclusion end = run::conclude({
        .verdict = run_verdict(out.checks),
        .mutated = out.mutated,
        .restored = out.restored && !session.loose,
        .completed = completed,
        .stays = session.playbook().afterwards == Afterwards::stay,
        .unjudged = no_gate_decides(session.playbook()),
        .held = out.held,
        .refused = session.refused,
        .denied = session.denied || run::credentials_refused(out.checks),
        .signal = session.in.stop != nullptr ? session.in.stop->signal() : 0,
    });
    out.verdict = end.verdict;
    out.exit = end.exit;
    out.ended = end.ended;
    out.headline = headline(session, completed);
    const auto ended = journal_of(
        session,
        {.phase = Phase::end,
         .seen = session.serving.to_json(),
         .detail = fmt::format("{} exit {}", to_string(out.verdict), static_cast<int>(out.exit))}
    );
    if (!ended) {
        out.notes.emplace_back("The journal's last line could not be written.");
    }
}

} // namespace

Task<RunOutcome> run_plan(RunInput input) {
    Session session(std::move(input));
    session.in.folder->write("plan.json", to_json(*session.in.plan).dump(2) + "\n");
    const auto begun = journal_of(
        session,
        {.phase = Phase::begin,
         .to = session.in.plan->baseline.to_json(),
         .detail = session.in.plan->id}
    );
    if (!begun) {
        session.add("journal", Verdict::error, begun.error().text());
        conclude(session, false);
        co_return std::move(session.out);
    }
    const std::size_t done = co_await carry_out_all(&session);
    bool completed = done == session.in.plan->steps.size();
    note_rest(session, done);
    if (completed && session.in.last) {
        completed = co_await carry_out_last(&session);
    }
    if (session.in.folder->trouble() && session.out.mutated && !session.out.restored) {
        completed = false; // nobody could prove that what serves was right
    }
    if (!completed && session.out.mutated && !session.out.restore && !session.out.rollback) {
        if (after_trouble(session) == Then::hold) {
            hold_here(session);
        } else {
            co_await roll_back(&session);
        }
    }
    if (completed) {
        note_unjudged(session);
    }
    if (session.drill) {
        co_await session.in.instruments->stop_watch(Millis(0));
    }
    conclude(session, completed);
    co_return std::move(session.out);
}

} // namespace oa_stream::playbook
