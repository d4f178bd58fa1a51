#include "load/load_charts.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("load charts: who waited in vain waited as long as anybody, and perhaps longer") {
    probe::LoadSecond second;
    second.first_content.record(0.5);
    second.first_content.record(2);
    second.first_content.record_infinite();
    LoadCharts charts;
    charts.add(second);
    probe::LoadSecond stalled{.second = 1};
    stalled.first_content.record_infinite();
    charts.add(stalled);
    const auto series = charts.series(0, {});
    const auto& lines = series.at(2).lines;
    const report::SeriesPoint& p95 = lines.at(0).points.at(0);
    CHECK(p95.y == Approx(2).epsilon(0.01));
    CHECK(p95.low == p95.y);
    CHECK(p95.open);
    const report::SeriesPoint& p50 = lines.at(1).points.at(0);
    CHECK(p50.y == Approx(2).epsilon(0.01));
    CHECK_FALSE(p50.open);
    for (const report::SeriesLine& line : lines) {
        CHECK(line.points.at(1).y == p95.y);
        CHECK(line.points.at(1).open);
    }
}
