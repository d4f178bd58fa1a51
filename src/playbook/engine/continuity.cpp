// Conversations of the run's own: they show what users would lose when the revisions do not share
// conversations.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/view.hpp"

#include "run_context.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <memory>

namespace oa_stream::playbook {
namespace {

bool required(const RunContext& run) {
    return run.playbook().continuity == Continuity::required;
}

Task<Verdict> check_way(RunContext* run, Through from, Through to, std::string id) {
    Check check = co_await run->in.instruments->continuity(from, to, std::move(id));
    const Verdict verdict = check.verdict;
    run->session.add_said(std::move(check));
    co_return verdict;
}

bool serves_canary(const RunContext& run) {
    return run.serving.percent_of(run.playbook().traffic.canary) > 0;
}

StepEnd end_of(Verdict verdict) {
    return verdict == Verdict::pass || verdict == Verdict::skipped ? StepEnd::go_on : StepEnd::stop;
}

} // namespace

Task<StepEnd> check_continuity(RunContext* run, const Step* step) {
    if (step->stage >= 0 && !run->changes_traffic()) {
        run->skip("gate." + step->id, false, "a rehearsal moves no traffic: looked at before it");
        co_return StepEnd::go_on;
    }
    run->session.report(
        "continuity", fmt::format("{}: {}", step->id, step->title), {{"id", step->id}}
    );
    if (step->stage < 0) {
        co_return end_of(
            co_await check_way(run, Through::stable, Through::canary, "preflight.continuity")
        );
    }
    const std::string id = "gate." + step->id;
    const Verdict there = co_await check_way(run, Through::stable, Through::canary, id);
    // When stable shows no conversations, a rollback cannot lose any either.
    run->keeps_conversations = there == Verdict::pass;
    if (!run->keeps_conversations || !serves_canary(*run)) {
        co_return end_of(there);
    }
    co_return end_of(co_await check_way(run, Through::canary, Through::stable, id + ".back"));
}

Task<Verdict> check_kept(RunContext* run, std::string where) {
    if (!run->keeps_conversations) {
        co_return Verdict::pass;
    }
    Check check = co_await run->in.instruments->conversations_kept(
        serves_canary(*run),
        fmt::format("gate.continuity@{}.end", where),
        {.longest = run->in.timing.conversations, .stop = [run] { return run->stop_requested(); }}
    );
    if (check.verdict == Verdict::inconclusive && run->stop_requested()) {
        run->skip(std::move(check.id), false, std::move(check.detail));
        run->add_interrupted("at stage " + where);
        co_return Verdict::skipped;
    }
    const Verdict verdict = check.verdict;
    run->session.add_said(std::move(check));
    co_return verdict;
}

Task<void> check_conversations(RunContext* run, std::string step, bool verified) {
    if (!required(*run)) {
        co_return;
    }
    const std::string id = step + ".continuity";
    if (!verified) { // nothing may delay telling the operator what to type now
        run->skip(id, false, "not looked at: the rollback is not verified");
        co_return;
    }
    Check check = co_await run->in.instruments->conversations_whole(
        id, {.longest = run->in.timing.conversations}
    );
    if (check.verdict == Verdict::skipped) {
        co_return; // none was opened: a rollback by another process, or a target that stores none
    }
    run->session.add_said(std::move(check));
}

namespace {

struct Removing {
    explicit Removing(const asio::any_io_executor& executor) : slow(executor) {}
    asio::steady_timer slow; ///< until the run explains why nothing seems to happen
    bool over = false;
};

/// An operator who sees no progress may want to interrupt, and must know the effect of that.
void tell_when_slow(const std::shared_ptr<Removing>& removing, RunContext* run, Millis longest) {
    removing->slow.expires_after(run->in.timing.silent);
    removing->slow.async_wait([removing, run, longest](const boost::system::error_code& error) {
        if (error || removing->over) {
            return;
        }
        const bool settled = run->in.stop != nullptr && !run->in.stop->settled().empty();
        run->session.say(
            (settled ? run->in.stop->settled() : "the run has ended") +
            fmt::format("; removing its conversations for at most {}", format_duration(longest))
        );
    });
}

} // namespace

Task<void> remove_conversations(RunContext* run) {
    constexpr Millis k_longest{60'000};
    constexpr Millis k_hurry{5'000}; // the operator waits for the run to end
    if (brings_its_own_lanes(run->playbook())) {
        co_return; // the lanes and their conversations end with the run
    }
    // Nothing may delay telling the operator what to type now.
    const bool urgent = run->out.exit == ExitCode::rollback_unverified;
    const bool hurry = urgent || run->stop_requested();
    if (run->in.steering != nullptr) {
        run->in.steering->over("the run has ended, and only removes its conversations");
    }
    const Millis longest = hurry ? k_hurry : k_longest;
    const auto removing = std::make_shared<Removing>(co_await asio::this_coro::executor);
    tell_when_slow(removing, run, longest);
    const probe::Removal removal = co_await run->in.instruments->remove_conversations(
        {.longest = longest, .stop = [run, hurry] { return !hurry && run->stop_requested(); }}
    );
    removing->over = true;
    removing->slow.cancel();
    if (removal.removed + removal.left.size() == 0) {
        co_return;
    }
    run->session.folder().note("conversations removed", probe::to_json(removal));
    if (!removal.left.empty()) {
        run->out.target_keeps =
            fmt::format("The target keeps {}.", probe::left_text(removal, " of this run"));
        run->out.notes.push_back(run->out.target_keeps);
    }
}

} // namespace oa_stream::playbook
