#include "front_core.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic {
namespace {

constexpr std::array<std::string_view, 9> k_hop_by_hop{
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};

bool listed(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (iequals(trim(list.substr(0, comma)), name)) {
            return true;
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return false;
}

Json counters_json(const ArmCounters& counters) {
    return {
        {"picked", counters.picked},
        {"sticky", counters.sticky},
        {"pinned", counters.pinned},
        {"active", counters.active},
        {"finished", counters.finished},
        {"unreachable", counters.unreachable},
        {"broken", counters.broken},
        {"client_gone", counters.client_gone},
        {"status_5xx", counters.status_5xx},
    };
}

} // namespace

FrontCore::FrontCore(const asio::any_io_executor& where, FrontOptions given)
    : executor(where), options(std::move(given)), client(net::HttpClient::make(where)),
      pick(options.backends.size()), sticky(options.sticky_threads), instance(random_hex(4)) {
    for (const Backend& backend : options.backends) {
        const auto weight = options.weights.find(backend.name);
        arms.push_back({backend});
        arms.back().weight = weight == options.weights.end() ? 0 : weight->second;
    }
    apply_weights();
    if (!options.mirror.name.empty()) {
        mirror = std::make_shared<Mirror>(executor, options.mirror, options.note);
        mirror->start();
    }
}

void FrontCore::apply_weights() {
    std::vector<std::uint32_t> usable;
    usable.reserve(arms.size());
    for (const Arm& arm : arms) {
        usable.push_back(arm.ready ? arm.weight : 0);
    }
    if (usable != pick.weights()) {
        pick.set(std::move(usable));
    }
}

std::optional<std::size_t> FrontCore::find(std::string_view name) const {
    const auto found =
        std::ranges::find_if(arms, [&](const Arm& arm) { return arm.backend.name == name; });
    if (found == arms.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - arms.begin());
}

Result<Route> FrontCore::route(const net::Request& request) {
    ThreadRef ref = thread_of(request.method, request.path, request.body);
    if (const auto pin = request.headers.get(k_pin_header)) {
        const auto arm = find(*pin);
        if (!arm) {
            return fail(Code::usage, fmt::format("no backend is called '{}'", printable(*pin)));
        }
        return Route{*arm, Reason::pinned, std::move(ref.thread)};
    }
    if (!ref.thread.empty()) {
        const auto home = sticky.find(ref.thread);
        // A thread leaves a revision that was taken out of traffic with its next turn; only
        // reading or stopping the turn that still runs there follows it.
        if (home && (pick.weights()[*home] > 0 || ref.live_turn)) {
            return Route{*home, Reason::sticky, std::move(ref.thread)};
        }
    }
    const auto chosen = pick.next();
    if (!chosen) {
        return fail(Code::unavailable, "no revision that has a share is ready");
    }
    return Route{*chosen, Reason::picked, std::move(ref.thread)};
}

std::string FrontCore::etag() const {
    return fmt::format("\"{}-{}\"", instance, writes);
}

std::size_t FrontCore::active() const {
    std::size_t sum = 0;
    for (const Arm& arm : arms) {
        sum += arm.counters.active;
    }
    return sum;
}

Json FrontCore::state() const {
    Json backends = Json::array();
    for (const Arm& arm : arms) {
        backends.push_back({
            {"name", arm.backend.name},
            {"url", arm.backend.url},
            {"weight", arm.weight},
            {"ready", arm.ready},
            {"health", arm.health.empty() ? "not checked" : arm.health},
            {"checks", arm.checks},
            {"counters", counters_json(arm.counters)},
        });
    }
    Json out = {
        {"schema", "oa-stream.front.v1"},
        {"instance", instance},
        {"etag", etag()},
        {"draining", draining},
        {"active", active()},
        {"threads", sticky.size()},
        {"backends", std::move(backends)},
    };
    if (mirror) {
        out["mirror"] = mirror->state();
    }
    return out;
}

net::Response json_error(int status, std::string_view code, std::string_view message) {
    net::Response out;
    out.status = status;
    out.headers.add("content-type", "application/json; charset=utf-8");
    const Json body = {{"message", message}, {"error", {{"code", code}, {"message", message}}}};
    out.body = dump_json(body);
    return out;
}

net::Headers end_to_end(const net::Headers& headers) {
    const std::string_view connection = headers.get("connection").value_or("");
    net::Headers out;
    for (const auto& [name, value] : headers.all()) {
        const bool hop = std::ranges::any_of(k_hop_by_hop, [&](std::string_view known) {
            return iequals(known, name);
        });
        if (!hop && !listed(connection, name)) {
            out.add(name, value);
        }
    }
    return out;
}

} // namespace oa_stream::traffic
