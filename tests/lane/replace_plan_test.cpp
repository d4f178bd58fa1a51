#include "lane_rig.hpp"
#include "turns/replace_plan.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <ctime>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;
using Kind = ReplacePlan::Kind;

namespace {

authority::PastTurn past(std::string id, std::string text, std::optional<std::string> client = {}) {
    authority::PastTurn turn;
    turn.id = std::move(id);
    turn.user_text = std::move(text);
    turn.client_message_id = std::move(client);
    return turn;
}

/// What the page holds: u1, T1, u2, T2, … – then the newest user message.
ChatRequest page(std::vector<EarlierMessage> earlier, std::string newest_id, std::string text) {
    ChatRequest request;
    request.thread = "c";
    request.text = std::move(text);
    request.user_message_id = std::move(newest_id);
    request.earlier = std::move(earlier);
    request.whole_list = true;
    return request;
}

const std::vector<authority::PastTurn> k_two{past("T1", "one"), past("T2", "two")};

EarlierMessage user(std::string id) {
    return {Role::user, std::move(id), "text"};
}

EarlierMessage assistant(std::string id) {
    return {Role::assistant, std::move(id), "answer"};
}

} // namespace

TEST_CASE("replace: a plain send appends and needs no look at the thread") {
    const auto request = page({user("u1"), assistant("T1")}, "u2", "two");
    CHECK_FALSE(asks_to_replace(request));
    CHECK(plan_replace(request, k_two, {0})->kind == Kind::append);
}

TEST_CASE("replace: regenerate names the answer, which is the turn") {
    auto request = page({user("u1"), assistant("T1")}, "u2", "two");
    request.regenerate = true;
    request.message_id = "T2";
    CHECK(asks_to_replace(request));
    const auto plan = plan_replace(request, k_two, {0}).value();
    CHECK(plan.kind == Kind::revert);
    CHECK(plan.from_turn == "T2");
}

TEST_CASE("replace: regenerating an earlier answer drops it and everything after it") {
    auto request = page({}, "u1", "one");
    request.regenerate = true;
    request.message_id = "T1";
    CHECK(plan_replace(request, k_two, {0})->from_turn == "T1");
}

TEST_CASE("replace: a turn id with odd characters is found through its wire form") {
    auto request = page({}, "u1", "one");
    request.regenerate = true;
    request.message_id = "turn-7-x";
    const auto plan = plan_replace(request, {past("turn:7/x", "one")}, {0}).value();
    CHECK(plan.from_turn == "turn:7/x");
}

TEST_CASE("replace: regenerate without messageId means the turn after the last answer held") {
    auto request = page({user("u1"), assistant("T1")}, "u2", "two");
    request.regenerate = true;
    CHECK(plan_replace(request, k_two, {0})->from_turn == "T2");
    auto first = page({}, "u1", "one");
    first.regenerate = true;
    CHECK(plan_replace(first, k_two, {0})->from_turn == "T1");
}

TEST_CASE("replace: regenerate after a send that never became a turn appends") {
    auto request = page({user("u1"), assistant("T1"), user("u2"), assistant("T2")}, "u3", "three");
    request.regenerate = true;
    CHECK(plan_replace(request, k_two, {0})->kind == Kind::append);
    CHECK(plan_replace(request, {}, {4})->kind == Kind::append);
}

TEST_CASE("replace: regenerate after a refused send appends, also when the page saw no answer") {
    const std::vector turns{past("T1", "one", "u1")};
    auto request = page({user("u1")}, "u2", "two");
    request.regenerate = true;
    CHECK(plan_replace(request, turns, {0})->kind == Kind::append);
}

TEST_CASE("replace: a question in whose place another page asked its own comes behind that one") {
    const std::vector turns{past("T1", "one", "u1"), past("T2", "other", "u9")};
    for (const auto& held : {std::vector{user("u1"), assistant("T1")}, std::vector{user("u1")}}) {
        auto request = page(held, "u2", "two");
        request.regenerate = true;
        CHECK(plan_replace(request, turns, {0})->kind == Kind::append);
        request.message_id = "gone"; // the page had an answer to it
        CHECK_FALSE(plan_replace(request, turns, {0}).has_value());
        request.regenerate = false;
        request.message_id = "u2"; // edited
        CHECK(plan_replace(request, turns, {0})->kind == Kind::append);
        request.text = "other"; // perhaps that turn's question, by another id
        CHECK_FALSE(plan_replace(request, turns, {0}).has_value());
    }
}

