// plan show: shows a plan's file on one screen.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"

namespace oa_stream::cli {
namespace {

struct Options {
    std::string plan{};
};

Result<ExitCode> show(const Options& options, Context& context) {
    const auto now = std::chrono::system_clock::now();
    OA_TRY(const playbook::ShownPlan shown, playbook::read_shown_plan(options.plan, now));
    if (context.json) {
        Json out = plain_answer();
        out["file"] = options.plan;
        out["plan"] = shown.plan.id;
        out["refused"] = shown.refused.empty() ? Json(nullptr) : Json(shown.refused);
        out.update(playbook::summary_json(shown.plan));
        print_document("plan-show", out, context);
    } else {
        show_text(playbook::plan_summary(shown, now), context);
    }
    return ExitCode::ok;
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::plan>("PLAN", "The file that `cutover plan` wrote.").offering(Offer::files)
);

} // namespace

const CommandSpec plan_show_command = command<show>({
    .path = "plan show",
    .summary =
        "Show a plan file on one screen: traffic, gates, times. It also shows expired plans.",
    .positionals = k_positionals,
    .examples = {"oa-stream plan show plan.json"},
    .about =
        R"(Shows what moves, how long the stages take with and without extensions, when each gate can decide at the
traffic that the plan saw, and the worst case. It reads only the file; `cutover apply` checks whether the
traffic is still as planned. When apply would refuse the plan, the line REFUSED has the reason.)",
    .also = "review",
});

} // namespace oa_stream::cli
