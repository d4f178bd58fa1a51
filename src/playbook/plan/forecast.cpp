#include "forecast.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/measure/gate_reading.hpp"
#include "oa_stream/measure/tally.hpp"
#include "oa_stream/probe/prober.hpp"

#include "chance.hpp"
#include "engine/within.hpp"
#include "stage/live_sample.hpp"
#include "stage/opened_ids.hpp"
#include "stage/stage_sources.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::playbook {
namespace {

using measure::GateRecord;
using measure::GateSpec;
using measure::Sample;
using measure::SourceReading;

constexpr auto k_in_flight = Millis{20000};
constexpr auto k_source_call = Millis{60000};
constexpr double k_hour_s = 3600;
constexpr double k_enough_chance = 0.95; ///< below it the plan has a warning
constexpr double k_week_s = 7 * 86'400;

Result<probe::Target>
pinned(const Outside& outside, const Playbook& playbook, const std::string& revision) {
    return pinned_target(outside.users, *outside.driver, playbook.traffic.arms(), revision);
}

/// The answer of GET /version, without members that change by themselves.
Task<Json> version_of(const Outside* outside, const Playbook* playbook, std::string revision) {
    auto target = pinned(*outside, *playbook, revision);
    if (!target) {
        co_return nullptr;
    }
    const auto response = co_await probe::ask_version(outside->client.get(), *std::move(target));
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

Json record_of(
    const GateRecord& record,
    double per_s,
    const measure::DecisionTime& needs,
    std::optional<double> chance
) {
    Json out = {
        {"id", record.spec.id},
        {"verdict", to_string(record.verdict)},
        {"value", or_null(record.measured ? record.measured : record.value)},
        {"limit", record.spec.limit},
        {"n", record.n},
        {"needs_n", or_null(needs.needs_n)},
        {"per_s", per_s},
        {"decides_in_s", or_null(needs.seconds)},
        {"chance", or_null(chance)},
        {"source", record.source},
        {"sentence", record.sentence},
        {"needs", needs.sentence},
    };
    if (!record.query.empty()) {
        out["query"] = record.query;
    }
    return out;
}

std::string answered_by_nobody(const std::vector<Sample>& samples) {
    const auto bad = std::ranges::find_if(samples, &Sample::bad);
    return bad == samples.end() ? "no probe came back" : bad->outcome + " " + bad->detail;
}

/// The samples of stable's probes. Their conversations are deleted again; `kept` names those that
/// could not be.
Task<Result<std::vector<Sample>>>
probe_stable(const Outside* outside, const Playbook* playbook, Millis window, std::string* kept) {
    OA_CO_TRY(probe::Target target, pinned(*outside, *playbook, playbook->traffic.stable));
    std::vector<Sample> samples;
    probe::ProberOptions options;
    options.arms.push_back({"stable", target, playbook->stage.probe.per_arm_per_s});
    OpenedIds opened;
    const int flow = opened.next_flow();
    options.request = [playbook, &opened, flow](std::string_view arm, std::uint64_t index) {
        return probe::probe_request(opened.begin(flow, arm, index), playbook->target.prompt);
    };
    options.on_sample = [&samples, &opened, flow](const probe::ProberSample& sample) {
        if (auto thread = opened.ended(flow, sample)) {
            opened.add(sample.arm, *std::move(thread));
        }
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
    const probe::Removal removal = co_await probe::remove_threads(
        *outside->client,
        {{{std::move(target)}, std::move(opened.take()["stable"])}},
        {},
        {.longest = k_removing}
    );
    *kept = probe::left_text(removal, " of the plan's probes");
    co_return samples;
}

void warn_of(GateTrials& out, const GateRecord& record) {
    if (record.verdict == Verdict::fail) {
        out.warnings.push_back(
            fmt::format("gate {} fails on stable itself: {}", record.spec.id, record.sentence)
        );
    }
}

Task<Result<void>>
try_probes(const Outside* outside, const Playbook* playbook, Millis window, GateTrials* out) {
    const StageSpec& stage = playbook->stage;
    std::string kept;
    OA_CO_TRY(const auto samples, co_await probe_stable(outside, playbook, window, &kept));
    if (!kept.empty()) {
        out->warnings.push_back(fmt::format("{} keeps {}", playbook->traffic.stable, kept));
    }
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
    const int looks = looks_of(stage);
    for (const GateSpec& gate : stage.gates) {
        if (judged_by_users(*playbook, gate)) {
            continue;
        }
        const bool numbers = has_no_bounds(gate);
        const auto now =
            numbers ? std::nullopt
                    : measure::expectation_of(measure::tally_of(samples, gate.timing, gate.events));
        const GateRecord record = measure::evaluate(
            gate,
            {.canary = samples,
             .stable = samples,
             .window = fmt::format("{:g}s before the plan", seconds(window)),
             .look = {.number = 1, .of = looks},
             .arm = playbook->traffic.stable}
        );
        const double rate = stage.probe.per_arm_per_s;
        const auto needs = now ? measure::time_to_decide(gate, *now, {rate, rate}, looks)
                               : measure::DecisionTime{};
        const std::vector<measure::Flow> flows(playbook->stages.size(), {rate, rate});
        out->records.push_back(
            record_of(record, rate, needs, chance_of(gate, stage, now, flows, *out))
        );
        const double bake_s = seconds(stage.bake);
        if (!numbers && needs.seconds.value_or(bake_s + 1) > bake_s) {
            out->warnings.push_back(fmt::format(
                "gate {} cannot decide within its bake of {}: {}",
                gate.id,
                format_duration(stage.bake),
                needs.sentence
            ));
        }
        warn_of(*out, record);
    }
    co_return Result<void>{};
}

// Sources
// ---------------------------------------------------------------------------------------------------

/// How far back to look for a value that a failed scrape removed.
constexpr double k_moment_ago_s = 300;

/// Stable's reading of the last hour; if that is missing, whether the last seven days have one. An
/// expression has a momentary value, which a failed scrape removes: then whether it had one a
/// moment ago.
Task<Result<SourceReading>>
recent(const Outside* outside, const Playbook* playbook, const GateSpec* gate) {
    const std::string_view source = judged_by(*playbook, *gate).name();
    const auto ask = [&](double back_s, double ago_s) {
        const double to_s = wall_seconds() - ago_s;
        return within(
            k_source_call,
            outside->sources.at(source)->read(
                question_of(*gate, playbook->traffic.stable, {to_s - back_s, to_s})
            )
        );
    };
    OA_CO_TRY(SourceReading hour, co_await ask(k_hour_s, 0));
    if (hour.state == SourceReading::State::measured) {
        co_return hour;
    }
    const bool moment = gate->metric == measure::Metric::expression;
    OA_CO_TRY(
        SourceReading before, co_await (moment ? ask(k_hour_s, k_moment_ago_s) : ask(k_week_s, 0))
    );
    if (before.state == SourceReading::State::missing) {
        const std::string& stable = playbook->traffic.stable;
        const auto unknown =
            moment ? fmt::format("has no value for {}, neither now nor 5 minutes ago", stable)
                   : fmt::format("knows nothing of {} for 7 days", stable);
        co_return fail(
            Code::precondition,
            fmt::format(
                "gate {} has nothing to judge: {} {} ({})",
                gate->id,
                source,
                unknown,
                moment ? hour.why : before.why
            ),
            {},
            "is the source the lane's, and does it distinguish revisions?"
        );
    }
    co_return hour;
}

/// expectation_of(), or an estimate where only buckets are known.
std::optional<measure::Expectation> expected_of(const measure::Tally& tally) {
    auto out = measure::expectation_of(tally);
    if (!out || out->p95_s || tally.buckets.empty()) {
        return out;
    }
    constexpr double k_z95 = 1.6449;
    const double high = measure::histogram_quantile(0.95, tally.buckets).value_or(0);
    const double middle = measure::histogram_quantile(0.5, tally.buckets).value_or(0);
    if (std::isfinite(high) && std::isfinite(middle) && middle > 0 && high > middle) {
        out->p95_s = high;
        out->sigma = std::log(high / middle) / k_z95;
    }
    return out;
}

void try_source(
    const Playbook& playbook, const GateSpec& gate, const SourceReading& seen, GateTrials& out
) {
    const StageSpec& stage = playbook.stage;
    const int looks = looks_of(stage);
    const GateRecord record = measure::evaluate_readings(
        gate,
        seen,
        seen,
        {.window = "the last hour",
         .look = {.number = 1, .of = looks},
         .arm = playbook.traffic.stable}
    );
    if (has_no_bounds(gate)) {
        const measure::DecisionTime at_end{.sentence = "decided at the end of each bake"};
        out.records.push_back(record_of(record, 0, at_end, std::nullopt));
        return warn_of(out, record);
    }
    const auto now = expected_of(seen.tally);
    const double over_s = seen.covered_s > 0 ? seen.covered_s : k_hour_s;
    const double users_per_s = static_cast<double>(seen.tally.requests.total) / over_s;
    std::optional<measure::DecisionTime> first;
    double first_per_s = 0;
    std::vector<std::string> late;
    std::vector<measure::Flow> flows;
    for (const int percent : playbook.stages) {
        const measure::Flow flow = flow_at(playbook, gate, percent, users_per_s);
        flows.push_back(flow);
        const auto needs =
            now ? measure::time_to_decide(gate, *now, flow, looks) : measure::DecisionTime{};
        if (!first && percent > 0) {
            first = needs;
            first_per_s = flow.canary_per_s;
        }
        const double bake_s = seconds(stage.bake);
        if (needs.seconds.value_or(bake_s + 1) > bake_s) {
            late.push_back(fmt::format("{}%", percent));
        }
    }
    measure::DecisionTime needed = first.value_or(measure::DecisionTime{});
    if (!now) {
        needed.sentence = fmt::format("{} has no traffic now", playbook.traffic.stable);
    }
    out.records.push_back(
        record_of(record, first_per_s, needed, chance_of(gate, stage, now, flows, out))
    );
    if (!late.empty()) {
        out.warnings.push_back(fmt::format(
            "gate {} cannot decide within its bake of {} at {}: {}",
            gate.id,
            format_duration(stage.bake),
            fmt::join(late, ", "),
            needed.sentence
        ));
    }
    warn_of(out, record);
}

Task<Result<void>> try_sources(const Outside* outside, const Playbook* playbook, GateTrials* out) {
    for (const GateSpec& gate : playbook->stage.gates) {
        if (!judged_by_users(*playbook, gate)) {
            continue;
        }
        OA_CO_TRY(const SourceReading seen, co_await recent(outside, playbook, &gate));
        try_source(*playbook, gate, seen, *out);
    }
    co_return Result<void>{};
}

} // namespace

Task<Json> revision_facts(const Outside* outside, const Playbook* playbook) {
    Json out = Json::object();
    for (const std::string& revision : {playbook->traffic.stable, playbook->traffic.canary}) {
        Json version = co_await version_of(outside, playbook, revision);
        out[revision] = version.is_null() ? Json(nullptr) : Json{{"version", std::move(version)}};
    }
    co_return out;
}

Task<Result<GateTrials>>
try_gates(const Outside* outside, const Playbook* playbook, Millis window, bool probes) {
    GateTrials out;
    const auto& gates = playbook->stage.gates;
    const auto by_source = [playbook](const GateSpec& gate) {
        return judged_by_users(*playbook, gate);
    };
    if (std::ranges::any_of(gates, by_source)) {
        OA_CO_CHECK(co_await try_sources(outside, playbook, &out));
    }
    const bool by_probes = !std::ranges::all_of(gates, by_source);
    if (by_probes && probes) {
        OA_CO_CHECK(co_await try_probes(outside, playbook, window, &out));
    } else if (by_probes) {
        out.warnings.emplace_back("gates were not tried: no probes were allowed");
    }
    if (!out.records.empty() && out.chance < k_enough_chance) {
        out.warnings.push_back(fmt::format(
            "a canary as good as stable passes all stages with a chance of about {}: more probes, "
            "a longer bake or a wider limit decide more often",
            percent_text(std::floor(out.chance * 100) / 100, 1)
        ));
    }
    co_return out;
}

std::string tried_text(const Json& record) {
    const auto needs = string_member(record, "needs").value_or("");
    const auto chance = number_in(record, "chance");
    return fmt::format(
        "{}: {}{}{}{}",
        string_member(record, "id").value_or("?"),
        string_member(record, "sentence").value_or("?"),
        needs.empty() ? "" : "; ",
        needs,
        chance
            ? fmt::format(
                  "; passes an equal canary at every stage with about {}", percent_text(*chance, 1)
              )
            : ""
    );
}

} // namespace oa_stream::playbook
