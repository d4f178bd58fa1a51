// Which revision a thread's requests reach while its turn runs, and afterwards.
#include "rig.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

TEST_CASE("front: a read of a thread does not lead its running turn astray") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "canary");
    rig.weigh(100, 0);
    // Only the lane that runs the turn knows it: a page loads the chat and resumes.
    (void)rig.get_path("/api/chats/t/messages");
    CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "stable");
    CHECK(rig.get_path("/api/chats/t/stream").body == "stable");
}

TEST_CASE("front: a turn below its chat's path is resumed and stopped where it runs") {
    constexpr std::string_view k_stream = "/api/chats/t/stream";
    Rig rig({{"stable", 100}, {"canary", 0}});
    CHECK(rig.post(k_stream, R"({"messages":[{"role":"user"}]})").body == "stable");
    rig.weigh(0, 100);
    CHECK(rig.post(k_stream, R"({"messages":[{"role":"user"}]})").body == "canary");
    rig.weigh(100, 0);
    CHECK(rig.get_path(k_stream).body == "canary");
    CHECK(rig.post(k_stream, R"({"messages":[{"role":"assistant"}]})").body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
    CHECK(rig.post(k_stream, R"({"messages":[{"role":"user"}]})").body == "stable");
}

TEST_CASE("front: a conversation that the query names is not split by turns") {
    constexpr std::string_view k_turn = "/api/chat?conversationId=t&x=1";
    Rig rig({{"stable", 50}, {"canary", 50}});
    const std::string home = rig.post(k_turn, R"({"messages":[]})").body;
    for (int i = 0; i < 3; ++i) {
        CHECK(rig.post(k_turn, R"({"messages":[]})").body == home);
    }
    CHECK(rig.post("/api/chats/t/stop", "").body == home);
}

TEST_CASE("front: a chat that was made or forked is found where it was made") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto makes = [](std::string location) {
        return [location](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({201, {{"location", location}}, "made"});
        };
    };
    rig.stable.answer = makes("/api/chats/a%20b");
    CHECK(rig.post("/api/chats", R"({"title":"T"})").status == 201);
    rig.stable.answer = makes("/api/chats/copy");
    CHECK(rig.post("/api/chats/a%20b/fork", R"({"id":"copy"})").status == 201);
    rig.stable.answer = {};
    rig.weigh(1, 100);
    CHECK(rig.get_path("/api/chats/a%20b").body == "stable");
    CHECK(rig.get_path("/api/chats/copy/messages").body == "stable");
    CHECK(rig.post("/api/chat", R"({"id":"copy"})").body == "stable");
    // Who makes it again must be told that it exists, and not get a second one elsewhere.
    CHECK(rig.post("/api/chats", R"({"id":"copy"})").body == "stable");
    rig.weigh(0, 100);
    rig.canary.answer = makes("/api/chats/copy");
    CHECK(rig.post("/api/chats", R"({"id":"copy"})").status == 201);
    rig.canary.answer = {};
    CHECK(rig.get_path("/api/chats/copy").body == "canary");
}

TEST_CASE("front: a pinned probe of a thread does not move it") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "stable");
    const net::Headers pin{{std::string(k_pin_header), "canary"}};
    CHECK(rig.get_path("/api/chats/t/messages", pin).body == "canary");
    CHECK(rig.get_path("/api/chats/t/stream").body == "stable");
    CHECK(rig.post("/api/chats/t/stop", "").body == "stable");
}

TEST_CASE("front: a decision or a result reaches the turn that waits for it") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat", R"({"id":"t","messages":[{"role":"user"}]})").body == "canary");
    rig.weigh(100, 0);
    const std::string decision =
        R"({"id":"t","messages":[{"role":"user"},{"role":"assistant","parts":[]}]})";
    CHECK(rig.post("/api/chat", decision).body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
    CHECK(rig.post("/api/chat", R"({"id":"t","messages":[{"role":"user"}]})").body == "stable");
    CHECK(rig.post("/api/chat", decision).body == "stable");
}

TEST_CASE("front: a revision that does not answer a probe keeps the threads of another") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "stable");
    rig.canary.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        auto body = co_await exchange->start_stream(101, {});
        (void)body;
    };
    const net::Headers pin{{std::string(k_pin_header), "canary"}};
    CHECK(rig.get_path("/api/chats/t/messages", pin).status == 502);
    rig.weigh(0, 100);
    CHECK(rig.post("/api/chats/t/stop", "").body == "stable");
}

TEST_CASE("front: a client that leaves before the head does not lose its thread's place") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    std::shared_ptr<net::Exchange> held;
    rig.canary.hold(held);
    const auto transfer = rig.start_post("/api/chat/stream", R"({"id":"t"})");
    rig.run_until([&] { return held != nullptr; });
    transfer->cancel();
    rig.run_until([&] { return rig.counter("canary", "client_gone") == 1; });
    held.reset();
    rig.canary.answer = {};
    rig.weigh(100, 0);
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
}

