// rollback apply: back to what was, by the run's journal or by a plan.
#include "core/commands.hpp"
#include "operate_args.hpp"

#include <array>

namespace oa_stream::cli {
namespace {

Result<ExitCode> run(const Args& args, Context& context) {
    const auto plan = args.positional("PLAN");
    const auto run = args.get("--run");
    if (plan.has_value() == run.has_value()) {
        return fail(
            Code::usage,
            "either the run to take back or the plan of a rollback",
            {},
            "oa-stream rollback apply --run ID"
        );
    }
    if (plan) {
        playbook::ApplyRequest request;
        request.plan = *plan;
        request.rollback = true;
        return operate(context, [&](playbook::Operator by) {
            request.by = std::move(by);
            return playbook::apply_plan(std::move(request));
        });
    }
    playbook::RollbackRequest request;
    request.run = *run;
    return operate(context, [&](playbook::Operator by) {
        request.by = std::move(by);
        return playbook::roll_back_run(std::move(request));
    });
}

constexpr std::array k_positionals{
    PositionalSpec{"PLAN", "The file that `rollback plan` wrote.", false},
};
constexpr std::array k_options{
    OptionSpec{"--run", "RUN", "Take back what this run did, from its journal."},
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream rollback apply --run 20260222T043600Z-cutover-1a2b3c4d",
    "oa-stream rollback apply plan.json",
};

} // namespace

const CommandSpec rollback_apply_command{
    .path = "rollback apply",
    .summary = "Bring the traffic back and verify it, also after a crash; may be repeated.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
