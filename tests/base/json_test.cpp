#include "oa_stream/base/json.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;

TEST_CASE("json: what cannot be trusted is refused with its place") {
    CHECK(parse_json(R"({"a":1})").has_value());
    CHECK(parse_json("{").error().text().contains("byte 2"));
    CHECK_FALSE(parse_json("{} x").has_value());
    CHECK_FALSE(parse_json(std::string_view("{}\0x", 4)).has_value());
    CHECK_FALSE(parse_json(std::string_view("{}\0", 3)).has_value());
    CHECK_FALSE(parse_json("\xEF\xBB\xBF{}").has_value());
    CHECK_FALSE(parse_json("\"\xFF\"").has_value());
    CHECK_FALSE(parse_json(R"("\ud800")").has_value());
    CHECK_FALSE(parse_json("1e400").has_value());
    CHECK_FALSE(parse_json("").has_value());
}

TEST_CASE("json: nesting is capped while parsing") {
    const std::string deep = std::string(100000, '[') + std::string(100000, ']');
    const auto parsed = parse_json(deep);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().text().contains("deeper than 64"));
    CHECK(parse_json(std::string(64, '[') + std::string(64, ']')).has_value());
    CHECK_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')).has_value());
}

TEST_CASE("json: members are never converted") {
    const auto value =
        parse_json(R"({"s":"x","i":3,"d":3.7,"b":true,"big":18446744073709551615,"n":null})")
            .value();
    CHECK(string_member(value, "s") == "x");
    CHECK(string_member(value, "i") == std::nullopt);
    CHECK(int_member(value, "i") == 3);
    CHECK(int_member(value, "d") == std::nullopt);
    CHECK(int_member(value, "b") == std::nullopt);
    CHECK(int_member(value, "big") == std::nullopt);
    CHECK(bool_member(value, "b") == true);
    CHECK(bool_member(value, "i") == std::nullopt);
    CHECK(member(value, "none") == nullptr);
    CHECK(member(Json::array(), "s") == nullptr);
}

TEST_CASE("json: a string literal escapes what it must and repairs what is not UTF-8") {
    std::string out;
    append_json_string(out, "a\"\\\n\x01\u00e9\U0001F600");
    CHECK(out == "\"a\\\"\\\\\\n\\u0001\u00e9\U0001F600\"");
    out.clear();
    append_json_string(
        out,
        "a\xFF"
        "b\xC3"
    );
    CHECK(out == "\"a\uFFFDb\uFFFD\"");
    CHECK(parse_json(out).has_value());
}
