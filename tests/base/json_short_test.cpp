// Short texts are read by another library than long ones: nobody may see a difference.
#include "oa_stream/base/json_bounds.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

using namespace oa_stream;

namespace {

/// Blanks at the end change nothing but the library: a text of this size is long.
constexpr std::size_t k_long = std::size_t{257} << 10U;
/// Read by the library of the short ones, in memory of its own.
constexpr std::size_t k_middle = std::size_t{65} << 10U;

std::string made_long(std::string_view text, std::size_t blanks = k_long) {
    return std::string(text) + std::string(blanks, ' ');
}

/// Of the same types, too: 1 is not 1.0, and of two members of one name the same one counts.
bool same(const Json& one, const Json& two) {
    const bool whole = one.is_number_integer() && two.is_number_integer();
    if ((one.type() != two.type() && !whole) || one.size() != two.size()) {
        return false;
    }
    if (one.is_object()) {
        auto other = two.items().begin();
        for (const auto& [name, value] : one.items()) {
            if (name != other.key() || !same(value, other.value())) {
                return false;
            }
            ++other;
        }
        return true;
    }
    if (one.is_array()) {
        for (std::size_t i = 0; i < one.size(); ++i) {
            if (!same(one[i], two[i])) {
                return false;
            }
        }
        return true;
    }
    return one == two && dump_json(one) == dump_json(two);
}

/// A text that breaks off is wrong at its end, wherever that is.
std::string without_end(std::string message, std::string_view text) {
    constexpr std::string_view k_place = "not JSON at byte ";
    if (message.starts_with(k_place) && std::stoul(message.substr(k_place.size())) > text.size()) {
        return "it breaks off";
    }
    return message;
}

void check_same(std::string_view text, const JsonBounds& bounds = {}) {
    INFO(text);
    const auto here = parse_json_within(text, bounds);
    const auto there = parse_json_within(made_long(text), bounds);
    REQUIRE(here.has_value() == there.has_value());
    if (here) {
        CHECK(same(*here, *there));
    } else {
        CHECK(here.error().code == there.error().code);
        CHECK(without_end(here.error().message, text) == without_end(there.error().message, text));
    }
}

constexpr std::array<std::string_view, 75> k_texts{
    // Numbers
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1",
    "1.0",
    "1e2",
    "1E+2",
    "1e-2",
    "5e-324",
    "1e-400",
    "2.2250738585072014e-308",
    "1.7976931348623157e308",
    "1e400",
    "-1e400",
    "9007199254740993.0",
    "0.30000000000000004",
    "123456.789e-3",
    "01",
    "1.",
    ".5",
    "+1",
    "- 1",
    "1e",
    "0x10",
    "NaN",
    "Infinity",
    // Words and structure
    "null",
    "true",
    "false",
    "nul",
    "True",
    "",
    "   ",
    "[]",
    "{}",
    "[[],{}]",
    "[1,]",
    "{\"a\":1,}",
    "[1 2]",
    "{\"a\" 1}",
    "{a:1}",
    "[",
    "]",
    "{\"a\":",
    "[1]x",
    "[1][2]",
    "// no\n1",
    R"({"a":1,"b":2,"a":3})",
    R"({"b":{"a":1,"a":[2]},"b":null,"c":1,"b":{}})",
    " \t\r\n[ 1 , { \"a\" : [ ] } ] \n",
    // Texts
    R"("")",
    R"("\"\\\/\b\f\n\r\t")",
    R"("\u0041\u00e4\u20ac\ud83d\ude00")",
    R"("\u0000")",
    R"("\ud800")",
    R"("\udc00")",
    R"("\udc00\ud800")",
    R"("\uD83D\u0041")",
    R"("\\udc00")",
    R"("\x41")",
    R"("\u12")",
    "\"a\nb\"",
    "\"\xC3\xA4\xF0\x9F\x98\x80\"",
    "\"\xC3\"",
    "\"\xED\xA0\x80\"",
    "\"\xC0\xAF\"",
};

} // namespace

TEST_CASE("json: short and long texts are read the same") {
    for (const auto text : k_texts) {
        check_same(text);
        check_same("[" + std::string(text) + "]");
        check_same(R"({"a":)" + std::string(text) + "}");
        check_same(text, {.unique_names = true});
    }
    check_same("\xEF\xBB\xBF[]");
    check_same(std::string_view("[\"a\0b\"]", 7));
    for (const int depth : {63, 64, 65, 1023, 1025, 3000}) {
        const auto count = static_cast<std::size_t>(depth);
        check_same(std::string(count, '[') + std::string(count, ']'));
        check_same(std::string(count, '[') + "x", {.depth = 2000});
    }
}

TEST_CASE("json: texts of middle length are read like short ones") {
    for (const auto text : k_texts) {
        INFO(text);
        const auto here = parse_json(text);
        const auto there = parse_json(made_long(text, k_middle));
        REQUIRE(here.has_value() == there.has_value());
        CHECK((!here || same(*here, *there)));
    }
}

TEST_CASE("json: short and long texts have the same bounds") {
    constexpr std::string_view text = R"({"a":{"b":[1,2,{"c":"x"}],"d":null},"e":[],"a":2})";
    constexpr std::array<std::string_view, 2> names{"a", "b"};
    for (std::size_t most = 0; most < 12; ++most) {
        check_same(text, {.members = most});
        check_same(text, {.values = most});
        check_same(text, {.depth = static_cast<int>(most)});
        check_same(text, {.wanted = names, .named_levels = most});
        check_same(text, {.wanted = std::span(names).first(1), .whole = std::span(names).last(1)});
    }
}

TEST_CASE("json: short and long texts are read the same, whatever is changed in them") {
    constexpr std::array<std::string_view, 2> seeds{
        R"({"method":"item/agentMessage/delta","params":{"delta":"l\u00f6rem \ud83d\ude00 \"x\"",)"
        R"("n":[0,-1,2.5e3,18446744073709551615],"ok":true,"no":null}})",
        "[{\"a\":\"\xC3\xA4\xE2\x82\xAC\\n\"},[[[]]],-0.5,1E-7,false,{\"a\":1,\"a\":2}]",
    };
    constexpr std::string_view put = "\"\\{}[]:,0eE+-.utn \n\x7F\x80\xC3\xED\xF4\xFF";
    std::uint32_t state = 1;
    const auto next = [&state](std::size_t below) {
        state = state * 1'664'525U + 1'013'904'223U;
        return static_cast<std::size_t>(state >> 8U) % below;
    };
    for (const auto seed : seeds) {
        for (int i = 0; i < 1500; ++i) {
            std::string text(seed);
            for (std::size_t times = 1 + next(3); times > 0; --times) {
                const std::size_t at = next(text.size());
                switch (next(3)) {
                case 0:
                    text[at] = put[next(put.size())];
                    break;
                case 1:
                    text.erase(at, 1 + next(3));
                    break;
                default:
                    text.insert(at, 1, put[next(put.size())]);
                }
            }
            check_same(text);
        }
    }
}
