// POST /api/chats/{id}/fork: where a copy ends, what it is called, and what is refused.
#include "oa_stream/base/json_members.hpp"

#include "../lane_rig.hpp"

#include <array>
#include <cstddef>
#include <utility>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// The conversation "c" with three turns: t1, t2 and t3.
struct ForkRig : LaneRig {
    explicit ForkRig(std::size_t seeded = 0) {
        ids->put({"", "c", "auth-c", seeded});
        for (const auto* id : {"t1", "t2", "t3"}) {
            authority::PastTurn turn{.id = id, .user_text = std::string("q ") + id};
            turn.client_message_id = std::string("u-") + id;
            authority.past.push_back(std::move(turn));
        }
    }
    net::ClientResponse fork(std::string_view body, std::string_view of = "c") {
        return send(post(fmt::format("/api/chats/{}/fork", of), body));
    }
    Json made(std::string_view body) {
        const auto response = fork(body);
        INFO(response.body);
        REQUIRE(response.status == 201);
        return parse_json(response.body).value().at("data");
    }
};

} // namespace

TEST_CASE("fork: an answer's copy ends with it, a question's before it") {
    struct Row {
        std::string_view body, last_turn;
    };
    static constexpr std::array k_rows{
        Row{"{}", "t3"},
        Row{R"({"messageId":null})", "t3"},
        Row{R"({"messageId":"t3"})", "t3"},
        Row{R"({"messageId":"t2"})", "t2"},
        Row{R"({"messageId":"u-t3"})", "t2"},
        Row{R"({"messageId":"t2-user"})", "t1"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        ForkRig rig;
        const auto copy = rig.made(row.body);
        REQUIRE(rig.authority.forks.size() == 1);
        CHECK(rig.authority.forks.front().first == "auth-c");
        CHECK(rig.authority.forks.front().second == row.last_turn);
        CHECK(rig.authority.makes == 0);
        const auto id = copy.at("id").get<std::string>();
        CHECK(id.starts_with("thread_"));
        CHECK(rig.ids->find("", id)->thread == "auth-thread-1");
        CHECK(rig.watcher.requests.back().thread == id);
    }
}

TEST_CASE("fork: an answer that went on after results of a stopped turn is copied whole") {
    ForkRig rig;
    auto& goes_on = rig.authority.past[1];
    goes_on.client_message_id = "oa-tool-results:t1";
    goes_on.user_text = "Results of the functions that were called above:\n[]";
    (void)rig.made(R"({"messageId":"t1"})");
    REQUIRE(rig.authority.forks.size() == 1);
    CHECK(rig.authority.forks.front().second == "t2");
}

TEST_CASE("fork: a copy that ends before the first question is an empty conversation") {
    ForkRig rig;
    SECTION("asked for by its question") {
        rig.ids->put({"", "c", "auth-c", 0, "Title"});
        CHECK(rig.made(R"({"messageId":"u-t1"})").at("title") != "Title");
    }
    SECTION("there is no turn") {
        rig.authority.past.clear();
        (void)rig.made("{}");
    }
    CHECK(rig.authority.makes == 1);
    CHECK(rig.authority.forks.empty());
}

TEST_CASE("fork: a conversation whose answer is being replaced is copied once that has begun") {
    ForkRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    const auto before = std::exchange(rig.authority.past, {}); // what is replaced is gone already
    const auto copy = rig.open(rig.post("/api/chats/c/fork", "{}"));
    rig.context.restart();
    rig.context.run_for(Millis(60));
    CHECK_FALSE(copy->ended);
    CHECK(rig.authority.makes == 0); // of an empty conversation
    rig.authority.past = before;
    rig.authority.release();
    rig.await_end(copy);
    CHECK(copy->head.status == 201);
    CHECK(rig.authority.forks.size() == 1);
    rig.until("the stream", [&] { return stream->has("start-step"); });
    rig.complete(stream);
}

TEST_CASE("fork: a copy without a turn has the messages before its end that its source began with"
) {
    ForkRig rig(3);
    rig.authority.kept_text =
        R"({"messages":[{"id":"o1","role":"user","parts":[{"type":"text","text":"q"}]},)"
        R"({"id":"o2","role":"assistant","parts":[{"type":"text","text":"a"}]},)"
        R"({"id":"o3","role":"assistant","notice":"model_empty_response",)"
        R"("parts":[{"type":"text","text":"Nothing."}]}]})";
    (void)rig.made(R"({"messageId":"t1","id":"d"})");
    CHECK(rig.ids->find("", "d")->seeded == 3);
    CHECK(rig.authority.makes == 0);
    struct Row {
        std::string_view body;
        std::size_t shown, asked;
    };
    static constexpr std::array k_rows{
        Row{R"({"messageId":"u-t1","id":"e"})", 3, 2}, // the model gets no notice
        Row{R"({"messageId":"o3","id":"e"})", 3, 2},
        Row{R"({"messageId":"o2","id":"e"})", 2, 2},
        Row{R"({"messageId":"o1","id":"e"})", 0, 0},
        Row{R"({"id":"e"})", 3, 2}, // there is no turn
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        if (&row == &k_rows.back()) {
            rig.authority.past.clear();
        }
        (void)rig.made(row.body);
        CHECK(rig.ids->find("", "e")->seeded == row.shown);
        CHECK(rig.authority.made.seed.size() == row.asked);
        const auto kept = parse_json(rig.authority.made.keep).value_or(Json::object());
        CHECK(list_in(kept, "messages").size() == row.shown);
        rig.ids->erase("", "e");
    }
    CHECK(rig.authority.forks.size() == 1);
}

TEST_CASE("fork: a history that has ever more but no other turn is read to its last one") {
    ForkRig rig;
    const auto read = [&rig](std::string_view order) {
        const auto response =
            rig.send(rig.get(fmt::format("/api/chats/c/messages?order={}", order)));
        REQUIRE(response.status == 200);
        return json_of(response);
    };
    const auto up = read("asc");
    const auto down = read("desc");
    rig.authority.endless = true;
    CHECK(read("asc") == up);
    CHECK(read("desc") == down);
    CHECK(rig.fork(R"({"messageId":"t4"})").status == 422);
    CHECK(rig.authority.history_reads < 20);
}

TEST_CASE("fork: what makes no sense is refused, and nothing is copied") {
    struct Row {
        std::string_view body, of;
        int status;
    };
    static constexpr std::array k_rows{
        Row{"[]", "c", 422},
        Row{R"({"message":"t1"})", "c", 422},
        Row{R"({"messageId":""})", "c", 422},
        Row{R"({"messageId":7})", "c", 422},
        Row{R"({"messageId":"t4"})", "c", 422},
        Row{R"({"title":7})", "c", 422},
        Row{R"({"id":"a b"})", "c", 422},
        Row{R"({"id":"c"})", "c", 409},
        Row{"{}", "unknown", 404},
    };
    ForkRig rig;
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        CHECK(rig.fork(row.body, row.of).status == row.status);
    }
    CHECK(rig.ids->size() == 1);
    CHECK(rig.authority.forks.empty());
    CHECK(rig.authority.makes == 0);
}

