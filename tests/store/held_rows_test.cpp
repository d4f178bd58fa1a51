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
