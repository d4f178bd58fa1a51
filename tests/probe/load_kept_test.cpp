#include "oa_stream/probe/load.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::probe;

namespace {

/// As a run writes it and a replay reads it.
LoadTotals kept(const LoadTotals& totals) {
    const auto json = parse_json(dump_json(kept_totals(totals)));
    REQUIRE(json.has_value());
    auto out = totals_from_kept(*json);
    REQUIRE(out.has_value());
    return *std::move(out);
}

LoadRequest request(int number) {
    LoadRequest out;
    out.late_s = number % 7 == 0 ? 0.02 : 0.0001 * number;
    out.reader = number % 11 == 0 ? Reader::leaving : Reader::plain;
    out.sample.outcome = number % 50 == 3 ? Outcome::truncated : Outcome::ok;
    if (number % 40 != 5) {
        out.sample.clocks.first_content = 0.000123 * number * number;
        out.sample.clocks.end = 0.5 + 0.0007 * number;
    } else {
        out.sample.outcome = Outcome::ttfb_timeout;
    }
    out.dropped = number % 97 == 96;
    out.unfinished = out.waited_out = number % 53 == 52;
    return out;
}

} // namespace

TEST_CASE("load kept: every limit is judged by what was kept as it was by the load, to the digit") {
    for (const int count : {0, 1, 2, 59, 400}) {
        LoadTotals totals;
        for (int i = 0; i < count; ++i) {
            totals.add(request(i));
            totals.gaps.record(0.001 * i);
        }
        const LoadTotals again = kept(totals);
        for (const char* text :
             {"p99 first_content <= 2s",
              "p50 first_content <= 1ms",
              "p99.9 first_content <= 30s",
              "p95 end <= 700ms",
              "p1 end <= 500ms",
              "p95 gap <= 400ms",
              "bad <= 1%",
              "bad <= 5%",
              "late <= 5%",
              "dropped <= 1%",
              "truncated <= 2%"}) {
            for (const double confidence : {0.95, 0.999}) {
                CAPTURE(count, text, confidence);
                const auto limit = parse_load_limit(text);
                REQUIRE(limit.has_value());
                const Check then = judge_limit(*limit, totals, confidence);
                const Check now = judge_limit(*limit, again, confidence);
                CHECK(to_json(now) == to_json(then));
            }
        }
    }
}

TEST_CASE("load kept: what is no load's totals is refused") {
    LoadTotals totals;
    totals.add(request(1));
    const Json good = kept_totals(totals);
    const auto refused = [&](auto change) {
        Json json = good;
        change(json);
        return !totals_from_kept(*parse_json(dump_json(json))).has_value();
    };
    CHECK(refused([](Json& json) { json.erase("judged"); }));
    CHECK(refused([](Json& json) { json["measured_late"] = 7; }));
    CHECK(refused([](Json& json) { json["measured"] = -1; }));
    CHECK(refused([](Json& json) { json["judged"]["bad"] = 2; }));
    CHECK(refused([](Json& json) { json["judged"]["outcomes"] = 3; }));
    CHECK(refused([](Json& json) { json["from_planned"].erase("end"); }));
    CHECK(refused([](Json& json) { json["start_delay"]["values"] = {{1, 0}}; }));
    CHECK(refused([](Json& json) { json["start_delay"]["min"] = 1'000'000'000; }));
    CHECK_FALSE(refused([](Json&) {}));
}