TEST_CASE("replace: a lone message whose id no turn has never became one") {
    const std::vector turns{past("T1", "one", "u1")};
    auto request = page({}, "u2", "two");
    request.whole_list = false;
    request.regenerate = true;
    CHECK(plan_replace(request, turns, {0})->kind == Kind::append);
    CHECK_FALSE(plan_replace(request, {turns[0], past("T2", "two")}, {0}).has_value());
}

TEST_CASE("replace: an edited message drops the turn that answered its old text") {
    auto request = page({user("u1"), assistant("T1")}, "u2", "two, but better");
    request.message_id = "u2";
    CHECK(plan_replace(request, k_two, {0})->from_turn == "T2");
    auto first = page({}, "u1", "one, but better");
    first.message_id = "u1";
    CHECK(plan_replace(first, {past("T1", "one", "u1"), k_two[1]}, {0})->from_turn == "T1");
    auto lost = past("T1", ""); // with its process, before its question was stored
    lost.outcome = turn::Outcome::failed;
    CHECK(plan_replace(first, {lost}, {0})->from_turn == "T1");
}

TEST_CASE("replace: an edited message that comes alone may be the page's newest: it costs no other"
) {
    auto request = page({}, "u9", "edited");
    request.message_id = "u9";
    const auto named = past("T1", "one", "u1");
    CHECK(plan_replace(request, {named, past("T2", "two", "u2")}, {0})->kind == Kind::append);
    for (const auto& turns :
         {k_two, {named, k_two[1]}, {past("T1", ""), past("T2", "two", "u2")}}) {
        const auto plan = plan_replace(request, turns, {0});
        REQUIRE_FALSE(plan.has_value());
        CHECK(plan.error().code == "regenerate_unsupported");
    }
}

TEST_CASE("replace: a message the authority knows by the client's id needs no history") {
    const std::vector turns{past("T1", "one", "u1"), past("T2", "two", "u2")};
    auto request = page({}, "u2", "edited");
    request.whole_list = false;
    request.message_id = "u2";
    CHECK(plan_replace(request, turns, {0})->from_turn == "T2");
}

TEST_CASE("replace: a message that the page gave no id is known by the one that lists give it") {
    auto named = past("T2", "two");
    named.user_item_id = "item-2";
    const std::vector turns{past("T1", "one"), named, past("T3", "three")};
    const auto edited = [](std::vector<EarlierMessage> earlier, std::string id) {
        auto request = page(std::move(earlier), std::move(id), "edited");
        request.message_id = request.user_message_id;
        return request;
    };
    // By a page that shows the newest messages alone.
    CHECK(plan_replace(edited({}, "item-2"), turns, {0})->from_turn == "T2");
    CHECK(plan_replace(edited({}, "T3-user"), turns, {0})->from_turn == "T3");
    CHECK(plan_replace(edited({}, "item-2"), turns, {6, {"u2"}})->from_turn == "T2");
    CHECK(plan_replace(edited({user("item-2")}, "u9"), turns, {0})->from_turn == "T3");
    auto lone = edited({}, "item-2");
    lone.whole_list = false;
    CHECK(plan_replace(lone, turns, {0})->from_turn == "T2");
}

TEST_CASE("replace: sending the last message again after a lost answer replaces that turn") {
    auto request = page({user("u1"), assistant("T1")}, "u2", "two");
    request.message_id = "u2";
    CHECK(plan_replace(request, k_two, {0})->from_turn == "T2");
    CHECK(plan_replace(request, {past("T1", "one")}, {0})->kind == Kind::append);
}

TEST_CASE("replace: what is unclear is refused, never guessed") {
    SECTION("the page's answers are not this thread's") {
        auto request = page({user("u1"), assistant("elsewhere")}, "u2", "two");
        request.regenerate = true;
        const auto plan = plan_replace(request, k_two, {0});
        REQUIRE_FALSE(plan.has_value());
        CHECK(plan.error().status == 422);
        CHECK(plan.error().code == "regenerate_unsupported");
    }
    SECTION("only the last message came and the authority does not know its id") {
        auto request = page({}, "u2", "edited");
        request.whole_list = false;
        request.message_id = "u2";
        CHECK_FALSE(plan_replace(request, k_two, {0}).has_value());
    }
    SECTION("messageId names neither the newest message nor an answer") {
        auto request = page({user("u1"), assistant("T1")}, "u2", "two");
        request.message_id = "nobody";
        CHECK_FALSE(plan_replace(request, k_two, {0}).has_value());
    }
    SECTION("the turn at that place asked something else") {
        auto request = page({user("u1"), assistant("T1")}, "u2", "other question");
        request.regenerate = true;
        CHECK_FALSE(plan_replace(request, k_two, {0}).has_value());
    }
    SECTION("the turn at that place answers another message") {
        auto request = page({}, "u9", "one");
        request.regenerate = true;
        CHECK_FALSE(plan_replace(request, {past("T1", "one", "u1")}, {0}).has_value());
    }
}

