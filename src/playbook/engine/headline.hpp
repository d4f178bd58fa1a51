// The sentence that says why a run ended as it did. Private to the room.
#pragma once

#include "run_context.hpp"

#include <string>
#include <vector>

namespace oa_stream::playbook {

/// The check that decides the verdict, or the first that was skipped though it is required.
[[nodiscard]] std::string first_trouble(const std::vector<Check>& checks);

struct Headline {
    std::string text{};
    std::string check{}; ///< the id of the one that it begins with; empty: none
};
/// `completed`: every step was done.
[[nodiscard]] Headline headline(const RunContext& run, bool completed);

/// Takes out a fault that is still planted, and says what became of the traffic to who signals from
/// here on. Before the journal's last line, which has the verdict.
void settle(RunContext& run);

} // namespace oa_stream::playbook
