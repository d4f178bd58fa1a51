#include "rollback_commands.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/suggest.hpp"

#include "plan/plan_back.hpp"
#include "route_step.hpp"

namespace oa_stream::playbook {
namespace {

RollbackCommands
traffic_commands(const PlaybookRun& run, const RunOutcome& outcome, const std::string& manual) {
    const std::string behind = manual.empty() ? "" : "; " + manual;
    // The journal's rollback leaves others' splits alone, however often it is repeated.
    const Advice plan = outcome.foreign ? plan_back_command(to_json(run.plan)) : Advice();
    if (!plan.empty()) {
        return {plan + behind};
    }
    if (outcome.foreign && !manual.empty()) {
        return {manual_back_command(manual, run.session.id()), true};
    }
    const std::string first =
        outcome.obstacle.empty() ? "" : outcome.obstacle + "; when that is cured: ";
    return {first + run::suggest_rollback(run.session.id()) + behind};
}

} // namespace

RollbackCommands rollback_commands(const PlaybookRun& run, const RunOutcome& outcome) {
    const std::string manual = outcome.by_hand_helps() ? manual_step(run.plan) : "";
    const run::RunFolder& folder = run.session.folder();
    if (!is_there(folder.path() / run::k_plan_file)) {
        return {manual, !manual.empty()}; // the folder was removed
    }
    const bool routes = has_routes_to_undo(run.plan, folder);
    RollbackCommands out = traffic_commands(run, outcome, manual);
    out.advice += routes ? "; " + manual_route_command(run.plan) : "";
    return out;
}

} // namespace oa_stream::playbook
