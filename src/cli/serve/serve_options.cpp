#include "serve_options.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include "core/version.hpp"
#include "serve_record.hpp"
#include "serve_workspace.hpp"
#include "store_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_own_store = "memory"; ///< each lane keeps its own data
/// The lane's timeout starts when the kernel's buffer is full.
constexpr Millis k_kernel_later{60'000};

Result<void> can_compress(const authority::AuthorityOptions& options) {
    const bool deletes = options.codex.deadlines.keep_threads > Millis(0);
    if (!deletes && options.codex_servers.empty()) {
        return {};
    }
    return fail(
        Code::usage,
        deletes ? "threads look older while they are compressed, and would be deleted too early"
                : "the home is the Codex server's: the lane cannot compress what is in it",
        std::string(names::compress_threads),
        fmt::format(
            "leave out {} or {}",
            names::compress_threads,
            deletes ? names::keep_threads : names::codex_server
        )
    );
}

Result<void> complete_codex(ServeOptions& options, const Context& context) {
    auto& codex = options.authority.codex;
    codex.state_dir = context.state_dir;
    if (!options.lane.models.empty()) {
        codex.model = options.lane.models.front().id;
        for (const auto& model : std::span(options.lane.models).subspan(1)) {
            codex.more_models.push_back(model.id);
        }
    }
    // A local model usually needs no key; a variable that was named must be set.
    const authority::CodexOptions usual;
    const bool own_key = codex.provider_env_key != usual.provider_env_key ||
                         context.env(usual.provider_env_key).has_value();
    if (!own_key && is_loopback(host_of(codex.provider_base_url))) {
        codex.provider_env_key.clear();
    }
    auto& servers = options.authority.codex_servers;
    if (codex.deadlines.compress_after > Millis(0)) {
        OA_CHECK(can_compress(options.authority));
    }
    if (servers.empty()) {
        return {};
    }
    for (auto& server : servers) {
        server.token = options.codex_token;
        server.reconnect = options.codex_reconnect;
        server.shared = !options.store.url.empty() && options.store.url != k_own_store;
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

void complete_worker(ServeOptions& options) {
    auto& worker = options.authority.worker;
    worker.model = options.lane.models.empty() ? std::string() : options.lane.models.front().id;
}

/// "gpt-5.5" or "gpt-5.5=The large one".
Result<void> read_models(ServeOptions& options) {
    for (const std::string& text : options.models) {
        std::string_view label = text;
        const std::string id(trim(cut_until(label, '=')));
        label = trim(label);
        auto& models = options.lane.models;
        const bool known = contains(models, id, &lane::LaneModel::id);
        if (id.empty() || known) {
            return fail(
                Code::usage, known ? "this model is named twice" : "a model needs a name", text
            );
        }
        models.push_back({id, label.empty() ? id : std::string(label)});
    }
    return {};
}

/// Fine enough for the shortest wait, coarse enough to cost nothing with ten thousand streams.
Millis tick_of(const lane::LaneConfig& lane) {
    const auto shortest = std::min(
        {lane.timings.heartbeat,
         lane.timings.detach_grace,
         lane.limits.first_event,
         lane.limits.idle,
         lane.limits.approval,
         lane.limits.tool_result,
         lane.limits.max_lag_time,
         lane.limits.turn_wall}
    );
    return std::clamp(shortest / 4, Millis(10), Millis(1000));
}

/// The kernel's timeout for a reader that reads nothing must be later than the lane's.
void let_lane_decide(net::ServerLimits& server, Millis lag) {
    const auto lane = std::max(lag, server.write_timeout);
    server.unacknowledged_timeout = std::max(server.unacknowledged_timeout, lane + k_kernel_later);
}

/// Lanes that share conversations also need a shared authority.
Result<void> complete_store(ServeOptions& options) {
    auto& store = options.store;
    OA_CHECK(StoreRows<&ServeOptions::store>::check_used(store));
    if (store.url.empty() && !options.store_limit.empty()) {
        return needs_store(names::limit, options.store_limit);
    }
    if (store.url.empty() && options.drain_notice != ServeOptions{}.drain_notice) {
        return needs_store(names::drain_notice);
    }
    if (store.url == k_own_store) {
        store.url.clear();
    }
    if (store.url.empty()) {
        options.drain_notice = Millis(0); // no other lane could accept what is refused here
        return {};
    }
    options.drain_notice = std::min(options.drain_notice, options.drain_timeout / 2);
    OA_CHECK(store::check_store(store));
    if (options.kind->spawns && options.authority.codex_servers.empty()) {
        return fail(
            Code::usage,
            "the Codex that a lane starts itself belongs to that lane alone",
            std::string(names::store),
            fmt::format("run Codex as a server: {} 0=ws://127.0.0.1:4500", names::codex_server)
        );
    }
    if (!options.kind->shares_turns) {
        return fail(
            Code::usage,
            fmt::format("lanes with --authority {} cannot share turns", options.kind->name),
            std::string(names::store),
            "run one lane without it, or use Codex servers"
        );
    }
    store.revision = options.lane.revision;
    store.authority = options.kind->name;
    store.turn_time = options.lane.limits.turn_wall;
    store.responses = options.lane.limits.responses;
    options.lane.timings.authority_away = options.codex_reconnect;
    return {};
}

} // namespace

Result<void> check_revision(std::string_view name, std::string_view option) {
    if (name.empty() || name != printable(name, 200)) {
        return fail(Code::usage, "a revision is a short plain text", std::string(option));
    }
    return {};
}

Result<void> complete_options(ServeOptions& options, const Context& context) {
    OA_CHECK(options.listeners.check_pair());
    const auto& kind = *options.kind;
    const bool faults = options.faults_given || !options.authority.replay.faults_file.empty();
    if (faults && !kind.takes_faults) { // a forgotten flag must not break real turns
        return fail(
            Code::usage,
            "faults can only be injected into --authority replay",
            std::string(names::inject)
        );
    }
    OA_CHECK(check_record(options));
    auto& lane = options.lane;
    lane.version = version();
    lane.revision = options.revision.value_or(context.env("K_REVISION").value_or("dev"));
    OA_CHECK(check_revision(lane.revision, names::revision));
    lane.timings.tick = tick_of(lane);
    let_lane_decide(options.listeners.limits, lane.limits.max_lag_time);
    lane.open_metrics = options.listeners.loopback();
    for (const auto& endpoint : options.listeners.endpoints) {
        lane.own_hosts.push_back(to_lower(endpoint.host)
        ); // a unix socket has none: matches nothing
    }
    OA_CHECK(read_models(options));
    OA_CHECK(complete_codex(options, context));
    complete_worker(options);
    if (kind.check != nullptr) {
        OA_CHECK(kind.check(options.authority));
    }
    OA_CHECK(complete_store(options));
    const bool named = !lane.models.empty();
    lane.model = named ? lane.models.front().id : kind.model(options.authority);
    // A configuration file has its own default, and a turn's model stays in effect for later turns.
    lane.names_model = lane.models.size() > 1 || (named && options.authority.codex.config_file);
    if (kind.keeps_threads && !options.id_map) {
        options.id_map = context.state_dir / "lane" / "threads.map";
    }
    return complete_workspace(options);
}

} // namespace oa_stream::cli
