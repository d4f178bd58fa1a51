// A gate that is judged again from what was written about it comes to the same verdict, to the
// digit.
#include "oa_stream/measure/gate_reading.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

namespace oa_stream::measure {
namespace {

/// What a source may tell of one arm: counts, with times one by one or in buckets, and its blur.
SourceReading random_reading(std::mt19937_64& random, bool raw) {
    const auto upto = [&](std::uint64_t most) { return random() % (most + 1); };
    SourceReading out;
    out.state = upto(19) == 0 ? SourceReading::State::missing : SourceReading::State::measured;
    out.why = "no series";
    out.source = raw ? "access log /var/log/a" : "prometheus http://p";
    out.query = "sum(x{a=\"1\"})";
    out.tally.requests.total = 200 + upto(4000);
    out.tally.requests.bad = upto(out.tally.requests.total / 60);
    std::lognormal_distribution<double> time(-2, 0.5);
    for (std::uint64_t i = 0; i < out.tally.requests.total && raw; ++i) {
        out.tally.first_content_s.push_back(upto(400) == 0 ? k_infinite : time(random));
    }
    std::ranges::sort(out.tally.first_content_s);
    double sum = 0;
    for (const double le : {0.05, 0.1, 0.25, 0.5, 1.0 / 3 + 1, k_infinite}) {
        sum += static_cast<double>(upto(1000)) + 1.0 / 3;
        if (!raw) {
            out.tally.buckets.push_back({le, sum});
        }
    }
    for (std::size_t i = 0; i < k_blocks && raw; ++i) {
        out.tally.blocks.push_back({upto(3), 50});
    }
    out.count_error = raw ? 0 : static_cast<double>(upto(3)) + 0.1;
    out.time_error = static_cast<double>(upto(2));
    out.may_have_missed = static_cast<double>(upto(2));
    if (raw && upto(4) == 0) {
        const std::uint64_t total = upto(200);
        const auto times = static_cast<double>(total);
        out.edge = {
            .requests = {upto(std::min<std::uint64_t>(total, 30)), total},
            .buckets = {{0.1, 0}, {0.2, times / 2}, {k_infinite, times}},
        };
    }
    out.requests_missed = raw ? 0 : 1;
    out.times_missed = raw ? 0 : 2;
    out.other_times = raw ? 0 : 3;
    out.uncovered = upto(9) == 0 ? "a log ends before the window does" : "";
    out.counts_probes = upto(1) == 0;
    out.notes = {"increase() extrapolates"};
    return out;
}

std::vector<Sample> random_samples(std::mt19937_64& random, std::string_view arm) {
    std::vector<Sample> out(80 + random() % 400);
    std::lognormal_distribution<double> time(-2, 0.5);
    for (std::size_t i = 0; i < out.size(); ++i) {
        Sample& one = out[i];
        one.at_s = static_cast<double>(i) / 7;
        one.arm = arm;
        one.bad = random() % 150 == 0;
        one.first_content_s = one.bad ? std::nullopt : std::optional(time(random));
        one.end_s = time(random) + 1;
        one = as_stored(std::move(one));
    }
    return out;
}

GateSpec random_gate(std::mt19937_64& random) {
    GateSpec out{.id = "g"};
    out.metric = random() % 2 == 0 ? Metric::bad_rate : Metric::quantile;
    out.against = random() % 2 == 0 ? Against::limit : Against::stable;
    const bool versus = out.against == Against::stable;
    out.limit = out.metric == Metric::bad_rate ? 0.01 : versus ? 0.1 : 0.25;
    out.min_n = random() % 3 == 0 ? 500 : 0;
    return out;
}

std::shared_ptr<const DatedReading> again(const std::shared_ptr<const DatedReading>& told) {
    const auto line = parse_json(dump_json(to_json(*told)));
    REQUIRE(line);
    auto read = reading_from_json(*line);
    REQUIRE(read);
    return std::make_shared<const DatedReading>(*std::move(read));
}

struct Case {
    GateBasis basis{};
    GateSpec gate{};
    std::vector<Sample> canary{};
    std::vector<Sample> stable{};
    Look look{};
};

Case random_case(std::mt19937_64& random) {
    Case out;
    const bool raw = random() % 2 == 0;
    const auto told = [&](std::string_view revision) {
        return std::make_shared<const DatedReading>(
            DatedReading{std::string(revision), 60, random_reading(random, raw)}
        );
    };
    if (random() % 4 != 0) {
        out.basis = {.asked = raw ? "access_log" : "prometheus", .beside = random() % 2 == 0};
        out.basis.canary = told("r2");
        out.basis.stable = told("r1");
        out.basis.instead = random() % 5 == 0 ? "no user came" : "";
        out.basis.open = random() % 9 == 0 ? "users have ended" : "";
        out.basis.silent = random() % 15 == 0 ? "connection refused" : "";
    }
    out.gate = random_gate(random);
    out.canary = random_samples(random, "canary");
    out.stable = random_samples(random, "stable");
    out.look = {
        .number = 1, .of = 1 + static_cast<int>(random() % 2), .interim = random() % 4 == 0
    };
    return out;
}

} // namespace

TEST_CASE("a stored basis: a source counts beside probes only where that was written") {
    CHECK_FALSE(basis_from_json(Json{{"asked", "prometheus"}}).beside);
    CHECK(basis_from_json(Json{{"asked", "prometheus"}, {"beside", true}}).beside);
}

TEST_CASE("a gate whose source told of one side alone decides nothing") {
    using Told = std::shared_ptr<const DatedReading>;
    SourceReading good{.state = SourceReading::State::measured};
    good.tally.requests.total = 4000;
    const Told told = std::make_shared<DatedReading>(DatedReading{"r", 60, good});
    for (const auto& [canary, stable] :
         {std::pair(told, Told()), {Told(), told}, {Told(), Told()}}) {
        const GateBasis basis{.asked = "prometheus", .canary = canary, .stable = stable};
        const auto record = evaluate_basis({.id = "g", .limit = 0.01}, basis, {});
        CHECK(record.verdict == Verdict::inconclusive);
        CHECK(record.sentence.contains("it was not asked yet"));
    }
    const GateBasis both{.asked = "prometheus", .canary = told, .stable = told};
    CHECK(evaluate_basis({.id = "g", .limit = 0.01}, both, {}).verdict == Verdict::pass);
}

TEST_CASE("a gate that users fail stays failed; what else they say gives way to a doubt") {
    const auto judged = [](std::uint64_t bad, std::string instead, std::string open) {
        SourceReading reading{.state = SourceReading::State::measured};
        reading.tally.requests = {bad, 4000};
        const auto told = std::make_shared<DatedReading>(DatedReading{"r", 60, reading});
        const GateBasis basis{
            .asked = "prometheus",
            .canary = told,
            .stable = told,
            .instead = std::move(instead),
            .open = std::move(open)
        };
        return evaluate_basis({.id = "g", .limit = 0.01}, basis, {});
    };
    CHECK(judged(0, "", "").verdict == Verdict::pass);
    CHECK(judged(0, "", "users have ended").verdict == Verdict::inconclusive);
    CHECK(judged(0, "no user came", "").verdict == Verdict::inconclusive); // nor any probe
    CHECK(judged(400, "", "").verdict == Verdict::fail);
    CHECK(judged(400, "", "users have ended").verdict == Verdict::fail);
    CHECK(judged(400, "no user came", "").verdict == Verdict::fail);
}

TEST_CASE("a stored basis: 400 gates over all sources are judged again as they were") {
    std::mt19937_64 random(20261122);
    std::array<int, 4> seen{};
    for (int i = 0; i < 400; ++i) {
        const Case one = random_case(random);
        const GateInput input{
            .canary = one.canary, .stable = one.stable, .look = one.look, .seed = 7
        };
        const GateRecord then = evaluate_basis(one.gate, one.basis, input);
        REQUIRE(then.basis);
        const auto line = parse_json(dump_json(to_json(*then.basis)));
        REQUIRE(line);
        GateBasis basis = basis_from_json(*line);
        CHECK(basis.canary_samples == one.canary.size());
        if (one.basis.canary) {
            basis.canary = again(one.basis.canary);
            basis.stable = again(one.basis.stable);
        }
        GateInput later = input;
        later.seed = basis.seed;
        const GateRecord now = evaluate_basis(one.gate, basis, later);
        CAPTURE(i, then.sentence, now.sentence);
        CHECK(dump_json(to_json(now)) == dump_json(to_json(then)));
        ++seen[static_cast<std::size_t>(then.verdict) % seen.size()];
    }
    CHECK(std::ranges::count_if(seen, [](int n) { return n > 5; }) >= 3);
}

TEST_CASE("a stored basis says how many samples came before those, if any did") {
    const GateRecord record = evaluate_basis(
        {.id = "g", .limit = 0.01}, {.canary_earlier = 100, .stable_earlier = 7}, {}
    );
    REQUIRE(record.basis);
    const GateBasis stored = basis_from_json(to_json(*record.basis));
    CHECK(stored.canary_earlier == 100);
    CHECK(stored.stable_earlier == 7);
    CHECK_FALSE(to_json(GateBasis{}).contains("earlier"));
}

TEST_CASE("a stored sample is the one that was judged") {
    Sample sample{.at_s = 1.0 / 3, .first_content_s = 2.0 / 3, .end_s = k_infinite};
    const Sample stored = as_stored(sample);
    CHECK(stored.at_s == 0.333333);
    CHECK(stored.first_content_s == 0.666667);
    CHECK(stored.end_s == k_infinite);
    CHECK(dump_json(to_json(stored)) == dump_json(to_json(sample)));
}

TEST_CASE("a stored reading that is damaged is refused, with the member") {
    const DatedReading told{"r1", 60, {.state = SourceReading::State::measured}};
    for (const auto& [key, value] : std::initializer_list<std::pair<const char*, Json>>{
             {"total", -1},
             {"bad", 3},
             {"times", Json::array({Json::array({"soon", 1})})},
             {"buckets", Json::array({Json::array({1, 1})})},
             {"blocks", Json::array({Json::array({1})})},
             {"count_error", "much"},
             {"state", "error"}
         }) {
        Json line = to_json(told);
        line[key] = value;
        const auto read = reading_from_json(line);
        CAPTURE(key);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == Code::unreadable);
    }
}

} // namespace oa_stream::measure
