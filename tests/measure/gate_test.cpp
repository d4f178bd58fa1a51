#include "oa_stream/measure/gate.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

std::vector<Sample> counted(std::uint64_t bad, std::uint64_t total) {
    std::vector<Sample> out(total);
    for (std::uint64_t i = 0; i < total; ++i) {
        out[i].bad = i < bad;
        out[i].outcome = i < bad ? "http_status" : "ok";
    }
    return out;
}

/// first + i · step for i in [0, n).
std::vector<Sample> timed(std::size_t n, double first, double step) {
    std::vector<Sample> out(n);
    for (std::size_t i = 0; i < n; ++i) {
        out[i].first_content_s = first + step * static_cast<double>(i);
    }
    return out;
}

GateSpec bad_rate(Against against, double limit) {
    return {.id = "error-rate", .metric = Metric::bad_rate, .against = against, .limit = limit};
}

GateSpec p95(Against against, double limit) {
    return {.id = "p95", .metric = Metric::quantile, .against = against, .limit = limit};
}

struct RateRow {
    std::string_view name;
    Against against;
    double limit;
    std::uint64_t bad, n, stable_bad, stable_n;
    Verdict want;
    std::string_view rule;
};

constexpr auto L = Against::limit;
constexpr auto S = Against::stable;

constexpr std::array k_rates{
    RateRow{
        "0 of 298 do not prove 1 %",
        L,
        0.01,
        0,
        298,
        0,
        0,
        Verdict::inconclusive,
        "interval-spans-limit"
    },
    RateRow{"0 of 299 prove 1 %", L, 0.01, 0, 299, 0, 0, Verdict::pass, "upper-bound-within-limit"},
    RateRow{"nothing measured", L, 0.01, 0, 0, 0, 0, Verdict::inconclusive, "no-canary-samples"},
    RateRow{"all bad", L, 0.01, 20, 20, 0, 0, Verdict::fail, "lower-bound-beyond-limit"},
    RateRow{
        "one bad of ten proves nothing about 5 %",
        L,
        0.05,
        1,
        10,
        0,
        0,
        Verdict::inconclusive,
        "interval-spans-limit"
    },
    RateRow{
        "a clean baseline does not disable the gate",
        S,
        0.01,
        5,
        50,
        0,
        1000,
        Verdict::fail,
        "lower-bound-beyond-limit"
    },
    RateRow{
        "both clean, enough", S, 0.05, 0, 100, 0, 100, Verdict::pass, "upper-bound-within-limit"
    },
    RateRow{
        "both clean, too few", S, 0.05, 0, 20, 0, 20, Verdict::inconclusive, "interval-spans-limit"
    },
    RateRow{
        "few and far from certain: Fisher holds back",
        S,
        0.0,
        3,
        10,
        0,
        15,
        Verdict::inconclusive,
        "fisher-not-significant"
    },
    RateRow{
        "a score bound alone would call one of four beyond 5 %",
        L,
        0.05,
        1,
        4,
        0,
        0,
        Verdict::inconclusive,
        "interval-spans-limit"
    },
    RateRow{
        "a stable without errors disables nothing",
        S,
        0.01,
        5,
        50,
        0,
        1000,
        Verdict::fail,
        "lower-bound-beyond-limit"
    },
    RateRow{
        "improvement passes", S, 0.01, 0, 500, 50, 500, Verdict::pass, "upper-bound-within-limit"
    },
    RateRow{"no stable samples", S, 0.01, 0, 500, 0, 0, Verdict::inconclusive, "no-stable-samples"},
};

} // namespace

TEST_CASE("gate on the bad rate: PASS, FAIL and INCONCLUSIVE by the bounds") {
    for (const RateRow& row : k_rates) {
        INFO(row.name);
        const auto canary = counted(row.bad, row.n);
        const auto stable = counted(row.stable_bad, row.stable_n);
        const auto record =
            evaluate(bad_rate(row.against, row.limit), {.canary = canary, .stable = stable});
        CAPTURE(record.sentence);
        CHECK(record.verdict == row.want);
        CHECK(record.rule == row.rule);
        CHECK(record.n == row.n);
    }
}

