#include "oa_stream/traffic/driver.hpp"
#include "oa_stream/traffic/split.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <limits>

using namespace oa_stream;
using namespace oa_stream::traffic;

TEST_CASE("split: whole percents that sum to 100") {
    CHECK(Split::of({{"a", 95}, {"b", 5}}).has_value());
    CHECK_FALSE(Split::of({{"a", 95}, {"b", 6}}).has_value());
    CHECK_FALSE(Split::of({{"a", 101}, {"b", -1}}).has_value());
    CHECK_FALSE(Split::of({}).has_value());
    const auto same = Split::between("a", "a", 5);
    REQUIRE_FALSE(same.has_value());
    CHECK(same.error().code == Code::usage);
}

TEST_CASE("split: a named 0 equals an unnamed one, an unknown split equals only itself") {
    const Split a = *Split::of({{"stable", 100}});
    const Split b = *Split::of({{"stable", 100}, {"canary", 0}});
    CHECK(a == b);
    CHECK_FALSE(a == *Split::of({{"stable", 99}, {"canary", 1}}));
    CHECK_FALSE(a == Split{});
    CHECK(Split{} == Split{});
    CHECK(Split::of({{"stable", 95}, {"canary", 5}})->text() == "canary 5%, stable 95%");
}

TEST_CASE("split: JSON takes whole percents only") {
    CHECK(*Split::from_json(Json{{"a", 40}, {"b", 60}}) == *Split::of({{"a", 40}, {"b", 60}}));
    CHECK(*Split::from_json(*parse_json(R"({"a":1e2,"b":0.0})")) == *Split::of({{"a", 100}}));
    CHECK_FALSE(Split::from_json(Json{{"a", 40.5}, {"b", 59.5}}).has_value());
    CHECK_FALSE(Split::from_json(Json{{"a", 1e300}}).has_value());
    CHECK_FALSE(Split::from_json(Json{{"a", std::numeric_limits<std::int64_t>::max()}}).has_value()
    );
    CHECK_FALSE(Split::from_json(Json{{"a", "100"}}).has_value());
    CHECK_FALSE(Split::from_json(Json::array()).has_value());
    for (const char* name : {"v\x1b[31m3", "v\xc2\x9bm3", "v\n3"}) {
        const auto got = Split::from_json(Json{{"v1", 100}, {name, 0}});
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().message.find(name) == std::string::npos);
    }
}

TEST_CASE("percent: strict decimal, no octal, no sign, nothing above 100") {
    CHECK(parse_percent("5") == 5);
    CHECK(parse_percent("100%") == 100);
    CHECK(parse_percent("0") == 0);
    for (const char* text : {"", "%", "05", "010", "-5", "+5", "5.5", "101", "5 ", "abc", "5%%"}) {
        CAPTURE(text);
        const auto got = parse_percent(text);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
    }
}

TEST_CASE("driver errors: only a clear refusal is not ambiguous") {
    for (const Code code : {Code::conflict, Code::precondition, Code::credentials, Code::usage}) {
        CHECK_FALSE(is_ambiguous({code, "x"}));
    }
    for (const Code code : {Code::network, Code::timeout, Code::protocol, Code::unavailable}) {
        CHECK(is_ambiguous({code, "x"}));
    }
}
