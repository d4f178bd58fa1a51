#include "oa_stream/measure/gate_reading.hpp"

#include <catch2/catch.hpp>

#include <limits>

namespace oa_stream::measure {
namespace {

SourceReading reading(std::uint64_t bad, std::uint64_t total, double count_error = 0) {
    SourceReading out;
    out.state = SourceReading::State::measured;
    out.tally.requests = {bad, total};
    out.source = "prometheus http://p";
    out.query = "q";
    out.count_error = count_error;
    return out;
}

const GateSpec k_absolute{.id = "error-rate", .limit = 0.01};
const GateSpec k_versus{.id = "vs", .against = Against::stable, .limit = 0.01};

struct Row {
    std::string_view name;
    GateSpec spec;
    SourceReading canary;
    SourceReading stable;
    Verdict want;
};

TEST_CASE("a gate on readings: missing is never a PASS, and a blur counts against the conclusion") {
    SourceReading missing;
    missing.why = "no series";
    missing.source = "prometheus http://p";
    const std::vector<Row> rows{
        {"good", k_absolute, reading(0, 400), {}, Verdict::pass},
        {"bad", k_absolute, reading(20, 400), {}, Verdict::fail},
        {"zero requests", k_absolute, reading(0, 0), {}, Verdict::inconclusive},
        {"canary missing", k_absolute, missing, reading(0, 400), Verdict::inconclusive},
        {"stable missing, not needed", k_absolute, reading(0, 400), missing, Verdict::pass},
        {"stable missing, needed", k_versus, reading(0, 900), missing, Verdict::inconclusive},
        {"a baseline without errors", k_versus, reading(50, 1000), reading(0, 9000), Verdict::fail},
        {"pass only but for the blur", k_absolute, reading(1, 560, 4), {}, Verdict::inconclusive},
        {"pass in spite of the blur", k_absolute, reading(1, 2000, 4), {}, Verdict::pass},
        {"fail only but for the blur", k_absolute, reading(11, 400, 6), {}, Verdict::inconclusive},
        {"fail in spite of the blur", k_absolute, reading(40, 400, 6), {}, Verdict::fail},
        {"none of none is exact", k_absolute, reading(0, 400, 4), {}, Verdict::pass},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.name) {
            const GateRecord record = evaluate_readings(row.spec, row.canary, row.stable, {});
            CAPTURE(record.sentence);
            CHECK(record.verdict == row.want);
            CHECK(record.source == "prometheus http://p");
            CHECK(record.sentence.find("prometheus http://p") != std::string::npos);
        }
    }
}

TEST_CASE("a gate on readings: a p95 from buckets must survive their blur") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const GateSpec spec{.id = "p95", .metric = Metric::quantile, .limit = 2.5};
    SourceReading seen = reading(0, 200);
    seen.tally.buckets = {{1, 150}, {2.5, 197}, {5, 200}, {inf, 200}};
    CHECK(evaluate_readings(spec, seen, {}, {}).verdict == Verdict::pass);
    seen.count_error = 5;
    CHECK(evaluate_readings(spec, seen, {}, {}).verdict == Verdict::inconclusive);
}

TEST_CASE("a gate on readings: times that may be missing, and infinite, must not turn a p95") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const GateSpec spec{.id = "p95", .metric = Metric::quantile, .limit = 2.5};
    SourceReading seen = reading(0, 400);
    seen.tally.buckets = {{1, 150}, {2.5, 200}, {5, 200}, {inf, 200}};
    seen.time_error = 2;
    CHECK(evaluate_readings(spec, seen, {}, {}).verdict == Verdict::pass);
    seen.time_error = 40;
    const GateRecord record = evaluate_readings(spec, seen, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.rule == "source-is-not-exact-enough");
    CHECK(
        record.sentence.find("not decided: 40 turns failed that may have run into a time limit") !=
        std::string::npos
    );
    CHECK(evaluate_readings(k_absolute, seen, {}, {}).verdict == Verdict::pass);
    // Slow without them: they make nothing faster.
    seen.tally.buckets = {{1, 50}, {2.5, 100}, {5, 200}, {inf, 200}};
    CHECK(evaluate_readings(spec, seen, {}, {}).verdict == Verdict::fail);
    // Stable's make a canary look no better, and one that fails only against them does not.
    GateSpec versus = spec;
    versus.against = Against::stable;
    versus.limit = 0.2;
    SourceReading stable = reading(0, 200);
    stable.tally.buckets = {{1, 200}, {2.5, 200}, {5, 200}, {inf, 200}};
    SourceReading slow = stable;
    slow.tally.buckets = {{1, 0}, {2.5, 0}, {5, 200}, {inf, 200}};
    CHECK(evaluate_readings(versus, slow, stable, {}).verdict == Verdict::fail);
    stable.time_error = 40;
    CHECK(evaluate_readings(versus, slow, stable, {}).verdict == Verdict::inconclusive);
}