TEST_CASE("gate on a rate: a lane at the limit passes one look in at most one of twenty") {
    constexpr double k_limit = 0.01;
    const auto n = GENERATE(range(50, 1200, 1));
    const auto total = static_cast<std::uint64_t>(n);
    // P(so many bad ones or fewer) of a lane whose true share is the limit.
    double one = std::pow(1 - k_limit, n);
    double sum = 0;
    for (std::uint64_t bad = 0; bad <= total; ++bad) {
        const auto record =
            evaluate(bad_rate(Against::limit, k_limit), {.canary = counted(bad, total)});
        if (record.verdict != Verdict::pass) {
            break;
        }
        sum += one;
        one *= static_cast<double>(total - bad) / static_cast<double>(bad + 1) * k_limit /
               (1 - k_limit);
    }
    CAPTURE(n, sum);
    CHECK(sum <= 0.05);
    CHECK((n < 299) == (sum == 0)); // and it can pass
}

TEST_CASE("gate: INCONCLUSIVE says how many samples it needs and has") {
    const auto canary = counted(0, 40);
    const auto record = evaluate(
        bad_rate(Against::limit, 0.05), {.canary = canary, .look = {.number = 1, .of = 2}}
    );
    REQUIRE(record.needs_n == 72U);
    CHECK(record.sentence.find("needs n ≥ 72, has 40") != std::string::npos);
    CHECK(
        evaluate(p95(Against::limit, 2.5), {}).sentence.find("needs n ≥ 59, has 0") !=
        std::string::npos
    );
}

TEST_CASE("gate on p95: no bound before 59 samples, PASS and FAIL by order statistics") {
    const auto few = timed(58, 0.1, 0.001);
    CHECK(evaluate(p95(Against::limit, 2.5), {.canary = few}).rule == "too-few-samples");
    const auto enough = timed(59, 0.1, 0.001);
    const auto pass = evaluate(p95(Against::limit, 0.158), {.canary = enough});
    CHECK(pass.verdict == Verdict::pass);
    CHECK(pass.high == Approx(0.158));
    CHECK(
        evaluate(p95(Against::limit, 0.157), {.canary = enough}).verdict == Verdict::inconclusive
    );
    CHECK(evaluate(p95(Against::limit, 0.15), {.canary = enough}).verdict == Verdict::fail);
}

TEST_CASE("gate on p95 versus stable: ratio with its interval, improvement never fails") {
    const auto stable = timed(100, 0.1, 0.0001);
    const auto slow = timed(100, 0.5, 0.0001);
    const auto same = timed(100, 0.1, 0.0001);
    const auto fast = timed(100, 0.01, 0.0001);
    const auto spec = p95(Against::stable, 0.5);
    CHECK(evaluate(spec, {.canary = slow, .stable = stable}).verdict == Verdict::fail);
    CHECK(evaluate(spec, {.canary = same, .stable = stable}).verdict == Verdict::pass);
    CHECK(evaluate(spec, {.canary = fast, .stable = stable}).verdict == Verdict::pass);
    const auto few = timed(50, 0.1, 0.0001);
    const auto record = evaluate(spec, {.canary = slow, .stable = few});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.find("needs n ≥ 59, has 50") != std::string::npos);
}

TEST_CASE("gate on p95: requests that ran into a time limit count as infinitely slow") {
    auto canary = timed(100, 0.1, 0.0001);
    for (std::size_t i = 0; i < 20; ++i) {
        canary[i].first_content_s = std::numeric_limits<double>::infinity();
    }
    CHECK(evaluate(p95(Against::limit, 2.5), {.canary = canary}).verdict == Verdict::fail);
    const auto stable = timed(100, 0.1, 0.0001);
    CHECK(
        evaluate(p95(Against::stable, 0.5), {.canary = canary, .stable = stable}).verdict ==
        Verdict::fail
    );
    CHECK(
        evaluate(p95(Against::stable, 0.5), {.canary = stable, .stable = canary}).rule ==
        "stable-has-no-finite-p95"
    );
    // Nothing is a multiple of a stable that takes no time.
    const auto none = timed(100, 0, 0);
    CHECK(
        evaluate(p95(Against::stable, 0.5), {.canary = stable, .stable = none}).rule ==
        "stable-has-no-finite-p95"
    );
}

