// The end of every run: report.md, run.json, the sealed manifest SHA256SUMS and the document for
// --json. Private to the room.
#pragma once

#include "oa_stream/playbook/run_end.hpp"
#include "oa_stream/run/run_folder.hpp"

#include <string>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

/// What the report says beyond the outcome.
struct ReportInput {
    std::string title;
    std::string plan{}; ///< id; empty: none came about
    std::vector<std::pair<std::string, std::string>> facts{}; ///< name, value; for the report
    std::vector<std::string> faults{}; ///< planted
    std::string next{}; ///< what to type when not PASS; empty: read the report
    Json more = Json::object(); ///< further members of run.json and of the document
};

/// An outcome for what failed before there was a run; its exit code is the error's.
[[nodiscard]] RunOutcome not_executed(const Error& error);

/// Writes the report and closes the folder. Evidence that cannot be written takes a PASS away.
[[nodiscard]] RunEnd
finish_run(run::RunFolder& folder, RunOutcome outcome, const ReportInput& report);

/// The same for the rollback of an earlier run in its own folder: rollback.md and the member
/// `rolled_back`. `judged`: that run has a verdict of its own, which stays.
[[nodiscard]] RunEnd
finish_rollback(run::RunFolder& folder, RunOutcome outcome, const ReportInput& report, bool judged);

} // namespace oa_stream::playbook