TEST_CASE("a gate on readings: a spike says what may have been missed") {
    const GateSpec spike{
        .id = "auth-errors",
        .metric = Metric::spike,
        .against = Against::stable,
        .limit = 1,
        .signal = "auth_errors",
    };
    SourceReading seen = reading(5, 1000);
    const SourceReading stable = reading(5, 1000);
    CHECK(evaluate_readings(spike, seen, stable, {}).verdict == Verdict::pass);
    seen.may_have_missed = 20;
    const GateRecord record = evaluate_readings(spike, seen, stable, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains("not decided: 20 bad ones may have come before"));
}

TEST_CASE("a gate on readings: times of other requests neither hide slow turns nor make them") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const GateSpec p95{
        .id = "p95", .metric = Metric::quantile, .limit = 1, .timing = Timing::duration
    };
    SourceReading seen = reading(0, 3120);
    seen.tally.buckets = {{1, 3000}, {2.5, 3120}, {inf, 3120}};
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::pass);
    seen.other_times = 3000;
    const GateRecord record = evaluate_readings(p95, seen, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains(
        "the fastest or slowest 3000 times may be of resumes, refused and failed requests"
    ));
    seen.other_times = 20; // 120 slow ones are at most 3.9 % without them
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::pass);

    // 400 slow ones: they may be resumes that followed a turn.
    seen.tally.buckets = {{1, 2720}, {2.5, 3120}, {inf, 3120}};
    seen.other_times = 100;
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::fail);
    seen.other_times = 300;
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::inconclusive);
    seen.other_times = 9000; // more than there are
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::inconclusive);
    // A rate counts turns.
    CHECK(evaluate_readings(k_absolute, seen, {}, {}).verdict == Verdict::pass);

    // Stable's may be its slowest: then it is as fast as the canary, or faster.
    GateSpec versus = p95;
    versus.against = Against::stable;
    versus.limit = 0.2;
    SourceReading stable = reading(0, 800);
    stable.tally.buckets = {{1, 400}, {2.5, 800}, {inf, 800}};
    SourceReading canary = reading(0, 400);
    canary.tally.buckets = {{1, 400}, {2.5, 400}, {inf, 400}};
    CHECK(evaluate_readings(versus, canary, stable, {}).verdict == Verdict::pass);
    stable.other_times = 400;
    CHECK(evaluate_readings(versus, canary, stable, {}).verdict == Verdict::inconclusive);
}

TEST_CASE("a gate on readings: requests that a restart hides lower no rate and shorten no time") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    SourceReading seen = reading(11, 400);
    CHECK(evaluate_readings(k_absolute, seen, {}, {}).verdict == Verdict::fail);
    seen.requests_missed = 1000;
    const GateRecord record = evaluate_readings(k_absolute, seen, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains("1000 requests may have come before a restart"));
    seen.tally.requests.bad = 0; // bad ones among them are stated apart
    CHECK(evaluate_readings(k_absolute, seen, {}, {}).verdict == Verdict::pass);

    const GateSpec p95{.id = "p95", .metric = Metric::quantile, .limit = 2.5};
    seen.tally.buckets = {{1, 400}, {2.5, 400}, {inf, 400}};
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::pass);
    seen.times_missed = 1000;
    const GateRecord late = evaluate_readings(p95, seen, {}, {});
    CHECK(late.verdict == Verdict::inconclusive);
    CHECK(late.sentence.contains("1000 times may have come before a restart"));
    seen.tally.buckets = {{1, 0}, {2.5, 0}, {inf, 400}};
    seen.times_missed = 40;
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::fail);
    seen.times_missed = 40'000;
    CHECK(evaluate_readings(p95, seen, {}, {}).verdict == Verdict::inconclusive);
    // Times alone: a rate is of requests.
    seen.tally.requests.bad = 11;
    seen.requests_missed = 0;
    CHECK(evaluate_readings(k_absolute, seen, {}, {}).verdict == Verdict::fail);
}

