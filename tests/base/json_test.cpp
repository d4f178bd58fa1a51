#include "oa_stream/base/json_bounds.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iterator>
#include <random>
#include <string>

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
    out.clear();
    append_json_string(out, "\u00e9\"\n\xFF\u00e9\\\xFF"); // between what is not ASCII, too
    CHECK(out == "\"\u00e9\\\"\\n\uFFFD\u00e9\\\\\uFFFD\"");
}

TEST_CASE("json: members keep their order, and a growing object moves them") {
    Json object = Json::object();
    object["long"] = std::string(100'000, 'x');
    const char* const text = object["long"].get_ref<const std::string&>().data();
    for (int i = 20; i > 0; --i) {
        object[fmt::format("m{}", i)] = i;
    }
    CHECK(object.at("long").get_ref<const std::string&>().data() == text);
    CHECK(std::next(object.begin()).key() == "m20");
    CHECK(object.erase("long") == 1);
    CHECK(object.erase("long") == 0);
    CHECK(object.begin().key() == "m20");
    CHECK(object.size() == 20);
    object.erase(object.find("m19"));
    object.update(Json::object({{"m18", "new"}, {"last", true}}));
    CHECK(dump_json(object).starts_with(R"({"m20":20,"m18":"new","m17":17,)"));
    CHECK(dump_json(object).ends_with(R"("m1":1,"last":true})"));
    CHECK_FALSE(object.emplace("m1", 7).second);
    CHECK(object.at("m1") == 1);
    CHECK_THROWS_AS(object.at("none"), Json::out_of_range);
    const Json same = object;
    CHECK(same == object);
    CHECK(object.contains("m2"));
    CHECK_FALSE(object.contains("m19"));
}

TEST_CASE("json: any text is written as the library writes it") {
    std::mt19937 random(11);
    static constexpr std::array<std::string_view, 8> k_pieces{
        "plain text", "\u00e9", "\u65e5\u672c", "\U0001F600", "\"", "\\", "\n", "\xC3"
    };
    for (int round = 0; round < 5'000; ++round) {
        std::string text;
        for (auto count = random() % 12; count > 0; --count) {
            text += random() % 5 == 0 ? std::string(1, static_cast<char>(random()))
                                      : std::string(k_pieces[random() % k_pieces.size()]);
        }
        const Json value = {{text, Json::array({text, round})}};
        REQUIRE(dump_json(value) == value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
}

TEST_CASE("json: a long text of long strings is read like a short one") {
    const std::string photo(3'000'000, 'A');
    const std::string text = R"({"n":18446744073709551615,"d":1.5,"i":-3,"s":")" + photo +
                             R"(\n\ud83d\ude00","n":[true,null]})";
    const auto read = parse_json(text);
    REQUIRE(read.has_value());
    CHECK(string_member(*read, "s") == photo + "\n\U0001F600");
    CHECK(dump_json(*read).starts_with(R"({"n":[true,null],"d":1.5,"i":-3,"s":"AAA)"));
    CHECK_FALSE(parse_json(text.substr(0, text.size() - 1)).has_value());
    CHECK_FALSE(parse_json(text + "x").has_value());
    const auto broken = parse_json(R"({"s":")" + photo + "\xFF\"}");
    REQUIRE_FALSE(broken.has_value());
    CHECK_THAT(broken.error().message, Catch::Contains("3000007"));
}

namespace {

/// {"0":0,"1":1,…}
std::string numbered(std::size_t members, std::string_view more = "") {
    std::string text = "{";
    for (std::size_t i = 0; i < members; ++i) {
        text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i);
    }
    return text + std::string(more) + "}";
}

double seconds_of(std::string_view text) {
    const auto began = std::chrono::steady_clock::now();
    CHECK(parse_json(text).has_value());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

} // namespace

TEST_CASE("json: of duplicate names the last value stands at the first one's place") {
    CHECK(
        dump_json(parse_json(R"({"a":1,"b":2,"a":3,"c":4,"a":5})").value()) ==
        R"({"a":5,"b":2,"c":4})"
    );
    const auto many = parse_json(numbered(100, R"(,"7":"x","99":"y","7":"z")")).value();
    CHECK(many.size() == 100);
    CHECK(string_member(many, "7") == "z");
    CHECK(string_member(many, "99") == "y");
    CHECK(std::next(many.begin(), 7).key() == "7");
    CHECK(int_member(many, "98") == 98);
}

