// What a plan is told by its gates' sources before anything moves.
#include "../world.hpp"
#include "plan/chance.hpp"
#include "plan/forecast.hpp"
#include "stage/stage_sources.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;

namespace {

/// One gate on an expression, whose source has a value only in windows that end so long ago.
Result<GateTrials> tried(double least_ago_s, double most_ago_s) {
    Playbook playbook;
    playbook.kind = Kind::cutover;
    playbook.traffic.stable = "v1";
    playbook.traffic.canary = "v2";
    playbook.stages = {50, 100};
    playbook.sources = {measure::source_settings("prometheus", {.places = {"http://p"}})};
    playbook.stage.gates = {{
        .id = "queue",
        .metric = measure::Metric::expression,
        .limit = 1,
        .promql = "max(queue_seconds)",
    }};
    Outside outside;
    outside.sources["prometheus"] = std::make_unique<FakeSource>(
        [=](const measure::Question& question) -> Result<measure::SourceReading> {
            const double ago_s = wall_seconds() - question.window.to_s;
            measure::SourceReading out;
            if (ago_s < least_ago_s || ago_s > most_ago_s) {
                out.why = "no series match";
                return out;
            }
            out.state = measure::SourceReading::State::measured;
            out.tally.value = 0.4;
            return out;
        }
    );
    asio::io_context io(1);
    return test::run_task(io, try_gates(&outside, &playbook, Millis(0), false));
}

} // namespace

TEST_CASE("forecast: an expression needs a value, but not in the moment of a failed scrape") {
    const auto now = tried(0, 60);
    REQUIRE(now.has_value());
    CHECK(now->records.at(0).at("verdict") == "PASS");
    // Of v1, for nothing of the canary was asked, and behind the gate's name, which stands once.
    CHECK_THAT(tried_text(now->records.at(0)), Catch::StartsWith("queue: v1 queue 0.4"));
    CHECK_THAT(
        tried_text(now->records.at(0)), Catch::EndsWith("; decided at the end of each bake")
    );

    const auto before = tried(200, 400);
    REQUIRE(before.has_value());
    CHECK(before->records.at(0).at("verdict") == "INCONCLUSIVE");
    CHECK_THAT(
        before->records.at(0).at("sentence").get<std::string>(), Contains("v1: no series match")
    );

    const auto never = tried(1000, 2000);
    REQUIRE_FALSE(never.has_value());
    CHECK(never.error().code == Code::precondition);
    CHECK_THAT(
        never.error().message,
        Contains(
            "gate queue has nothing to judge: prometheus has no value for v1, neither now nor 5 "
            "minutes ago (no series match)"
        )
    );
}

namespace {

/// A gate on users' requests, beside many probes.
Playbook on_users(bool include_probes) {
    Playbook out;
    out.kind = Kind::cutover;
    out.traffic.stable = "v1";
    out.traffic.canary = "v2";
    out.stages = {0, 25, 100};
    out.sources = {measure::source_settings(
        "prometheus", {.places = {"http://p"}, .include_probes = include_probes}
    )};
    out.stage.probe = {.per_arm_per_s = 20, .unpinned_per_s = 4};
    out.stage.gates = {{.id = "errors", .limit = 0.01, .events = "http_5xx"}};
    return out;
}

} // namespace

TEST_CASE("forecast: of users' requests a gate has no probes, unless its source counts them") {
    for (const bool counted : {false, true}) {
        CAPTURE(counted);
        const Playbook playbook = on_users(counted);
        Outside outside;
        outside.sources["prometheus"] = std::make_unique<FakeSource>(
            [](const measure::Question&) -> Result<measure::SourceReading> {
                measure::SourceReading out;
                out.state = measure::SourceReading::State::measured;
                out.tally.requests = {0, 7200}; // 2 a second
                return out;
            }
        );
        asio::io_context io(1);
        const auto tried = test::run_task(io, try_gates(&outside, &playbook, Millis(0), false));
        REQUIRE(tried.has_value());
        const Json& record = tried->records.at(0);
        CHECK(record.at("per_s").get<double>() == Approx(counted ? 20 + 0.25 * 6 : 0.25 * 2));
        CHECK(
            record.at("decides_in_s").get<double>() ==
            Approx(record.at("needs_n").get<double>() / record.at("per_s").get<double>())
        );
    }
}

TEST_CASE("forecast: probes stand in where no user comes") {
    Playbook playbook = on_users(false);
    measure::GateSpec gate = playbook.stage.gates.front();
    const auto flow = [&](int percent, double users_per_s) {
        const measure::Flow out = flow_at(playbook, gate, percent, users_per_s);
        return std::pair(out.canary_per_s, out.stable_per_s);
    };
    CHECK(flow(0, 2) == std::pair(20.0, 20.0));
    CHECK(flow(25, 2) == std::pair(0.5, 1.5));
    CHECK(flow(100, 2) == std::pair(2.0, 0.0));
    CHECK(flow(25, 0) == std::pair(20.0, 20.0));
    playbook.stage.on_no_traffic = NoTraffic::hold;
    CHECK(flow(25, 0) == std::pair(0.0, 0.0));
    gate.against = measure::Against::stable;
    CHECK(flow(25, 2) == std::pair(0.5, 1.5));
    CHECK(flow(100, 2) == std::pair(20.0, 20.0));
}
