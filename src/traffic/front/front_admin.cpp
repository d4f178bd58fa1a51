#include "oa_stream/base/json_bounds.hpp"

#include "front_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace oa_stream::traffic {
namespace {

net::Response state_response(const FrontCore& core) {
    net::Response out;
    out.headers.add("content-type", "application/json; charset=utf-8");
    out.headers.add("etag", core.etag());
    out.body = dump_json(core.state());
    return out;
}

using Weights = std::map<std::string, std::uint32_t, std::less<>>;

std::uint64_t weight_in(const Weights& weights, const Arm& arm) {
    const auto found = weights.find(arm.backend.name);
    return found == weights.end() ? 0 : found->second;
}

Result<Weights> parse_weights(const FrontCore& core, std::string_view body) {
    OA_TRY(const Json json, parse_json_within(body, {.unique_names = true}));
    const Json* list = member(json, "weights");
    if (list == nullptr || !list->is_object()) {
        return fail(Code::protocol, "expected an object with a member weights");
    }
    Weights out;
    std::uint64_t sum = 0;
    for (const auto& [name, value] : list->items()) {
        const auto weight = int_member(*list, name);
        if (!core.knows(name)) {
            return fail(Code::precondition, fmt::format("no backend is called '{}'", name));
        }
        if (!weight || *weight < 0 || *weight > std::numeric_limits<std::uint16_t>::max()) {
            return fail(
                Code::protocol, fmt::format("weight of {} is not a number, 0 or more", name)
            );
        }
        out[name] = static_cast<std::uint32_t>(*weight);
        sum += out[name];
    }
    if (sum == 0) {
        return fail(Code::precondition, "one backend must have a weight above 0");
    }
    return out;
}

/// A share may always be taken from a backend that is not ready, but never given to it.
Result<void> check_ready(const FrontCore& core, const Weights& weights) {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    for (const Arm& arm : core.arms) {
        before += arm.weight;
        after += weight_in(weights, arm);
    }
    for (const Arm& arm : core.arms) {
        const bool served = std::ranges::any_of(core.arms, [&arm](const Arm& other) {
            return other.ready && other.backend.name == arm.backend.name;
        });
        if (!served && weight_in(weights, arm) * before > arm.weight * after) {
            return fail(
                Code::precondition,
                fmt::format("{} is not ready ({}): it gets no share", arm.backend.name, arm.health)
            );
        }
    }
    return {};
}

/// All weights change in one step, so that there is no moment with half of them.
net::Response put_weights(FrontCore& core, const net::Request& request) {
    const auto match = request.headers.get("if-match");
    if (!match) {
        return json_error(428, "etag_required", "send the etag of GET /state as If-Match");
    }
    if (*match != core.etag()) {
        return json_error(
            412, "etag_mismatch", fmt::format("the weights changed: now {}", core.etag())
        );
    }
    auto weights = parse_weights(core, request.body);
    if (weights) {
        if (auto ready = check_ready(core, *weights); !ready) {
            weights = std::unexpected(std::move(ready).error());
        }
    }
    if (!weights) {
        const bool refused = weights.error().code == Code::precondition;
        return json_error(refused ? 422 : 400, "bad_weights", weights.error().message);
    }
    for (Arm& arm : core.arms) {
        arm.weight = static_cast<std::uint32_t>(weight_in(*weights, arm));
    }
    core.apply_weights();
    ++core.writes;
    return state_response(core);
}

net::Response metrics_response(const FrontCore& core) {
    net::Response out;
    out.headers.add("content-type", "text/plain; version=0.0.4; charset=utf-8");
    out.body = core.mirror ? core.mirror->metrics() : std::string();
    return out;
}

net::Response answer(FrontCore& core, const net::Request& request) {
    if (request.path == "/state" && request.method == "GET") {
        return state_response(core);
    }
    if (request.path == "/metrics" && request.method == "GET") {
        return metrics_response(core);
    }
    if (request.path == "/weights" && request.method == "PUT") {
        return put_weights(core, request);
    }
    return json_error(404, "not_found", "there is GET /state, GET /metrics and PUT /weights");
}

Task<void> handle_admin(CorePtr core, std::shared_ptr<net::Exchange> exchange) {
    (void)co_await exchange->respond(answer(*core, exchange->request()));
}

} // namespace

net::Handler admin_handler(CorePtr core) {
    return [core = std::move(core)](std::shared_ptr<net::Exchange> exchange) {
        return handle_admin(core, std::move(exchange));
    };
}

} // namespace oa_stream::traffic