TEST_CASE("fork: the copy has the title that was asked for, else that of its source") {
    ForkRig rig;
    rig.ids->put({"", "c", "auth-c", 0, "Title"});
    CHECK(rig.made(R"({"id":"d","title":"Mine"})").at("title") == "Mine");
    CHECK(rig.authority.infos["auth-thread-1"].title == "Mine");
    CHECK(rig.made(R"({"id":"e"})").at("title") == "Title");
    CHECK(rig.authority.infos["auth-thread-2"].title == "Title");
}

TEST_CASE("fork: an empty copy has the name that its source was given, and no other title") {
    ForkRig rig;
    rig.ids->put({"", "c", "auth-c", 0, "Title"});
    auto& source = rig.authority.infos["auth-c"];
    source = {.id = "auth-c", .title = "Title", .named = true};
    SECTION("before the first question") {
        CHECK(rig.made(R"({"id":"d","messageId":"u-t1"})").at("title") == "Title");
    }
    SECTION("of an empty conversation") {
        rig.authority.past.clear();
        CHECK(rig.made(R"({"id":"d"})").at("title") == "Title");
    }
    SECTION("of the first question") {
        source.named = false;
        CHECK(rig.made(R"({"id":"d","messageId":"u-t1"})").at("title") == "New conversation");
        CHECK(rig.authority.infos["auth-thread-1"].title.empty());
        return;
    }
    SECTION("another one is asked for") {
        CHECK(rig.made(R"({"id":"d","messageId":"u-t1","title":"Mine"})").at("title") == "Mine");
        CHECK(rig.authority.infos["auth-thread-1"].title == "Mine");
        return;
    }
    CHECK(rig.authority.infos["auth-thread-1"].title == "Title");
    CHECK(rig.ids->find("", "d")->title == "Title");
}

TEST_CASE("fork: a copy that cannot get its name is deleted, unless names mean nothing there") {
    ForkRig rig;
    rig.authority.name_error = Error{.code = Code::unavailable, .message = "away"};
    CHECK(rig.fork(R"({"id":"d","title":"Mine"})").status == 503);
    CHECK(rig.authority.deleted == std::vector<std::string>{"auth-thread-1"});
    CHECK_FALSE(rig.ids->contains("", "d"));
    rig.authority.name_error = Error{.code = Code::precondition, .message = "no names"};
    CHECK(rig.made(R"({"id":"d","title":"Mine"})").at("title") == "Mine");
    CHECK(rig.authority.deleted.size() == 1);
}

TEST_CASE("fork: a turn that was replaced meanwhile is looked up once more") {
    ForkRig rig;
    rig.authority.refuse_fork = [&rig]() -> std::optional<Error> {
        if (rig.authority.forks.size() > 1) {
            return std::nullopt;
        }
        rig.authority.past.pop_back();
        return Error{.code = Code::precondition, .message = "no such turn"};
    };
    (void)rig.made("{}");
    REQUIRE(rig.authority.forks.size() == 2);
    CHECK(rig.authority.forks[0].second == "t3");
    CHECK(rig.authority.forks[1].second == "t2");
}

TEST_CASE("fork: an authority that copies nothing, or is away, says so") {
    ForkRig rig;
    auto code = Code::precondition;
    rig.authority.refuse_fork = [&code] {
        return std::optional(Error{.code = code, .message = "no"});
    };
    CHECK(rig.fork("{}").status == 501);
    CHECK(rig.authority.forks.size() == 1); // the same turn is not tried again
    code = Code::unavailable;
    CHECK(rig.fork("{}").status == 503);
    CHECK(rig.ids->size() == 1);
}

TEST_CASE("fork: what is done is answered so, also when the authority describes nothing then") {
    ForkRig rig;
    rig.ids->put({"", "c", "auth-c", 0, "Title"});
    rig.authority.threads_error = Error{.code = Code::unavailable, .message = "away"};
    const auto copy = rig.made(R"({"id":"d"})");
    CHECK(copy.at("id") == "d");
    CHECK(copy.at("title") == "Title");
    auto rename = rig.post("/api/chats/d", R"({"title":"New"})");
    rename.method = "PATCH";
    const auto renamed = rig.send(std::move(rename));
    CHECK(renamed.status == 200);
    CHECK(json_of(renamed).at("data").at("title") == "New");
}