TEST_CASE("replace: a thread that began with seeded messages") {
    // u1 and a1 came with the first request and are no turns.
    SECTION("the first turn is the one after the seed") {
        auto request = page({user("u1"), assistant("a1")}, "u2", "one");
        request.regenerate = true;
        CHECK(plan_replace(request, k_two, {2})->from_turn == "T1");
    }
    SECTION("replacing a seeded message begins a new thread") {
        auto request = page({}, "u1", "edited");
        request.message_id = "u1";
        CHECK(plan_replace(request, k_two, {2})->kind == Kind::reseed);
    }
    SECTION("also where the page and the thread know its messages by the same ids") {
        auto request = page({user("u1"), assistant("a1")}, "u2", "asked again");
        request.regenerate = true;
        request.message_id = "a2";
        CHECK(plan_replace(request, k_two, {4, {"u1", "a1", "u2", "a2"}})->kind == Kind::reseed);
    }
}

TEST_CASE("replace: of a large seed the thread knows the newest messages alone") {
    const SeededMessages seeded{6, {"u2", "a2", "u3", "a3"}}; // neither u1 nor a1
    const auto edited = [](ChatRequest request) {
        request.message_id = request.user_message_id;
        return request;
    };
    const std::vector whole{user("u1"), assistant("a1"), user("u2"), assistant("a2")};
    CHECK(plan_replace(edited(page(whole, "u3", "x")), k_two, seeded)->kind == Kind::reseed);
    const std::vector first{user("u1"), assistant("a1")};
    CHECK(plan_replace(edited(page(first, "u2", "x")), k_two, seeded)->kind == Kind::reseed);
    CHECK(plan_replace(edited(page({}, "u1", "x")), {}, seeded)->kind == Kind::reseed);
    // A page without the first of them, or of which nothing is known.
    const std::vector part{assistant("a2")};
    CHECK_FALSE(plan_replace(edited(page({}, "u3", "x")), k_two, seeded).has_value());
    CHECK_FALSE(plan_replace(edited(page(part, "u9", "x")), k_two, seeded).has_value());
    auto lost = page({assistant("T2")}, "u9", "x");
    CHECK(plan_replace(edited(lost), k_two, seeded)->kind == Kind::append);
    lost = page({}, "u9", "x");
    lost.regenerate = true;
    CHECK_FALSE(plan_replace(lost, {past("T1", "one", "u4")}, seeded).has_value());
}

TEST_CASE("replace: a page that holds the newest messages alone loses none of a seed") {
    const SeededMessages seeded{4, {"u1", "a1", "u2", "a2"}};
    const std::vector turns{past("T1", "one", "u3")};
    SECTION("a message that never arrived comes behind what the page holds") {
        auto request = page({assistant("a2"), user("u3"), assistant("T1")}, "u4", "lost");
        request.regenerate = true;
        CHECK(plan_replace(request, turns, seeded)->kind == Kind::append);
    }
    SECTION("as does the first one") {
        auto request = page({assistant("a2")}, "u3", "lost");
        request.regenerate = true;
        CHECK(plan_replace(request, {}, seeded)->kind == Kind::append);
    }
    SECTION("a message of which nothing is known") {
        auto request = page({}, "u9", "lost");
        request.regenerate = true;
        CHECK_FALSE(plan_replace(request, turns, seeded).has_value());
    }
    SECTION("a seeded message without those before it") {
        auto request = page({assistant("a1")}, "u2", "edited");
        request.message_id = "u2";
        CHECK_FALSE(plan_replace(request, turns, seeded).has_value());
    }
    SECTION("a message behind a seeded one that is not the last") {
        auto request = page({user("u1"), assistant("a1")}, "u9", "edited");
        request.regenerate = true;
        CHECK_FALSE(plan_replace(request, {}, seeded).has_value());
    }
}

