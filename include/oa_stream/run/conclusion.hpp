// The one mapping from what happened in a run to verdict, exit code and ending.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/error.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::run {

/// What happened, apart from the steps.
struct EndFacts {
    Verdict verdict = Verdict::inconclusive;
    bool mutated = false; ///< something may have been written
    bool restored = false; ///< what was there before is back, verified
    bool completed = false; ///< every step was done
    bool stays = false; ///< what was changed is to stay when all went well
    /// Nothing judged what was done. Once every step was done nothing calls for a rollback.
    bool unjudged = false;
    bool held = false; ///< stopped, and what was changed stays, as the playbook says
    bool refused = false; ///< drift or another precondition
    bool denied = false; ///< credentials were refused
    int signal = 0; ///< that ended the run; 0: none
    std::optional<Code> error{}; ///< why nothing was done, where no check says it
};

struct Conclusion {
    Verdict verdict = Verdict::inconclusive;
    ExitCode exit = ExitCode::inconclusive;
    RunEnding ended = RunEnding::completed;
};
/// A PASS that a signal cut short before anything was changed is INCONCLUSIVE.
[[nodiscard]] Conclusion conclude(const EndFacts& facts) noexcept;

/// Some check is an ERROR because credentials were refused.
[[nodiscard]] bool credentials_refused(const std::vector<Check>& checks);
/// The check that decided: the first FAIL, else ERROR, else INCONCLUSIVE, else the first required
/// one that was skipped. Null: nothing is wrong.
[[nodiscard]] const Check* first_trouble(const std::vector<Check>& checks);
/// "31 passed, 0 failed, 0 could not be measured, 2 skipped"
[[nodiscard]] std::string count_text(const std::vector<Check>& checks);
/// "stream.happy.chat: expected …, saw …", or the counts on PASS.
[[nodiscard]] std::string headline_of(const std::vector<Check>& checks, Verdict verdict);

} // namespace oa_stream::run
