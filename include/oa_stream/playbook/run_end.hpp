// What a run hands to whoever started it.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <string>

namespace oa_stream::playbook {

struct RunEnd {
    RunOutcome outcome;
    std::string run;                ///< id
    std::filesystem::path evidence; ///< absolute
    std::string next;               ///< what to type when not PASS; empty on PASS
    Json document;                  ///< for --json: verdict, run, evidence, checks and more
};

} // namespace oa_stream::playbook
