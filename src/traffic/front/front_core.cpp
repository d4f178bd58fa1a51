#include "front_core.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace oa_stream::traffic {
namespace {

/// Interval between reads of busy backends. Users see words in steps of tens of milliseconds.
constexpr Millis k_gather{1};
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

struct ArmCounter {
    std::string_view name;
    std::uint64_t ArmCounters::* value;
};
constexpr std::array k_arm_counters{
    ArmCounter{"picked", &ArmCounters::picked},
    ArmCounter{"sticky", &ArmCounters::sticky},
    ArmCounter{"pinned", &ArmCounters::pinned},
    ArmCounter{"active", &ArmCounters::active},
    ArmCounter{"finished", &ArmCounters::finished},
    ArmCounter{"unreachable", &ArmCounters::unreachable},
    ArmCounter{"broken", &ArmCounters::broken},
    ArmCounter{"client_gone", &ArmCounters::client_gone},
    ArmCounter{"status_5xx", &ArmCounters::status_5xx},
    ArmCounter{"passed_on", &ArmCounters::passed_on},
};

void add(ArmCounters& sum, const ArmCounters& more) {
    for (const ArmCounter& one : k_arm_counters) {
        sum.*one.value += more.*one.value;
    }
}

std::uint64_t& reason_of(ArmCounters& counters, Reason reason) {
    switch (reason) {
    case Reason::picked:
        return counters.picked;
    case Reason::sticky:
        return counters.sticky;
    case Reason::pinned:
        break;
    }
    return counters.pinned;
}

Json counters_json(const ArmCounters& counters) {
    Json out = Json::object();
    for (const ArmCounter& one : k_arm_counters) {
        out[std::string(one.name)] = counters.*one.value;
    }
    return out;
}

Json arm_json(const Arm& arm) {
    return {
        {"url", arm.backend.url},
        {"weight", arm.weight},
        {"ready", arm.ready},
        {"health", arm.health.empty() ? "not checked" : arm.health},
        {"checks", arm.checks},
        {"counters", counters_json(arm.counters)},
    };
}

/// Identifies a turn that may be repeated, separately for each owner; empty: it has no
/// Idempotency-Key.
std::string key_of(const net::Request& request) {
    const auto key = request.headers.get("idempotency-key");
    const auto owner = request.headers.get("authorization").value_or("");
    return key ? sha256_hex(fmt::format("{}\n{}", owner, *key)) : std::string();
}

/// One revision: as its lane if it has one, otherwise their sum, with the lanes under `lanes`.
Json revision_json(const std::vector<const Arm*>& lanes) {
    Arm sum = *lanes.front();
    Json each = Json::array({arm_json(sum)});
    for (std::size_t i = 1; i < lanes.size(); ++i) {
        const Arm& lane = *lanes[i];
        add(sum.counters, lane.counters);
        sum.checks += lane.checks;
        if (lane.ready && !sum.ready) {
            sum.ready = true;
            sum.health = lane.health;
        }
        each.push_back(arm_json(lane));
    }
    Json out = {{"name", sum.backend.name}};
    out.update(arm_json(sum));
    if (lanes.size() > 1) {
        out["lanes"] = std::move(each);
    }
    return out;
}

} // namespace

FrontCore::FrontCore(const asio::any_io_executor& where, FrontOptions given)
    : executor(where), options(std::move(given)),
      client(net::HttpClient::make(
          where, k_gather, options.connections + options.backends.size() // for their health checks
      )),
      pick(options.backends.size()), pick_other(options.backends.size()),
      sticky(options.sticky_threads), keys(options.sticky_threads), instance(random_hex(4)) {
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
    std::map<std::string_view, std::uint32_t> ready;
    std::uint32_t common = 1; // a multiple of every count of ready lanes keeps shares whole numbers
    for (const Arm& arm : arms) {
        ready[arm.backend.name] += arm.ready ? 1 : 0;
    }
    for (const auto& [name, count] : ready) {
        common = std::lcm(common, std::max(count, 1U));
    }
    auto usable = mapped(arms, [&](const Arm& arm) {
        return arm.ready ? arm.weight * (common / ready[arm.backend.name]) : 0;
    });
    if (usable != pick.weights()) {
        pick_other.set(usable);
        pick.set(std::move(usable));
    }
}

bool FrontCore::knows(std::string_view name) const {
    return std::ranges::any_of(arms, [&](const Arm& arm) { return arm.backend.name == name; });
}

std::optional<std::size_t> FrontCore::lane_of(std::string_view name) {
    std::optional<std::size_t> out;
    for (std::size_t i = 1; i <= arms.size(); ++i) {
        const std::size_t at = (last_pinned + i) % arms.size();
        if (arms[at].backend.name == name && (!out || (arms[at].ready && !arms[*out].ready))) {
            out = at;
        }
    }
    last_pinned = out.value_or(last_pinned);
    return out;
}

