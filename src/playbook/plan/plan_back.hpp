// Commands that plan: the rollback that does not depend on what serves, and a plan once more.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/plan.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// The command that plans a rollback of whatever serves, by the shipped playbook of this plan's
/// driver. Empty when no playbook is shipped for it, or the plan does not say all that it needs.
[[nodiscard]] Advice plan_back_command(const Json& plan);
/// What a person types to lead the traffic home without oa-stream, after k_by_hand. Empty when the
/// driver has no such command.
[[nodiscard]] std::string manual_step(const Plan& plan);
/// Where no rollback can be planned: the step for a person, and behind it the rollback of `run`,
/// which verifies what it wrote. Empty without such a step.
[[nodiscard]] Advice manual_back_command(std::string_view manual, std::string_view run);
/// The first where the plan is lost and only the target's name is known: "local:/run/front.sock".
/// Where not even that is known DRIVER stands for it.
[[nodiscard]] Suggestion plan_back_of(std::string_view target);

/// The command that makes the plan in `file` once more, of what serves by then. Empty when its
/// playbook is not here.
[[nodiscard]] Advice plan_again_command(const Plan& plan, const std::filesystem::path& file);

} // namespace oa_stream::playbook