TEST_CASE("gate: looks share the error; an interim look can only FAIL, at 99.99 %") {
    const GateSpec spec = bad_rate(Against::limit, 0.05);
    CHECK(confidence_of(spec, {.number = 1, .of = 1}) == Approx(0.95));
    CHECK(confidence_of(spec, {.number = 2, .of = 2}) == Approx(0.975));
    CHECK(confidence_of(spec, {.number = 1, .of = 2, .interim = true}) == Approx(0.9999));

    const Look interim{.number = 1, .of = 2, .interim = true};
    const auto clean = counted(0, 1000);
    const auto quiet = evaluate(spec, {.canary = clean, .look = interim});
    CHECK(quiet.verdict == Verdict::inconclusive);
    CHECK(quiet.rule == "interim-look");
    const auto broken = counted(15, 15);
    CHECK(evaluate(spec, {.canary = broken, .look = interim}).verdict == Verdict::fail);
    // 3 of 20 would FAIL at 95 %, not at 99.99 %.
    const auto doubtful = counted(5, 30);
    CHECK(evaluate(spec, {.canary = doubtful, .look = interim}).verdict == Verdict::inconclusive);
    CHECK(evaluate(spec, {.canary = doubtful}).verdict == Verdict::fail);
}

TEST_CASE("gate text: a limit that the interval spans is said to be open, in words") {
    const auto record = evaluate(bad_rate(Against::limit, 0.05), {.canary = counted(4, 65)});
    REQUIRE(record.verdict == Verdict::inconclusive);
    CAPTURE(record.sentence);
    CHECK(record.sentence.ends_with("limit 5% not decided: with n 65 it may be on either side"));
}

TEST_CASE("gate text: never fewer digits than show the side of the limit") {
    CHECK(percent_text(0.05, 0.05) == "5%");
    CHECK(percent_text(0.0025, 0.0025) == "0.25%");
    CHECK(percent_text(0.001664, 0.001664) == "0.1664%");
    CHECK(percent_text(0.3725, 0.3725) == "37.25%");
    CHECK(percent_text(0.0021, 0.0025) == "0.21%");
    CHECK(percent_text(0.00251, 0.0025) == "0.3%");
    CHECK(seconds_text(0.0015, 0.0015) == "1.5ms");
    CHECK(seconds_text(2.505, 2.505) == "2.505s");
    CHECK(percent_text(0.0501, 0.05) == "5.01%");
    CHECK(percent_text(0.04999, 0.05) == "4.999%");
    CHECK(percent_text(0.2, 0.05) == "20%");
    CHECK(percent_text(0.00001, 0.00001) == "0.001%");
    CHECK(percent_text(0.0000001, 0.0000001) == "0.00001%");
    CHECK(percent_text(0.0002, 0.01) == "0.02%");
    CHECK(percent_text(0.0000001, 0.01) == "0%"); // a measured number has no such digits
    CHECK(percent_text(0, 0.00001) == "0%");
    CHECK(seconds_text(0.0003, 0.25) == "0.3ms");
    CHECK(seconds_text(0.1424, 0.25) == "142ms");
    CHECK(seconds_text(0.2502, 0.25) == "250.2ms");
    CHECK(seconds_text(2.501, 2.5) == "2.501s");
}