TEST_CASE("replace: four times the conversation costs about four times as much, not sixteen") {
    const auto cost = [](int turns) {
        std::vector<authority::PastTurn> thread;
        std::vector<EarlierMessage> earlier;
        for (int i = 0; i < turns; ++i) {
            thread.push_back(past(fmt::format("T{}", i), "text", fmt::format("u{}", i)));
            earlier.push_back(user(fmt::format("other{}", i)));
        }
        auto request = page(std::move(earlier), "new", "text");
        request.message_id = "new";
        const auto began = std::clock(); // CPU, so that a busy machine changes nothing
        CHECK_FALSE(plan_replace(request, thread, {0}).has_value());
        return std::clock() - began;
    };
    (void)cost(1000); // warm
    const auto few = cost(2000);
    CHECK(cost(8000) < 9 * few);
}

TEST_CASE("regenerate: without messages the conversation's own message is asked again") {
    LaneRig rig;
    rig.ids->put({"", "c1", "auth-thread", 0});
    for (const std::string id : {"1", "2"}) {
        auto turn = past("turn-" + id, "q" + id, "u" + id);
        turn.user_parts = {
            authority::InputText{turn.user_text},
            authority::InputImage{"data:image/png;base64," + id}
        };
        rig.authority.past.push_back(turn);
    }
    const auto asked = [&](std::string_view more) {
        const auto stream = rig.open(rig.post(
            "/api/chat", fmt::format(R"({{"id":"c1","trigger":"regenerate-message"{}}})", more)
        ));
        rig.until("the stream", [&] { return stream->has("start-step"); });
        const auto& request = rig.authority.last().request;
        REQUIRE(request.input.size() == 2);
        const auto& text = std::get<authority::InputText>(request.input.front()).text;
        return fmt::format("{} {} {}", *request.revert_from_turn, request.client_message_id, text);
    };
    SECTION("of the answer") {
        CHECK(asked(R"(,"messageId":"turn-1")") == "turn-1 u1 q1");
    }
    SECTION("or of the question") {
        CHECK(asked(R"(,"messageId":"u1")") == "turn-1 u1 q1");
    }
    SECTION("or the newest") {
        CHECK(asked("") == "turn-2 u2 q2");
    }
    SECTION("what the conversation does not have is refused") {
        const auto refused = [&](std::string_view body) {
            const auto response = rig.send(rig.post("/api/chat", std::string(body)));
            CHECK(response.status == 422);
            CHECK(rig.authority.starts == 0);
            return error_code_of(response);
        };
        CHECK(
            refused(R"({"id":"c1","trigger":"regenerate-message","messageId":"turn-9"})") ==
            "regenerate_unsupported"
        );
        CHECK(refused(R"({"id":"c9","trigger":"regenerate-message"})") == "regenerate_unsupported");
        CHECK(refused(R"({"id":"c1"})") == "invalid_request");
        rig.authority.lost_history = true;
        CHECK(refused(R"({"id":"c1","trigger":"regenerate-message"})") == "regenerate_unsupported");
    }
}

TEST_CASE("replace: an answer that goes on with a moved message stays with it") {
    auto request = page({user("o1"), assistant("o2")}, "u1", "one");
    request.regenerate = true;
    const SeededMessages seeded{2, {"o1", "o2"}};
    auto moved = past("T0", "");
    CHECK(plan_replace(request, {moved}, seeded)->kind == Kind::append);
    CHECK(plan_replace(request, {moved, past("T1", "one")}, seeded)->from_turn == "T1");
    CHECK(plan_replace(request, {past("T1", "one")}, seeded)->from_turn == "T1");
    moved.outcome = turn::Outcome::failed; // of a question that was lost with its process
    CHECK(plan_replace(request, {moved}, seeded)->from_turn == "T0");
}

TEST_CASE("replace: what comes after a message is after all the turns that went on with it") {
    const std::vector turns{
        past("T1", "one", "u1"),
        past("T2", "Results of the functions that were called above:\n[]", "oa-tool-results:T1"),
    };
    auto request = page({user("u1"), assistant("T1")}, "u2", "two");
    request.regenerate = true;
    CHECK(plan_replace(request, turns, {0})->kind == Kind::append);
    request.message_id = "T1";
    CHECK(plan_replace(request, turns, {0})->from_turn == "T1");
}
