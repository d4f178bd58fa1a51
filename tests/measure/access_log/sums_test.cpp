// What was added up and is cut by the window's ends: no verdict that it could change is given.
#include "oa_stream/measure/budget.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "sources/access_log/access_log_index.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace oa_stream::measure {
namespace {

constexpr double k_sums_epoch = 1795168800; // a whole hour
constexpr double k_sums_end_s = 5400;

using BadSpan = std::pair<double, double>;

/// Two requests a second for an hour and a half, of which about half are kept one by one.
AccessLogIndex
index_of(const std::vector<BadSpan>& bad, double minutes_s, std::uint64_t every = 1) {
    AccessLogIndex out({.requests_kept = 5000, .minutes_s = minutes_s});
    for (std::uint64_t i = 0; i < 10'800; ++i) {
        const double at_s = static_cast<double>(i) / 2;
        const bool failed = i % every == 0 && std::ranges::any_of(bad, [&](const BadSpan& span) {
                                return at_s >= span.first && at_s < span.second;
                            });
        AccessLine line{.revision = "rev-a", .route = "/api/chat/stream", .post = true};
        line.id = i;
        line.bad = failed ? telemetry::bit_of(telemetry::BadEvent::http_5xx) : 0;
        line.first_content_s = failed ? 30 : 0.04;
        out.add(0, k_sums_epoch + at_s, line);
    }
    return out;
}

SourceReading ask_sums(const AccessLogIndex& index, double from_s, Question question = {}) {
    question.window = {k_sums_epoch + from_s, k_sums_epoch + k_sums_end_s};
    auto out = index.answer(question);
    REQUIRE(out.state == SourceReading::State::measured);
    return out;
}

Verdict rate_on(const SourceReading& reading) {
    const auto record = evaluate_readings({.id = "error-rate", .limit = 0.01}, reading, {}, {});
    UNSCOPED_INFO(record.sentence);
    return record.verdict;
}

Verdict p95_on(const SourceReading& reading) {
    const auto record =
        evaluate_readings({.id = "p95", .metric = Metric::quantile, .limit = 2.5}, reading, {}, {});
    UNSCOPED_INFO(record.sentence);
    return record.verdict;
}

Verdict budget_on(const SourceReading& reading, double window_s) {
    const std::array readings{WindowReading{window_s, reading}};
    const auto status =
        budget_status({.name = "good", .objective = {99, 100}, .window_s = window_s}, readings);
    const Check check = budget_check(status, {1, 1}, "budget");
    UNSCOPED_INFO(check.detail);
    return check.verdict;
}

constexpr double k_by_minutes_s = 86'400;

} // namespace

TEST_CASE("access log sums: failures within an hour that the window cuts are counted by minutes") {
    // The window begins at 1800 s; the newest hour that was added up ends at 3600 s.
    const auto bad = ask_sums(index_of({{1900, 2440}}, k_by_minutes_s), 1800);
    CHECK(bad.tally.requests == Counts{1080, 7200});
    CHECK(bad.edge.requests == Counts{});
    CHECK(bad.covered_s == Approx(3600));
    CHECK(rate_on(bad) == Verdict::fail);
    CHECK(budget_on(bad, 3600) == Verdict::fail);
    // Before the window, in the same hour.
    const auto before = ask_sums(index_of({{500, 1040}}, k_by_minutes_s), 1800);
    CHECK(before.tally.requests == Counts{0, 7200});
    CHECK(rate_on(before) == Verdict::pass);
    CHECK(budget_on(before, 3600) == Verdict::pass);
}

TEST_CASE("access log sums: a minute that the window cuts decides nothing when it had failures") {
    const auto healthy = ask_sums(index_of({}, k_by_minutes_s), 1830);
    CHECK(healthy.tally.requests == Counts{0, 7080});
    CHECK(healthy.edge.requests == Counts{0, 120});
    CHECK(healthy.edge_error == 120);
    CHECK(healthy.covered_s == Approx(3570));
    CHECK(rate_on(healthy) == Verdict::pass);
    CHECK(p95_on(healthy) == Verdict::pass);
    CHECK(budget_on(healthy, 3570) == Verdict::pass);
    // Within the window or before it: the sum does not tell.
    for (const BadSpan& span : {BadSpan{1800, 1830}, BadSpan{1830, 1860}, BadSpan{1800, 1860}}) {
        const auto cut = ask_sums(index_of({span}, k_by_minutes_s), 1830);
        CHECK(cut.tally.requests == Counts{0, 7080});
        CHECK(cut.edge.requests.total == 120);
        const std::uint64_t bad = span.second - span.first > 40 ? 120 : 60;
        CHECK(cut.edge.requests.bad == bad);
        // 60 of 7140 are fewer than 1 %, but do not prove that it is kept.
        CHECK(budget_on(cut, 3570) == (bad == 120 ? Verdict::inconclusive : Verdict::pass));
        CHECK(rate_on(cut) == Verdict::inconclusive);
        CHECK(p95_on(cut) == Verdict::pass); // 120 of 7200 are no twentieth
        CHECK(cut.notes.back().contains(" of them bad, may lie on either side"));
    }
}