TEST_CASE("gate text: what never came is never, on both sides, and in no percents") {
    constexpr double k_never = std::numeric_limits<double>::infinity();
    auto canary = timed(100, k_never, 0);
    const auto stable = timed(100, 0.1, 0);
    const auto limit = p95(Against::limit, 2.5);
    const auto versus = p95(Against::stable, 0.5);
    CHECK(
        evaluate(limit, {.canary = canary}).sentence ==
        "canary p95 first content never (n 100; never at 95%), beyond the limit of 2.5s"
    );
    CHECK(
        evaluate(versus, {.canary = canary, .stable = stable}).sentence ==
        "canary p95 first content never, stable 100ms (n 100 and 100; never at 95%), beyond the "
        "limit of +50%"
    );
    for (std::size_t i = 0; i < 94; ++i) { // the interval spans the limit
        canary[i].first_content_s = 0.1;
    }
    CHECK(
        evaluate(limit, {.canary = canary}).sentence ==
        "canary p95 first content never (n 100; 100ms to never at 95%), limit 2.5s not decided: "
        "with n 100 it may be on either side"
    );
    GateSpec tokens = limit;
    tokens.timing = Timing::per_token;
    for (Sample& sample : canary) {
        sample.per_token_s = k_never;
    }
    CHECK(evaluate(tokens, {.canary = canary})
              .sentence.contains("0/s (n 100; 0/s at 95%), beyond the limit of 0.4/s"));
    CHECK(percent_text(k_never, 0.5) == "unbounded");
}

TEST_CASE("gate: a gate that only observes never decides") {
    GateSpec spec = bad_rate(Against::limit, 0.01);
    spec.mode = GateMode::observe;
    const auto canary = counted(50, 50);
    const Check check = to_check(evaluate(spec, {.canary = canary}), "gate.error-rate@5%");
    CHECK(check.verdict == Verdict::skipped);
    CHECK(check.detail.find("would be FAIL") != std::string::npos);
    Check live;
    live.verdict = Verdict::pass;
    CHECK(run_verdict({check, live}) == Verdict::pass);
}

TEST_CASE("gate: fewer samples than its minimum do not PASS, and may still FAIL") {
    GateSpec spec = bad_rate(Against::limit, 0.05);
    spec.min_n = 500;
    const auto clean = counted(0, 499);
    const auto record = evaluate(spec, {.canary = clean});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.rule == "minimum-traffic");
    CHECK(record.sentence.find("needs n ≥ 500, has 499") != std::string::npos);
    CHECK(evaluate(spec, {.canary = counted(0, 500)}).verdict == Verdict::pass);
    CHECK(evaluate(spec, {.canary = counted(20, 20)}).verdict == Verdict::fail);
    spec.against = Against::stable;
    CHECK(
        evaluate(spec, {.canary = counted(0, 900), .stable = counted(0, 499)}).rule ==
        "minimum-traffic"
    );
}

TEST_CASE("gate on p95 versus stable: a much slower canary fails at an interim look already") {
    const Look interim{.number = 1, .of = 2, .interim = true};
    const auto stable = timed(400, 0.1, 0.0001);
    const auto slow = timed(400, 1, 0.001);
    const auto slower = timed(400, 0.11, 0.00011);
    const GateSpec spec = p95(Against::stable, 0.2);
    CHECK(
        evaluate(spec, {.canary = slow, .stable = stable, .look = interim}).verdict == Verdict::fail
    );
    CHECK(
        evaluate(spec, {.canary = slower, .stable = stable, .look = interim}).rule == "interim-look"
    );
}

TEST_CASE("gate: tallies and the samples they count are judged alike") {
    auto canary = timed(300, 0.1, 0.001);
    for (std::size_t i = 0; i < 4; ++i) {
        canary[i].bad = true;
    }
    const auto stable = timed(200, 0.1, 0.001);
    const Tally counted_canary = tally_of(canary);
    const Tally counted_stable = tally_of(stable);
    for (const Against against : {Against::limit, Against::stable}) {
        for (const GateSpec& spec : {bad_rate(against, 0.05), p95(against, 0.3)}) {
            const auto listed = evaluate(spec, {.canary = canary, .stable = stable});
            const auto tallied =
                evaluate(spec, {.canary_tally = &counted_canary, .stable_tally = &counted_stable});
            CHECK(to_json(listed) == to_json(tallied));
        }
    }
}

