#include "plan_view.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"

#include "core/document.hpp"
#include "core/run_screen.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <iostream>
#include <utility>

namespace oa_stream::cli {

Result<playbook::Plan> make_shown_plan(playbook::PlanRequest request, Context& context) {
    Screen screen(context);
    request.state_dir = context.state_dir;
    request.observer = context.quiet ? nullptr : &screen;
    auto plan = look_to_end<playbook::Plan>(
        [&](const asio::any_io_executor&) { return playbook::plan_playbook(std::move(request)); },
        screen
    );
    screen.clear();
    return plan;
}

Suggestion apply_command_of(const playbook::Plan& plan, const std::string& file) {
    const bool back = plan.playbook.kind == playbook::Kind::rollback;
    const std::string apply = back ? "rollback apply" : "cutover apply";
    if (playbook::needs_stated_budget(plan.playbook)) {
        return {apply, {file, names::asserted_budget, "PERCENT", names::reason, "TEXT"}};
    }
    return playbook::is_over(plan.playbook, plan.baseline)
               ? Suggestion{apply, {file, names::reopen, "REASON"}}
               : Suggestion{apply, {file}};
}

void show_plan(
    const playbook::Plan& plan, const std::string& file, const Advice& next, Context& context
) {
    if (context.json) {
        Json out = plain_answer();
        out["changes"] = plan.changes();
        out["file"] = file.empty() ? Json(nullptr) : Json(file);
        out["plan"] = to_json(plan);
        put_advice(out, "next", next);
        print_document("plan-result", out, context);
    } else {
        show_text(playbook::plan_diff(plan), context);
    }
    if (context.quiet || next.empty()) {
        return;
    }
    tell_parts(
        {plan.changes() ? fmt::format("PASS plan {}", plan.short_id()) : "nothing to change",
         "next: " + next},
        context
    );
}

bool agreed_to(std::string_view question, Context& context) {
    const bool ask = context.tty && !context.globals.non_interactive && !context.json &&
                     ::isatty(STDIN_FILENO) == 1;
    if (!ask) {
        return true;
    }
    context.err(fmt::format("{} [y/N] ", question));
    std::string answer;
    std::getline(std::cin, answer);
    answer = trim(answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

} // namespace oa_stream::cli
