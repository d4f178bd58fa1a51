#include "oa_stream/run/run_session.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/report/report_html.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

/// What run.json has beside the members that it has from the beginning.
Json outcome_of(const RunResult& result) {
    Json out = {
        {"verdict", to_string(result.end.verdict)},
        {"exit_code", static_cast<int>(result.end.exit)},
        {"headline", result.headline},
        {"checks", json_list(result.checks)},
    };
    put_advice(out, "next", result.next);
    out.update(result.more);
    return out;
}

/// What run.json keeps of a rollback beside what the run itself says.
Json rolled_back_of(const Json& outcome, const RunResult& rollback) {
    Json out = {
        {"started_at", rollback.started_at},
        {"ended_at", rfc3339_millis(std::chrono::system_clock::now())},
        {"duration_s", rollback.duration_s},
        {"report", rollback.report_name + ".md"},
    };
    for (const auto* key :
         {"verdict", "exit_code", "headline", "restored", "checks", "rollback", "notes"}) {
        if (const Json* value = member(outcome, key)) {
            out[key] = *value;
        }
    }
    return out;
}

/// Somebody removed the folder.
bool is_gone(const RunFolder& folder) {
    return !is_there(folder.path());
}

void note_lost_evidence(RunResult& result, const Error& error) {
    result.notes.push_back("Evidence is incomplete: " + error.text());
    if (result.more.contains("notes")) {
        result.more["notes"] = result.notes;
    }
}

report::KeptEvidence kept_in(const fs::path& folder) {
    std::error_code ignored; // what cannot be looked at is not named
    const auto has = [&](std::string_view what) {
        return fs::exists(folder / what, ignored) && !fs::is_empty(folder / what, ignored);
    };
    report::KeptEvidence out{
        .streams = false, .journal = has(k_journal_file), .measure = has("measure")
    };
    for (fs::directory_iterator at(folder / "streams", ignored), end; at != end && !ignored;
         at.increment(ignored)) {
        fs::path file = at->path();
        if (file.extension() == ".sse") {
            const std::string name = file.filename().string();
            // A probe of chats leaves its words beside its stream, whatever that is called.
            const bool chat = is_there(file.replace_extension(".probe.json"));
            auto& kind = !chat && name.starts_with(report::k_completions_file) ? out.completions
                         : !chat && name.starts_with(report::k_responses_file) ? out.responses
                                                                               : out.streams;
            kind = true;
        }
    }
    return out;
}

} // namespace

Result<RunSession> RunSession::begin(
    const std::filesystem::path& state_dir, RunInfo info, Redactor redactor, RunObserver* observer
) {
    OA_TRY(RunFolder folder, RunFolder::create(state_dir, std::move(info), std::move(redactor)));
    if (observer != nullptr) {
        observer->progress("  no check so far"); // the first answer may take long
    }
    return RunSession(std::move(folder), observer);
}

Result<RunSession> RunSession::resume(
    const std::filesystem::path& path, Redactor redactor, RunObserver* observer, bool taken_over
) {
    OA_TRY(RunFolder folder, RunFolder::reopen(path, std::move(redactor), taken_over));
    return RunSession(std::move(folder), observer);
}

void RunSession::say(const Advice& line) const {
    if (observer_ != nullptr) {
        observer_->say(folder_.redactor().clean(line));
    }
}

void RunSession::report(std::string_view event, const Advice& line, const Json& fields) {
    folder_.note(event, fields);
    say(line);
}

void RunSession::note(const Check& check) {
    folder_.note("check", {{"check", to_json(check)}});
}

void RunSession::show(const Check& check) {
    shown_ = std::max(shown_, checks_.size()) + 1;
    if (observer_ != nullptr) {
        observer_->progress(fmt::format(
            "  {} so far  {}  {}", counted(shown_, "check"), to_string(check.verdict), check.id
        ));
    }
}

void RunSession::add_said(Check check) {
    say("  " + check_line(check));
    add(std::move(check));
}

