// The end of every run: report.md, run.json, SHA256SUMS and the document for --json. Private to the
// room.
#pragma once

#include "oa_stream/playbook/run_end.hpp"
#include "oa_stream/run/run_folder.hpp"

#include <string>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

/// What the papers say beyond the outcome.
struct RunPaper {
    std::string title;
    std::string plan{}; ///< id; empty: none came about
    std::vector<std::pair<std::string, std::string>> facts{}; ///< name, value; for the report
    std::vector<std::string> faults{}; ///< planted
    std::string next{}; ///< what to type when not PASS; empty: read the report
    Json more = Json::object(); ///< further members of run.json and of the document
};

/// An outcome for what failed before there was a run; its exit code is the error's.
[[nodiscard]] RunOutcome not_executed(const Error& error);

/// Writes the papers and closes the folder. Evidence that cannot be written takes a PASS away.
[[nodiscard]] RunEnd seal(run::RunFolder& folder, RunOutcome outcome, const RunPaper& paper);

} // namespace oa_stream::playbook