TEST_CASE("a gate on readings: what was not read may have been bad or good, fast or endless") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const auto unread = [](SourceReading reading, double count) {
        reading.unread = count;
        return reading;
    };
    const auto verdict = [](const GateSpec& gate, const SourceReading& canary, auto... stable) {
        return evaluate_readings(gate, canary, SourceReading(stable...), {}).verdict;
    };
    CHECK(verdict(k_absolute, unread(reading(0, 2000), 2)) == Verdict::pass);
    CHECK(verdict(k_absolute, unread(reading(0, 400), 40)) == Verdict::inconclusive);
    CHECK(verdict(k_absolute, unread(reading(40, 400), 40)) == Verdict::fail);
    CHECK(verdict(k_absolute, unread(reading(11, 400), 400)) == Verdict::inconclusive);
    CHECK(verdict(k_versus, reading(50, 1000), reading(0, 9000)) == Verdict::fail);
    CHECK(
        verdict(k_versus, reading(50, 1000), unread(reading(0, 9000), 900)) == Verdict::inconclusive
    );

    const GateSpec p95{.id = "p95", .metric = Metric::quantile, .limit = 2.5};
    SourceReading quick = reading(0, 400);
    quick.tally.first_content_s.assign(400, 0.5);
    CHECK(verdict(p95, unread(quick, 2)) == Verdict::pass);
    CHECK(verdict(p95, unread(quick, 40)) == Verdict::inconclusive);
    SourceReading slow = quick;
    slow.tally.first_content_s.assign(400, 5);
    CHECK(verdict(p95, unread(slow, 40)) == Verdict::fail);
    CHECK(verdict(p95, unread(slow, 40'000)) == Verdict::inconclusive);
    quick.tally.first_content_s.clear();
    quick.tally.buckets = {{1, 400}, {2.5, 400}, {inf, 400}};
    CHECK(verdict(p95, unread(quick, 2)) == Verdict::pass);
    const GateRecord record = evaluate_readings(p95, unread(quick, 40), {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains("not decided: up to 40 more requests could not be read"));

    // A rate of tokens is a time per token turned round.
    GateSpec tokens{.id = "tokens", .metric = Metric::quantile, .limit = 0.05};
    tokens.timing = Timing::per_token;
    SourceReading speech = reading(0, 400);
    speech.tally.first_content_s.assign(400, 0.01);
    CHECK(verdict(tokens, speech) == Verdict::pass);
    CHECK(verdict(tokens, unread(speech, 40)) == Verdict::inconclusive);
}

TEST_CASE("a gate on readings: requests at the window's ends are in it where that is worse") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const auto with = [](SourceReading reading, Counts edge, std::vector<Bucket> times = {}) {
        reading.edge = {.requests = edge, .buckets = std::move(times)};
        return reading;
    };
    const auto verdict = [](const GateSpec& gate, const SourceReading& canary, auto... stable) {
        return evaluate_readings(gate, canary, SourceReading(stable...), {}).verdict;
    };
    // Good ones cost a PASS nothing, bad ones a FAIL nothing.
    CHECK(verdict(k_absolute, with(reading(0, 400), {0, 4000})) == Verdict::pass);
    CHECK(verdict(k_absolute, with(reading(40, 400), {400, 400})) == Verdict::fail);
    CHECK(verdict(k_absolute, with(reading(0, 400), {10, 400})) == Verdict::inconclusive);
    CHECK(verdict(k_absolute, with(reading(40, 400), {0, 8000})) == Verdict::inconclusive);
    CHECK(
        verdict(k_versus, reading(50, 1000), with(reading(0, 9000), {900, 900})) ==
        Verdict::inconclusive
    );
    const GateRecord record = evaluate_readings(k_absolute, with(reading(0, 400), {9, 90}), {}, {});
    CHECK(record.sentence.contains("90 requests may lie on either side of the window's ends"));

    const GateSpec p95{.id = "p95", .metric = Metric::quantile, .limit = 2.5};
    SourceReading quick = reading(0, 400);
    quick.tally.first_content_s.assign(400, 0.5);
    const std::vector<Bucket> fast{{0.03, 0}, {0.04, 200}, {inf, 200}};
    const std::vector<Bucket> late{{2.9, 0}, {3, 200}, {inf, 200}};
    CHECK(verdict(p95, with(quick, {0, 200}, fast)) == Verdict::pass);
    CHECK(verdict(p95, with(quick, {0, 200}, late)) == Verdict::inconclusive);
    SourceReading slow = quick;
    slow.tally.first_content_s.insert(slow.tally.first_content_s.end(), 40, 5);
    CHECK(verdict(p95, slow) == Verdict::fail);
    CHECK(verdict(p95, with(slow, {0, 200}, late)) == Verdict::fail);
    const std::vector<Bucket> many{{0.03, 0}, {0.04, 4000}, {inf, 4000}};
    CHECK(verdict(p95, with(slow, {0, 4000}, many)) == Verdict::inconclusive);
    quick.tally.first_content_s.clear();
    quick.tally.buckets = {{1, 400}, {2.5, 400}, {inf, 400}};
    CHECK(verdict(p95, with(quick, {0, 200}, fast)) == Verdict::pass);
    CHECK(verdict(p95, with(quick, {0, 200}, late)) == Verdict::inconclusive);
}

TEST_CASE("a gate on readings: a source that failed is an error with its reason") {
    const GateInput base{.source = "prometheus http://p"};
    const GateRecord record = unjudged(k_absolute, base, Verdict::error, "connection refused");
    CHECK(record.verdict == Verdict::error);
    CHECK(record.rule == "source-failed");
    CHECK(
        record.sentence == "canary bad rate not measured by prometheus http://p: connection refused"
    );
}

} // namespace
} // namespace oa_stream::measure
