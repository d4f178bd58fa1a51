// What will be done, step by step, once the live state is known.
#pragma once

#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class StepKind { smoke, shift, probe, gate, restore };
[[nodiscard]] std::string_view to_string(StepKind kind) noexcept;

struct Step {
    std::string id; ///< "shift@5%"
    StepKind kind = StepKind::smoke;
    std::string title;                      ///< one line for people
    std::optional<traffic::Split> before{}; ///< shift and restore
    std::optional<traffic::Split> after{};
    std::string undo{};                 ///< what takes it back; empty when nothing has to
    std::vector<std::string> evidence{}; ///< files of the run folder it writes to
    int stage = -1;                     ///< index into Playbook::stages
    int item = -1;                      ///< index of the smoke or gate in its list
    /// Changes what serves users.
    [[nodiscard]] bool mutates() const noexcept { return before && after && !(*before == *after); }
};

struct Plan {
    std::string id; ///< SHA-256 of the canonical JSON of everything below
    Playbook playbook;
    std::string driver;
    std::string target;
    traffic::Split baseline; ///< what served when the plan was made, and what a rollback restores
    std::vector<Step> steps;
    std::vector<std::string> warnings{};
};

/// Code::precondition when what serves is not what was last written, when the write has not
/// settled, or when the baseline gives traffic to others than stable and canary or a share above
/// the first stage to the canary.
[[nodiscard]] Result<Plan> make_plan(
    Playbook playbook, std::string driver, std::string target, const traffic::TrafficState& live
);

/// plan.json
[[nodiscard]] Json to_json(const Plan& plan);
/// One line a step.
[[nodiscard]] std::string plan_text(const Plan& plan);

} // namespace oa_stream::playbook
