#include "oa_stream/config/units.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::config;

TEST_CASE("units: durations, shares and rates are read exactly") {
    CHECK(*read_duration("250ms") == Millis(250));
    CHECK(*read_duration("1.5s") == Millis(1500));
    CHECK(*read_duration("1m30s") == Millis(90000)); // as format_duration() writes it
    CHECK(*read_duration("05s") == Millis(5000));
    CHECK(*read_duration("30d") == Millis(30LL * 86400 * 1000));
    CHECK(*read_percent("099.9%") == 0.999);
    CHECK(*read_percent("0%") == 0);
    // as decimals: dividing 99.9 or 0.7 by 100 gives another double
    CHECK(*read_percent("99.9%") == 0.999);
    CHECK(*read_limit("0.7%") == Limit{0.007, LimitUnit::share});
    CHECK(*read_limit("+0.7pp") == Limit{0.007, LimitUnit::points});
    CHECK(*read_whole_percent("100%") == 100);
    CHECK(*read_rate("2/s") == 2);
    CHECK(*read_rate("120/m") == 2);
    CHECK(*read_rate("0.5/s") == 0.5);
    CHECK(*read_boolean("true"));
    CHECK_FALSE(*read_boolean("false"));
    CHECK(*read_limit("1%") == Limit{0.01, LimitUnit::share});
    CHECK(*read_limit("+20%") == Limit{0.2, LimitUnit::relative});
    CHECK(*read_limit("+1pp") == Limit{0.01, LimitUnit::points});
    CHECK(*read_limit("2.5s") == Limit{2.5, LimitUnit::seconds});
    CHECK(*read_limit("1m30s") == Limit{90, LimitUnit::seconds});
    CHECK(*read_limit("05%") == Limit{0.05, LimitUnit::share});
    CHECK(exact_percent(0.999) == "99.9%");
    CHECK(exact_percent(0.05) == "5%");
    CHECK(rate_text(0.5) == "0.5/s");
}

TEST_CASE("units: a bare number names the unit that is missing") {
    CHECK(read_duration("10").error().message == "'10' has no unit, expected a duration like 10m");
    CHECK(read_duration("10").error().hint == "write 10ms, 10s, 10m, 10h or 10d");
    CHECK(read_percent("5").error().hint == "write 5%");
    CHECK(read_whole_percent("25").error().hint == "write 25%");
    CHECK(read_rate("2").error().hint == "write 2/s, 2/m or 2/h");
    CHECK(read_limit("1").error().hint == "write 1% of requests, 1s");
    CHECK(read_boolean("yes").error().hint == "write true");
    CHECK(read_boolean("Off").error().hint == "write false");
}

TEST_CASE("units: an option takes a bare rate per second, within its range") {
    CHECK(*read_rate_within("500", 0.01, 500) == 500);
    CHECK(*read_rate_within("30/m", 0.01, 500) == 0.5);
    CHECK(*read_rate_within("7200/h", 0.01, 500) == 2);
    CHECK(
        read_rate_within("0/s", 0.01, 500).error().message ==
        "'0/s' is not a rate from 0.01/s to 500/s"
    );
    for (const char* text : {"", "501", ".5/s", "0501", "5./s", "1e2", "-1", "fast"}) {
        CAPTURE(text);
        CHECK_FALSE(read_rate_within(text, 0.01, 500).has_value());
    }
}

TEST_CASE("units: a bare share is below 1, because 1 may mean 1% or all") {
    CHECK(*read_share("5%") == 0.05);
    CHECK(*read_share("100%") == 1);
    CHECK(*read_share("0.05") == 0.05);
    CHECK(*read_share("0") == 0);
    CHECK(read_share("1").error().hint == "write 1%");
    for (const char* text : {"", "1.0", "5", "5.%", ".05", "101%", "nan", "1/2"}) {
        CAPTURE(text);
        CHECK_FALSE(read_share(text).has_value());
    }
}

TEST_CASE("units: sizes of both kinds of units are read by one rule") {
    struct Row {
        const char* text;
        std::uint64_t want;
    };
    for (const Row& row : std::array{
             Row{"65536", 65536},
             Row{"0", 0},
             Row{"0B", 0},
             Row{"64k", 65536},
             Row{"64KiB", 65536},
             Row{"8m", 8U << 20U},
             Row{"8M", 8U << 20U},
             Row{"2g", std::uint64_t{2} << 30U},
             Row{"1.5GiB", std::uint64_t{3} << 29U},
             Row{"10kb", 10'000},
             Row{"500MB", 500'000'000},
             Row{"1.5GB", 1'500'000'000},
             Row{"1TB", 1'000'000'000'000},
         }) {
        CAPTURE(row.text);
        CHECK(read_size(row.text).value_or(1) == row.want);
    }
    for (const char* text :
         {"",
          "MB",
          "-0MB",
          "-1MB",
          "+1MB",
          "1e3MB",
          "1E2kB",
          ".5MB",
          "1 MB",
          "nanMB",
          "1.5",
          "1.5B",
          "0x10",
          "1e30GB",
          "1001TB",
          "64p"}) {
        CAPTURE(text);
        REQUIRE_FALSE(read_size(text).has_value());
        CHECK(read_size(text).error().message.ends_with("is not a size"));
    }
}

TEST_CASE("units: a limit that nothing can break is refused") {
    for (const char* text : {"100%", "100.5%", "500%", "+100pp", "+500pp"}) {
        CAPTURE(text);
        const auto limit = read_limit(text);
        REQUIRE_FALSE(limit.has_value());
        CHECK(
            limit.error().message ==
            "'" + std::string(text) + "' can never be exceeded: no share is outside 0% to 100%"
        );
    }
    CHECK(read_limit("500%").error().hint == "a share below 100%");
    CHECK(read_limit("99.9%").has_value());
    CHECK(read_limit("+99pp").has_value());
    CHECK(read_limit("+500%")->value == 5); // a p95 five times longer can be
}

TEST_CASE("units: whatever is not plain decimal with its unit is refused") {
    for (const char* text : {"",       "m",    "10min",        "30s1m",  "-10m",  "+10m", "1e3s",
                             "1m1m",   "10 m", "10m ",         "1_000s", "0x10s", ".5s",  "1.s",
                             "1.2.3s", "10M",  "99999999999d", "nan s",  "infs",  "10m\n"}) {
        CAPTURE(text);
        CHECK_FALSE(read_duration(text).has_value());
    }
    for (const char* text : {"", "%", "5 %", "-5%", "+5%", "101%", ".5%", "1e1%", "nan%", "5%%"}) {
        CAPTURE(text);
        CHECK_FALSE(read_percent(text).has_value());
        CHECK_FALSE(read_whole_percent(text).has_value());
    }
    CHECK_FALSE(read_whole_percent("2.5%").has_value());
    CHECK_FALSE(read_whole_percent("2.0%").has_value());
    CHECK_FALSE(read_whole_percent("05%").has_value());
    for (const char* text : {"", "/s", "2/", "2/S", "2 /s", "-2/s", "2/ms", "2ps", "2./s"}) {
        CAPTURE(text);
        CHECK_FALSE(read_rate(text).has_value());
    }
    for (const char* text : {"True", "TRUE", "1", "0", "yes", "on", "y", "~", ""}) {
        CAPTURE(text);
        CHECK_FALSE(read_boolean(text).has_value());
    }
    for (const char* text :
         {"+", "+20", "+2.5s", "-1%", "+1p", "pp", "1pp", "++1%", "+pp", "0.01"}) {
        CAPTURE(text);
        CHECK_FALSE(read_limit(text).has_value());
    }
}
