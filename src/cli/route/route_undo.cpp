// The undo of a route run that ended or died: what it had planned.
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"

#include "route_run.hpp"

namespace oa_stream::cli {

using namespace routes;

Result<ExitCode> undo_route_run(RouteOptions options, RouteTask task, Context& context) {
    OA_TRY(const std::filesystem::path folder, run::find_run(context.state_dir, task.restores));
    task.restores = folder.filename().string();
    std::error_code absent;
    if (run::facts_of(folder).kind == run::RunKind::route_split &&
        !std::filesystem::exists(folder / "plan.json", absent)) {
        return fail(
            Code::precondition,
            "this run began nothing: there is nothing to roll back",
            folder.string()
        );
    }
    OA_TRY(const std::string text, run::read_kept(folder / "plan.json"));
    const auto json = parse_json(text);
    if (!json || string_member(*json, "schema") != k_route_plan_schema) {
        return fail(
            Code::unreadable,
            "this is not a run of route set or clear",
            (folder / "plan.json").string()
        );
    }
    OA_TRY(task.undone, read_route_plan(*json));
    options.target.service.base_url = task.undone->control_url;
    if (!options.auth) {
        const Json stored = run::document_in(folder / "run.json");
        const Json* target = member(stored, "target");
        if (const auto named = target ? string_member(*target, "auth") : std::nullopt) {
            OA_TRY(options.auth, read_named_secret(*named));
        }
    }
    OA_TRY(RouteTarget target, options.checked("route restore RUN"));
    return carry_out_routes(std::move(target), std::move(task), context);
}

} // namespace oa_stream::cli
