#include "finish_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/run_reports.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

std::string next_command(
    const RunOutcome& outcome, const std::filesystem::path& file, const ReportInput& input
) {
    if (outcome.verdict == Verdict::pass && outcome.exit == ExitCode::ok) {
        return {};
    }
    return input.next.empty() ? less_command(file) : input.next;
}

report::Report report_of(
    const run::RunFolder& folder,
    const RunOutcome& outcome,
    const ReportInput& input,
    const std::string& next
) {
    report::Report report;
    report.id = folder.id();
    report.title = input.title;
    report.verdict = outcome.verdict;
    report.exit_code = static_cast<int>(outcome.exit);
    report.headline = outcome.headline;
    report.started_at = rfc3339_millis(folder.started());
    report.duration_s = folder.seconds_since_start();
    report.facts = input.facts;
    for (const std::string& fault : input.faults) {
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

Json result_of(const RunOutcome& outcome, const ReportInput& input, const std::string& next) {
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
        {"plan", input.plan.empty() ? Json(nullptr) : Json(input.plan)},
        {"faults", input.faults},
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
    out.update(input.more);
    return out;
}

/// What run.json keeps of a rollback beside what the run itself says.
Json rolled_back_of(const Json& result) {
    Json out = Json::object();
    for (const auto* key :
         {"verdict", "exit_code", "headline", "restored", "checks", "rollback", "notes"}) {
        out[key] = result[key];
    }
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

RunEnd end_of(
    const run::RunFolder& folder, RunOutcome outcome, const ReportInput& input, std::string next
) {
    RunEnd out;
    out.run = folder.id();
    out.evidence = folder.path();
    out.document = {
        {"verdict", to_string(outcome.verdict)},
        {"run", out.run},
        {"evidence", out.evidence.string()},
    };
    out.document.update(redacted(result_of(outcome, input, next), folder.redactor()));
    out.next = std::move(next);
    out.outcome = std::move(outcome);
    return out;
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

RunEnd finish_run(run::RunFolder& folder, RunOutcome outcome, const ReportInput& input) {
    redact(outcome, folder.redactor());
    std::string next = next_command(outcome, folder.path() / "report.md", input);
    folder.note(
        "run ended",
        {{"verdict", to_string(outcome.verdict)}, {"exit_code", static_cast<int>(outcome.exit)}}
    );
    run::write_reports(folder, report_of(folder, outcome, input, next));
    Json stored = result_of(outcome, input, next);
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
    return end_of(folder, std::move(outcome), input, std::move(next));
}

RunEnd
finish_rollback(run::RunFolder& folder, RunOutcome outcome, const ReportInput& input, bool judged) {
    redact(outcome, folder.redactor());
    std::string next = next_command(outcome, folder.path() / "rollback.md", input);
    folder.note("rollback ended", {{"verdict", to_string(outcome.verdict)}});
    const report::Report report = report_of(folder, outcome, input, next);
    folder.write("rollback.md", report::report_markdown(report));
    std::error_code ignored;
    if (!std::filesystem::exists(folder.path() / "report.md", ignored)) {
        run::write_reports(folder, report); // it died before it could report
    }
    const Json result = result_of(outcome, input, next);
    const auto ended =
        outcome.restored ? run::RunEnding::rolled_back : run::RunEnding::rollback_unverified;
    Json changed = {
        {"rolled_back", rolled_back_of(result)},
        {"restored", outcome.restored},
        {"ended", to_string(ended)}
    };
    if (!judged) { // a run that died has no verdict of its own but ERROR
        changed["verdict"] = to_string(Verdict::error);
        changed["exit_code"] = static_cast<int>(
            outcome.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified
        );
        changed["headline"] = "The run died; afterwards: " + outcome.headline;
        changed["checks"] = result["checks"];
    }
    if (const auto finished = folder.finish(changed); !finished) {
        outcome.notes.push_back("Evidence is incomplete: " + finished.error().text());
    }
    return end_of(folder, std::move(outcome), input, std::move(next));
}

} // namespace oa_stream::playbook
