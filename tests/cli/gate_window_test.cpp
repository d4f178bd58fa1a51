#include "oa_stream/measure/gate_reading.hpp"

#include "slo/gate_window.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

constexpr Millis k_ten_minutes{600'000};

std::shared_ptr<const measure::DatedReading> told(double covered_s) {
    measure::DatedReading out;
    out.reading.covered_s = covered_s;
    return std::make_shared<const measure::DatedReading>(std::move(out));
}

measure::GateRecord undecided(std::uint64_t n, std::optional<std::uint64_t> needs) {
    measure::GateRecord out;
    out.n = n;
    out.needs_n = needs;
    out.basis = std::make_shared<const measure::GateBasis>(
        measure::GateBasis{.canary = told(600), .stable = told(600)}
    );
    return out;
}

} // namespace

TEST_CASE("next window: it holds what the gate needs at the rate of this one, in plain words") {
    struct Row {
        std::uint64_t n;
        std::uint64_t needs;
        std::chrono::minutes window;
    };
    for (const Row& row : {
             Row{100, 110, std::chrono::minutes(20)}, // at least twice
             Row{100, 200, std::chrono::minutes(20)},
             Row{100, 201, std::chrono::minutes(30)},
             Row{100, 299, std::chrono::minutes(30)},
             Row{100, 301, std::chrono::minutes(45)},
             Row{100, 5'000, std::chrono::hours(12)}, // 500 minutes are 8 h 20
             Row{100, 100'000, std::chrono::hours(7 * 24)},
         }) {
        CAPTURE(row.n, row.needs);
        const auto next = next_window(undecided(row.n, row.needs), k_ten_minutes);
        REQUIRE(next.window);
        CHECK(*next.window == row.window);
    }
    CHECK(
        next_window(undecided(100, 5'000), k_ten_minutes).note ==
        "at this rate 12h holds the 5000 samples that it needs"
    );
}

TEST_CASE("next window: where none holds what it needs, it says so") {
    const auto next = next_window(undecided(1, 1'000'000), k_ten_minutes);
    CHECK_FALSE(next.window);
    CHECK(
        next.note == "at this rate no window up to 30d holds the 1000000 samples that it needs: a "
                     "higher limit or less confidence needs fewer"
    );
}

TEST_CASE("next window: without a rate or a need, twice as long is all that is known") {
    for (const auto& record : {undecided(0, 300), undecided(100, std::nullopt)}) {
        const auto next = next_window(record, k_ten_minutes);
        CHECK(next.window == Millis(1'200'000));
        CHECK(next.note.empty());
    }
}

TEST_CASE("next window: versus stable the arm with fewer samples says how long") {
    auto record = undecided(1000, 2000);
    record.spec.against = measure::Against::stable;
    record.reference_n = 100;
    CHECK(next_window(record, k_ten_minutes).window == std::chrono::hours(4)); // 200 minutes
}

TEST_CASE("next window: a source that is younger than the window has nothing older to show") {
    auto record = undecided(100, 300);
    record.basis = std::make_shared<const measure::GateBasis>(
        measure::GateBasis{.canary = told(120), .stable = told(120)}
    );
    const auto soon = next_window(record, k_ten_minutes);
    CHECK(soon.window == k_ten_minutes); // 300 samples come in 6 minutes
    CHECK(
        soon.note == "at this rate 10m holds the 300 samples that it needs, and the source has "
                     "data for 2m of the last 10m"
    );
    record.needs_n = 1000;
    CHECK(next_window(record, k_ten_minutes).window == std::chrono::minutes(20));
}
