// The points where a run notifies its hooks.
#include "engine/playbook_run.hpp"
#include "engine/run_context.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::playbook {

void make_hooks(PlaybookRun& run, const asio::any_io_executor& executor) {
    const Playbook& playbook = run.playbook();
    if (run.mode == RunMode::rehearse || playbook.hooks.empty()) {
        return;
    }
    run.hooks = std::make_unique<Hooks>(
        executor,
        playbook.hooks,
        HookFacts{playbook.name, std::string(to_string(playbook.kind)), run.plan.target},
        run.session,
        run.outside
    );
}

Task<void> tell_end(PlaybookRun* run, RunOutcome* outcome, Advice next) {
    if (!run->hooks) {
        co_return;
    }
    run->hooks->notify(
        HookEvent::run_ended,
        fmt::format("{}: {}", to_string(outcome->verdict), outcome->headline),
        {{"verdict", to_string(outcome->verdict)},
         {"exit_code", static_cast<int>(outcome->exit)},
         {"ended", to_string(outcome->ended)},
         {"headline", outcome->headline},
         {"next", next.text()}}
    );
    co_await run->hooks->finish(run->by.stop);
    for (std::string& note : run->hooks->notes()) {
        outcome->notes.push_back(std::move(note));
    }
}

void RunContext::tell_hooks(HookEvent event, const std::string& what, const Json& fields) {
    if (in.hooks != nullptr) {
        in.hooks->notify(event, what, fields);
    }
}

Task<StepEnd> ask_hooks(RunContext* run, const Step* step) {
    if (run->in.hooks == nullptr) {
        co_return StepEnd::go_on;
    }
    const std::string after = step->after.value_or(run->serving).text();
    auto asked = run->in.hooks->ask(
        fmt::format("{} comes next: {}", step->id, after),
        {{"step", step->id}, {"split", run->serving.to_json()}, {"next_split", after}},
        run->in.stop
    );
    std::optional<std::vector<Check>> checks;
    if (const auto required = run->in.hooks->required(); required.empty()) {
        checks = co_await std::move(asked);
    } else {
        const std::string what =
            fmt::format("hook {} before {}", fmt::join(required, ", "), step->id);
        if (run->in.steering != nullptr) {
            run->in.steering->at_step(what);
        }
        run->session.report(
            "hooks asked", "waiting for " + what, {{"step", step->id}, {"hooks", required}}
        );
        // A drill's users are observed from its beginning to its end.
        const bool serves = run->out.mutated && step->stage > 0 && !run->playbook().drill;
        checks = serves ? co_await watch_while_asked(run, step, std::move(asked))
                        : co_await std::move(asked);
        if (run->in.steering != nullptr) {
            run->in.steering->at_step(step->id); // a rollback waits for no hook
        }
    }
    if (!checks) {
        co_return StepEnd::stop;
    }
    bool fine = true;
    for (Check& check : *checks) {
        check.id += "@" + step->id;
        fine = fine && check.verdict == Verdict::pass;
        if (check.verdict != Verdict::pass) {
            run->session.say("  " + check_line(check));
        }
        run->session.add(std::move(check));
    }
    co_return fine ? StepEnd::go_on : StepEnd::stop;
}

} // namespace oa_stream::playbook
