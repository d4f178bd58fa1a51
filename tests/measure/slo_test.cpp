#include "slo/slo.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

BurnQuestion burning(Counts longer, Counts shorter) {
    return {
        .long_window = longer,
        .short_window = shorter,
    };
}

} // namespace

TEST_CASE("slo: no events are neither a kept nor a broken objective") {
    CHECK_FALSE(error_budget({0, 0}, {999, 1000}, {1, 1}).has_value());
    const auto quiet = burn_rate(burning({0, 0}, {0, 0}));
    CHECK_FALSE(quiet.has_data);
    CHECK_FALSE(quiet.firing);
}

TEST_CASE("slo: a burn fires when both windows are strictly above the threshold") {
    CHECK_FALSE(burn_rate(burning({144, 10000}, {15, 1000})).firing);
    CHECK(burn_rate(burning({145, 10000}, {15, 1000})).firing);
    CHECK_FALSE(burn_rate(burning({145, 10000}, {14, 1000})).firing);
}

TEST_CASE("slo: one bad request at night does not fire below the event floor") {
    BurnQuestion night = burning({1, 20}, {1, 2});
    CHECK(burn_rate(night).firing);
    night.least_bad = 5;
    CHECK_FALSE(burn_rate(night).firing);
    night.least_bad = 0;
    night.least_total = 21;
    CHECK_FALSE(burn_rate(night).firing);
    night.least_total = 20;
    CHECK(burn_rate(night).firing);
}

TEST_CASE("slo: a factor that no error rate can exceed is refused, with the largest that can") {
    CHECK(check_reachable({144, 10}, {999, 1000}).has_value());
    CHECK(check_reachable({144, 10}, {94, 100}).has_value());
    const auto refused = check_reachable({144, 10}, {90, 100});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::config);
    CHECK(refused.error().hint == "a factor below 10");
    // Exactly 100 % errors are not above 100 %.
    CHECK_FALSE(check_reachable({10, 1}, {90, 100}).has_value());
}

TEST_CASE("slo: what is left lasts as long as it burns slowly") {
    CHECK(hours_left(1, 14.4, 720) == Approx(50));
    CHECK(hours_left(0.25, 1, 720) == Approx(180));
    CHECK(std::isinf(hours_left(0.5, 0, 720)));
    CHECK(hours_left(0, 0, 720) == 0);
    CHECK(hours_left(-0.5, 2, 720) == 0);
}

TEST_CASE("slo: less than an hour of history does not judge a budget") {
    CHECK_FALSE(coverage(3599, 30 * 86400.0).enough);
    CHECK(coverage(3600, 30 * 86400.0).enough);
    CHECK(coverage(600, 600).enough);
    const double now_s = 1795169100.123;
    const double window_s = now_s - (now_s - 7.777); // less than 7.777, as times since 1970 round
    CHECK(coverage(window_s, 7.777).enough);
    CHECK(coverage(window_s, 7.777).share == 1);
    CHECK_FALSE(coverage(7.7, 7.777).enough);
    CHECK(coverage(86400, 30 * 86400.0).share == Approx(1 / 30.0));
    CHECK(coverage(90 * 86400.0, 30 * 86400.0).share == 1);
}

TEST_CASE("slo: the pairs cost 2, 5, 10 and 10 % of a 30-day budget") {
    const std::array want{0.02, 0.05, 0.10, 0.10};
    for (std::size_t i = 0; i < k_burn_pairs.size(); ++i) {
        const BurnPair& pair = k_burn_pairs[i];
        CHECK(pair.factor.value() * pair.long_minutes / 60 / 720 == Approx(want[i]));
    }
    CHECK_FALSE(budget_of({101, 100}).has_value());
    CHECK(budget_of({999, 1000})->value() == Approx(0.001));
}
