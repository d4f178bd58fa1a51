#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>

using namespace oa_stream;

TEST_CASE(
    "duration: plain numbers with units, from the largest on, as format_duration() writes them"
) {
    struct Row {
        const char* in;
        std::optional<long> millis;
    };
    static constexpr std::array k_rows{
        Row{"250ms", 250},
        Row{"10s", 10000},
        Row{"1.5s", 1500},
        Row{"5m", 300000},
        Row{"2h", 7200000},
        Row{"30d", 2592000000},
        Row{"0s", 0},
        Row{"1m30s", 90000},
        Row{"168h1ms", 604800001},
        Row{"1h1m1.5s", 3661500},
        Row{"30s1m", std::nullopt},
        Row{"1m1m", std::nullopt},
        Row{"1m30", std::nullopt},
        Row{"1m.5s", std::nullopt},
        Row{"10", std::nullopt},
        Row{"s", std::nullopt},
        Row{"", std::nullopt},
        Row{"-1s", std::nullopt},
        Row{" 1s", std::nullopt},
        Row{"1 s", std::nullopt},
        Row{"1e3s", std::nullopt},
        Row{"1w", std::nullopt},
        Row{"05s", 5000},
        Row{".5s", std::nullopt},
        Row{"1.s", std::nullopt},
        Row{"1.2.3s", std::nullopt},
        Row{"nans", std::nullopt},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION("'" << row.in << "'") {
        const auto parsed = parse_duration(row.in);
        REQUIRE(parsed.has_value() == row.millis.has_value());
        if (parsed) {
            CHECK(parsed->count() == *row.millis);
        } else {
            CHECK(parsed.error().code == Code::usage);
            CHECK(parsed.error().text().contains("250ms, 10s, 5m, 2h, 30d"));
        }
    }
}

TEST_CASE("duration: one that is too long is a duration all the same") {
    const auto parsed = parse_duration("99999d");
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Code::usage);
    CHECK(parsed.error().message == "'99999d' is too long a time");
}

TEST_CASE("duration: printed in the shortest exact form") {
    CHECK(format_duration(Millis{250}) == "250ms");
    CHECK(format_duration(Millis{1500}) == "1.5s");
    CHECK(format_duration(Millis{60000}) == "1m");
    CHECK(format_duration(Millis{150000}) == "2m30s");
    CHECK(format_duration(Millis{3600000}) == "1h");
    CHECK(format_duration(Millis{3661500}) == "1h1m1.5s");
    CHECK(format_duration(Millis{90000000}) == "25h");
    CHECK(format_duration(Millis{86400000}) == "1d");
    CHECK(format_duration(Millis{604800000}) == "7d");
    CHECK(format_duration(Millis{604800001}) == "168h1ms");
    CHECK(format_duration(Millis{0}) == "0ms");
    CHECK(format_duration(Millis::min()).starts_with("-2562047788015h"));
}

TEST_CASE("wall time: RFC 3339 with milliseconds, and a folder-safe form") {
    const WallTime time{std::chrono::milliseconds{1771734960123}};
    CHECK(rfc3339_millis(time) == "2026-02-22T04:36:00.123Z");
    CHECK(compact_utc(time) == "20260222T043600Z");
}
