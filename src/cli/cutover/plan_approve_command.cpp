// plan approve: the second operator's approval.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "plan_view.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string plan{};
    std::string by{};
    std::string reason{};
    bool yes = false;
};

Result<ExitCode> approve(const Options& options, Context& context) {
    const auto now = std::chrono::system_clock::now();
    OA_TRY(const playbook::ShownPlan shown, playbook::read_shown_plan(options.plan, now));
    if (!context.json && !context.quiet) {
        show_text(playbook::plan_summary(shown, now), context);
    }
    if (!options.yes && shown.refused.empty() && !agreed_to("Approve this plan?", context)) {
        context.err("nothing was approved\n");
        return ExitCode::interrupted;
    }
    OA_TRY(
        const playbook::Approval approval,
        playbook::approve_plan(options.plan, shown.plan.id, options.by, options.reason, now)
    );
    if (context.json) {
        Json out = plain_answer();
        out["file"] = options.plan;
        out.update(approval.to_json());
        print_document("plan-approve", out, context);
    } else if (!context.quiet) {
        show_text(fmt::format("approved by {}\n", approval.text()), context);
        tell_parts({"next: " + apply_command_of(shown.plan, options.plan)}, context);
    }
    return ExitCode::ok;
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::plan>("PLAN", "The file that `cutover plan` wrote.").offering(Offer::files)
);
constexpr auto k_options = options<Options>(
    option<&Options::by>(
        names::by, "NAME", "Sign with this name. Without it: the name of your account."
    )
        .typed(),
    option<&Options::reason>(names::reason, "TEXT", "Give the reason. The run's report shows it.")
        .typed(),
    flag<&Options::yes>("-y,--yes", "Do not ask on a terminal.").typed()
);

} // namespace

const CommandSpec plan_approve_command = command<approve>({
    .path = "plan approve",
    .summary = "Approve a plan as its second operator, if the playbook requires two.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = {"oa-stream plan approve plan.json --reason 'reviewed in CHG-1234'"},
    .about =
        R"(Shows the plan, asks on a terminal, and writes PLAN.approval.json: the plan's id, which is the hash of its
content, your account, this host, the time. `cutover apply` of a playbook with `approvals: 2` refuses with
exit 6 without an approval, with one for another plan, and with one by the account and host that made the plan.

The approval is a record, not a proof: anyone who can write that file can forge it, and one person with two
accounts counts as two operators. Keep plans where only your operators can write.)",
    .also = "agree sign second",
    .exits = {{ExitCode::refused}, {ExitCode::interrupted, "Nobody agreed on the terminal."}},
});

} // namespace oa_stream::cli
