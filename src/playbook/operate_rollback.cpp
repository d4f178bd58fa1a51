// A run that is to be taken back, dead or ended: everything from its folder.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/live.hpp"
#include "oa_stream/playbook/lock.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "by_hand.hpp"
#include "outlook.hpp"
#include "plan_file.hpp"
#include "session.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_step = "rollback";

struct TakingBack {
    RollbackRequest request;
    Plan plan;
    Outside outside;
    evidence::RunFolder folder;
    JournalStory story;
    std::unique_ptr<Instruments> instruments{};
};

Result<fs::path> folder_of(const RollbackRequest& request) {
    const bool name = !request.run.empty() && !request.run.contains('/') && request.run != "." &&
                      request.run != "..";
    fs::path folder = request.by.state_dir / "runs" / request.run;
    std::error_code ignored;
    if (!name || !fs::is_directory(folder, ignored)) {
        return fail(
            Code::usage,
            fmt::format("there is no run '{}'", request.run),
            (request.by.state_dir / "runs").string(),
            "oa-stream cutover status"
        );
    }
    return folder;
}

/// The plan that the run had; what is wrong with it must not stand in the way back.
Result<Plan> plan_of(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(folder / "plan.json", ignored)) {
        return fail(
            Code::precondition, "this run began nothing: there is nothing to roll back", folder
        );
    }
    OA_TRY(const std::string text, read_file(folder / "plan.json"));
    return read_plan(text, (folder / "plan.json").string(), Trust::rescue);
}

/// An unreadable journal leaves the plan: its splits are what we may have written.
JournalStory story_of(const evidence::RunFolder& folder, const Plan& plan) {
    const std::string text = read_file(folder.path() / "journal.ndjson").value_or("");
    if (auto story = read_journal(text)) {
        return *std::move(story);
    }
    JournalStory out;
    out.baseline = plan.baseline;
    out.lines = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    for (const Step& step : plan.steps) {
        if (const auto& after = step.after; after && step.mutates()) {
            out.written.push_back(*after);
            out.pending = after;
        }
    }
    return out;
}

Result<void> begin(TakingBack& taking, Journal& journal) {
    if (taking.story.baseline.empty()) { // it died before its first line
        OA_CHECK(journal.record(
            {.phase = Phase::begin, .to = taking.plan.baseline, .detail = taking.plan.id}
        ));
        taking.story.baseline = taking.plan.baseline;
    }
    const std::size_t torn = taking.folder.torn_bytes();
    return journal.record(
        {.phase = Phase::resumed,
         .step = std::string(k_step),
         .detail = fmt::format(
             "rollback apply goes on{}",
             torn > 0 ? fmt::format("; {} bytes of a torn line are in journal.torn", torn) : ""
         )}
    );
}

