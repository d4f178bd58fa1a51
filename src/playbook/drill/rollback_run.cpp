#include "rollback_run.hpp"

#include "oa_stream/base/file.hpp"

#include "engine/session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

constexpr std::string_view k_step = "rollback";

struct Told {
    JournalStory story{};
    std::string unreadable{}; ///< why the journal tells nothing; empty: it does
};

/// An unreadable journal leaves the plan: its splits are what we may have written.
Told story_of(const run::RunFolder& folder, const Plan& plan) {
    const std::string text = read_file(folder.path() / "journal.ndjson").value_or("");
    auto story = read_journal(text);
    if (story) {
        return {*std::move(story)};
    }
    Told out;
    out.unreadable = story.error().text();
    out.story.baseline = plan.baseline;
    out.story.lines = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    for (const Step& step : plan.steps) {
        if (const auto& after = step.after; after && step.mutates()) {
            out.story.written.push_back(*after);
            out.story.pending = after;
        }
    }
    return out;
}

Result<void> begin(Session& session, JournalStory& story) {
    if (story.baseline.empty()) { // it died before its first line
        story.baseline = session.in.plan->baseline;
        OA_CHECK(session.journal.record(
            {.phase = Phase::begin, .to = story.baseline.to_json(), .detail = session.in.plan->id}
        ));
    }
    const std::size_t torn = session.in.folder->torn_bytes();
    return session.journal.record(
        {.phase = Phase::resumed,
         .step = std::string(k_step),
         .detail = fmt::format(
             "rollback apply goes on{}",
             torn > 0 ? fmt::format("; {} bytes of a torn line are in journal.torn", torn) : ""
         )}
    );
}

void fill(Session& session, const JournalStory& story) {
    session.ours = {story.baseline};
    // A run that had brought everything back has no say in what others did since.
    if (story.needs_rollback() || !story.ended) {
        session.ours.insert(session.ours.end(), story.written.begin(), story.written.end());
        if (story.serving) {
            session.ours.push_back(*story.serving);
        }
    }
    session.serving = story.pending ? *story.pending : story.serving.value_or(story.baseline);
    session.fence = story.pending.has_value();
}

/// After the traffic: a revision that begins anew begins without overrides. What became of the
/// traffic says nothing about them.
Task<void> bring_routes_back(Session* session) {
    session->say("the routes");
    LastStep last = co_await session->in.last();
    session->loose = last.loose;
    for (Check& check : last.checks) {
        session->say(fmt::format("  {} {}: {}", to_string(check.verdict), check.id, check.detail));
        session->add(std::move(check));
    }
}

RunOutcome outcome_of(Session& session, bool foreign) {
    RunOutcome out = std::move(session.out);
    const bool verified = out.rollback && out.rollback->verified;
    out.restored = verified;
    out.verdict = run_verdict(out.checks);
    const std::string home = session.in.plan->home().text();
    if (verified && out.verdict == Verdict::pass) {
        out.exit = ExitCode::ok;
        out.headline = fmt::format(
            "{} serves, verified by read-back and over {} fresh connections in a row{}.",
            home,
            out.rollback->row,
            session.in.last ? "; the routes are verified, too" : ""
        );
        return out;
    }
    out.exit = foreign && !session.loose ? ExitCode::refused : ExitCode::rollback_unverified;
    const auto failed = std::ranges::find_if(out.checks, [](const Check& check) {
        return check.verdict != Verdict::pass && check.verdict != Verdict::skipped;
    });
    out.headline = fmt::format(
        "{} NOT verified: {}.",
        verified ? "The traffic is back, the routes are" : home + " is",
        failed == out.checks.end() ? "nothing passed live" : failed->detail
    );
    const std::string command = manual_command(session.playbook().traffic, session.in.plan->home());
    if (!command.empty()) {
        out.notes.push_back("By hand: " + command);
    }
    return out;
}

} // namespace

Task<TakenBack> take_back(RunInput input) {
    auto [story, unreadable] = story_of(*input.folder, *input.plan);
    Plan plan = *input.plan;
    plan.baseline = story.baseline.empty() ? plan.baseline : story.baseline;
    input.plan = &plan;
    Session session(std::move(input));
    session.journal = Journal(session.sink(), story.lines + 1);
    const bool had_ended = story.ended;
    // Only a journal can say so.
    const bool was_back =
        unreadable.empty() && !story.needs_rollback() && (story.ended || story.written.empty());
    if (const auto begun = begin(session, story); !begun) {
        session.say("  the journal cannot be written: " + begun.error().text());
    }
    fill(session, story);
    if (!unreadable.empty()) {
        session.out.notes.push_back(fmt::format(
            "The journal cannot be read ({}): every split of the plan was taken for ours.",
            unreadable
        ));
        session.say("  " + session.out.notes.back());
    }
    if (session.in.stop != nullptr) {
        session.in.stop->mark_mutated();
    }
    session.out.rollback =
        co_await bring_back(&session, std::string(k_step), "asked for by rollback apply");
    session.in.instruments->settle();
    const bool foreign = was_back && !session.out.rollback->read_back_s;
    if (session.in.last) {
        co_await bring_routes_back(&session);
    }
    RunOutcome out = outcome_of(session, foreign);
    const auto ended = session.journal.record(
        {.phase = Phase::end,
         .seen = session.serving.to_json(),
         .detail = fmt::format(
             "rollback apply {} exit {}", to_string(out.verdict), static_cast<int>(out.exit)
         )}
    );
    if (!ended) {
        out.notes.emplace_back("The journal's last line could not be written.");
    }
    co_return TakenBack{std::move(out), had_ended};
}

} // namespace oa_stream::playbook
