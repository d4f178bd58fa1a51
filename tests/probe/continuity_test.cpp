#include "oa_stream/probe/continuity.hpp"

#include <catch2/catch.hpp>

using oa_stream::probe::messages_of;
using oa_stream::probe::missing_messages;
using oa_stream::probe::SeenMessage;

TEST_CASE("continuity: a page of messages is read by role and content") {
    const auto page = messages_of(
        R"({"data":[{"id":"1","role":"user","content":"a"},{"role":"assistant","content":[1]}],
            "nextCursor":null})"
    );
    REQUIRE(page.has_value());
    CHECK(*page == std::vector<SeenMessage>{{"user", "a"}, {"assistant", "[1]"}});
    for (const auto* other : {"", "[]", "{}", R"({"data":{}})", "<html>"}) {
        CHECK_FALSE(messages_of(other).has_value());
    }
}

TEST_CASE("continuity: what came before must stand first, whatever follows") {
    const std::vector<SeenMessage> said{{"user", "a"}, {"assistant", "b"}};
    CHECK(missing_messages(said, said).empty());
    CHECK(missing_messages(said, {{"user", "a"}, {"assistant", "b"}, {"user", "c"}}).empty());
    CHECK(missing_messages(said, {}) == "2 of 2 messages are missing");
    CHECK(missing_messages(said, {{"user", "a"}}) == "1 of 2 messages are missing");
    CHECK(
        missing_messages(said, {{"user", "a"}, {"assistant", "x"}}) ==
        "message 2 of 2 is another one"
    );
    CHECK(
        missing_messages(said, {{"assistant", "b"}, {"user", "a"}}) ==
        "message 1 of 2 is another one"
    );
}
