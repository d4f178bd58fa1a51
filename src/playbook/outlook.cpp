#include "outlook.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/probe/prober.hpp"

#include "live_sample.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::playbook {
namespace {

using measure::GateRecord;
using measure::Sample;

constexpr auto k_call = Millis{5000};
constexpr auto k_in_flight = Millis{20000};

Result<probe::Target> pinned(const Outside& outside, const std::string& revision) {
    OA_TRY(const traffic::ArmAddress address, outside.driver->address(revision));
    probe::Target out = outside.users;
    out.base_url = address.base_url;
    out.connect_to = address.connect_to;
    for (const auto& [name, value] : address.headers) {
        out.extra.set(name, value);
    }
    return out;
}

/// What GET /version answers, without what changes by itself.
Task<Json> version_of(const Outside* outside, std::string revision) {
    auto target = pinned(*outside, revision);
    if (!target) {
        co_return nullptr;
    }
    net::ClientRequest request;
    request.url = target->base_url + "/version";
    request.connect_to = target->connect_to;
    request.headers = target->extra;
    request.bearer = target->bearer;
    request.connect_timeout = k_call;
    request.first_byte_timeout = k_call;
    request.total_timeout = k_call;
    request.max_body = 64U << 10U;
    const auto response = co_await outside->client->fetch(std::move(request));
    const auto json = response.status == 200 ? parse_json(response.body) : fail(Code::protocol, "");
    if (!json || !json->is_object()) {
        co_return nullptr;
    }
    Json out = *json;
    for (const char* changing : {"uptime_s", "uptime", "started_at", "pid", "now"}) {
        out.erase(changing);
    }
    co_return out;
}

Json or_null(const auto& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json record_of(const GateRecord& record, double per_s, const measure::DecisionTime& needs) {
    return {
        {"id", record.spec.id},
        {"verdict", to_string(record.verdict)},
        {"value", or_null(record.measured ? record.measured : record.value)},
        {"limit", record.spec.limit},
        {"n", record.n},
        {"needs_n", or_null(needs.needs_n)},
        {"per_s", per_s},
        {"decides_in_s", or_null(needs.seconds)},
        {"source", "probe"},
        {"sentence", record.sentence},
        {"needs", needs.sentence},
    };
}

std::string answered_by_nobody(const std::vector<Sample>& samples) {
    const auto bad = std::ranges::find_if(samples, &Sample::bad);
    return bad == samples.end() ? "no probe came back" : bad->outcome + " " + bad->detail;
}

Task<Result<std::vector<Sample>>>
probe_stable(const Outside* outside, const Playbook* playbook, Millis window) {
    OA_CO_TRY(probe::Target target, pinned(*outside, playbook->traffic.stable));
    std::vector<Sample> samples;
    probe::ProberOptions options;
    options.arms.push_back({"stable", std::move(target), playbook->stage.probe.per_arm_per_s});
    options.request = [playbook](std::string_view, std::uint64_t) {
        auto request = playbook->target.prompt.empty()
                           ? probe::default_probe_request()
                           : probe::default_probe_request(playbook->target.prompt);
        request.pacing = probe::PacingMode::observe;
        return request;
    };
    options.on_sample = [&samples](const probe::ProberSample& sample) {
        if (sample.sample.outcome != probe::Outcome::cancelled) {
            samples.push_back(to_sample("stable", 0, sample.sample));
        }
    };
    const auto executor = co_await asio::this_coro::executor;
    OA_CO_TRY(auto prober, probe::Prober::make(executor, *outside->client, std::move(options)));
    prober->start();
    (void)co_await sleep_for(window);
    co_await prober->drain(k_in_flight);
    prober.reset();
    co_return samples;
}

} // namespace

Task<Json> revision_facts(
    const Outside* outside, const Playbook* playbook, const traffic::TrafficState* live
) {
    Json out = Json::object();
    for (const std::string& revision : {playbook->traffic.stable, playbook->traffic.canary}) {
        const Json* own = member(live->extra, "revisions");
        const Json* driver = own == nullptr ? nullptr : member(*own, revision);
        Json version = co_await version_of(outside, revision);
        out[revision] = driver == nullptr && version.is_null()
                            ? Json(nullptr)
                            : Json{
                                  {"driver", driver == nullptr ? Json(nullptr) : *driver},
                                  {"version", std::move(version)}
                              };
    }
    co_return out;
}

Task<Result<Tried>> try_gates(const Outside* outside, const Playbook* playbook, Millis window) {
    Tried out;
    const StageSpec& stage = playbook->stage;
    if (stage.gates.empty()) {
        co_return out;
    }
    OA_CO_TRY(const auto samples, co_await probe_stable(outside, playbook, window));
    const bool any = std::ranges::any_of(samples, [](const Sample& sample) {
        return !sample.revision.empty() || !sample.bad;
    });
    if (!any) {
        co_return fail(
            Code::precondition,
            fmt::format(
                "no gate can be judged: {} gave no sample ({})",
                playbook->traffic.stable,
                answered_by_nobody(samples)
            )
        );
    }
    const int looks = stage.extend_at_most > Millis(0) ? 2 : 1;
    const auto now = measure::expectation_of(measure::tally_of(samples));
    const double window_s = std::chrono::duration<double>(window).count();
    for (const measure::GateSpec& gate : stage.gates) {
        const GateRecord record = measure::evaluate(
            gate,
            {.canary = samples,
             .stable = samples,
             .window = fmt::format("{:g}s before the plan", window_s),
             .look = {.number = 1, .of = looks}}
        );
        const double rate = stage.probe.per_arm_per_s;
        const auto needs = now ? measure::time_to_decide(gate, *now, {rate, rate}, looks)
                               : measure::DecisionTime{};
        out.records.push_back(record_of(record, rate, needs));
        const double bake_s = std::chrono::duration<double>(stage.bake).count();
        if (needs.seconds.value_or(bake_s + 1) > bake_s) {
            out.warnings.push_back(fmt::format(
                "gate {} cannot decide within its bake of {}: {}",
                gate.id,
                format_duration(stage.bake),
                needs.sentence
            ));
        }
        if (record.verdict == Verdict::fail) {
            out.warnings.push_back(
                fmt::format("gate {} fails on stable itself: {}", gate.id, record.sentence)
            );
        }
    }
    co_return out;
}

std::string tried_text(const Json& record) {
    const auto needs = string_member(record, "needs").value_or("");
    return fmt::format(
        "{}: {}{}{}",
        string_member(record, "id").value_or("?"),
        string_member(record, "sentence").value_or("?"),
        needs.empty() ? "" : "; ",
        needs
    );
}

} // namespace oa_stream::playbook
