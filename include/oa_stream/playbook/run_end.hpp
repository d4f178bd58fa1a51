// How a run is started and what it hands back.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Who starts a run, and what it answers to.
struct Operator {
    std::filesystem::path state_dir;
    std::vector<std::string> argv{}; ///< for run.json
    std::string version{};
    StopRequest* stop = nullptr;
    Observer observer{};
    /// Called once, when the run has its folder.
    std::function<void(const std::string& run)> on_run{};
};

struct RunEnd {
    RunOutcome outcome;
    std::string run;                ///< id
    std::filesystem::path evidence; ///< absolute
    std::string next;               ///< what to type when not PASS; empty on PASS
    Json document;                  ///< for --json: verdict, run, evidence, checks and more
};

} // namespace oa_stream::playbook