std::optional<std::size_t> FrontCore::other_lane(const std::vector<std::size_t>& asked) const {
    const std::size_t last = asked.back();
    for (std::size_t i = 1; i < arms.size(); ++i) {
        const std::size_t at = (last + i) % arms.size();
        if (arms[at].backend.name == arms[last].backend.name && arms[at].ready &&
            !contains(asked, at)) {
            return at;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> FrontCore::next_arm(WeightedPick& by) {
    const auto in_turn = by.next();
    if (options.balance == Balance::weights || !in_turn) {
        return in_turn;
    }
    // Compares running requests per unit of weight without a division; on a tie the next by weight
    // wins.
    const auto load = [this](std::size_t arm, std::size_t other) {
        return (arms[arm].counters.active + 1) * std::uint64_t{pick.weights()[other]};
    };
    std::size_t best = *in_turn;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (pick.weights()[i] > 0 && load(i, best) < load(best, i)) {
            best = i;
        }
    }
    return best;
}

Result<Route> FrontCore::route(const net::Request& request) {
    ThreadRef ref = thread_of(request.method, request.path, request.query, request.body);
    if (const auto pin = request.headers.get(k_pin_header)) {
        const auto arm = lane_of(*pin);
        if (!arm) {
            return fail(Code::usage, fmt::format("no backend is called '{}'", printable(*pin)));
        }
        return Route{*arm, Reason::pinned, std::move(ref)};
    }
    std::string key = ref.new_turn ? key_of(request) : std::string();
    if (const auto began = keys.find(key)) { // there it gets its answer, and begins nothing
        ref.new_turn = false;
        return Route{.arm = *began, .reason = Reason::sticky, .ref = std::move(ref), .key = key};
    }
    if (!ref.thread.empty()) {
        const auto home = sticky.find(ref.thread);
        // A thread leaves a revision that was taken out of traffic with its next turn; only reading
        // or stopping a turn that still runs there is sent there.
        if (home && (pick.weights()[*home] > 0 || ref.live_turn)) {
            return Route{.arm = *home, .reason = Reason::sticky, .ref = std::move(ref), .key = key};
        }
    }
    const bool begins = !ref.thread.empty() || request.method == "POST";
    const auto chosen = next_arm(begins ? pick : pick_other);
    if (!chosen) {
        return fail(Code::unavailable, "no revision that gets traffic is ready");
    }
    return Route{.arm = *chosen, .ref = std::move(ref), .key = std::move(key)};
}

void FrontCore::begin(const Route& route) noexcept {
    ArmCounters& counters = arms[route.arm].counters;
    ++reason_of(counters, route.reason);
    ++counters.active;
}

void FrontCore::pass_on(Route& route, std::size_t other) {
    unsettle(route);
    ArmCounters& counters = arms[route.arm].counters;
    --reason_of(counters, route.reason);
    --counters.active;
    ++counters.passed_on;
    route.arm = other;
    begin(route);
    settle(route);
}

void FrontCore::settle(Route& route) {
    if (!route.key.empty()) {
        keys.remember(route.key, route.arm);
    }
    const std::string& thread = route.ref.thread;
    if (thread.empty()) {
        return;
    }
    route.former = sticky.find(thread);
    // A turn that is repeated with its key only moves the thread away from where its next turn
    // would leave anyway.
    if (route.ref.new_turn || !route.former ||
        (!route.key.empty() && pick.weights()[*route.former] == 0)) {
        route.settled = sticky.remember(thread, route.arm);
    }
}

void FrontCore::learn(const std::string& thread, const Route& route) {
    const bool known = thread == route.ref.thread; // another turn may have begun since
    if (!known && (route.ref.new_turn || !sticky.find(thread))) {
        sticky.remember(thread, route.arm);
    }
}

void FrontCore::go_back(const Route& route) {
    const std::string& thread = route.ref.thread;
    if (route.former && route.former != route.arm && route.settled != 0 &&
        sticky.said_by(thread) == route.settled) {
        sticky.remember(thread, *route.former);
    }
}

void FrontCore::let_go(const Route& route) {
    go_back(route);
    if (!route.ref.new_turn) {
        return;
    }
    keys.forget(route.key);
    if (!route.former && sticky.said_by(route.ref.thread) == route.settled) {
        sticky.forget(route.ref.thread);
    }
}

void FrontCore::unsettle(const Route& route) {
    go_back(route);
    keys.forget(route.key);
    if (sticky.find(route.ref.thread) == route.arm) {
        sticky.forget(route.ref.thread);
    }
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
    std::vector<std::vector<const Arm*>> revisions; // in the order given
    for (const Arm& arm : arms) {
        const auto known = std::ranges::find_if(revisions, [&](const auto& lanes) {
            return lanes.front()->backend.name == arm.backend.name;
        });
        if (known == revisions.end()) {
            revisions.push_back({&arm});
        } else {
            known->push_back(&arm);
        }
    }
    Json out = {
        {"schema", "oa-stream.front.v1"},
        {"instance", instance},
        {"etag", etag()},
        {"balance", options.balance == Balance::weights ? "weights" : "least-conn"},
        {"draining", draining},
        {"active", active()},
        {"threads", sticky.size()},
        {"backends", json_list(revisions, revision_json)},
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

net::Response unavailable(std::string_view code, std::string_view message) {
    net::Response out = json_error(503, code, message);
    out.headers.add("retry-after", "1");
    return out;
}

net::Headers end_to_end(const net::Headers& headers) {
    std::string connection; // it may have several lines, which form one list (RFC 9110, 5.3)
    for (const auto& [name, value] : headers.all()) {
        connection += iequals(name, "connection") ? value + ',' : "";
    }
    net::Headers out;
    for (const auto& [name, value] : headers.all()) {
        const bool hop = std::ranges::any_of(k_hop_by_hop, [&](std::string_view known) {
            return iequals(known, name);
        });
        if (!hop && !lists_word(connection, name)) {
            out.add(name, value);
        }
    }
    return out;
}

} // namespace oa_stream::traffic
