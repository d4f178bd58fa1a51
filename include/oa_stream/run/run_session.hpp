// One run from its folder to its seal. Every command that leaves a run goes through it:
//
//     OA_TRY(auto session, RunSession::begin(state_dir, info, redactor, &observer));
//     RunLoop loop;                               // or one with a StopRequest
//     auto checks = loop.run(smoke(…));           // session.add(check) as they are done
//     session.replace_checks(*std::move(checks));
//     const Conclusion end = session.conclude({.completed = true, .signal = loop.signal()});
//     const RunResult result = session.finish(end, {.title = "smoke stream", .next = …});
//
// The folder is folder(): streams, measurements, plan.json go there.
#pragma once

#include "oa_stream/report/report.hpp"
#include "oa_stream/run/conclusion.hpp"
#include "oa_stream/run/run_folder.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::run {

/// What the report says beyond checks and conclusion.
struct ReportInput {
    std::string title;
    std::string headline{}; ///< empty: made from the checks
    std::vector<std::pair<std::string, std::string>> facts{}; ///< name, value
    std::vector<report::StageRow> stages{};
    std::optional<report::RollbackFacts> rollback{};
    std::optional<report::DrillFacts> drill{};
    std::vector<std::string> notes{};
    std::string next{}; ///< command to type; empty: none
    std::string appendix{}; ///< Markdown behind report.md
    Json more = Json::object(); ///< further members of run.json and of the document
};

/// What a run hands to whoever started it. Everything in it passed the redactor.
struct RunResult {
    std::string run;                ///< id
    std::filesystem::path evidence; ///< the folder, absolute
    Conclusion end;
    std::string headline{};
    std::string next{};
    std::vector<Check> checks{};
    std::vector<std::string> notes{};
    std::string started_at{}; ///< RFC 3339
    double duration_s = 0;
    /// For --json: verdict, run, evidence, exit_code, headline, next, checks, and
    /// ReportInput::more.
    Json document = Json::object();
};

/// Move-only, not thread-safe; lives on the thread of the run's loop.
class RunSession {
public:
    /// Creates the folder. `observer` may be null and must outlive the session. Code::io.
    [[nodiscard]] static Result<RunSession> begin(
        const std::filesystem::path& state_dir,
        RunInfo info,
        Redactor redactor,
        RunObserver* observer = nullptr
    );
    /// Goes on with a run that ended or died; see RunFolder::reopen().
    [[nodiscard]] static Result<RunSession>
    resume(const std::filesystem::path& folder, Redactor redactor, RunObserver* observer = nullptr);

    [[nodiscard]] RunFolder& folder() noexcept { return folder_; }
    [[nodiscard]] const RunFolder& folder() const noexcept { return folder_; }
    [[nodiscard]] const std::string& id() const noexcept { return folder_.id(); }

    /// On the screen, redacted.
    void say(std::string_view line) const;
    /// In the timeline and on the screen.
    void tell(std::string_view event, std::string_view line, const Json& fields = Json::object());

    /// The one shape of a check in the timeline: {event: "check", check: {…}}.
    void add(Check check);
    void add(std::string id, Verdict verdict, std::string detail, Json data = Json::object());
    /// What a probe returned at its end, in its order; those that were not added yet are noted.
    void replace_checks(std::vector<Check> checks);
    [[nodiscard]] const std::vector<Check>& checks() const noexcept { return checks_; }

    /// Before a turn is asked for on `thread`: who cuts the run short must know what may be left.
    void note_turn(const std::string& thread);
    [[nodiscard]] const std::vector<std::string>& turns() const noexcept { return turns_; }

    /// The verdict comes from the checks, whatever `facts` says, and so does `denied` unless it is
    /// set. Evidence that could not be written is one more check.
    [[nodiscard]] Conclusion conclude(EndFacts facts);

    /// Writes report and run.json and seals the folder. Once, as the last thing. Evidence that
    /// cannot be written takes a PASS away and becomes a note of the result.
    [[nodiscard]] RunResult finish(Conclusion end, ReportInput input);

private:
    RunSession(RunFolder folder, RunObserver* observer)
        : folder_(std::move(folder)), observer_(observer) {}
    [[nodiscard]] report::Report report_of(const RunResult& result, const ReportInput& input) const;
    void note(const Check& check);

    RunFolder folder_;
    RunObserver* observer_ = nullptr;
    std::vector<Check> checks_{};
    std::vector<std::string> turns_{}; ///< each thread once
};

} // namespace oa_stream::run
