#include "oa_stream/wire/json_scan.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::wire;

TEST_CASE("json scan: takes what a browser's JSON.parse takes, and nothing else") {
    for (const std::string_view good :
         {"{}",
          "[]",
          " {\"a\" : [1 , 2.5e-3, -0, \"x\"]}\n",
          "\t\r\n null ",
          "true",
          "\"\\u0041\\/\"",
          "1E+2",
          "0",
          "\"\x7F\"",
          "[[],{}]",
          "{\"\":{\"\":0}}"}) {
        CAPTURE(good);
        CHECK(scan_json(good).fault == JsonFault::none);
    }
    for (const std::string_view bad :
         {"",
          " ",
          "{",
          "}",
          "[1,]",
          "{\"a\":1,}",
          "{,}",
          "[,]",
          "{\"a\"}",
          "{\"a\":}",
          "{a:1}",
          "'a'",
          "01",
          "+1",
          "1.",
          ".5",
          "1e",
          "1e+",
          "-",
          "--1",
          "0x1",
          "NaN",
          "Infinity",
          "nul",
          "truex",
          "\"",
          "\"\\\"",
          "\"\\x\"",
          "\"\\u12\"",
          "\"\\u12g4\"",
          "\"a\nb\"",
          "\"a\tb\"",
          "{} {}",
          "1 2",
          "\xEF\xBB\xBF{}",
          "[1 2]",
          "{\"a\":1 \"b\":2}",
          "/**/1",
          "\"\\u\"",
          "[\"a\",",
          "\xC3\xA4"}) {
        CAPTURE(bad);
        CHECK(scan_json(bad).fault == JsonFault::malformed);
    }
}

