#include "oa_stream/base/clock.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace oa_stream;

TEST_CASE("rfc3339: a whole stamp and nothing else") {
    const WallTime time{std::chrono::milliseconds(1'771'734'960'123)};
    CHECK(parse_rfc3339(rfc3339_millis(time)) == time);
    for (const char* same : {
             "2026-02-22T04:36:00.123Z",
             "2026-02-22t04:36:00.1239z",
             "2026-02-22T05:36:00.123+01:00",
             "2026-02-21T23:06:00.123-05:30",
         }) {
        CAPTURE(same);
        CHECK(parse_rfc3339(same) == time);
    }
    for (const char* wrong : {
             "",
             "2026-02-22T04:36:00junkZ",
             "2026-02-22T04:36:00Zjunk",
             "2026-02-22T04:36:00",
             "2026-02-22T04:36:00.Z",
             "2026-02-22T04:36:00,1Z",
             "2026-02-22 04:36:00Z",
             "2026-02-31T00:00:00Z",
             "2026-02-22T24:00:00Z",
             "2026-02-22T04:60:00Z",
             "2026-02-22T04:36:61Z",
             "2026-02-22T04:36:00+0100",
             "2026-02-22T04:36:00+24:00",
             "2026-02-22T+4:36:00Z",
             " 2026-02-22T04:36:00Z",
         }) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_rfc3339(wrong).has_value());
    }
}

TEST_CASE("rfc3339: a log line's own time, as loggers write it") {
    const WallTime time{std::chrono::milliseconds(1'771'734'960'500)};
    for (const std::string stamp :
         {"2026-02-22T04:36:00.5Z", "2026-02-22 04:36:00,500Z", "2026-02-22 05:36:00.5+0100"}) {
        CAPTURE(stamp);
        const auto found = time_at_start(stamp + " the rest");
        REQUIRE(found.has_value());
        CHECK(found->time == time);
        CHECK(found->length == stamp.size());
    }
    CHECK_FALSE(time_at_start("2026-02-22 04:36:00 no zone, no time").has_value());
}

TEST_CASE("rfc3339: a year that nanoseconds do not reach is far away, on its own side") {
    const WallTime now = std::chrono::system_clock::now();
    for (const char* never :
         {"9999-12-31T23:59:59Z", "2999-01-01T00:00:00Z", "2263-01-01T00:00:00Z"}) {
        CAPTURE(never);
        const auto time = parse_rfc3339(never);
        REQUIRE(time.has_value());
        CHECK(*time - now > std::chrono::years(100));
    }
    const auto first = parse_rfc3339("0001-01-01T00:00:00Z");
    REQUIRE(first.has_value());
    CHECK(*first < now);
    CHECK(now - *first > std::chrono::years(50));
}