TEST_CASE("gate record: one document holds value, bounds, limit, n, window, source and rule") {
    const auto canary = counted(20, 100);
    const auto record = evaluate(
        bad_rate(Against::limit, 0.05),
        {.canary = canary, .window = "stage 5%, 4s", .source = "probe"}
    );
    const Json json = to_json(record);
    for (const char* key :
         {"value", "low", "high", "limit", "n", "window", "source", "rule", "verdict", "sentence"
         }) {
        CHECK(json.contains(key));
    }
    CHECK(
        record.sentence ==
        "canary bad rate 20% (20 of 100; 13.7% to 27.7% at 95%), beyond the limit of 5%"
    );
}

TEST_CASE("gate on a time versus stable: a rise that nobody notices is none") {
    GateSpec spec = p95(Against::stable, 0.2);
    const auto stable = timed(400, 0.020, 0.00001); // p95 24 ms
    const auto slower = timed(400, 0.027, 0.00001); // 31 ms: +29 %, 7 ms
    const auto passed = evaluate(spec, {.canary = slower, .stable = stable});
    CHECK(passed.verdict == Verdict::pass);
    CHECK(passed.sentence.contains("counted as 28ms: 10ms more go unnoticed"));
    const auto noticed = timed(400, 0.046, 0.00001); // 50 ms
    CHECK(evaluate(spec, {.canary = noticed, .stable = stable}).verdict == Verdict::fail);
    spec.unnoticed_s = 0.001;
    CHECK(evaluate(spec, {.canary = slower, .stable = stable}).verdict == Verdict::fail);
    // Where stable is slow, the floor changes nothing.
    spec.unnoticed_s = 0.010;
    const auto slow = timed(400, 2.0, 0.0001);
    const auto slowest = timed(400, 2.8, 0.0001);
    CHECK(evaluate(spec, {.canary = slowest, .stable = slow}).verdict == Verdict::fail);
}

TEST_CASE("gate on a time: whole turns, silences and any quantile") {
    std::vector<Sample> samples(300);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].first_content_s = 0.1;
        samples[i].max_gap_s = i < 30 ? 4.0 : 0.2;
        samples[i].end_s = i < 90 ? 7.1 : 2.0;
    }
    struct Row {
        Timing timing;
        Fraction quantile;
        double limit;
        Verdict want;
        std::string_view metric;
    };
    for (const Row& row : {
             Row{Timing::duration, {50, 100}, 2.5, Verdict::pass, "duration_p50"},
             Row{Timing::duration, k_p95, 2.5, Verdict::fail, "duration_p95"},
             Row{Timing::chunk_gap, {80, 100}, 1, Verdict::pass, "chunk_gap_p80"},
             Row{Timing::chunk_gap, {95, 100}, 1, Verdict::fail, "chunk_gap_p95"},
             Row{Timing::first_content, {995, 1000}, 1, Verdict::inconclusive, "first_content_p99.5"
             },
         }) {
        GateSpec spec = p95(Against::limit, row.limit);
        spec.timing = row.timing;
        spec.quantile = row.quantile;
        const auto record = evaluate(spec, {.canary = samples});
        CAPTURE(row.metric, record.sentence);
        CHECK(record.verdict == row.want);
        CHECK(to_json(spec)["metric"] == row.metric);
    }
}

TEST_CASE("gate on a time: what failed fast was not fast, and what a limit cut never ended") {
    std::vector<Sample> samples(200);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].end_s = 0.001;
        samples[i].bad = i < 100;
        samples[i].cut = i < 20;
    }
    const auto times = times_sorted(samples, Timing::duration);
    CHECK(times.size() == 120);
    CHECK(times.back() == std::numeric_limits<double>::infinity());
}

