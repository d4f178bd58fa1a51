#include "../../support/cpu_time.hpp"
#include "front/sticky.hpp"
#include "front/weighted_pick.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <string>

using namespace oa_stream::traffic;

TEST_CASE("weighted pick: in every 100 picks in a row each share is exact within 1") {
    for (std::uint32_t canary = 0; canary <= 100; ++canary) {
        CAPTURE(canary);
        WeightedPick pick(2);
        pick.set({100 - canary, canary});
        std::vector<std::size_t> picks;
        for (int i = 0; i < 500; ++i) {
            picks.push_back(*pick.next());
        }
        for (std::size_t from = 0; from + 100 <= picks.size(); ++from) {
            const auto begin = picks.begin() + static_cast<std::ptrdiff_t>(from);
            const auto got = std::count(begin, begin + 100, std::size_t{1});
            REQUIRE(std::abs(got - static_cast<std::ptrdiff_t>(canary)) <= 1);
        }
    }
}

TEST_CASE("weighted pick: a weight of 0 is never picked, all 0 picks nobody") {
    WeightedPick pick(3);
    CHECK_FALSE(pick.next().has_value());
    pick.set({0, 7, 0});
    for (int i = 0; i < 50; ++i) {
        CHECK(pick.next() == 1U);
    }
}

TEST_CASE("weighted pick: new weights start without debts of the old ones") {
    WeightedPick pick(2);
    pick.set({99, 1});
    for (int i = 0; i < 60; ++i) {
        (void)pick.next();
    }
    pick.set({50, 50});
    int second = 0;
    for (int i = 0; i < 10; ++i) {
        second += *pick.next() == 1 ? 1 : 0;
    }
    CHECK(second == 5);
}

TEST_CASE("sticky threads: bounded, the one not seen for longest goes first") {
    StickyThreads threads(2);
    threads.remember("a", 0);
    threads.remember("b", 1);
    CHECK(threads.find("a") == 0U); // now b is the oldest
    threads.remember("c", 1);
    CHECK(threads.size() == 2);
    CHECK_FALSE(threads.find("b").has_value());
    CHECK(threads.find("a") == 0U);
    threads.remember("a", 1);
    CHECK(threads.find("a") == 1U);
    threads.forget("a");
    CHECK_FALSE(threads.find("a").has_value());
}

namespace {

struct Row {
    std::string_view method, path, body, thread;
    bool live_turn;
    bool new_turn = false;
    std::string_view query{};
};

constexpr std::array k_rows{
    Row{"POST", "/api/chat/stream", R"({"conversationId":"t1","id":"x"})", "t1", false, true},
    Row{"POST", "/api/chat", R"({"id":"t2","messages":[]})", "t2", false, true},
    Row{"POST", "/api/chat/stream", R"({"thread_id":"t3"})", "t3", false, true},
    Row{"POST", "/api/chat/stream", R"({"conversationId":"","threadId":"t4"})", "t4", false, true},
    Row{"POST", "/api/chat/stream", R"({"id":7})", "", false, true},
    Row{"POST", "/api/chat/stream", "no json", "", false, true},
    Row{"POST", "/api/chats/t5/stream", R"({"id":"other"})", "t5", false, true},
    Row{"POST", "/api/chats/t5/stream", "no json", "t5", false, true},
    Row{"POST", "/api/chats/t5/stream", R"({"messages":[{"role":"assistant"}]})", "t5", true},
    Row{"GET", "/api/chats/t%2D6/stream", "", "t-6", true},
    Row{"POST", "/api/chats/t7/stop", "", "t7", true},
    Row{"GET", "/api/chat/t8/stream", "", "t8", true},
    Row{"GET", "/api/chat/stream/t9/stream", "", "t9", true},
    Row{"GET", "/api/chats/t10/messages", "", "t10", false},
    Row{"GET", "/api/chats", "", "", false},
    Row{"POST", "/api/chats", R"({"id":"t11","messages":[{"role":"assistant"}]})", "t11", false},
    Row{"POST", "/api/chats", "", "", false},
    Row{"GET", "/healthz", "", "", false},
    Row{"POST", "/v1/chat/completions", R"({"id":"t"})", "", false},
    Row{"POST", "/api/chat", R"({"messages":[]})", "q-1", false, true, "x=1&threadId=%20q%2D1"},
    Row{"POST", "/api/chat/stream", R"({"id":"b"})", "q2", false, true, "id=q2&thread_id=q3"},
    Row{"POST", "/api/chat", R"({"id":" b "})", "b", false, true, "id=&theme=dark"},
    Row{"POST", "/api/chat", "no json", "q4", false, true, "conversationId=q4"},
    Row{"POST", "/api/chats", "", "q5", false, false, "conversation_id=q5"},
    Row{"POST", "/api/chats/p/stream", "{}", "p", false, true, "id=q6"},
    Row{"GET", "/api/chats", "", "", false, false, "id=q7"},
};

} // namespace

TEST_CASE("thread of a request: path first, then the query, then the body's aliases") {
    for (const Row& row : k_rows) {
        CAPTURE(row.method, row.path, row.query, row.body);
        const ThreadRef got = thread_of(row.method, row.path, row.query, row.body);
        CHECK(got.thread == row.thread);
        CHECK(got.live_turn == row.live_turn);
        CHECK(got.new_turn == row.new_turn);
    }
}