void fill_session(TakingBack& taking, Session& session) {
    JournalStory& story = taking.story;
    taking.plan.baseline = story.baseline;
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

RunOutcome outcome_of(Session& session, const TakingBack& taking, bool foreign) {
    RunOutcome out = std::move(session.out);
    const bool verified = out.rollback && out.rollback->verified;
    out.restored = verified;
    out.verdict = run_verdict(out.checks);
    const std::string home = taking.plan.home().text();
    if (verified && out.verdict == Verdict::pass) {
        out.exit = ExitCode::ok;
        out.headline = fmt::format(
            "{} serves, verified by read-back and over {} fresh connections in a row.",
            home,
            out.rollback->row
        );
        return out;
    }
    out.exit = foreign ? ExitCode::refused : ExitCode::rollback_unverified;
    const auto failed = std::ranges::find_if(out.checks, [](const Check& check) {
        return check.verdict != Verdict::pass && check.verdict != Verdict::skipped;
    });
    out.headline = fmt::format(
        "{} is NOT verified: {}.",
        home,
        failed == out.checks.end() ? "nothing passed live" : failed->detail
    );
    if (const std::string command = by_hand(taking.plan.playbook, taking.plan.home());
        !command.empty()) {
        out.notes.push_back("By hand: " + command);
    }
    return out;
}

Task<RunOutcome> take_back(TakingBack* taking) {
    RunInput input;
    input.plan = &taking->plan;
    input.driver = taking->outside.driver.get();
    input.instruments = taking->instruments.get();
    input.folder = &taking->folder;
    input.stop = taking->request.by.stop;
    input.observer = taking->request.by.observer;
    input.timing.driver_call = input.driver->patience();
    Session session(std::move(input));
    session.journal = Journal(
        [folder = &taking->folder](const Json& line) { return folder->journal(line); },
        taking->story.lines + 1
    );
    const bool was_back = taking->story.ended && !taking->story.needs_rollback();
    if (const auto begun = begin(*taking, session.journal); !begun) {
        session.say("  the journal cannot be written: " + begun.error().text());
    }
    fill_session(*taking, session);
    if (session.in.stop != nullptr) {
        session.in.stop->mark_mutated();
    }
    session.out.rollback =
        co_await bring_back(&session, std::string(k_step), "asked for by rollback apply");
    session.in.instruments->settle();
    const bool foreign = was_back && !session.out.rollback->read_back_s;
    RunOutcome out = outcome_of(session, *taking, foreign);
    const auto ended = session.journal.record(
        {.phase = Phase::end,
         .seen = session.serving,
         .detail = fmt::format(
             "rollback apply {} exit {}", to_string(out.verdict), static_cast<int>(out.exit)
         )}
    );
    if (!ended) {
        out.notes.emplace_back("The journal's last line could not be written.");
    }
    co_return out;
}

Json json_of(const RunOutcome& outcome) {
    Json checks = Json::array();
    for (const Check& check : outcome.checks) {
        checks.push_back(to_json(check));
    }
    return {
        {"verdict", to_string(outcome.verdict)},
        {"exit_code", static_cast<int>(outcome.exit)},
        {"headline", outcome.headline},
        {"restored", outcome.restored},
        {"checks", std::move(checks)},
        {"rollback", outcome.rollback ? evidence::to_json(*outcome.rollback) : Json(nullptr)},
        {"notes", outcome.notes},
    };
}

/// What run.json says from now on: a run that died has no verdict of its own but ERROR.
Json run_json(const TakingBack& taking, const RunOutcome& outcome) {
    Json out = {{"rolled_back", json_of(outcome)}, {"restored", outcome.restored}};
    if (!taking.story.ended) {
        out["verdict"] = to_string(Verdict::error);
        out["exit_code"] = static_cast<int>(
            outcome.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified
        );
        out["headline"] = "The run died; afterwards: " + outcome.headline;
        out["checks"] = json_of(outcome)["checks"];
    }
    return out;
}

void write_report(TakingBack& taking, const RunOutcome& outcome, const std::string& next) {
    evidence::Report report;
    report.id = taking.folder.id();
    report.title = "rollback of " + taking.plan.playbook.name;
    report.verdict = outcome.verdict;
    report.exit_code = static_cast<int>(outcome.exit);
    report.headline = outcome.headline;
    report.started_at = rfc3339_millis(taking.folder.started());
    report.duration_s = taking.folder.seconds_since_start();
    report.facts = {
        {"target", taking.plan.target},
        {"plan", taking.plan.id},
        {"version", taking.request.by.version},
    };
    report.checks = outcome.checks;
    report.rollback = outcome.rollback;
    report.notes = outcome.notes;
    report.next = next;
    const std::string text = evidence::report_markdown(report);
    taking.folder.write("rollback.md", text);
    std::error_code ignored;
    if (!fs::exists(taking.folder.path() / "report.md", ignored)) {
        taking.folder.write("report.md", text); // it died before it could report
    }
}

RunEnd conclude(TakingBack& taking, RunOutcome outcome) {
    std::string next;
    if (outcome.exit == ExitCode::rollback_unverified) {
        const std::string command = by_hand(taking.plan.playbook, taking.plan.home());
        next = fmt::format("oa-stream rollback apply --run {}", taking.folder.id());
        next += command.empty() ? "" : "; by hand: " + command;
    } else if (outcome.exit != ExitCode::ok) {
        next = fmt::format("less {}", (taking.folder.path() / "rollback.md").string());
    }
    taking.folder.note("rollback ended", {{"verdict", to_string(outcome.verdict)}});
    write_report(taking, outcome, next);
    const auto finished = taking.folder.finish(run_json(taking, outcome));
    if (!finished) {
        outcome.notes.push_back("Evidence is incomplete: " + finished.error().text());
    }
    RunEnd out;
    out.run = taking.folder.id();
    out.evidence = taking.folder.path();
    out.next = next;
    out.document = {
        {"verdict", to_string(outcome.verdict)},
        {"run", out.run},
        {"evidence", out.evidence.string()},
    };
    out.document.update(json_of(outcome));
    out.document["next"] = next;
    out.outcome = std::move(outcome);
    return out;
}

} // namespace

Task<Result<RunEnd>> roll_back_run(RollbackRequest request) {
    OA_CO_TRY(const fs::path path, folder_of(request));
    OA_CO_TRY(Plan plan, plan_of(path));
    const auto executor = co_await asio::this_coro::executor;
    OA_CO_TRY(Outside outside, open_outside(executor, plan.playbook));
    OA_CO_TRY(
        const TargetLock lock,
        TargetLock::take(request.by.state_dir, plan.target, {{"run", request.run}})
    );
    OA_CO_TRY(auto folder, evidence::RunFolder::reopen(path, outside.redactor));
    JournalStory story = story_of(folder, plan);
    TakingBack taking{
        std::move(request), std::move(plan), std::move(outside), std::move(folder), std::move(story)
    };
    if (taking.request.by.on_run) {
        taking.request.by.on_run(taking.folder.id());
    }
    LiveOptions live;
    live.users = taking.outside.users;
    live.stable = taking.plan.playbook.traffic.stable;
    live.canary = taking.plan.playbook.traffic.canary;
    live.prompt = taking.plan.playbook.target.prompt;
    taking.instruments = make_live_instruments(
        executor,
        *taking.outside.client,
        taking.outside.driver.get(),
        taking.folder,
        std::move(live)
    );
    RunOutcome outcome = co_await take_back(&taking);
    co_return conclude(taking, std::move(outcome));
}

} // namespace oa_stream::playbook