TEST_CASE("gate on a rate: failures in clumps widen the interval, and an expected clump counts") {
    std::vector<Sample> clumped = counted(0, 2000);
    std::vector<Sample> spread = clumped;
    for (std::size_t i = 0; i < clumped.size(); ++i) {
        clumped[i].at_s = spread[i].at_s = static_cast<double>(i);
        clumped[i].bad = i >= 1000 && i < 1036; // 36 in a row
        spread[i].bad = i % 55 == 0;            // as many, one by one
    }
    GateSpec spec = bad_rate(Against::limit, 0.01);
    CHECK(evaluate(spec, {.canary = spread}).verdict == Verdict::fail);
    const auto open = evaluate(spec, {.canary = clumped});
    CHECK(open.verdict == Verdict::inconclusive);
    REQUIRE_FALSE(open.notes.empty());
    CHECK(open.notes.front().contains("in clumps of about"));
    const auto none = counted(0, 300);
    CHECK(evaluate(spec, {.canary = none}).verdict == Verdict::pass);
    spec.clump = 10; // 300 requests without a failure are worth 30
    const auto few = evaluate(spec, {.canary = none});
    CHECK(few.verdict == Verdict::inconclusive);
    CHECK(few.needs_n == 2990);
    CHECK(evaluate(spec, {.canary = counted(0, 2990)}).verdict == Verdict::pass);
}

TEST_CASE("gate on a rate: less than one clump of failures is one event of their number") {
    std::vector<Sample> bursts = counted(0, 400); // two, in the first and the last section
    for (std::size_t i = 0; i < bursts.size(); ++i) {
        bursts[i].at_s =
            i < 20 ? 0.01 * static_cast<double>(i) : 1000 + 0.01 * static_cast<double>(i);
        bursts[i].bad = i < 8;
    }
    GateSpec spec = bad_rate(Against::limit, 0.03);
    const auto record = evaluate(spec, {.canary = bursts}); // 2 %
    CAPTURE(record.sentence);
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.low == Approx(0.00103).epsilon(0.01)); // 1 of 50
    CHECK_FALSE(record.notes.empty());
    const auto stable = counted(0, 400'000);
    spec.against = Against::stable;
    const auto versus = evaluate(spec, {.canary = bursts, .stable = stable});
    CAPTURE(versus.sentence);
    CHECK(versus.verdict == Verdict::inconclusive);
    // An outage of 40 % of all requests is one event, too, and still proves a rate above 1 %.
    for (std::size_t i = 0; i < bursts.size(); ++i) {
        bursts[i].at_s =
            i < 200 ? 0.001 * static_cast<double>(i) : 1000 + 0.001 * static_cast<double>(i);
        bursts[i].bad = i < 160;
    }
    for (const auto against : {Against::limit, Against::stable}) {
        const auto outage = evaluate(bad_rate(against, 0.01), {.canary = bursts, .stable = stable});
        CAPTURE(outage.sentence);
        CHECK(outage.verdict == Verdict::fail);
    }
}

TEST_CASE("gate versus stable: how many more it needs only where more could help") {
    const auto stable = counted(5, 500);
    const auto spec = bad_rate(S, 0.02);
    const auto near = counted(6, 200);
    const auto at_limit = counted(15, 500);
    const auto record = evaluate(spec, {.canary = near, .stable = stable});
    CAPTURE(record.sentence);
    REQUIRE(record.verdict == Verdict::inconclusive);
    CHECK_FALSE(record.needs_n.has_value()); // 3 % is 2 points above 1 %: no number decides it
    const auto below = counted(4, 200);
    const auto hopeful = evaluate(spec, {.canary = below, .stable = stable});
    CAPTURE(hopeful.sentence);
    REQUIRE(hopeful.verdict == Verdict::inconclusive);
    REQUIRE(hopeful.needs_n.has_value());
    CHECK(*hopeful.needs_n > 200);
    const auto proven = evaluate(spec, {.canary = at_limit, .stable = stable});
    CHECK(proven.verdict == Verdict::inconclusive);
    CHECK_FALSE(proven.needs_n.has_value());
}
