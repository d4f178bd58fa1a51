#include "lane_rig.hpp"
#include "turns/redact_quotes.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

TEST_CASE("redact quotes: what the conversation said is masked, what the provider says is kept") {
    struct Row {
        const char* name;
        std::string_view cause, said, shown;
    };
    const std::vector<Row> rows{
        {"nothing in common",
         "badRequest 400: no such model",
         "tell me a joke",
         "badRequest 400: no such model"},
        {"a quotation in the middle",
         "400: 'my secret recipe is X' is refused",
         R"({"text":"so: my secret recipe is X!"})",
         "400: '*********************' is refused"},
        {"a quotation at the end, to its last letter",
         "400: no answer to 'my secret recipe",
         "'my secret recipe",
         "400: no answer to *****************"},
        {"too short to tell from any word", "400: joke", "joke", "400: joke"},
        {"cut by an escape, both halves are masked",
         "refused: first line here\nsecond line here.",
         R"(first line here\nsecond line here)",
         "refused: ***************\\n****************."},
        {"secrets go as well",
         "401: Bearer abcdefghijklmnop0123456789",
         "hello",
         "401: Bearer **************************"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(lane::redact_quotes(row.cause, row.said) == row.shown);
    }
}

TEST_CASE("redact quotes: long texts are cut, and only the end of a long request is kept") {
    CHECK(lane::redact_quotes(std::string(9000, 'x'), "").size() < 520);
    const auto body = std::string(40000, 'a') + "the newest message";
    CHECK(lane::end_of_body(body).size() == lane::k_quote_bytes);
    CHECK(lane::end_of_body(body).ends_with("the newest message"));
}

TEST_CASE("log: a cause that quotes the prompt is told without it") {
    LaneRig rig;
    SECTION("after the turn was accepted") {
        const auto stream = rig.chat("c1", "the planted prompt of this test");
        rig.authority.last().push(turn::TurnEnded{
            turn::Outcome::failed,
            turn::Finish::error,
            turn::Failure{
                turn::FailureCode::turn_failed,
                false,
                "badRequest 400: cannot answer 'the planted prompt of this test'"
            },
            {}
        });
        rig.await_end(stream);
    }
    SECTION("and before") {
        rig.authority.refuse = [](const auto&) {
            return Error{
                .code = Code::unavailable, .message = "'the planted prompt of this test': no"
            };
        };
        (void)rig.send(rig.post("/api/chat", user_message("the planted prompt of this test")));
    }
    REQUIRE(rig.events.size() == 1);
    CHECK_FALSE(rig.events.front().contains("planted"));
    CHECK(parse_json(rig.events.front()).value().at("cause").get<std::string>().contains("'***"));
}
