// Commands for planning: the rollback that does not depend on what serves, and repeating a plan.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/plan.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// The command that plans a rollback of whatever serves, with the shipped playbook of this plan's
/// driver. Empty when no playbook is shipped for it, or the plan lacks a needed value.
[[nodiscard]] Advice plan_back_command(const Json& plan);
/// The operator's command that restores the traffic without oa-stream, to follow k_by_hand. Empty
/// when the driver has no such command.
[[nodiscard]] std::string manual_step(const Plan& plan);
/// When no rollback can be planned: the manual step, followed by the rollback of `run`, which
/// verifies the result. Empty without such a step.
[[nodiscard]] Advice manual_back_command(std::string_view manual, std::string_view run);
/// plan_back_command() when the plan is lost and only the target's name is known:
/// "local:/run/front.sock". When not even that is known, DRIVER stands for it.
[[nodiscard]] Suggestion plan_back_of(std::string_view target);

/// The command that makes the plan in `file` again from the split serving then. Empty when its
/// playbook is not available here.
[[nodiscard]] Advice plan_again_command(const Plan& plan, const std::filesystem::path& file);

} // namespace oa_stream::playbook
