#include "oa_stream/probe/completions_smoke.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

using namespace oa_stream;

TEST_CASE("shape: what the model says makes no difference, names, types and counts do") {
    struct Row {
        const char* a;
        const char* b;
        const char* difference;
    };
    static constexpr std::array k_rows{
        Row{R"({"id":"x","n":1,"ok":true})", R"({"id":"longer","n":2.5,"ok":false})", ""},
        Row{R"({"a":1,"b":2})", R"({"b":2,"a":1})", ""},
        Row{R"({"a":1})", R"({"a":1,"b":2})", "$.b: only one has it"},
        Row{R"({"a":1,"b":2})", R"({"a":1})", "$.b: only one has it"},
        Row{R"({"a":"x"})", R"({"a":null})", "$.a: string, null"},
        Row{R"({"a":[{"b":1}]})", R"({"a":[{"b":"1"}]})", "$.a[0].b: number, string"},
        Row{R"({"a":[1]})", R"({"a":[1,2]})", "$.a: array of 1, array of 2"},
        Row{R"({"a":{}})", R"({"a":[]})", "$.a: object, array of 0"},
        Row{R"([])", R"("x")", "$: array of 0, string"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.a, row.b);
        CHECK(
            probe::shape_difference(
                probe::shape_of(parse_json(row.a).value()),
                probe::shape_of(parse_json(row.b).value())
            ) == row.difference
        );
    }
}

TEST_CASE("shape: thoughts, and words on the way, in one of two answers alone make no difference") {
    const std::string said = R"({"type":"message","role":"assistant","content":[{"text":"x"}]})";
    const std::string last =
        R"({"type":"message","phase":"final","role":"assistant","content":[{"text":"y"}]})";
    const std::string thought = R"({"type":"reasoning","summary":[]})";
    const std::string bare = R"({"type":"message","role":"assistant"})";
    const auto list = [](const std::string& items) { return R"({"output":[)" + items + "]}"; };
    const auto chat = [](const std::string& more) {
        return R"({"choices":[{"message":{"content":"x")" + more + "}}]}";
    };
    const std::vector<std::array<std::string, 3>> rows{
        {chat(R"(,"reasoning_content":"hm")"), chat(""), ""},
        {chat(R"(,"refusal":null)"), chat(""), "$.choices[0].message.refusal: only one has it"},
        {R"({"choices":[{"message":5}]})", R"({"choices":[{"message":5}]})", ""},
        {R"({"choices":[]})", chat(""), "$.choices: array of 0, array of 1"},
        {list(thought + "," + said + "," + last), list(said), ""},
        {list(said + "," + bare), list(said), "$.output: array of 2, array of 1"},
        {list(thought), list(said), "$.output: array of 0, array of 1"},
        {R"({"output":"x"})", list(said), "$.output: string, array of 1"},
        {list(R"("x")"), list(""), ""},
        {"5", "[]", "$: number, array of 0"},
    };
    for (const auto& [a, b, difference] : rows) {
        CAPTURE(a, b);
        CHECK(probe::whole_difference(parse_json(a).value(), parse_json(b).value()) == difference);
    }
}
