// One run from its folder to its sealed manifest. Every command that leaves a run goes through it:
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
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::run {

/// What a run hands to whoever started it. All text in it passed the redactor.
struct RunResult : report::Report {
    std::filesystem::path evidence; ///< the folder, absolute
    Conclusion end;
    /// For --json: verdict, run, evidence, exit_code, headline, next, checks, and Report::more.
    Json document = Json::object();
    std::string report_name = "report"; ///< of its reports in the folder, without .md and .html
};

/// Of the command that starts a run.
struct Operator {
    std::filesystem::path state_dir;
    std::vector<std::string> argv{}; ///< for run.json
    std::string version{};
    StopRequest* stop = nullptr; ///< null: nothing asks the run to stop
    RunObserver* observer = nullptr; ///< null: it shows nothing; outlives the run
    /// Called once, when the run has its folder.
    std::function<void(const std::string& run)> on_run{};
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
    [[nodiscard]] static Result<RunSession> resume(
        const std::filesystem::path& folder,
        Redactor redactor,
        RunObserver* observer = nullptr,
        bool taken_over = false
    );

    [[nodiscard]] RunFolder& folder() noexcept { return folder_; }
    [[nodiscard]] const RunFolder& folder() const noexcept { return folder_; }
    [[nodiscard]] const std::string& id() const noexcept { return folder_.id(); }

    /// On the screen, redacted.
    void say(const Advice& line) const;
    /// In the timeline and on the screen.
    void report(std::string_view event, const Advice& line, const Json& fields = Json::object());

    /// The one shape of a check in the timeline: {event: "check", check: {…}}.
    void add(Check check);
    void add(std::string id, Verdict verdict, std::string detail, Json data = Json::object());
    void add_said(Check check); ///< with a line on the screen
    /// On the screen alone: a check of a probe that returns all of its checks at its end.
    /// add() then does not show it again.
    void show(const Check& check);
    /// What a probe returned at its end, in its order; those that were not added yet are noted.
    void replace_checks(std::vector<Check> checks);
    [[nodiscard]] const std::vector<Check>& checks() const noexcept { return checks_; }

    /// Before a turn is asked for on `thread`: who cuts the run short must know what may be left.
    void note_turn(const std::string& thread);
    [[nodiscard]] const std::vector<std::string>& turns() const noexcept { return turns_; }

    /// Evidence that could not be written is one more check, once. Before it is decided what
    /// becomes of a change; conclude() does it, too.
    void add_trouble();
    /// The verdict comes from the checks, whatever `facts` says, and so does `denied` unless it is
    /// set.
    [[nodiscard]] Conclusion conclude(EndFacts facts);

    /// The journal of what the run changes, numbered on from what is there. Its lines about routes
    /// are events of the timeline, too. The session must stay where it is as long as it is used.
    /// `may_write` is asked before each line; unset: always.
    [[nodiscard]] Journal journal(std::function<Result<void>()> may_write = {});

    /// Writes report, run.json and the sealed manifest. Once, as the last thing. The session fills
    /// in what is the run's own, and the headline if it is empty. Evidence that cannot be written
    /// becomes a note of the result and takes a PASS away: exit 8 where a change stays, else 3.
    [[nodiscard]] RunResult finish(Conclusion end, report::Report report);

    /// The same after resume(), for the rollback of an earlier run: reports of its own and the
    /// member `rolled_back` of run.json. `judged`: that run has a verdict of its own, which stays.
    [[nodiscard]] RunResult finish_rollback(Conclusion end, report::Report report, bool judged);
    /// Of the reports that finish_rollback() will write: "rollback", or "rollback-2" after it. The
    /// report of an earlier rollback stays.
    [[nodiscard]] std::string rollback_name() const;

private:
    RunSession(RunFolder folder, RunObserver* observer)
        : folder_(std::move(folder)), observer_(observer),
          resumed_s_(folder_.seconds_since_start()) {}
    [[nodiscard]] RunResult result_of(Conclusion end, report::Report report);
    bool lose_evidence(RunResult& result, const Error& error) const;
    void end_again(RunResult& result);
    void write_report(const std::string& name, const report::Report& report);
    Result<void> write_end(RunResult& result);
    [[nodiscard]] Json document_of(const RunResult& result) const;
    void note(const Check& check);

    RunFolder folder_;
    RunObserver* observer_ = nullptr;
    std::vector<Check> checks_{};
    std::size_t shown_ = 0; ///< that many checks "so far"
    std::vector<std::string> turns_{}; ///< each thread once
    EndFacts facts_{}; ///< as concluded
    double resumed_s_ = 0; ///< after the run's start
};

} // namespace oa_stream::run
