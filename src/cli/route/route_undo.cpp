// Undoes a route run that ended or died: reads its plan, and what undid it before.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/net/client_certificate.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"

#include "route_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace oa_stream::cli {
namespace {

using namespace routes;

struct VerifiedUndo {
    std::string run;
    std::string restores;
    std::string started_at;
    bool wrote = false;
};

Result<std::vector<VerifiedUndo>> verified_undos(const std::filesystem::path& state_dir) {
    OA_TRY(const auto folders, run::run_folders(state_dir));
    std::vector<VerifiedUndo> out;
    for (const auto& folder : folders) {
        const Json document = run::document_of(folder);
        run::RunFacts facts = run::facts_of(folder, document);
        if (!facts.restores.empty() && int_member(document, "exit_code") == 0) {
            out.push_back(
                {folder.filename().string(),
                 std::move(facts.restores),
                 text_in(document, "started_at"),
                 facts.mutated}
            );
        }
    }
    std::ranges::sort(out, {}, &VerifiedUndo::started_at);
    return out;
}

/// What undid the run and verified it: the run itself (exit 7), or a later restore of it. Undoing
/// that restore puts the run in force again.
Result<std::optional<std::string>>
undo_seen(const std::filesystem::path& state_dir, const std::filesystem::path& folder) {
    const std::string run = folder.filename().string();
    std::optional<std::string> out;
    if (run::facts_of(folder).ended == run::RunEnding::rolled_back) {
        out = "by itself";
    }
    OA_TRY(const auto undos, verified_undos(state_dir));
    std::map<std::string, bool, std::less<>> undoes{{run, false}}; // false: puts it in force again
    for (const VerifiedUndo& undo : undos) {
        const auto of = undoes.find(undo.restores);
        if (of == undoes.end()) {
            continue;
        }
        const bool undone = undoes[undo.run] = !of->second;
        if (undone) {
            out = "run " + undo.run;
        } else if (undo.wrote) {
            out.reset();
        }
    }
    return out;
}

/// The compatibility options always have values, so they only count if they were given.
RouteAccess given_access(const RouteOptions& options, const Context& context) {
    RouteAccess out = options.access();
    const RouteSplitOptions& service = options.target.service;
    for (const auto& [name, from, to] :
         {std::tuple(names::compat_build, &service.compat.build, &out.build),
          std::tuple(names::compat_protocol, &service.compat.protocol, &out.protocol),
          std::tuple(names::compat_schema, &service.compat.schema, &out.schema)}) {
        if (context.given.has(name)) {
            *to = *from;
        }
    }
    return out;
}

/// Uses the run's access where the options give none.
Result<void> adopt_access(RouteOptions& options, const RouteTask& task, const Context& context) {
    const RouteAccess access = completed(given_access(options, context), task.kept);
    if (const auto lost = lost_headers(access); !lost.empty()) {
        Redactor secrets; // given on the command line
        secrets.add_environment();
        return fail(
            Code::credentials,
            fmt::format("the value of the run's header {} was not kept", lost.front()),
            task.restores,
            route_restore(task.restores, kept_access(access, secrets), task.kept)
        );
    }
    if (!options.auth && !access.auth.empty()) {
        OA_TRY(options.auth, read_named_secret(access.auth));
    }
    options.headers = access.headers;
    options.cert = access.cert;
    options.key = access.key;
    net::set_client_certificate(access.cert, access.key);
    RouteSplitOptions& service = options.target.service;
    service.ca_file = access.ca;
    for (const auto& [from, to] :
         {std::pair(&access.build, &service.compat.build),
          std::pair(&access.protocol, &service.compat.protocol),
          std::pair(&access.schema, &service.compat.schema)}) {
        if (!from->empty()) {
            *to = *from;
        }
    }
    return {};
}

} // namespace

Result<ExitCode> undo_route_run(RouteOptions options, RouteTask task, Context& context) {
    OA_TRY(const std::filesystem::path folder, run::find_run(context.state_dir, task.restores));
    task.restores = folder.filename().string();
    std::error_code absent;
    if (run::facts_of(folder).kind == run::RunKind::route_split &&
        !std::filesystem::exists(folder / run::k_plan_file, absent)) {
        return fail(
            Code::precondition,
            "this run began nothing: there is nothing to roll back",
            folder.string()
        );
    }
    OA_TRY(const std::string text, run::read_kept(folder / run::k_plan_file));
    const auto json = parse_json(text);
    if (!json || string_member(*json, "schema") != k_route_plan_schema) {
        return fail(
            Code::unreadable,
            "this is not a run of route set or clear",
            (folder / run::k_plan_file).string()
        );
    }
    OA_TRY(task.undone, read_route_plan(*json));
    OA_TRY(task.undone_by, undo_seen(context.state_dir, folder));
    options.target.service.base_url = task.undone->control_url;
    task.kept = read_route_access(run::document_of(folder));
    OA_CHECK(adopt_access(options, task, context));
    OA_TRY(RouteTarget target, options.checked("route restore RUN"));
    return carry_out_routes(std::move(target), std::move(task), context);
}

} // namespace oa_stream::cli
