// Who held a row and goes on as if it did, over a real Redis.
#include "redis_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

const ThreadKey k_row{"ann", "c1"};

std::uint64_t acquired(RedisRig& rig, Store& store, std::string attempt) {
    const auto got = rig.get(store.acquire(wish(k_row, std::move(attempt))));
    REQUIRE(got.kind == Acquired::Kind::mine);
    return got.holding.fence;
}

std::string thread_at(RedisRig& rig, Store& store) {
    return rig.get(store.look(k_row)).fields.value_or(ThreadFields{}).thread;
}

template <class T> void check_taken(const Result<T>& answer) {
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Code::conflict);
}

} // namespace

TEST_CASE("a row is put and erased under a fence only while no other session has taken it since") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto first = acquired(rig, a, "first");
    CHECK(rig.get(a.put(k_row, {.thread = "th-a"}, first)) > 0);
    rig.get(a.forget(k_row, first));
    const auto second = acquired(rig, b, "second");
    CHECK(rig.get(b.put(k_row, {.thread = "th-b"}, second)) > 0);
    check_taken(rig.run(a.put(k_row, {.thread = "th-a"}, first)));
    check_taken(rig.run(a.erase(k_row, first)));
    CHECK(thread_at(rig, b) == "th-b");
    rig.get(b.forget(k_row, second)); // nobody holds it any more
    check_taken(rig.run(b.put(k_row, {.thread = "th-b2"}, second)));
    check_taken(rig.run(b.erase(k_row, second)));
    CHECK(thread_at(rig, a) == "th-b");
    CHECK(rig.get(a.erase(k_row)) > 0); // nobody asks who holds it
    CHECK(thread_at(rig, a).empty());
}

TEST_CASE("a row that is held again is no other session's any more") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    // As a copy has it that heard neither of the end of b's turn nor of what a took since.
    const auto fence = acquired(rig, b, "first");
    CHECK(rig.get(a.hold_again(k_row, fence + 1, "t2")));
    CHECK(rig.get(a.held()) == std::vector{k_row});
    CHECK(rig.get(b.held()).empty());
}

TEST_CASE("a turn that is held again is what its key means, in a store that lost that") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto use = [](std::string attempt, std::string digest = "digest") {
        return KeyRequest{"ann", "k1", std::move(attempt), std::move(digest), "c1"};
    };
    const auto hold_again = [&] { return rig.get(a.hold_again(k_row, 7, "t1", use("first"))); };
    const auto meant = [&] { return rig.get(b.use_key(use("again"))); };
    SECTION("all of it") {
        CHECK(hold_again());
        CHECK_FALSE(meant().fresh);
        CHECK(meant().turn == "t1");
        CHECK(meant().thread == "c1");
        CHECK(rig.get(b.use_key(use("again", "other"))).request == "digest");
        const auto left = Millis(std::stol(redis_cli(rig, {"PTTL", "oa:i:ann/k1"})));
        CHECK(left > Millis(0));
        CHECK(left <= rig.options().key_time);
        rig.get(a.forget_key(use("first"))); // nobody was told it
        CHECK(meant().fresh);
    }
    SECTION("that it led to a turn") {
        CHECK(rig.get(a.use_key(use("first"))).fresh);
        CHECK(hold_again());
        CHECK(meant().turn == "t1");
    }
    SECTION("and the same request has come again meanwhile") {
        CHECK(meant().fresh);
        CHECK(hold_again());
        CHECK_FALSE(meant().fresh);
        CHECK(meant().turn == "t1");
    }
    SECTION("another request, or another turn, keeps it") {
        const bool other = GENERATE(true, false);
        const auto asked = use("later", other ? "other" : "digest");
        CHECK(rig.get(b.use_key(asked)).fresh);
        if (!other) {
            rig.get(b.answer_key(asked, "t2"));
        }
        CHECK(hold_again());
        CHECK(rig.get(b.use_key(asked)).turn == (other ? "" : "t2"));
    }
    SECTION("but not where another session has the row") {
        redis_cli(rig, {"HSET", "oa:t:ann/c1", "f", "9", "s", b.session()});
        CHECK_FALSE(hold_again());
        CHECK(meant().fresh);
    }
}

TEST_CASE("a row is erased for the end of its thread only while it names that one") {
    RedisRig rig;
    auto& a = rig.open();
    rig.get(a.put(k_row, {.thread = "th-a"}));
    check_taken(rig.run(a.erase(k_row, 0, "th-old")));
    CHECK(thread_at(rig, a) == "th-a");
    CHECK(rig.get(a.erase(k_row, 0, "th-a")) > 0);
    CHECK(rig.get(a.look(k_row)).erased);
    check_taken(rig.run(a.erase(k_row, 0, "th-a"))); // nor what may be offered to a lost store
}

TEST_CASE("threads that are deleted are told to all other sessions") {
    RedisRig rig;
    auto& a = rig.open();
    std::vector<std::string> told;
    for (int i = 0; i < 2; ++i) {
        rig.open().on_wanted = [&told](const Wanted& one) {
            told.push_back(one.reason + " " + one.body);
        };
    }
    rig.get(a.tell_deleted({"th-1", "th-2"}));
    for (std::size_t other : {1U, 2U}) {
        rig.get(rig.stores[other]->follow({}, 0));
    }
    CHECK(told == std::vector<std::string>(2, "deleted th-1\nth-2"));
    const auto own = redis_cli(rig, {"XRANGE", "oa:in:" + a.session(), "-", "+"});
    CHECK_FALSE(own.contains("th-1"));
}

TEST_CASE("a row that the store lost is put and erased by who held it, until another one does") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto fence = acquired(rig, a, "first");
    redis_cli(rig, {"DEL", "oa:t:ann/c1"});
    CHECK(rig.get(a.put(k_row, {.thread = "th-a"}, fence)) > 0);
    CHECK(rig.get(a.erase(k_row, fence)) > 0);
    redis_cli(rig, {"DEL", "oa:t:ann/c1"});
    CHECK(acquired(rig, b, "second") == fence);
    check_taken(rig.run(a.put(k_row, {.thread = "th-a"}, fence)));
    check_taken(rig.run(a.erase(k_row, fence)));
}
