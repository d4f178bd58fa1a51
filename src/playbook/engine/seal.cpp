#include "seal.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/run_reports.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

std::string
next_command(const RunOutcome& outcome, const run::RunFolder& folder, const RunPaper& paper) {
    if (outcome.verdict == Verdict::pass && outcome.exit == ExitCode::ok) {
        return {};
    }
    return paper.next.empty() ? less_command(folder.path() / "report.md") : paper.next;
}

report::Report report_of(
    const run::RunFolder& folder,
    const RunOutcome& outcome,
    const RunPaper& paper,
    const std::string& next
) {
    report::Report report;
    report.id = folder.id();
    report.title = paper.title;
    report.verdict = outcome.verdict;
    report.exit_code = static_cast<int>(outcome.exit);
    report.headline = outcome.headline;
    report.started_at = rfc3339_millis(folder.started());
    report.duration_s = folder.seconds_since_start();
    report.facts = paper.facts;
    for (const std::string& fault : paper.faults) {
        report.facts.emplace_back("planted fault", fault);
    }
    report.stages = outcome.stages;
    report.checks = outcome.checks;
    report.rollback = outcome.rollback ? outcome.rollback : outcome.restore;
    report.drill = outcome.drill;
    report.notes = outcome.notes;
    report.next = next;
    return report;
}

Json facts_json(const std::optional<report::RollbackFacts>& some) {
    return some ? report::to_json(*some) : Json(nullptr);
}

/// How many checks came about how: skipped and rehearsed ones are no live pass.
Json modes_of(const std::vector<Check>& checks) {
    Json out = Json::object();
    for (const CheckMode mode :
         {CheckMode::live,
          CheckMode::rehearsed,
          CheckMode::replayed,
          CheckMode::asserted,
          CheckMode::skipped}) {
        out[std::string(to_string(mode))] = std::ranges::count(checks, mode, &Check::mode);
    }
    return out;
}

Json result_of(const RunOutcome& outcome, const RunPaper& paper, const std::string& next) {
    Json checks = Json::array();
    for (const Check& check : outcome.checks) {
        checks.push_back(to_json(check));
    }
    Json stages = Json::array();
    for (const report::StageRow& row : outcome.stages) {
        stages.push_back(report::to_json(row));
    }
    Json out = {
        {"verdict", to_string(outcome.verdict)},
        {"exit_code", static_cast<int>(outcome.exit)},
        {"headline", outcome.headline},
        {"plan", paper.plan.empty() ? Json(nullptr) : Json(paper.plan)},
        {"faults", paper.faults},
        {"mutated", outcome.mutated},
        {"held", outcome.held},
        {"restored", outcome.restored},
        {"checks", std::move(checks)},
        {"stages", std::move(stages)},
        {"rollback", facts_json(outcome.rollback)},
        {"restore", facts_json(outcome.restore)},
        {"drill", outcome.drill ? report::to_json(*outcome.drill) : Json(nullptr)},
        {"modes", modes_of(outcome.checks)},
        {"notes", outcome.notes},
        {"next", next},
    };
    out.update(paper.more);
    return out;
}

/// What is said aloud passes the same redactor as what is written: a server may have told a secret.
void redact(RunOutcome& outcome, const Redactor& redactor) {
    outcome.headline = redactor.apply(outcome.headline);
    for (Check& check : outcome.checks) {
        check.detail = redactor.apply(check.detail);
    }
    for (std::string& note : outcome.notes) {
        note = redactor.apply(note);
    }
}

Json redacted(const Json& document, const Redactor& redactor) {
    auto out = parse_json(redactor.apply(dump_json(document)));
    return out ? *std::move(out) : Json::object();
}

} // namespace

RunOutcome not_executed(const Error& error) {
    Check check;
    check.id = "setup";
    check.detail = error.text();
    RunOutcome out;
    const run::Conclusion end = run::conclude({.verdict = Verdict::error, .error = error.code});
    out.verdict = end.verdict;
    out.exit = end.exit;
    out.ended = end.ended;
    out.headline = fmt::format("Could not begin: {}; no traffic was moved.", error.text());
    out.checks.push_back(std::move(check));
    return out;
}

RunEnd seal(run::RunFolder& folder, RunOutcome outcome, const RunPaper& paper) {
    redact(outcome, folder.redactor());
    std::string next = next_command(outcome, folder, paper);
    folder.note(
        "run ended",
        {{"verdict", to_string(outcome.verdict)}, {"exit_code", static_cast<int>(outcome.exit)}}
    );
    run::write_reports(folder, report_of(folder, outcome, paper, next));
    Json stored = result_of(outcome, paper, next);
    stored["ended"] = to_string(outcome.ended);
    const auto finished = folder.finish(stored);
    if (!finished) {
        outcome.notes.push_back("Evidence is incomplete: " + finished.error().text());
        const bool stayed = outcome.exit == ExitCode::inconclusive && outcome.mutated;
        if (outcome.exit == ExitCode::ok || stayed) {
            outcome.verdict = Verdict::error;
            outcome.exit = ExitCode::not_executed;
        }
        if (outcome.exit == ExitCode::not_executed && outcome.mutated && !outcome.restored) {
            // It was over: the journal is closed, the split stays, and its proof is not whole.
            outcome.exit = ExitCode::rollback_unverified;
            next = "oa-stream rollback apply --run " + folder.id();
        }
    }
    RunEnd out;
    out.run = folder.id();
    out.evidence = folder.path();
    out.next = next;
    out.document = {
        {"verdict", to_string(outcome.verdict)},
        {"run", out.run},
        {"evidence", out.evidence.string()},
    };
    out.document.update(redacted(result_of(outcome, paper, next), folder.redactor()));
    out.outcome = std::move(outcome);
    return out;
}

} // namespace oa_stream::playbook
