// Times of two arms that drift against each other widen the interval of their ratio.
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/tally.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

namespace oa_stream::measure {
namespace {

const GateSpec k_times{
    .id = "ttfb", .metric = Metric::quantile, .against = Against::stable, .limit = 0.2
};

/// `count` samples in one of the window's stretches.
void add(std::vector<Sample>& to, std::size_t stretch, std::size_t count, double time_s) {
    for (std::size_t i = 0; i < count; ++i) {
        Sample one;
        one.at_s = static_cast<double>(stretch) + static_cast<double>(i) / 1000;
        // No two are the same: equal times would be told apart by their stretch alone.
        one.first_content_s = time_s + static_cast<double>(to.size()) * 1e-9;
        one.end_s = *one.first_content_s;
        to.push_back(std::move(one));
    }
}

bool drifts(const GateRecord& record) {
    return !record.notes.empty() && record.notes.front().contains("drift against each other");
}

} // namespace

TEST_CASE("drift: only stretches in which both arms have requests are compared") {
    std::vector<Sample> canary;
    std::vector<Sample> stable;
    add(canary, 0, 30, 0.1);
    add(stable, 0, 30, 0.1);
    for (std::size_t stretch = 1; stretch <= 8; ++stretch) {
        add(canary, stretch, 60, 0.1);
        add(stable, stretch + 10, 60, 0.1);
    }
    add(canary, k_blocks - 1, 30, 0.5);
    add(stable, k_blocks - 1, 30, 0.1);
    CHECK_FALSE(drifts(evaluate(k_times, {.canary = canary, .stable = stable})));
    // The same where both have requests all the time.
    for (std::size_t stretch = 1; stretch < k_blocks - 1; ++stretch) {
        add(canary, stretch, 20, stretch > 16 ? 0.5 : 0.1);
        add(stable, stretch, 20, stretch < 3 ? 0.5 : 0.1);
    }
    const GateRecord record = evaluate(k_times, {.canary = canary, .stable = stable});
    CHECK(drifts(record));
    REQUIRE(record.low.has_value());
    REQUIRE(record.high.has_value());
    CHECK(*record.low < *record.value);
    CHECK(*record.high > *record.value);
}

TEST_CASE("drift: an arm whose answers take no time has a ratio, and its bounds are numbers") {
    std::vector<Sample> canary;
    std::vector<Sample> stable;
    for (std::size_t stretch = 0; stretch < k_blocks; ++stretch) {
        add(canary, stretch, 20, 0);
        add(stable, stretch, 20, stretch < 5 ? 0.5 : 0.1);
    }
    for (Sample& one : canary) {
        one.first_content_s = 0;
    }
    add(canary, k_blocks - 1, 17, 0.3);
    const GateRecord record = evaluate(k_times, {.canary = canary, .stable = stable});
    CHECK(drifts(record));
    REQUIRE(record.high.has_value());
    CHECK_FALSE(std::isnan(*record.high));
    CHECK(record.verdict == Verdict::pass);
}

} // namespace oa_stream::measure