TEST_CASE("thread of a request: only members of the request and of its newest message count") {
    constexpr std::array k_bodies{
        Row{"", "", R"({"id":"a","message":{"id":"m","role":"assistant","parts":[]}})", "a", true},
        Row{"", "", R"({"id":"a","message":{"role":"Assistant"}})", "a", true},
        Row{"", "", R"({"id":"a","messages":[{"role":"ASSISTANT"}],"message":null})", "a", true},
        Row{"", "", R"({"id":"a","message":{"id":"m","parts":[]}})", "a", false},
        Row{"",
            "",
            R"({"id":"a","message":{"role":"user","id":"m"},"messages":[{"role":"assistant"}]})",
            "a",
            false},
        Row{"", "", R"({"id":"a","text":"go on","messages":[{"role":"assistant"}]})", "a", false},
        Row{"", "", R"({"id":"a","message":"hi","messages":[{"role":"assistant"}]})", "a", false},
        Row{"", "", R"({"id":"a","text":" ","messages":[{"role":"assistant"}]})", "a", true},
        Row{"", "", R"({"messages":[{"id":"m","role":"assistant"}],"id":"a"})", "a", true},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant"},{"role":"user"}]})", "a", false},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant"},{"x":1}]})", "a", false},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant"},"user"]})", "a", false},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant"},7]})", "a", false},
        Row{"",
            "",
            R"({"id":"a","messages":[{"role":"assistant"},["role","assistant"]]})",
            "a",
            false},
        Row{"", "", R"({"id":"a","messages":{"x":{"role":"assistant"}}})", "a", false},
        Row{"", "", R"({"id":"a","messages":[{"parts":[{"role":"assistant"}]}]})", "a", false},
        Row{"",
            "",
            R"({"id":"a","messages":[{"role":"assistant","parts":[{"role":"user"}]}]})",
            "a",
            true},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant"}],"messages":[]})", "a", false},
        Row{"", "", R"({"id":"a","messages":[{"role":"assistant","role":null}]})", "a", false},
        Row{"", "", R"({"id":"a","data":{"id":"b","messages":[{"role":"assistant"}]}})", "a", false
        },
        Row{"", "", R"({"data":{"threadId":"b"},"id":"a","id":"c"})", "c", false},
        Row{"", "", R"({"id":"a","id":{"id":"c"}})", "", false},
        Row{"", "", R"({"id":"a\"}{\\","x":"\\\""})", "a\"}{\\", false},
        Row{"", "", R"({"\u0069d":"\u00e4","messages":[{"\u0072ole":"\u0061ssistant"}]})", "ä", true
        },
        Row{"", "", " {\n\"id\"\t: \"a\" } \r\n", "a", false},
        Row{"", "", R"({"id":"a"} {})", "", false},
        Row{"", "", R"({"id":"a"]})", "", false},
        Row{"", "", R"({"id":"a")", "", false},
        Row{"", "", R"({"id":"a)", "", false},
        Row{"", "", R"(["id","a"])", "", false},
        Row{"", "", R"("id")", "", false},
        Row{"", "", "", "", false},
    };
    for (const Row& row : k_bodies) {
        CAPTURE(row.body);
        const ThreadRef got = thread_of("POST", "/api/chat/stream", "", row.body);
        CHECK(got.thread == row.thread);
        CHECK(got.live_turn == row.live_turn);
        CHECK(got.new_turn != got.live_turn);
    }
    for (const std::size_t size : {128U, 129U}) {
        const std::string id(size, 'x');
        const std::string named = size == 128 ? id : "";
        CHECK(thread_of("POST", "/api/chat", "", R"({"id":")" + id + "\"}").thread == named);
        CHECK(thread_of("POST", "/api/chat", "id=" + id, "{}").thread == named);
        CHECK(thread_of("GET", "/api/chats/" + id + "/messages", "", "").thread == named);
    }
    const std::string deep = R"({"id":"a","x":)" + std::string(100'000, '[');
    CHECK(thread_of("POST", "/api/chat", "", deep).thread.empty());
}

TEST_CASE("thread of a request: a long history does not hold up the streams of the door") {
    constexpr std::size_t k_size = 64U << 20U; // the largest body that the door takes
    std::string chat = R"({"id":"t","messages":[)";
    while (chat.size() < k_size - 1000) {
        chat +=
            R"({"id":"m","role":"user","parts":[{"type":"text","text":"And why is that so?"}]},)";
    }
    chat += R"({"id":"m","role":"assistant"}]})";
    std::string odd = R"({"id":"t","x":[)";
    while (odd.size() < k_size - 1000) {
        odd += "0,[],";
    }
    odd += R"(0],"messages":[{"role":"assistant"}]})";
    for (const std::string* body : {&chat, &odd}) {
        const double begun_s = oa_stream::test::thread_cpu_seconds();
        const ThreadRef got = thread_of("POST", "/api/chat/stream", "", *body);
        const double used_s = oa_stream::test::thread_cpu_seconds() - begun_s;
        CAPTURE(body->substr(0, 30), used_s);
        CHECK(got.thread == "t");
        CHECK(got.live_turn);
        CHECK(used_s < 1); // 0.2 s; a tree of it takes two at the least
    }
}