TEST_CASE("access log sums: an hour that the window cuts is neither PASS nor FAIL by itself") {
    // All of it was long ago: no minutes are kept. Its first hour has 7200 requests.
    for (const BadSpan& span : {BadSpan{1900, 2440}, BadSpan{500, 1040}}) {
        const auto cut = ask_sums(index_of({span}, 0), 1800);
        CHECK(cut.tally.requests == Counts{0, 3600});
        CHECK(cut.edge.requests == Counts{1080, 7200});
        CHECK(cut.covered_s == Approx(1800.5)); // not the half hour of which only a sum is known
        CHECK(rate_on(cut) == Verdict::inconclusive);
        CHECK(p95_on(cut) == Verdict::inconclusive);
        CHECK(budget_on(cut, 3600) == Verdict::inconclusive);
        const auto slow = ask_sums(index_of({span}, 0), 1800, {.slower_than_s = 2.5});
        CHECK(slow.tally.requests == Counts{0, 3600});
        CHECK(slow.edge.requests == Counts{1080, 7200});
        CHECK(rate_on(slow) == Verdict::inconclusive);
    }
    const auto healthy = ask_sums(index_of({}, 0), 1800);
    CHECK(rate_on(healthy) == Verdict::pass);
    CHECK(p95_on(healthy) == Verdict::pass);
    // Failures that are in the window for certain: FAIL, unless the good ones make them too few.
    CHECK(rate_on(ask_sums(index_of({{3600, 5400}}, 0, 10), 1800)) == Verdict::fail);
    CHECK(rate_on(ask_sums(index_of({{3600, 5400}}, 0, 50), 1800)) == Verdict::inconclusive);
    CHECK(p95_on(ask_sums(index_of({{3600, 5400}}, 0, 2), 1800)) == Verdict::fail);
    CHECK(p95_on(ask_sums(index_of({{3600, 5400}}, 0, 10), 1800)) == Verdict::inconclusive);
}

TEST_CASE("access log sums: many keys make minutes hours early, and never more sums") {
    AccessLogIndex index({.requests_kept = 1000, .slices = 60});
    std::uint64_t bad = 0;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        AccessLine line{.route = "/api/chat/stream", .post = true, .id = i};
        line.revision = i % 3 == 0 ? "rev-b" : "rev-a";
        line.bad = i % 7 == 0 ? telemetry::bit_of(telemetry::BadEvent::http_5xx) : 0;
        bad += i % 7 == 0 ? 1 : 0;
        index.add(0, k_sums_epoch + static_cast<double>(i), line);
        REQUIRE(index.sums() <= 60);
    }
    Question question;
    question.window = {k_sums_epoch, k_sums_epoch + 20'000};
    const auto all = index.answer(question);
    CHECK(all.tally.requests == Counts{bad, 20'000});
    CHECK(all.edge.requests == Counts{});
    CHECK(all.covered_s == Approx(20'000).margin(1));
    CHECK(index.sums() > 40); // as many minutes as fit
}

TEST_CASE("access log sums: memory is bounded while a log of many hours is read, too") {
    AccessLogIndex index({.requests_kept = 1000, .slices = 60});
    constexpr double k_apart_s = 3600;
    constexpr std::uint64_t k_requests = 2000;
    for (std::uint64_t i = 0; i < k_requests; ++i) {
        const AccessLine line{
            .revision = "rev-a", .route = "/api/chat/stream", .post = true, .id = i
        };
        index.add(0, k_sums_epoch + static_cast<double>(i) * k_apart_s, line);
    }
    CHECK(index.sums() == 60);
    CHECK(index.most_sums() == 61); // the one that is added, and makes another one go
    Question question;
    question.window = {k_sums_epoch, k_sums_epoch + (k_requests - 1) * k_apart_s + 1};
    const auto all = index.answer(question);
    CHECK(all.tally.requests == Counts{0, index.kept() + 60}); // the newest ones
    CHECK(all.uncovered.ends_with(" were too many to keep and are no longer known"));
}

TEST_CASE("access log sums: a single time that may be beyond the limit is in a budget's range") {
    constexpr int k_seconds = 600;
    AccessLogIndex index({.requests_kept = 100});
    for (int i = 0; i < k_seconds; ++i) {
        AccessLine line{.revision = "rev-a", .route = "/api/chat/stream", .post = true};
        line.id = static_cast<std::uint64_t>(i);
        line.first_content_s = i == 0 ? 0.3001 : 0.04; // in one bucket of the sums with 0.3 s
        index.add(0, k_sums_epoch + i, line);
    }
    const auto got =
        index.answer({.slower_than_s = 0.3, .window = {k_sums_epoch, k_sums_epoch + k_seconds}});
    REQUIRE(got.state == SourceReading::State::measured);
    CHECK(as_may_have_been(got, 0, true).bad >= 1);
    CHECK(as_may_have_been(got, 0, false).bad == 0);
}

} // namespace oa_stream::measure