TEST_CASE("json: time grows with the text, whatever it holds") {
    // With a search in the members before, 50,000 took two seconds, more their square.
    CHECK(seconds_of(numbered(1'000'000)) < 30);
    std::string same = "{";
    for (int i = 0; i < 500'000; ++i) {
        same += R"("a":[1],)";
    }
    CHECK(seconds_of(same + R"("a":2})") < 30);
    std::string nested;
    for (int i = 0; i < 60; ++i) {
        nested += R"({"k":)";
    }
    nested += numbered(50'000);
    for (int i = 0; i < 60; ++i) {
        nested += R"(,"l":[1,2]})";
    }
    CHECK(seconds_of(nested) < 30);
}

TEST_CASE("json: members and values are counted") {
    CHECK(parse_json_within(numbered(10), {.members = 10}).has_value());
    const auto members = parse_json_within(numbered(11), {.members = 10});
    REQUIRE_FALSE(members.has_value());
    CHECK(members.error().code == Code::too_large);
    CHECK(members.error().text().contains("more than 10 members"));
    CHECK_FALSE(parse_json_within(R"([{"a":1,"a":1,"a":1}])", {.members = 2}).has_value());
    CHECK(parse_json_within("[1,[2,3],{}]", {.values = 6}).has_value());
    const auto values = parse_json_within("[1,[2,3],{}]", {.values = 5});
    REQUIRE_FALSE(values.has_value());
    CHECK(values.error().code == Code::too_large);
    CHECK(values.error().text().contains("more than 5 values"));
}

TEST_CASE("json: members nobody wants are checked and left out") {
    static constexpr std::array<std::string_view, 2> k_wanted{"a", "list"};
    JsonBounds bounds{.depth = 4, .members = 3, .values = 7, .wanted = k_wanted};
    const auto kept = parse_json_within(
        R"({"x":{"a":[1,{"b":2}],"a":1},"list":[{"y":[],"a":null},[{"z":"t"}]],"a":3})", bounds
    );
    CHECK(dump_json(kept.value()) == R"({"list":[{"a":null},[{}]],"a":3})");
    CHECK_FALSE(parse_json_within(R"({"x":[1,}})", bounds).has_value());
    CHECK_FALSE(parse_json_within(R"({"x":[[[[]]]]})", bounds).has_value());
    CHECK_FALSE(parse_json_within(R"({"x":{"p":1,"q":2,"r":3,"s":4}})", bounds).has_value());
    CHECK_FALSE(parse_json_within(R"({"x":"\ud800"})", bounds).has_value());
    bounds.values = 1;
    CHECK(parse_json_within(R"({"x":[1,2,3,4,5,6,7]})", bounds).has_value());
}

TEST_CASE("json: one item of a list is kept whole, and counts") {
    static constexpr std::array<std::string_view, 1> k_wanted{"list"};
    constexpr std::string_view k_text =
        R"({"x":[1,{"list":2}],"list":[{"a":1},{"a":[{"b":2}],"c":{"list":3}},{"a":[5,6]},7]})";
    JsonBounds bounds{.values = 11, .wanted = k_wanted, .list = "list", .item = 1};
    const auto kept = parse_json_within(k_text, bounds);
    CHECK(dump_json(kept.value()) == R"({"list":[{},{"a":[{"b":2}],"c":{"list":3}},{},7]})");
    bounds.values = 10;
    CHECK_FALSE(parse_json_within(k_text, bounds).has_value());
    for (const std::size_t none : {std::size_t{3}, std::size_t{4}, JsonBounds::k_none}) {
        bounds.item = none;
        const auto thin = parse_json_within(k_text, bounds);
        CHECK(dump_json(thin.value()) == R"({"list":[{},{},{},7]})");
    }
}

TEST_CASE("json: of a peer, what our values cannot hold is kept as its text") {
    const auto read = [](std::string_view text) {
        return dump_json(parse_any_json(text, {.depth = 3}).value());
    };
    CHECK(
        read(R"({"y":1e400,"z":[-1E+999,1e-400,12],"1e400":"a\"1e400"})") ==
        R"({"y":"1e400","z":["-1E+999",0.0,12],"1e400":"a\"1e400"})"
    );
    CHECK(read("1" + std::string(400, '0')) == '"' + ("1" + std::string(400, '0')) + '"');
    CHECK(read(R"([[[1,{"a":["]",1e400]}],2]])") == R"([[[1,"{\"a\":[\"]\",1e400]}"],2]])");
    CHECK(read(R"({"a":1,"b":1e400,"a":2})") == R"({"a":2,"b":"1e400"})");
    for (const auto* text : {"", "{", "[1e400", "1e400x", "{\"a\":1e400,}", "[[[[", "\"\\"}) {
        CHECK_FALSE(parse_any_json(text, {.depth = 3}).has_value());
    }
}

