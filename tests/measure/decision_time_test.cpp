#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

GateSpec gate(Metric metric, Against against, double limit) {
    return {.id = "g", .metric = metric, .against = against, .limit = limit};
}

constexpr Flow k_two{.canary_per_s = 2, .stable_per_s = 2};

/// The chance that n requests, each bad with `rate`, prove the limit: summed over what may come.
double chance_to_prove(std::uint64_t n, double rate, double limit, double confidence) {
    double sum = 0;
    double chance = std::pow(1 - rate, static_cast<double>(n)); // of none that is bad
    for (std::uint64_t bad = 0; bad <= n; ++bad) {
        if (clopper_pearson({bad, n}, confidence, Tail::upper)->high > limit) {
            break;
        }
        sum += chance;
        chance *= static_cast<double>(n - bad) / static_cast<double>(bad + 1) * rate / (1 - rate);
    }
    return sum;
}

} // namespace

TEST_CASE("time to decide: without errors it is what the bound itself needs") {
    const auto spec = gate(Metric::bad_rate, Against::limit, 0.01);
    CHECK(time_to_decide(spec, {.bad_rate = 0}, k_two, 1).needs_n == 299U);
    const auto two = time_to_decide(spec, {.bad_rate = 0}, k_two, 2);
    CHECK(two.needs_n == needed_for_limit(0, 0.01, 0.975));
    CHECK(two.seconds == Approx(static_cast<double>(*two.needs_n) / 2));
    const auto p95 = gate(Metric::quantile, Against::limit, 2.5);
    CHECK(time_to_decide(p95, {.p95_s = 0.001, .sigma = 0.1}, k_two, 1).needs_n == 59U);
}

TEST_CASE("time to decide: agrees with the simulated cases of docs/gates.md within a third") {
    const auto rate = gate(Metric::bad_rate, Against::stable, 0.0025);
    // PASS in 99.3 % of the stages, as there: 36,000 requests an arm.
    const auto n = time_to_decide(rate, {.bad_rate = 0.005}, k_two, 2, 0.993).needs_n;
    REQUIRE(n.has_value());
    CHECK(static_cast<double>(*n) == Approx(36'000).epsilon(0.33));
    const auto p95 = gate(Metric::quantile, Against::stable, 0.2);
    const Expectation now{.p95_s = 0.9, .sigma = 0.5};
    const auto timed = time_to_decide(p95, now, k_two, 2, 0.993).needs_n;
    REQUIRE(timed.has_value());
    CHECK(static_cast<double>(*timed) == Approx(1'400).epsilon(0.33));
}

TEST_CASE("time to decide: with that many requests a rate proves its limit as often as was asked") {
    for (const auto& [rate, limit] : {std::pair(0.01, 0.05), {0.001, 0.01}, {0.02, 0.06}}) {
        for (const double power : {0.5, 0.9, 0.99}) {
            CAPTURE(rate, limit, power);
            const auto spec = gate(Metric::bad_rate, Against::limit, limit);
            const auto n = time_to_decide(spec, {.bad_rate = rate}, k_two, 1, power).needs_n;
            REQUIRE(n.has_value());
            CHECK(chance_to_prove(*n, rate, limit, 0.95) >= power);
            CHECK(chance_to_prove(*n * 3 / 4, rate, limit, 0.95) < power);
        }
    }
}

TEST_CASE("time to decide: nearer limits and smaller shares take longer") {
    const auto near = gate(Metric::bad_rate, Against::limit, 0.012);
    const auto far = gate(Metric::bad_rate, Against::limit, 0.05);
    const Expectation now{.bad_rate = 0.01};
    CHECK(time_to_decide(near, now, k_two, 2).needs_n > time_to_decide(far, now, k_two, 2).needs_n);
    const Flow small{.canary_per_s = 0.1, .stable_per_s = 1.9};
    CHECK(time_to_decide(far, now, small, 2).seconds > time_to_decide(far, now, k_two, 2).seconds);
}

TEST_CASE("time to decide: a limit that stable itself breaks cannot be passed, and it says so") {
    const auto rate = gate(Metric::bad_rate, Against::limit, 0.01);
    const auto never = time_to_decide(rate, {.bad_rate = 0.02}, k_two, 2);
    CHECK_FALSE(never.needs_n.has_value());
    CHECK(never.sentence == "cannot pass as stable is now, whatever the time");
    const auto p95 = gate(Metric::quantile, Against::limit, 2.5);
    CHECK_FALSE(time_to_decide(p95, {.p95_s = 3}, k_two, 2).needs_n.has_value());
    CHECK_FALSE(time_to_decide(p95, {}, k_two, 2).needs_n.has_value());
    const auto quiet = time_to_decide(rate, {}, {}, 1);
    CHECK(quiet.needs_n.has_value());
    CHECK_FALSE(quiet.seconds.has_value());
}

TEST_CASE("time to decide: it is rounded up") {
    CHECK(decision_time_text(0.02) == "1s");
    CHECK(decision_time_text(1.4) == "2s");
    CHECK(decision_time_text(600) == "10m");
    CHECK(decision_time_text(601) == "11m");
    CHECK(decision_time_text(1e300) == decision_time_text(1e9));
}

TEST_CASE("time to decide: one sample is one sample") {
    const auto spec = gate(Metric::bad_rate, Against::limit, 0.99);
    CHECK(
        time_to_decide(spec, {}, k_two, 1).sentence ==
        "needs about 1 sample of the canary, 1s at this traffic"
    );
    CHECK(
        time_to_decide(spec, {}, {}, 1).sentence == "needs 1 sample of the canary, and none come"
    );
}

TEST_CASE("time to decide: the minimum of a gate counts") {
    auto spec = gate(Metric::bad_rate, Against::limit, 0.01);
    spec.min_n = 5000;
    CHECK(time_to_decide(spec, {}, k_two, 1).needs_n == 5000U);
}

TEST_CASE("expectation: rate, p95 and spread of what stable showed") {
    Tally stable{.requests = {5, 1000}};
    for (int i = 1; i <= 999; ++i) {
        const double q = i / 1000.0;
        // A lognormal of median 0.4 s and sigma 0.5, by its quantiles.
        const double z = (q < 0.5 ? -1 : 1) * normal_quantile(std::abs(2 * q - 1), Side::two);
        stable.first_content_s.push_back(0.4 * std::exp(0.5 * z));
    }
    const auto got = expectation_of(stable);
    REQUIRE(got.has_value());
    CHECK(got->bad_rate == Approx(0.005));
    CHECK(got->p95_s == Approx(0.4 * std::exp(0.5 * 1.645)).epsilon(0.01));
    CHECK(got->sigma == Approx(0.5).epsilon(0.02));
    CHECK_FALSE(expectation_of({}).has_value());
}

TEST_CASE("the chance to pass grows with time, and is that with which the time was reckoned") {
    const auto spec = gate(Metric::bad_rate, Against::limit, 0.01);
    const Expectation now{.bad_rate = 0.001};
    const Flow flow{2, 2};
    const auto time = time_to_decide(spec, now, flow, 2, 0.9);
    REQUIRE(time.seconds.has_value());
    CHECK(chance_to_pass(spec, now, flow, 2, *time.seconds + 1) >= 0.9);
    CHECK(chance_to_pass(spec, now, flow, 2, *time.seconds / 2) < 0.9);
    CHECK(chance_to_pass(spec, now, flow, 2, 1) == 0);
    CHECK(chance_to_pass(spec, {.bad_rate = 0.02}, flow, 2, 1e6) == 0);
}
