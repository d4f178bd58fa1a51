#include "oa_stream/base/lines.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace oa_stream;

namespace {

/// "name|value|name|value", with a "!" where the line is refused.
std::string pairs(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const auto pair = cut_logfmt(line);
        if (!pair) {
            return out + "!";
        }
        out += std::string(pair->name) + "|" + std::string(pair->value) + "|";
        CHECK(pair->quoted == pair->value.starts_with('"'));
    }
    return out;
}

} // namespace

TEST_CASE("logfmt: names and values, quoted ones whole") {
    CHECK(pairs("a=1 b=two") == "a|1|b|two|");
    CHECK(pairs(R"(a="x y" b="q\" =z" c=)") == R"(a|"x y"|b|"q\" =z"|c||)");
    CHECK(pairs(R"(a="\\" b=2)") == R"(a|"\\"|b|2|)");
    CHECK(pairs("a= b=1") == "a||b|1|");
    CHECK(pairs("url=http://h/?q=1") == "url|http://h/?q=1|");
}

TEST_CASE("logfmt: what is not a line of pairs, or was cut, is refused where it stops") {
    CHECK(pairs("plain words") == "!");
    CHECK(pairs("=1") == "!");
    CHECK(pairs("a b=1") == "!");
    CHECK(pairs("\"a\"=1") == "!");
    CHECK(pairs("a=1 ") == "!");
    CHECK(pairs("a=1  b=2") == "a|1|!");
    CHECK(pairs(R"(a="x y)") == "!");
    CHECK(pairs(R"(a="x"b=2)") == "!");
}
