// Probes that were not measured for want of oa-stream's own time.
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include <catch2/catch.hpp>

namespace oa_stream::measure {
namespace {

using Catch::Matchers::Contains;

/// `slow` of them ran into a time limit, `starved` could not be measured.
std::vector<Sample> arm(std::size_t good, std::size_t slow, std::size_t starved) {
    std::vector<Sample> out;
    const std::size_t all = good + slow + starved;
    for (std::size_t at = 0; at < all; ++at) {
        const std::size_t i = at * 7919 % all; // a prime: each once, and mixed
        Sample one;
        one.at_s = static_cast<double>(at) / 25;
        one.outcome = i < good ? "ok" : i < good + slow ? "ttfb_timeout" : std::string(k_starved);
        one.bad = one.outcome == "ttfb_timeout";
        one.first_content_s = i < good ? std::optional(0.1) : std::nullopt;
        one.end_s = 0.4;
        out.push_back(std::move(one));
    }
    return out;
}

GateRecord
judge(Against against, const std::vector<Sample>& canary, const std::vector<Sample>& stable) {
    GateSpec spec{.id = "bad", .against = against, .limit = 0.05};
    return evaluate_basis(spec, {}, {.canary = canary, .stable = stable});
}

TEST_CASE("starved: what could not be measured counts for nobody, and the record says so") {
    const GateRecord record = judge(Against::limit, arm(100, 0, 40), arm(100, 0, 30));
    CHECK(record.verdict == Verdict::pass);
    CHECK(record.n == 100);
    REQUIRE(record.notes.size() == 1);
    CHECK_THAT(
        record.notes[0],
        Contains("oa-stream itself was starved: 40 of 140 probes of the canary and 30 of 130")
    );
}

TEST_CASE("starved: too few that were measured are INCONCLUSIVE with the reason") {
    const GateRecord record = judge(Against::limit, arm(20, 0, 80), arm(20, 0, 80));
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK_THAT(record.sentence, Contains("oa-stream itself was starved"));
}

TEST_CASE("starved: an absolute limit that neither arm keeps fails nobody while we were starved") {
    const auto struck = arm(60, 30, 20);
    const GateRecord both = judge(Against::limit, struck, struck);
    CHECK(both.verdict == Verdict::inconclusive);
    CHECK_THAT(both.sentence, Contains("stable is beyond the limit too"));
    // The canary alone is bad: it is found, starved or not.
    CHECK(judge(Against::limit, struck, arm(90, 0, 20)).verdict == Verdict::fail);
    CHECK(judge(Against::stable, struck, arm(90, 0, 20)).verdict == Verdict::fail);
    // Nobody was starved: a limit is a limit, whoever shares the trouble.
    CHECK(judge(Against::limit, arm(60, 30, 0), arm(60, 30, 0)).verdict == Verdict::fail);
}

TEST_CASE("starved: a canary's faults are found beside a fifth that was not measured") {
    const GateRecord versus = judge(Against::stable, arm(2000, 250, 500), arm(2250, 0, 500));
    CHECK(versus.verdict == Verdict::fail);
}

} // namespace
} // namespace oa_stream::measure
