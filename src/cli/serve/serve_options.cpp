#include "serve_options.hpp"

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "core/version.hpp"
#include "serve_workspace.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

Result<void> complete_codex(ServeOptions& options, const Context& context) {
    auto& codex = options.authority.codex;
    codex.state_dir = context.state_dir;
    codex.model = options.model.value_or(codex.model);
    codex.deadlines.first_event = options.lane.limits.first_event;
    codex.deadlines.idle = options.lane.limits.idle;
    codex.deadlines.turn = options.lane.limits.turn_wall;
    auto& servers = options.authority.codex_servers;
    if (servers.empty()) {
        return {};
    }
    for (auto& server : servers) {
        server.token = options.codex_token;
        server.reconnect = options.codex_reconnect;
    }
    if (options.authority.codex_children > 1 ||
        !options.authority.codex_owners.work_template.empty()) {
        return fail(
            Code::usage,
            "the lane starts no Codex beside the servers",
            std::string(names::codex_server),
            fmt::format("leave out {} and {}", names::codex_children, names::work_dir_template)
        );
    }
    return authority::check_codex_servers(codex, servers);
}

/// The window of builds that a control service serves is told in times of building.
constexpr std::string_view k_build = "20261121T000000Z";

Result<void> complete_worker(ServeOptions& options) {
    auto& worker = options.authority.worker;
    worker.model = options.model.value_or(std::string());
    worker.client_build = worker.client_build.empty() ? std::string(k_build) : worker.client_build;
    worker.deadlines.first_event = options.lane.limits.first_event;
    worker.deadlines.idle = options.lane.limits.idle;
    worker.deadlines.turn = options.lane.limits.turn_wall;
    return options.kind->name == "worker" ? authority::check_worker_options(worker)
                                          : Result<void>{};
}

/// Fine enough for the shortest wait, coarse enough to cost nothing with ten thousand streams.
Millis tick_of(const lane::LaneConfig& lane) {
    const auto shortest = std::min(
        {lane.timings.heartbeat,
         lane.timings.detach_grace,
         lane.limits.first_event,
         lane.limits.idle,
         lane.limits.approval,
         lane.limits.turn_wall}
    );
    return std::clamp(shortest / 4, Millis(10), Millis(1000));
}

} // namespace

Result<void> complete_options(ServeOptions& options, const Context& context) {
    OA_CHECK(options.listeners.check_pair());
    const auto& kind = *options.kind;
    const bool faults = options.faults_given || !options.authority.replay.faults_file.empty();
    if (faults && !kind.takes_faults) { // nobody shall break real turns by a forgotten flag
        return fail(
            Code::usage,
            "faults can only be injected into --authority replay",
            std::string(names::inject)
        );
    }
    auto& lane = options.lane;
    lane.version = version();
    lane.revision = options.revision.value_or(context.env("K_REVISION").value_or("dev"));
    if (lane.revision.empty() || lane.revision != printable(lane.revision, 200)) {
        return fail(Code::usage, "a revision is a short plain text", std::string(names::revision));
    }
    lane.timings.tick = tick_of(lane);
    lane.open_metrics = options.listeners.loopback();
    for (const auto& endpoint : options.listeners.endpoints) {
        lane.own_hosts.push_back(to_lower(endpoint.host)
        ); // empty of a unix socket: matches nothing
    }
    OA_CHECK(complete_codex(options, context));
    OA_CHECK(complete_worker(options));
    lane.model = options.model.value_or(std::string(kind.model(options.authority)));
    if (kind.keeps_threads && !options.id_map) {
        options.id_map = context.state_dir / "lane" / "threads.map";
    }
    return complete_workspace(options);
}

} // namespace oa_stream::cli