TEST_CASE("front: a thread stays where a request of it got no answer") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "canary");
    rig.weigh(95, 5);
    rig.canary.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        if (auto body = co_await exchange->start_stream(200, {})) {
            (*body)->cut(); // before its head went out
        }
    };
    CHECK(rig.get_path("/api/chats/t/messages").status == 502);
    CHECK(rig.post("/api/chats/t/stop", "").status == 502);
    CHECK(rig.post("/api/chat", R"({"id":"t"})").status == 502); // it may run all the same
    rig.canary.answer = {};
    CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
}

TEST_CASE("front: a thread begins elsewhere when its revision takes no connection") {
    Rig rig;
    FrontOptions options;
    options.backends = {{"dead", "http://127.0.0.1:1"}, {"stable", rig.stable.url()}};
    options.weights = {{"dead", 50}, {"stable", 50}};
    rig.reopen(options);
    CHECK(rig.post("/api/chat", R"({"id":"t"})").status == 502);
    CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "stable");
    CHECK(rig.post("/api/chats/t/stop", "").body == "stable");
}

TEST_CASE("front: a turn that is refused does not lead away from the one that runs") {
    for (const int status : {0, 429, 503}) {
        CAPTURE(status);
        Rig rig({{"stable", 0}, {"canary", 100}});
        CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "canary");
        rig.weigh(100, 0);
        rig.stable.answer = [status](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            if (status != 0) { // else it answers nothing
                (void)co_await exchange->respond({status, {}, "stable"});
            }
        };
        CHECK(rig.post("/api/chat", R"({"id":"t"})").status >= 400);
        rig.stable.answer = {};
        CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
        CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
        CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "stable");
        CHECK(rig.get_path("/api/chats/t/stream").body == "stable");
    }
}

TEST_CASE("front: a turn that is refused binds neither a new thread nor its key") {
    const net::Headers key{{"idempotency-key", "k"}};
    for (const int status : {409, 422, 429, 500, 502, 503, 504}) {
        CAPTURE(status);
        const bool may_run = status == 409 || status == 502 || status == 504;
        const std::string home = may_run ? "canary" : "stable";
        Rig rig({{"stable", 0}, {"canary", 100}});
        CHECK(rig.post("/api/chat", R"({"id":"old"})").body == "canary");
        rig.canary.answer = [status](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({status, {}, "canary"});
        };
        CHECK(rig.post("/api/chat", R"({"id":"new"})").status == status);
        CHECK(rig.post("/api/chat", R"({"id":"old"})").status == status);
        CHECK(rig.post("/api/chat", "{}", key).status == status);
        rig.canary.answer = {};
        rig.weigh(95, 5);
        CHECK(rig.post("/api/chat", R"({"id":"new"})").body == home);
        CHECK(rig.post("/api/chat", R"({"id":"old"})").body == "canary"); // it has turns there
        rig.weigh(100, 0);
        CHECK(rig.post("/api/chat", "{}", key).body == home);
    }
}

TEST_CASE("front: a turn that comes again with its key goes where it began") {
    const net::Headers key{{"idempotency-key", "k"}, {"authorization", "Bearer one"}};
    const net::Headers others{{"idempotency-key", "k"}, {"authorization", "Bearer two"}};
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat", R"({"id":"t"})", key).body == "canary");
    rig.weigh(100, 0);
    CHECK(rig.post("/api/chat", R"({"id":"t"})", others).body == "stable");
    CHECK(rig.post("/api/chat", R"({"id":"t"})", key).body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "stable"); // the newer turn's
    rig.weigh(50, 50);
    const net::Headers unnamed{{"idempotency-key", "k2"}};
    const std::string home = rig.post("/api/chat", "{}", unnamed).body;
    for (int i = 0; i < 3; ++i) {
        CHECK(rig.post("/api/chat", "{}", unnamed).body == home);
    }
}

TEST_CASE("front: a turn that comes again with its key is stopped where it runs") {
    const net::Headers key{{"idempotency-key", "k"}};
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "canary");
    rig.weigh(100, 0);
    rig.stable.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({504, {}, "stable"}); // it may run, or the one before it
    };
    CHECK(rig.post("/api/chat", R"({"id":"t"})", key).status == 504);
    CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
    rig.stable.answer = {};
    CHECK(rig.post("/api/chat", R"({"id":"t"})", key).body == "stable");
    CHECK(rig.get_path("/api/chats/t/stream").body == "stable");
    CHECK(rig.post("/api/chats/t/stop", "").body == "stable");
}

TEST_CASE("front: a late answer does not lead away from a turn that began since") {
    for (const int status : {200, 429}) {
        CAPTURE(status);
        Rig rig({{"stable", 0}, {"canary", 100}});
        std::shared_ptr<net::Exchange> held;
        rig.canary.hold(held);
        const auto late = rig.start_post("/api/chat", R"({"id":"t"})");
        rig.run_until([&] { return held != nullptr; });
        rig.weigh(100, 0);
        CHECK(rig.post("/api/chat", R"({"id":"t"})").body == "stable");
        rig.canary.answer = {};
        (void)rig.get(held->respond({status, {{"x-oa-thread-id", "t"}}, "late"}));
        (void)rig.get(late->done());
        CHECK(rig.post("/api/chats/t/stop", "").body == "stable");
    }
}
