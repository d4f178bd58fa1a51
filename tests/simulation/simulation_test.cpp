// A short run of the rows of docs/gates.md, and that page's own numbers.
#include "oa_stream/base/file.hpp"

#include "clumps.hpp"
#include "detection.hpp"
#include "drift.hpp"
#include "rows.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::simulation;

namespace {

// Enough to see a broken procedure; the shares of the table come from 10,000.
constexpr std::uint64_t k_runs = 60;
constexpr double k_slack =
    3.3; // one row of thirty strays once in 70 repetitions, the seed is fixed

} // namespace

TEST_CASE("simulated cutovers: equal passes, doubled errors and a slower p95 fail") {
    for (const Row& row : cutover_rows()) {
        if (row.setup.base_rate < 0.02 || row.setup.sigma > 0.5) {
            continue; // the others differ in their number of samples only
        }
        const Outcome result = run(row, k_runs);
        CAPTURE(heading(row), result.pass, result.fail, result.inconclusive);
        CHECK(result.keeps(row, k_slack));
    }
}

TEST_CASE("simulated stages: a canary exactly at a limit seldom passes and seldom fails") {
    for (const Row& row : limit_rows()) {
        if (row.setup.sigma > 0.5) {
            continue;
        }
        const Outcome result = run(row, k_runs);
        CAPTURE(heading(row), result.pass, result.fail, result.inconclusive);
        CHECK(result.keeps(row, k_slack));
    }
}

TEST_CASE("simulated clumps: neither false PASS nor false FAIL beyond one in twenty") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/gates.md");
    REQUIRE(page.has_value());
    for (const ClumpRow& row : clump_rows()) {
        const ClumpOutcome result = run(row, 500);
        CAPTURE(heading(row), result.pass, result.fail);
        CHECK(result.keeps(row, k_slack));
        CHECK(page->contains(heading(row)));
    }
}

TEST_CASE("simulated drift: neither false PASS nor false FAIL beyond one in twenty") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/gates.md");
    REQUIRE(page.has_value());
    for (const DriftRow& row : drift_rows()) {
        const DriftOutcome result = run(row, 100);
        CAPTURE(heading(row), result.pass, result.fail);
        CHECK(result.keeps(row, k_slack));
        CHECK(page->contains(heading(row)));
    }
}

TEST_CASE("simulated faults: each is found in 19 of 20 runs, and an equal canary is left alone") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/gates.md");
    REQUIRE(page.has_value());
    for (const DetectionRow& row : detection_rows()) {
        const DetectionOutcome result = run(row, 60);
        CAPTURE(row.fault, row.gate, result.found);
        CHECK(result.keeps(row));
        CHECK(page->contains(fmt::format("| {} | `{}` |", row.fault, row.gate)));
    }
}

TEST_CASE("docs/gates.md shows every row, of 10,000 whole cutovers, with what is demanded kept") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/gates.md");
    REQUIRE(page.has_value());
    CHECK(page->find("10000 simulated whole cutovers") != std::string::npos);
    std::vector<Row> rows = cutover_rows();
    const std::vector<Row> limits = limit_rows();
    rows.insert(rows.end(), limits.begin(), limits.end());
    for (const Row& row : rows) {
        const std::string start = heading(row);
        CAPTURE(start);
        const auto at = page->find(start);
        REQUIRE(at != std::string::npos);
        double pass = -1;
        double fail = -1;
        REQUIRE(
            std::sscanf(page->c_str() + at + start.size(), " %lf %% | %lf %%", &pass, &fail) == 2
        );
        Outcome shown{.runs = 10'000};
        shown.pass = static_cast<std::uint64_t>(pass * 100 + 0.5);
        shown.fail = static_cast<std::uint64_t>(fail * 100 + 0.5);
        CHECK(shown.keeps(row, 0));
    }
}
