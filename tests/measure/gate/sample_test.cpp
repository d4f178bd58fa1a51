// Samples as run folders keep them, and their times as gates take them.
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/sample.hpp"
#include "oa_stream/measure/tally.hpp"

#include <catch2/catch.hpp>

#include <array>
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

TEST_CASE("sample: what oa-stream itself did is a member, and read of lines of earlier versions") {
    Sample sample;
    sample.detail = "in any words";
    CHECK_FALSE(was_starved(sample_from_json(to_json(sample))));
    sample.own = true;
    sample.sent = false;
    CHECK(was_starved(sample_from_json(to_json(sample))));
    CHECK_FALSE(sample_from_json(to_json(sample)).sent);
    const Json old = {{"detail", "oa-stream itself stood still for 1.000s of its 2.000s"}};
    CHECK(was_starved(sample_from_json(old)));
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

TEST_CASE("sample: of some endings only those are bad") {
    Sample failed;
    failed.bad = true;
    failed.outcome = "turn_failed";
    Sample slow = failed;
    slow.outcome = "ttfb_timeout";
    Sample good;
    good.outcome = "turn_failed"; // not bad, whatever it is called
    const std::vector<Sample> all{failed, slow, slow, good};
    const std::array<std::string_view, 1> endings{"turn_failed"};
    CHECK(count_bad(all, endings).bad == 1);
    CHECK(count_bad(all, endings).total == 4);
    CHECK(count_bad(all).bad == 3);
}

TEST_CASE("sample: samples of one moment have no stretches") {
    Sample one;
    one.at_s = 5;
    one.first_content_s = 0.1;
    const std::vector<Sample> all(4, one);
    const Tally tally = tally_of(all, Timing::first_content);
    CHECK(tally.timed() == 4);
    CHECK(tally.time_blocks.empty());
    CHECK(tally.blocks.empty());
}

TEST_CASE("sample: what was given up is no request, and hides how slow its neighbours were") {
    const auto at = [](double at_s, std::string outcome, double end_s) {
        Sample out;
        out.at_s = at_s;
        out.outcome = std::move(outcome);
        out.first_content_s = 0.1 + at_s / 100;
        out.end_s = end_s;
        return out;
    };
    Sample silent = at(13, "cancelled", 7); // given up at 20 without any content
    silent.first_content_s.reset();
    const std::vector<Sample> all{
        at(10, "ok", 1),
        at(11, "ok", 1),
        at(12, "cancelled", 8), // given up at 20
        at(12.5, "ok", 1),
        silent,
        at(14, "ok", 1), // slow ones of then are not known
        at(21, "ok", 1), // of the next window
    };
    CHECK(count_bad(all).total == 5);
    CHECK(times_sorted(all, Timing::duration).size() == 3);
    CHECK(times_sorted(all, Timing::first_content).size() == 5); // that of the first is known
    const Tally tally = tally_of(all, Timing::duration);
    CHECK(tally.requests.total == 5);
    CHECK(tally.timed() == 3);
    CHECK(tally.time_blocks.size() == 3);
    std::uint64_t blocks = 0;
    for (const Counts& block : tally.blocks) {
        blocks += block.total;
    }
    CHECK(blocks == 5);
}
