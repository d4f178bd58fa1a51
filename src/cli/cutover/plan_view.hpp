// Makes and shows a plan: for `cutover plan`, `rollback plan` and a drill that is not applied yet.
#pragma once

#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/plan.hpp"

#include "core/command.hpp"

#include <string>

namespace oa_stream::cli {

/// Makes the plan, with the context's screen. A signal ends the command at once, because nothing is
/// changed.
[[nodiscard]] Result<playbook::Plan>
make_shown_plan(playbook::PlanRequest request, Context& context);

/// The command that carries out the plan in `file`.
[[nodiscard]] Suggestion apply_command_of(const playbook::Plan& plan, const std::string& file);

/// Prints the plan, then one line with the next command, if any. `file`: where the plan was
/// written; empty: nowhere.
void show_plan(
    const playbook::Plan& plan, const std::string& file, const Advice& next, Context& context
);

/// Asks on an interactive terminal; elsewhere returns true.
[[nodiscard]] bool agreed_to(std::string_view question, Context& context);

} // namespace oa_stream::cli
