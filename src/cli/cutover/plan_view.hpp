// A plan made and shown: by `cutover plan`, `rollback plan` and a drill that is not applied yet.
#pragma once

#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/plan.hpp"

#include "core/command.hpp"

#include <string>

namespace oa_stream::cli {

/// Makes it, with the screen of `context`. A signal leaves at once: nothing is changed.
[[nodiscard]] Result<playbook::Plan>
make_shown_plan(playbook::PlanRequest request, Context& context);

/// What carries out a plan that lies in `file`.
[[nodiscard]] Suggestion apply_command_of(const playbook::Plan& plan, const std::string& file);

/// The plan, then one line with the command to type next, if there is one. `file`: where it was
/// written; empty: nowhere.
void show_plan(
    const playbook::Plan& plan, const std::string& file, const Advice& next, Context& context
);

/// Asks on a terminal with somebody in front of it; elsewhere yes.
[[nodiscard]] bool agreed_to(std::string_view question, Context& context);

} // namespace oa_stream::cli