TEST_CASE("json scan: strings are decoded, pairs joined, broken text replaced") {
    const auto text = [](std::string_view json) {
        return scan_json(json).value.get<std::string>();
    };
    CHECK(text(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
    CHECK(text(R"("\u00e4\u20ac\ud83d\ude00")") == "ä€😀");
    CHECK(
        text("\"ä€😀 plain text that is longer than eight\"") ==
        "ä€😀 plain text that is longer than eight"
    );
    CHECK(text(R"("\u0000")") == std::string(1, '\0'));
    CHECK(
        text("\"a\xFF"
             "b\"") == "a\xEF\xBF\xBD"
                       "b"
    );
    CHECK(text("\"\xE2\x82\"") == "\xEF\xBF\xBD"); // one for the whole cut
    CHECK(
        text("\"\xED\xA0\x80\"") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
    ); // none of it begins one
    CHECK(text("\"\xF0\x9F\xE2\x82\xAC\"") == "\xEF\xBF\xBD\xE2\x82\xAC");
}

TEST_CASE("json scan: numbers keep their value, those out of range become infinity or zero") {
    CHECK(scan_json("18446744073709551615").value.get<std::uint64_t>() == 18446744073709551615U);
    CHECK(scan_json("-9223372036854775808").value.get<std::int64_t>() == INT64_MIN);
    CHECK(scan_json("18446744073709551616").value.is_number_float());
    CHECK(std::isinf(scan_json("1e400").value.get<double>()));
    CHECK(scan_json("1e-400").value.get<double>() == 0.0);
    CHECK(std::signbit(scan_json("-0").value.get<double>()));
}

TEST_CASE("json scan: the first repeated key is named, however it is spelt") {
    CHECK_FALSE(scan_json(R"({"a":{"b":1},"c":{"b":1}})").repeated_key);
    CHECK(scan_json(R"({"a":1,"b":{"c":1,"c":2},"a":3})").repeated_key == "c");
    CHECK(scan_json(R"({"a":1,"\u0061":2})").repeated_key == "a");
    CHECK(scan_json(R"([{"k":1,"k":1}])").repeated_key == "k");
    CHECK(scan_json(R"({"a":1,"a":2})").value.at("a") == 2);
    std::string large = "{";
    for (int i = 0; i < 1000; ++i) {
        large += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    }
    CHECK_FALSE(scan_json(large + "\"end\":1}").repeated_key);
    const ScannedJson repeated = scan_json(large + "\"k777\":\"new\"}");
    CHECK(repeated.repeated_key == "k777");
    CHECK(repeated.value.size() == 1000);
    CHECK(repeated.value.at("k777") == "new");
}

TEST_CASE("json scan: keys that clients guard against are found at any depth") {
    for (const std::string_view bad :
         {R"({"__proto__":1})",
          R"({"a":[{"b":{"__proto__":{}}}]})",
          R"({"\u005f_proto__":1})",
          R"({"\u005F\u005Fproto\u005f\u005f":1})"}) {
        CAPTURE(bad);
        CHECK(scan_json(bad).forbidden_key == "__proto__");
    }
    for (const std::string_view bad :
         {R"({"constructor":{"prototype":1}})",
          R"([{"constructor":{"x":1,"prototype":null}}])",
          R"({"constr\u0075ctor":{"prototyp\u0065":1}})"}) {
        CAPTURE(bad);
        CHECK(scan_json(bad).forbidden_key == "constructor.prototype");
    }
    for (const std::string_view good :
         {R"({"constructor":1})",
          R"({"prototype":{}})",
          R"({"constructor":{"a":{"prototype":1}}})",
          R"({"constructor":[{"prototype":1}]})",
          R"({"a":"__proto__"})",
          R"({"proto":1})"}) {
        CAPTURE(good);
        CHECK_FALSE(scan_json(good).forbidden_key);
    }
}

TEST_CASE("json scan: lone surrogates are accepted and told") {
    for (const std::string_view lone :
         {R"("\ud800")",
          R"("\udc00")",
          R"("\udc00\ud800")",
          R"("\ud800x")",
          R"("\ud800\n")",
          R"({"\udbff":1})",
          R"([["\ud83d\ud83d\ude00"]])"}) {
        CAPTURE(lone);
        ScannedJson scanned = scan_json(lone);
        CHECK(scanned.fault == JsonFault::none);
        CHECK(scanned.lone_surrogate);
        CHECK(has_lone_surrogate(scanned.value));
        replace_lone_surrogates(scanned.value);
        CHECK_FALSE(has_lone_surrogate(scanned.value));
        CHECK(parse_json(dump_json(scanned.value)).has_value());
    }
    CHECK_FALSE(scan_json(R"("\ud83d\ude00")").lone_surrogate);
    CHECK_FALSE(has_lone_surrogate(Json("\xED\x9F\xBF"))); // U+D7FF is a character
    // A value that was overridden is not what clients hold.
    const ScannedJson hidden = scan_json(R"({"a":"\ud800","a":1})");
    CHECK(hidden.lone_surrogate);
    CHECK_FALSE(has_lone_surrogate(hidden.value));
}

TEST_CASE("json scan: nesting up to the cap, never deeper") {
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    CHECK(scan_json(nested(512)).fault == JsonFault::none);
    CHECK(scan_json(nested(513)).fault == JsonFault::too_deep);
    CHECK(scan_json(nested(1000000)).fault == JsonFault::too_deep);
    CHECK(scan_json(R"({"a":{"b":1}})", 2).fault == JsonFault::none);
    CHECK(scan_json(R"({"a":{"b":[]}})", 2).fault == JsonFault::too_deep);
}

TEST_CASE("json scan: equality as JavaScript sees it") {
    const auto same = [](std::string_view a, std::string_view b) {
        return same_json(scan_json(a).value, scan_json(b).value);
    };
    CHECK(same("1", "1.0"));
    CHECK(same("-0", "0"));
    CHECK(same("9007199254740993", "9007199254740992")); // one double
    CHECK(same(R"({"a":1,"b":[2,{"c":null}]})", R"({"b":[2,{"c":null}],"a":1})"));
    CHECK_FALSE(same(R"({"a":1})", R"({"a":1,"b":2})"));
    CHECK_FALSE(same(R"({"a":1})", R"({"b":1})"));
    CHECK_FALSE(same("[1,2]", "[2,1]"));
    CHECK_FALSE(same("[1]", "[1,1]"));
    CHECK_FALSE(same("[]", "{}"));
    CHECK_FALSE(same("1", "\"1\""));
    CHECK_FALSE(same("null", "false"));
}

TEST_CASE("json scan: whole numbers as JavaScript has them") {
    const auto whole = [](std::string_view number) {
        return whole_member(scan_json("{\"n\":" + std::string(number) + "}").value, "n");
    };
    CHECK(whole("3") == 3);
    CHECK(whole("3.0") == 3);
    CHECK(whole("-2e2") == -200);
    CHECK(whole("9007199254740991") == 9'007'199'254'740'991);
    for (const std::string_view other :
         {"3.5", "9007199254740992", "18446744073709551615", "1e99", "1e999", "\"3\"", "true", "{}"
         }) {
        CAPTURE(other);
        CHECK_FALSE(whole(other));
    }
    CHECK_FALSE(whole_member(Json::object(), "n"));
    CHECK_FALSE(whole_member(Json(3), "n"));
}
