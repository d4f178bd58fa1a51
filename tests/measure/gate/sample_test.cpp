// Samples as run folders keep them, and their times as gates take them.
#include "oa_stream/measure/sample.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();

} // namespace

TEST_CASE("sample: a time that is missing is null, one that never came is the word inf") {
    Sample sample;
    sample.at_s = 1.23456789;
    sample.arm = "canary";
    sample.outcome = "ok";
    sample.first_content_s = 0.1234567;
    sample.max_gap_s = k_never;
    const Json out = to_json(sample);
    CHECK(out["at_s"] == 1.234568);
    CHECK(out["first_content_s"] == 0.123457);
    CHECK(out["end_s"].is_null());
    CHECK(out["max_gap_s"] == "inf");
    CHECK_FALSE(out.contains("cut"));
    CHECK_FALSE(out.contains("request_id"));
    CHECK_FALSE(out.contains("detail"));
}

TEST_CASE("sample: members that say nothing are left out, the others are kept") {
    Sample sample;
    sample.bad = true;
    sample.cut = true;
    sample.request_id = "r1";
    sample.detail = "503";
    const Json out = to_json(sample);
    CHECK(out["bad"] == true);
    CHECK(out["cut"] == true);
    CHECK(out["request_id"] == "r1");
    CHECK(out["detail"] == "503");
    CHECK(out["first_content_s"].is_null());
    CHECK_FALSE(out.contains("max_gap_s"));
}

TEST_CASE("sample: what was cut has no end, what failed has no duration") {
    Sample good;
    good.first_content_s = 0.2;
    good.max_gap_s = 0.05;
    good.end_s = 1.0;
    Sample bad = good;
    bad.bad = true;
    bad.end_s = 0.01;
    Sample cut = good;
    cut.cut = true;
    Sample silent;
    silent.cut = true;
    const std::vector<Sample> all{cut, good, bad, silent};
    CHECK(times_sorted(all, Timing::first_content) == std::vector<double>{0.2, 0.2, 0.2});
    CHECK(
        times_sorted(all, Timing::duration) ==
        std::vector<double>{1.0, k_never, std::numeric_limits<double>::infinity()}
    );
    // Without any content there is no gap between its pieces.
    CHECK(times_sorted(all, Timing::chunk_gap) == std::vector<double>{0.05, 0.05, k_never});
    CHECK(count_bad(all).bad == 1);
    CHECK(count_bad(all).total == 4);
}