void RunSession::add(Check check) {
    note(check);
    if (checks_.size() >= shown_) {
        show(check);
    }
    checks_.push_back(std::move(check));
}

void RunSession::add(std::string id, Verdict verdict, std::string detail, Json data) {
    add(make_check(std::move(id), verdict, std::move(detail), std::move(data)));
}

void RunSession::replace_checks(std::vector<Check> checks) {
    for (const Check& check : checks) {
        if (!contains(checks_, check.id, &Check::id)) {
            note(check);
        }
    }
    checks_ = std::move(checks);
}

void RunSession::note_turn(const std::string& thread) {
    folder_.note("turn asked for", {{"thread", thread}});
    add_once(turns_, thread);
}

void RunSession::add_trouble() {
    constexpr std::string_view k_id = "evidence";
    const auto& trouble = folder_.trouble();
    if (trouble && !contains(checks_, k_id, &Check::id)) {
        add(std::string(k_id), Verdict::error, "evidence could not be written: " + trouble->text());
    }
}

Conclusion RunSession::conclude(EndFacts facts) {
    if (observer_ != nullptr) {
        observer_->progress("");
    }
    add_trouble();
    facts.verdict = run_verdict(checks_);
    facts.denied = facts.denied || credentials_refused(checks_);
    facts_ = facts;
    return run::conclude(facts);
}

Journal RunSession::journal(std::function<Result<void>()> may_write) {
    const std::string before = read_kept(folder_.path() / k_journal_file).value_or("");
    return Journal(
        [this, may_write = std::move(may_write)](const Json& line) -> Result<void> {
            if (may_write) {
                OA_CHECK(may_write());
            }
            if (line.contains("way")) {
                folder_.note(
                    "route", {{"phase", line["phase"]}, {"detail", line.value("detail", "")}}
                );
            }
            return folder_.journal(line);
        },
        1 + static_cast<std::uint64_t>(std::ranges::count(before, '\n'))
    );
}

RunResult RunSession::result_of(Conclusion end, report::Report report) {
    RunResult out{std::move(report), folder_.path(), end};
    out.id = folder_.id();
    out.verdict = end.verdict;
    out.exit_code = static_cast<int>(end.exit);
    if (out.headline.empty()) {
        out.headline = headline_of(checks_, end.verdict);
    }
    out.started_at = rfc3339_millis(folder_.started());
    out.duration_s = folder_.seconds_since_start();
    out.checks = checks_;
    out.kept = kept_in(folder_.path());
    report::redact(out, folder_.redactor());
    return out;
}

/// The evidence is not whole. True: that changes how the run ended.
bool RunSession::lose_evidence(RunResult& result, const Error& error) const {
    note_lost_evidence(result, error);
    const bool unjudged = result.end.exit == ExitCode::inconclusive && facts_.mutated;
    if (result.end.exit != ExitCode::ok && !unjudged) {
        return false;
    }
    result.end = {Verdict::error, ExitCode::not_executed, RunEnding::failed};
    result.headline = result.notes.back();
    result.headline_check.clear(); // it begins with none any more
    if (facts_.mutated && !facts_.restored) { // it was over, and what was changed stays
        result.end.exit = ExitCode::rollback_unverified;
        result.end.ended = RunEnding::rollback_unverified;
        result.next = is_gone(folder_) ? result.next : suggest_rollback(folder_.id());
    }
    return true;
}

/// Who looks later finds the same ending as the run's own process had. The journal has room for it
/// on a full disk, too; without a seal its last word counts, and without `ended` it says that the
/// evidence was lost.
void RunSession::end_again(RunResult& result) {
    std::error_code ignored;
    // A report that was written before the disk was full names the other ending.
    for (const std::string_view file :
         {k_sums_file, k_report_file, std::string_view("report.html")}) {
        std::filesystem::remove(folder_.path() / file, ignored);
    }
    if (facts_.mutated) {
        (void)journal().record(end_line(
            {std::string(to_string(result.end.verdict)), static_cast<int>(result.end.exit)}
        ));
    }
    (void)write_end(result);
}

