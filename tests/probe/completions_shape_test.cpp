#include "oa_stream/probe/completions_smoke.hpp"

#include <catch2/catch.hpp>

#include <array>

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
