#include "oa_stream/run/run_session.hpp"

#include "oa_stream/report/report_html.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::run {
namespace {

/// What run.json has beside the members that it has from the beginning.
Json outcome_of(const RunResult& result, const ReportInput& input) {
    Json out = {
        {"verdict", to_string(result.end.verdict)},
        {"exit_code", static_cast<int>(result.end.exit)},
        {"headline", result.headline},
        {"next", result.next},
        {"checks", Json::array()},
    };
    for (const Check& check : result.checks) {
        out["checks"].push_back(to_json(check));
    }
    out.update(input.more);
    return out;
}

void redact(RunResult& result, const Redactor& redactor) {
    result.headline = redactor.apply(result.headline);
    for (Check& check : result.checks) {
        check.detail = redactor.apply(check.detail);
    }
    for (std::string& note : result.notes) {
        note = redactor.apply(note);
    }
}

/// The proof of what was done is not whole.
void lose_evidence(RunResult& result, const Error& error) {
    result.notes.push_back("Evidence is incomplete: " + error.text());
    if (result.end.exit == ExitCode::ok) {
        result.end = {Verdict::error, ExitCode::not_executed, result.end.ended};
        result.headline = result.notes.back();
    }
}

} // namespace

Result<RunSession> RunSession::begin(
    const std::filesystem::path& state_dir, RunInfo info, Redactor redactor, RunObserver* observer
) {
    OA_TRY(RunFolder folder, RunFolder::create(state_dir, std::move(info), std::move(redactor)));
    return RunSession(std::move(folder), observer);
}

Result<RunSession>
RunSession::resume(const std::filesystem::path& path, Redactor redactor, RunObserver* observer) {
    OA_TRY(RunFolder folder, RunFolder::reopen(path, std::move(redactor)));
    return RunSession(std::move(folder), observer);
}

void RunSession::say(std::string_view line) const {
    if (observer_ != nullptr) {
        observer_->say(folder_.redactor().apply(line));
    }
}

void RunSession::tell(std::string_view event, std::string_view line, const Json& fields) {
    folder_.note(event, fields);
    say(line);
}

void RunSession::note(const Check& check) {
    folder_.note("check", {{"check", to_json(check)}});
}

void RunSession::add(Check check) {
    note(check);
    if (observer_ != nullptr) {
        observer_->progress(fmt::format(
            "  {} checks so far  {}  {}", checks_.size() + 1, to_string(check.verdict), check.id
        ));
    }
    checks_.push_back(std::move(check));
}

void RunSession::add(std::string id, Verdict verdict, std::string detail, Json data) {
    Check check;
    check.id = std::move(id);
    check.verdict = verdict;
    check.detail = std::move(detail);
    check.data = std::move(data);
    add(std::move(check));
}

void RunSession::replace_checks(std::vector<Check> checks) {
    for (const Check& check : checks) {
        if (std::ranges::find(checks_, check.id, &Check::id) == checks_.end()) {
            note(check);
        }
    }
    checks_ = std::move(checks);
}

void RunSession::note_turn(const std::string& thread) {
    folder_.note("turn asked for", {{"thread", thread}});
    if (std::ranges::find(turns_, thread) == turns_.end()) {
        turns_.push_back(thread);
    }
}

Conclusion RunSession::conclude(EndFacts facts) {
    if (observer_ != nullptr) {
        observer_->progress("");
    }
    if (const auto& trouble = folder_.trouble()) {
        add("evidence", Verdict::error, "evidence could not be written: " + trouble->text());
    }
    facts.verdict = run_verdict(checks_);
    facts.denied = facts.denied || credentials_refused(checks_);
    return run::conclude(facts);
}

report::Report RunSession::report_of(const RunResult& result, const ReportInput& input) const {
    return {
        .id = folder_.id(),
        .title = input.title,
        .verdict = result.end.verdict,
        .exit_code = static_cast<int>(result.end.exit),
        .headline = result.headline,
        .started_at = result.started_at,
        .duration_s = result.duration_s,
        .facts = input.facts,
        .stages = input.stages,
        .checks = result.checks,
        .rollback = input.rollback,
        .drill = input.drill,
        .notes = result.notes,
        .next = result.next,
    };
}

RunResult RunSession::finish(Conclusion end, ReportInput input) {
    RunResult out{.run = folder_.id(), .evidence = folder_.path(), .end = end};
    out.headline =
        input.headline.empty() ? headline_of(checks_, end.verdict) : std::move(input.headline);
    out.next = std::move(input.next);
    out.checks = checks_;
    out.notes = std::move(input.notes);
    redact(out, folder_.redactor());
    out.started_at = rfc3339_millis(folder_.started());
    out.duration_s = folder_.seconds_since_start();
    folder_.note(
        "run ended",
        {{"verdict", to_string(end.verdict)}, {"exit_code", static_cast<int>(end.exit)}}
    );
    const report::Report report = report_of(out, input);
    folder_.write("report.md", report::report_markdown(report) + input.appendix);
    folder_.write("report.html", report::report_html(report));
    Json stored = outcome_of(out, input);
    stored["ended"] = to_string(end.ended);
    if (const auto finished = folder_.finish(stored); !finished) {
        lose_evidence(out, finished.error());
    }
    Json document = {
        {"verdict", nullptr},
        {"run", out.run},
        {"evidence", out.evidence.string()},
    };
    document.update(outcome_of(out, input));
    auto redacted = parse_json(folder_.redactor().apply(dump_json(document)));
    out.document = redacted ? *std::move(redacted) : Json::object();
    return out;
}

} // namespace oa_stream::run
