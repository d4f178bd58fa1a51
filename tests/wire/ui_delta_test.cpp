// Deltas that are read without a JSON tree.
#include "ui_delta.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace oa_stream::wire::ui;

TEST_CASE("ui delta: spelled as every server spells it, it needs no tree") {
    const auto text = read_plain_delta(R"({"type":"text-delta","id":"t1","delta":"a \"b\""})");
    REQUIRE(text.has_value());
    CHECK(text->kind == PartKind::text);
    CHECK(text->id == "t1");
    CHECK(text->delta == "a \"b\"");
    const auto thought = read_plain_delta(R"({"type":"reasoning-delta","id":"r","delta":""})");
    REQUIRE(thought.has_value());
    CHECK(thought->kind == PartKind::reasoning);
    CHECK(thought->id == "r");
    CHECK(thought->delta.empty());
}

TEST_CASE("ui delta: anything else is left to the judge") {
    for (const std::string data : {
             R"({"type":"text-start","id":"t1","delta":"a"})",
             R"({"type":"text-delta","id":"t1"})",
             R"({"type":"text-delta","id":"t1","delta":"a","more":1})",
             R"({"type":"text-delta","id":"t1","delta":"a"}})",
             R"({"type":"text-delta","id":"t1","delta":"a")",
             R"({"type":"text-delta","id":7,"delta":"a"})",
             R"({"type":"text-delta","id":"t1","delta":7})",
             R"({"type":"text-delta","id":"t1","delta": "a"})",
             R"({"type":"text-delta","id":"t1","delta":"\ud800"})",
             R"({"type":"text-delta","id":)",
             R"({"type":"text-delta","id":"t1","delta":)",
         }) {
        CAPTURE(data);
        CHECK_FALSE(read_plain_delta(data).has_value());
    }
}
