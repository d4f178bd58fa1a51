// The sentence that explains how a run ended. Private to the room.
#pragma once

#include "run_context.hpp"

#include <string>
#include <vector>

namespace oa_stream::playbook {

/// The check that decides the verdict, or the first required check that was skipped.
[[nodiscard]] std::string first_trouble(const std::vector<Check>& checks);

struct Headline {
    std::string text{};
    std::string check{}; ///< id of the check that the headline begins with; empty: none
};
/// `completed`: every step was done.
[[nodiscard]] Headline headline(const RunContext& run, bool completed);

/// Removes a fault that is still planted, and updates what a signal from now on reports about the
/// traffic. Call before the journal's last line, which has the verdict.
void settle(RunContext& run);

} // namespace oa_stream::playbook