Result<void> RunSession::write_end(RunResult& result) {
    result.verdict = result.end.verdict;
    result.exit_code = static_cast<int>(result.end.exit);
    write_report(result.report_name, result);
    Json stored = outcome_of(result);
    stored["ended"] = to_string(result.end.ended);
    return folder_.finish(stored);
}

Json RunSession::document_of(const RunResult& result) const {
    Json out = {
        {"verdict", nullptr},
        {"run", result.id},
        {"evidence", is_gone(folder_) ? Json(nullptr) : Json(result.evidence.string())},
    };
    out.update(outcome_of(result));
    auto redacted = parse_json(folder_.redactor().apply(dump_json(out)));
    return redacted ? *std::move(redacted) : Json::object();
}

RunResult RunSession::finish(Conclusion end, report::Report report) {
    RunResult out = result_of(end, std::move(report));
    folder_.note("run ended", {{"verdict", to_string(end.verdict)}, {"exit_code", out.exit_code}});
    const auto finished = write_end(out);
    if (!finished && lose_evidence(out, finished.error()) && !is_gone(folder_)) {
        end_again(out);
    }
    if (is_gone(folder_)) { // nothing may name what is not there
        out.next = out.next.text().contains(id()) ? Advice() : out.next;
        out.evidence.clear();
    } else if (std::error_code ignored;
               out.next == less(folder_.path() / k_report_file).text() &&
               !std::filesystem::is_regular_file(folder_.path() / k_report_file, ignored)) {
        out.next = suggest_show(id()); // the disk was full
    }
    out.document = document_of(out);
    return out;
}

std::string RunSession::rollback_name() const {
    std::string out = "rollback";
    for (int i = 2; is_there(folder_.path() / (out + ".md")); ++i) {
        out = fmt::format("rollback-{}", i);
    }
    return out;
}

void RunSession::write_report(const std::string& name, const report::Report& report) {
    folder_.write(name + ".md", report::report_markdown(report));
    folder_.write(name + ".html", report::report_html(report));
}

RunResult RunSession::finish_rollback(Conclusion end, report::Report report, bool judged) {
    RunResult out = result_of(end, std::move(report));
    out.report_name = rollback_name();
    // Its own times, not those of the run.
    const auto took = std::chrono::round<Millis>(
        std::chrono::duration<double>(folder_.seconds_since_start() - resumed_s_)
    );
    out.started_at = rfc3339_millis(std::chrono::system_clock::now() - took);
    out.duration_s = seconds(took);
    folder_.note("rollback ended", {{"verdict", to_string(end.verdict)}});
    write_report(out.report_name, out);
    if (!is_there(folder_.path() / k_report_file)) {
        write_report("report", out); // it died before it could report
    }
    const Json outcome = outcome_of(out);
    const auto ended = facts_.restored ? RunEnding::rolled_back : RunEnding::rollback_unverified;
    Json changed = {
        {"rolled_back", rolled_back_of(outcome, out)},
        {"restored", facts_.restored},
        {"ended", to_string(ended)},
    };
    if (!judged) { // a run that died has no verdict of its own but ERROR
        changed["died"] = true;
        changed["verdict"] = to_string(Verdict::error);
        changed["exit_code"] = static_cast<int>(
            facts_.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified
        );
        changed["headline"] = "The run died; afterwards: " + out.headline;
        changed["checks"] = outcome["checks"];
    } else if (!string_member(
                   run::document_of(folder_.path()), "verdict"
               )) { // only its journal has it
        const auto lines =
            read_journal_lines(read_kept(folder_.path() / k_journal_file).value_or(""));
        if (const auto own = lines ? own_end(*lines) : std::nullopt) {
            changed["verdict"] = own->verdict;
            changed["exit_code"] = own->exit;
        }
    }
    if (const auto finished = folder_.finish(changed); !finished) {
        note_lost_evidence(out, finished.error()); // what is verified to be back is back
        say("  " + out.notes.back());
    }
    out.document = document_of(out);
    return out;
}

} // namespace oa_stream::run