TEST_CASE("json: a parse can be stopped") {
    std::stop_source stop;
    stop.request_stop();
    const auto stopped = parse_json_within("[1]", {.stop = stop.get_token()});
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().code == Code::cancelled);
}

TEST_CASE("json: one line is what the library writes") {
    Json value =
        parse_json(R"({"":[],"a":{},"n":[0,-1,18446744073709551615,1.5,1e300,-0.0,null,true],)"
                   R"("t\u0000\u001f\u007f\"\\/\b\f\n\r\t":"\u00e9\ud83d\ude00"})")
            .value();
    for (const auto* text :
         {"\xFF", "a\xC3", "\xE2\x82z", "\xF0\x9F\x98", "\xC0\x80", "\xED\xA0\x80"}) {
        value[text] = text;
    }
    CHECK(dump_json(value) == value.dump(-1, ' ', false, Json::error_handler_t::replace));
    CHECK(dump_json("a") == "\"a\"");
    CHECK(dump_json(nullptr) == "null");
}

TEST_CASE("json: a document is indented, and takes any bytes", "[json]") {
    CHECK(
        json_document(Json::object({{"a", Json::array({1})}})) == "{\n  \"a\": [\n    1\n  ]\n}\n"
    );
    CHECK(
        json_document(Json::object({{"caf\xE9", "\xFF!"}})) ==
        "{\n  \"caf\xEF\xBF\xBD\": \"\xEF\xBF\xBD!\"\n}\n"
    );
}

TEST_CASE("json: members, and those of some, are told without a tree of the rest") {
    std::string told;
    const auto say = [&told](std::string_view mark) {
        return [&told, mark](std::string_view name, std::string_view text) {
            told += fmt::format("{}{}={} ", mark, name, text);
        };
    };
    const std::array inner{SkimInner{"l", say("-")}, SkimInner{"m", say("+")}};
    const auto skim = [&](std::string_view text) {
        told.clear();
        return skim_json(text, say(""), inner) ? told : "error";
    };
    CHECK(
        skim(R"({"a":"x","l":[{"r":"1"},{"r":"2","n":[3],"r":"\u00e4"}],"a":7})") ==
        "a=x l= a= -r=2 -n= -r=ä "
    );
    CHECK(skim(R"({"l":[{"r":"1"}],"l":[]})") == "l= l= ");
    CHECK(skim(R"({"l":[{"r":"1"},["r"]]})") == "l= ");
    CHECK(skim(R"({"l":{"r":"1"}})") == "l= -r=1 ");
    CHECK(skim(R"({"m":{"r":"1","n":{"r":"2"}},"l":[{"r":"3"}]})") == "m= l= -r=3 +r=1 +n= ");
    CHECK(skim(R"({"m":{"r":"1"},"m":"x"})") == "m= m=x ");
    CHECK(skim("{}").empty());
    CHECK(skim(" { } \r\n").empty());
    CHECK(
        skim(R"({"x":{"l":[{"r":"no"}]}, "\"":"]\\", "l":[["}"], {"r":"\"]","n":{"q":[{}]}} ]})") ==
        "x= \"=]\\ l= -r=\"] -n= "
    );
    const auto nested = [](std::size_t levels) {
        return R"({"x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
    };
    CHECK(skim(nested(64)) == "x= ");
    for (const std::string& broken : {
             nested(65),
             std::string(),
             std::string("[]"),
             std::string("7"),
             std::string("{"),
             std::string(R"({"a":1} {})"),
             std::string(R"({"a":1,})"),
             std::string(R"({"a":})"),
             std::string(R"({"a"})"),
             std::string(R"({7:1})"),
             std::string(R"({"a":"1" "b":"2"})"),
             std::string(R"({"a":[{]}})"),
             std::string(R"({"a":"\"})"),
             std::string(R"({"a":"\ud800"})"),
             std::string("{\"a\":\"\xff\"}"),
             std::string(R"({"l":[{"r"}]})"),
             std::string(R"({"m":{"r"}})"),
         }) {
        CAPTURE(broken);
        CHECK(skim(broken) == "error");
    }
}
