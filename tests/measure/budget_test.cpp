// What is left of a budget, and when that cannot be said.
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/measure/budget.hpp"
#include "oa_stream/measure/dashboard.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

constexpr double k_day_s = 86'400;

SourceReading measured(Counts counts, double covered_s) {
    SourceReading out;
    out.state = SourceReading::State::measured;
    out.tally.requests = counts;
    out.covered_s = covered_s;
    out.source = "test";
    return out;
}

/// The same error rate in every window.
std::vector<WindowReading> everywhere(Counts counts, double window_s) {
    std::vector<WindowReading> out;
    for (const double seconds : budget_windows(window_s)) {
        out.push_back({seconds, measured(counts, seconds)});
    }
    return out;
}

BudgetQuestion month() {
    return {.name = "stream-good", .objective = {999, 1000}, .window_s = 30 * k_day_s};
}

struct Row {
    std::string_view name;
    Counts counts;
    double covered_s;
    double count_error;
    Fraction at_most;
    Verdict want;
    std::string_view words;
};
constexpr std::array k_rows{
    Row{"half is within all", {50, 100'000}, 30 * k_day_s, 0, {1, 1}, Verdict::pass, "50%"},
    Row{"half is more than 5 %", {50, 100'000}, 30 * k_day_s, 0, {5, 100}, Verdict::fail, "50%"},
    Row{"exactly 5 % is within", {5, 100'000}, 30 * k_day_s, 0, {5, 100}, Verdict::pass, "5%"},
    Row{"none of none", {0, 0}, 30 * k_day_s, 0, {1, 1}, Verdict::inconclusive, "no requests"},
    Row{"half an hour", {0, 900}, 1800, 0, {1, 1}, Verdict::inconclusive, "only 30m"},
    Row{"an hour is enough", {0, 900}, 3600, 0, {1, 1}, Verdict::pass, "covered"},
    Row{"its own error could turn it",
        {5, 100'000},
        30 * k_day_s,
        1,
        {5, 100},
        Verdict::inconclusive,
        "not decided"},
    Row{"its own error could turn a breach",
        {6, 100'000},
        30 * k_day_s,
        2,
        {5, 100},
        Verdict::inconclusive,
        "not decided"},
    Row{"an error that turns nothing", {50, 100'000}, 30 * k_day_s, 2, {5, 100}, Verdict::fail, ""},
};

} // namespace

TEST_CASE("budget: consumed at most so much, or why that cannot be judged") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            SourceReading reading = measured(row.counts, row.covered_s);
            reading.count_error = row.count_error;
            const std::array readings{WindowReading{30 * k_day_s, reading}};
            const Check check = budget_check(budget_status(month(), readings), row.at_most, "b");
            CAPTURE(check.detail);
            CHECK(check.verdict == row.want);
            CHECK(check.detail.find(row.words) != std::string::npos);
        }
    }
}

TEST_CASE("budget: requests that could not be read are in its range, and may burn") {
    const auto status = [](Counts counts, double unread) {
        auto readings = everywhere(counts, 30 * k_day_s);
        for (WindowReading& one : readings) {
            one.reading.unread = unread;
        }
        return budget_status(month(), readings);
    };
    const auto damaged = status({0, 10'000}, 400);
    const auto range = range_of(damaged);
    REQUIRE(range);
    CHECK(range->least.consumed == 0);
    CHECK(range->most.consumed > 1);
    CHECK(damaged.burns.front().unsure);
    CHECK_FALSE(damaged.hours_to_exhaustion);
    CHECK(budget_check(damaged, {1, 1}, "b").verdict == Verdict::inconclusive);
    CHECK(status_check(damaged, "s").verdict == Verdict::inconclusive);
    CHECK(to_json(damaged)["unread"] == 400);
    CHECK(status_check(status({0, 10'000}, 0), "s").verdict == Verdict::pass);
    // Too few for either.
    const auto burning = status({0, 10'000}, 9);
    CHECK(budget_check(burning, {1, 1}, "b").verdict == Verdict::pass);
    CHECK(status_check(burning, "s").verdict == Verdict::pass);
    // Burns whatever they were, or only if they were bad.
    CHECK(status({200, 10'000}, 10).burning);
    CHECK_FALSE(status({200, 10'000}, 1'000'000).burning);
}

TEST_CASE("budget: counts whose error may decide whether it burns neither burn nor pass") {
    const auto status = [](Counts counts, double count_error, double may_have_missed = 0) {
        auto readings = everywhere(counts, 30 * k_day_s);
        readings[0].reading.tally.requests = {0, 1'000'000};
        for (WindowReading& one : readings) {
            one.reading.count_error = one.window_s > 6 * 3600 ? count_error : 0;
            one.reading.may_have_missed = one.window_s > 3600 ? 0 : may_have_missed;
        }
        return budget_status(month(), readings);
    };
    const auto verdict = [](const BudgetStatus& one) { return status_check(one, "s").verdict; };
    // 5 bad are the fewest that burn; 1d/2h has a long window whose counts may be off.
    CHECK(verdict(status({5, 1000}, 0)) == Verdict::fail);
    const BudgetStatus five = status({5, 1000}, 0.5);
    CHECK_FALSE(five.burning);
    CHECK(verdict(five) == Verdict::inconclusive);
    CHECK(status_check(five, "s").detail.ends_with(
        "; whether it burns is unknown: 1d/2h: the error of its counts may decide it"
    ));
    CHECK(status({7, 1000}, 0.5).burning);
    CHECK(verdict(status({4, 1000}, 0)) == Verdict::pass);
    CHECK(verdict(status({4, 1000}, 1)) == Verdict::inconclusive);
    CHECK(verdict(status({0, 1000}, 9)) == Verdict::pass); // from none comes none
    CHECK(verdict(status({0, 1000}, 0, 20)) == Verdict::inconclusive);
}

TEST_CASE("budget: what a restart may hide is in its range, the bad ones and the good ones") {
    const auto status = [](Counts counts, double bad, double requests) {
        auto readings = everywhere(counts, 30 * k_day_s);
        readings.front().reading.may_have_missed = bad;
        readings.front().reading.requests_missed = requests;
        return budget_status(month(), readings);
    };
    const auto verdict = [](const BudgetStatus& one) {
        return budget_check(one, {1, 1}, "b").verdict;
    };
    const BudgetStatus bad = status({5, 10'000}, 20, 20);
    const auto range = range_of(bad);
    REQUIRE(range);
    CHECK(range->most.consumed == Approx(2.5));
    CHECK(bad.blur == Approx(2));
    CHECK(verdict(bad) == Verdict::inconclusive);
    CHECK(verdict(status({0, 10'000}, 20, 20)) == Verdict::inconclusive);
    // 11 of 10,000 are beyond 0.1 %, of 12,000 they are not.
    CHECK(verdict(status({11, 10'000}, 0, 2000)) == Verdict::inconclusive);
    CHECK(range_of(status({11, 10'000}, 0, 2000))->least.consumed < 1);
    CHECK(verdict(status({11, 10'000}, 0, 100)) == Verdict::fail);
}

TEST_CASE("budget: requests at the window's ends are in it where that is worse") {
    const auto status = [](Counts counts, Counts edge) {
        auto readings = everywhere(counts, 30 * k_day_s);
        for (WindowReading& one : readings) {
            one.reading.edge.requests = edge;
        }
        return budget_status(month(), readings);
    };
    const auto verdict = [](const BudgetStatus& one) {
        return budget_check(one, {1, 1}, "b").verdict;
    };
    CHECK(verdict(status({0, 10'000}, {0, 400})) == Verdict::pass);
    CHECK(status({0, 10'000}, {0, 400}).blur == 0);
    const BudgetStatus bad = status({0, 10'000}, {200, 400});
    CHECK(verdict(bad) == Verdict::inconclusive);
    CHECK(bad.burns.front().unsure);
    CHECK(status_check(bad, "s").verdict == Verdict::inconclusive);
    const auto range = range_of(bad);
    REQUIRE(range);
    CHECK(range->least.consumed == 0);
    CHECK(range->most.consumed > 1);
    // 11 of 10,000 are beyond 0.1 %, of 12,000 they are not.
    CHECK(verdict(status({11, 10'000}, {0, 0})) == Verdict::fail);
    CHECK(verdict(status({11, 10'000}, {0, 2000})) == Verdict::inconclusive);
    CHECK(verdict(status({11, 10'000}, {0, 100})) == Verdict::fail);
}

TEST_CASE("budget: requests that could not be read and may burn pass no status") {
    auto readings = everywhere({0, 1000}, 30 * k_day_s);
    readings[0].reading.tally.requests = {0, 1'000'000};
    for (const std::size_t at : {1U, 3U}) { // 5m and 1h
        readings[at].reading.unread = 100;
    }
    const BudgetStatus status = budget_status(month(), readings);
    CHECK(budget_check(status, {1, 1}, "b").verdict == Verdict::pass);
    const Check check = status_check(status, "s");
    CHECK(check.verdict == Verdict::inconclusive);
    CHECK(check.detail.ends_with(
        "; whether it burns is unknown: 1h/5m: requests that could not be read may decide it"
    ));
    // What says already why it cannot be judged says nothing about burning.
    readings[0].reading = {};
    const Check unknown = status_check(budget_status(month(), readings), "s");
    CHECK(unknown.verdict == Verdict::inconclusive);
    CHECK(unknown.detail == "the budget cannot be judged: nothing is known");
}

TEST_CASE("budget: what the source does not know is no kept objective") {
    SourceReading missing;
    missing.why = "target lane a:1 is down";
    const std::array readings{WindowReading{30 * k_day_s, missing}};
    const BudgetStatus status = budget_status(month(), readings);
    CHECK(status.why == "target lane a:1 is down");
    CHECK_FALSE(status.budget.has_value());
    CHECK(budget_check(status, {1, 1}, "b").verdict == Verdict::inconclusive);
    CHECK(budget_status(month(), {}).why == "not asked");
    CHECK(to_json(status)["consumed"].is_null());
}

TEST_CASE("budget: the windows are its own and those of the burn rates that fit into it") {
    CHECK(
        budget_windows(30 * k_day_s) ==
        std::vector<double>{30 * k_day_s, 300, 1800, 3600, 7200, 21'600, k_day_s, 3 * k_day_s}
    );
    CHECK(budget_windows(6 * 3600) == std::vector<double>{21'600, 300, 1800, 3600});
    CHECK(budget_windows(60) == std::vector<double>{60});
}

TEST_CASE("budget: a burn fires in both windows and above the floor of events") {
    const auto firing = [](const BudgetStatus& status) {
        return std::ranges::count_if(status.burns, [](const BurnStatus& burn) {
            return burn.rate.firing;
        });
    };
    // 2 % of 1000: twenty times the even rate, above all four factors.
    const auto all = budget_status(month(), everywhere({20, 1000}, 30 * k_day_s));
    CHECK(firing(all) == 4);
    CHECK(all.burning);
    // 5 %, but one bad request of 20 at night.
    const auto night = budget_status(month(), everywhere({1, 20}, 30 * k_day_s));
    CHECK(firing(night) == 0);
    CHECK_FALSE(night.burning);
    // Over: the long windows remember, the short ones are clean.
    auto over = everywhere({20, 1000}, 30 * k_day_s);
    for (WindowReading& reading : over) {
        if (reading.window_s == 300 || reading.window_s == 1800) {
            reading.reading.tally.requests = {0, 1000};
        }
    }
    CHECK(firing(budget_status(month(), over)) == 2);
}

TEST_CASE("budget: it is gone when what is left burns down at the last hour's rate") {
    auto readings = everywhere({0, 100'000}, 30 * k_day_s);
    readings[0].reading.tally.requests = {50, 100'000}; // half is left
    for (WindowReading& reading : readings) {
        if (reading.window_s == 3600) {
            reading.reading.tally.requests = {2, 1000}; // twice the even rate
        }
    }
    const BudgetStatus status = budget_status(month(), readings);
    REQUIRE(status.hours_to_exhaustion.has_value());
    CHECK(*status.hours_to_exhaustion == Approx(0.5 * 720 / 2));
    CHECK(status.exhaustion_by == "1h");
    for (WindowReading& reading : readings) {
        if (reading.window_s == 3600) {
            reading.reading.tally.requests = {2, 10}; // too few to go by: the last six hours
        } else if (reading.window_s == 6 * 3600) {
            reading.reading.tally.requests = {1, 1000};
        }
    }
    const BudgetStatus quiet = budget_status(month(), readings);
    CHECK(quiet.hours_to_exhaustion.value_or(0) == Approx(0.5 * 720));
    CHECK(quiet.exhaustion_by == "6h");
    const auto calm = budget_status(month(), everywhere({0, 1000}, 30 * k_day_s));
    CHECK(std::isinf(calm.hours_to_exhaustion.value_or(0)));
    CHECK(to_json(calm)["hours_to_exhaustion"].is_null());
    const auto empty = budget_status(month(), everywhere({0, 0}, 30 * k_day_s));
    CHECK_FALSE(empty.hours_to_exhaustion.has_value());
}

TEST_CASE("budget: a window that was not measured says so and does not fire") {
    auto readings = everywhere({20, 1000}, 30 * k_day_s);
    readings[1].reading = {};
    readings[1].reading.why = "too few scrapes";
    const BudgetStatus status = budget_status(month(), readings);
    CHECK(status.burns[0].why == "too few scrapes");
    CHECK_FALSE(status.burns[0].rate.firing);
    CHECK(status.burns[1].rate.firing);
}

TEST_CASE("budget: a status with a pair that was not measured passes nothing") {
    auto readings = everywhere({0, 1000}, 30 * k_day_s);
    CHECK(status_check(budget_status(month(), readings), "s").verdict == Verdict::pass);
    for (const std::size_t at : {1U, 3U}) { // the short and the long one of 1h/5m
        auto some = readings;
        some[at].reading = {};
        some[at].reading.why = "too few scrapes";
        const Check of_log = status_check(budget_status(month(), some), "s");
        CHECK(of_log.verdict == Verdict::inconclusive);
        CHECK(of_log.detail.ends_with(
            "; whether it burns is unknown: 1h/5m: too few scrapes; the log must be written to "
            "within the last 5m"
        ));
        some[0].reading.source = "prometheus http://p";
        CHECK(status_check(budget_status(month(), some), "s")
                  .detail.ends_with("too few scrapes; scrape the lane every 1m15s or more often"));
    }
    // Used up or burning is a breach whatever else is unknown.
    auto burning = everywhere({20, 1000}, 30 * k_day_s);
    burning[0].reading.tally.requests = {50, 100'000};
    burning[1].reading = {};
    const Check check = status_check(budget_status(month(), burning), "s");
    CHECK(check.verdict == Verdict::fail);
    CHECK(check.detail.ends_with("; burning: 6h above 6 times the even rate"));
}

TEST_CASE("budget: the reason names the least data that its window needs") {
    BudgetQuestion question = month();
    const std::array half_an_hour{WindowReading{30 * k_day_s, measured({0, 900}, 1800)}};
    CHECK(budget_status(question, half_an_hour).why.ends_with("an hour is the least"));
    question.window_s = 60;
    const std::array seconds{WindowReading{60, measured({0, 900}, 2)}};
    CHECK(budget_status(question, seconds).why.ends_with("the whole window is needed"));
}

TEST_CASE("budget: a covered time is told in whole days or in hours") {
    const auto covered = [](double seconds) {
        BudgetStatus status;
        status.question.window_s = 30 * k_day_s;
        status.covered_s = seconds;
        return covered_text(status);
    };
    CHECK(covered(30 * k_day_s) == "all of 30d");
    CHECK(covered(k_day_s) == "1d of 30d");
    CHECK(covered(1.5 * k_day_s) == "36h of 30d");
    CHECK(covered(3600) == "1h of 30d");
    CHECK(covered(0) == "0ms of 30d");
}

TEST_CASE("budget: the last hour tells how long it lasts though the last five minutes are unknown"
) {
    auto readings = everywhere({0, 100'000}, 30 * k_day_s);
    readings[0].reading.tally.requests = {50, 100'000};
    for (WindowReading& reading : readings) {
        if (reading.window_s == 3600) {
            reading.reading.tally.requests = {2, 1000};
        } else if (reading.window_s == 300) {
            reading.reading = {};
        }
    }
    const BudgetStatus status = budget_status(month(), readings);
    CHECK(status.exhaustion_by == "1h");
    CHECK(status.hours_to_exhaustion.value_or(0) == Approx(0.5 * 720 / 2));
}

TEST_CASE("budget: what options write by default is the number that is judged by default") {
    CHECK(config::read_percent(usual::k_objective.text) == usual::k_objective.number.value());
    CHECK(seconds(*config::read_duration(usual::k_window_s.text)) == usual::k_window_s.number);
    CHECK(
        seconds(*config::read_duration(usual::k_first_content_s.text)) ==
        usual::k_first_content_s.number
    );
    CHECK(number_of<std::uint64_t>(usual::k_least_bad.text) == usual::k_least_bad.number);
    CHECK(number_of<std::uint64_t>(usual::k_least_total.text) == usual::k_least_total.number);
    CHECK(AlertOptions{}.first_content + "s" == usual::k_first_content_s.text);
    CHECK(DashboardOptions{}.first_content + "s" == usual::k_first_content_s.text);
}

TEST_CASE("budget: the dashboard states the burn rates of the alerts") {
    const std::string text = dashboard({}).dump();
    CHECK(text.contains("Above 14.4 over 1h: page. Above 6 over 6h: page. Above 3 over 1d: ticket.")
    );
}
