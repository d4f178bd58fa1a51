// One holder a thread over all sessions, each script against a real Redis.
#include "redis_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

const ThreadKey k_thread{"ann/x", "c 1"};

std::uint64_t start(RedisRig& rig, Store& store, const ThreadKey& key, const std::string& turn) {
    const auto held = rig.get(store.acquire(wish(key, "start-" + turn)));
    REQUIRE(held.kind == Acquired::Kind::mine);
    const auto committed =
        rig.get(store.commit({.key = key, .fence = held.holding.fence, .turn = turn, .head = "{}"})
        );
    CHECK(committed.stop.empty());
    return held.holding.fence;
}

EndRequest ending(const ThreadKey& key, std::uint64_t fence, const std::string& turn) {
    return {.key = key, .fence = fence, .turn = turn, .end = 4, .bytes = "end.", .outcome = "{}"};
}

TakeRequest take(RedisRig& rig, Store& store, const ThreadKey& key) {
    TakeRequest out{.key = key, .from = rig.get(store.look(key)).holding};
    const auto log = rig.get(store.read(out.from.turn));
    if (!log.entries.empty()) {
        out.top_fence = log.entries.back().fence;
        out.top_end = log.entries.back().end;
    }
    return out;
}

} // namespace

TEST_CASE("a thread has one holder, and its fence rises with each") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto first = start(rig, a, k_thread, "t1");
    rig.get(append(a, "t1", first, 3, "abc"));
    a.tell_readers("t1", 2);

    const auto busy = rig.get(b.acquire(wish(k_thread)));
    CHECK(busy.kind == Acquired::Kind::busy);
    CHECK(busy.holding.session == a.session());
    CHECK(busy.holding.phase == Phase::live);
    CHECK(busy.holding.turn == "t1");
    CHECK(busy.readers == 2);

    CHECK(rig.get(a.end(ending(k_thread, first, "t1"))) == Written::stored);
    const auto second = rig.get(b.acquire(wish(k_thread)));
    CHECK(second.kind == Acquired::Kind::mine);
    CHECK(second.holding.fence > first);
    // What the first holder still says has no effect any more, but for what the log has already.
    CHECK(rig.get(a.end(ending(k_thread, first, "t1"))) == Written::stored);
    auto other = ending(k_thread, first, "t1");
    ++other.end;
    CHECK(rig.get(a.end(other)) == Written::fenced);
    CHECK(rig.get(b.look(k_thread)).holding.session == b.session());
    const auto late = rig.run(a.commit({.key = k_thread, .fence = first, .turn = "t1"}));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Code::conflict);
}

TEST_CASE("a step that is asked twice is done once") {
    RedisRig rig;
    auto& a = rig.open();
    const auto one = rig.get(a.acquire(wish(k_thread)));
    const auto two = rig.get(a.acquire(wish(k_thread)));
    CHECK(two.kind == Acquired::Kind::mine);
    CHECK(two.holding.fence == one.holding.fence);
    CHECK(rig.get(a.acquire(wish(k_thread, "another"))).kind == Acquired::Kind::busy);
    const CommitRequest commit{
        .key = k_thread, .fence = one.holding.fence, .turn = "t1", .head = "{}"
    };
    CHECK(rig.get(a.commit(commit)).stop.empty());
    CHECK(rig.get(append(a, "t1", one.holding.fence, 3, "abc")) == Written::stored);
    CHECK(rig.get(a.commit(commit)).stop.empty());
    CHECK(rig.get(append(a, "t1", one.holding.fence, 3, "abc")) == Written::stored);
    auto end = ending(k_thread, one.holding.fence, "t1");
    end.end = 3 + end.bytes.size();
    CHECK(rig.get(a.end(end)) == Written::stored);
    CHECK(rig.get(a.end(end)) == Written::stored);
    const auto log = rig.get(a.read("t1"));
    REQUIRE(log.entries.size() == 3);
    CHECK(log.whole());
    CHECK(log.entries.back().last());
}

TEST_CASE("a late end of an earlier turn does not end the next one of the same session") {
    RedisRig rig;
    auto& a = rig.open();
    const auto first = start(rig, a, k_thread, "t1");
    CHECK(rig.get(a.end(ending(k_thread, first, "t1"))) == Written::stored);
    const auto second = start(rig, a, k_thread, "t2");
    // Told once more because its answer was lost, it is what the log has; another is not.
    CHECK(rig.get(a.end(ending(k_thread, first, "t1"))) == Written::stored);
    auto other = ending(k_thread, first, "t1");
    ++other.end;
    CHECK(rig.get(a.end(other)) == Written::fenced);
    CHECK(rig.get(a.look(k_thread)).holding.phase == Phase::live);
    CHECK(rig.get(a.end(ending(k_thread, second, "t2"))) == Written::stored);
}

TEST_CASE("a row that is not a conversation has a time to live while nobody holds it") {
    RedisRig rig;
    auto& a = rig.open();
    const ThreadKey key{"ann", "c1"};
    const auto kept_for_ever = [&rig] { return redis_cli(rig, {"PTTL", "oa:t:ann/c1"}) == "-1\n"; };
    const auto fence = start(rig, a, key, "t1");
    CHECK(kept_for_ever());
    rig.get(a.end(ending(key, fence, "t1")));
    CHECK_FALSE(kept_for_ever());
    const auto second = rig.get(a.acquire(wish(key))).holding.fence;
    CHECK(second == fence + 1);
    CHECK(kept_for_ever());
    rig.get(a.forget(key, second));
    CHECK_FALSE(kept_for_ever());
    rig.get(a.put(key, {.thread = "th-1"}));
    CHECK(kept_for_ever());
    rig.get(a.erase(key));
    CHECK_FALSE(kept_for_ever());
    CHECK(rig.get(a.acquire(wish(key, "another"))).erased);
    CHECK(kept_for_ever());

    const ThreadKey unused{"ann", "c2"}; // erased before it had a turn
    rig.get(a.put(unused, {.thread = "th-2"}));
    rig.get(a.erase(unused));
    CHECK(redis_cli(rig, {"PTTL", "oa:t:ann/c2"}) != "-1\n");
    rig.get(a.acquire(wish(unused)));
    CHECK(redis_cli(rig, {"PTTL", "oa:t:ann/c2"}) == "-1\n");
}

TEST_CASE("an end that goes behind pieces is taken only where the log has them") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::stored);
    auto end = ending(k_thread, fence, "t1");
    for (const std::uint64_t behind : {0U, 2U, 6U}) {
        end.behind = behind;
        end.end = behind + end.bytes.size();
        CHECK(rig.get(a.end(end)) == Written::hole);
        CHECK(rig.get(a.look(k_thread)).holding.phase == Phase::live);
        CHECK(a.numbers().held == 1);
    }
    end.behind = 3;
    end.end = 3 + end.bytes.size();
    CHECK(rig.get(a.end(end)) == Written::stored);
    CHECK(rig.get(a.end(end)) == Written::stored); // asked twice
    const auto log = rig.get(a.read("t1"));
    CHECK(log.whole());
    CHECK(log.entries.back().last());
    CHECK(rig.get(a.look(k_thread)).holding.phase == Phase::ended);

    const auto next = start(rig, a, k_thread, "t2");
    rig.get(a.drop_log("t2"));
    end = ending(k_thread, next, "t2");
    end.behind = 0;
    CHECK(rig.get(a.end(end)) == Written::hole);
}

TEST_CASE("limits count the turns of all living sessions") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    auto asked = wish({"ann", "c1"});
    asked.most = 3;
    asked.most_of_owner = 2;
    const auto ask = [&](Store& store, const std::string& owner, const std::string& id) {
        asked.key = {owner, id};
        asked.request = owner + id;
        return rig.get(store.acquire(asked)).kind;
    };
    CHECK(ask(a, "ann", "c1") == Acquired::Kind::mine);
    CHECK(ask(b, "ann", "c2") == Acquired::Kind::mine);
    CHECK(ask(b, "ann", "c3") == Acquired::Kind::owner_full);
    CHECK(ask(a, "bob", "c1") == Acquired::Kind::mine);
    CHECK(ask(b, "cat", "c1") == Acquired::Kind::full);
    rig.get(a.forget({"bob", "c1"}, 1));
    CHECK(ask(b, "cat", "c1") == Acquired::Kind::mine);
    // A death leaks nothing.
    rig.kill(b);
    CHECK(ask(a, "ann", "c9") == Acquired::Kind::mine);
}

TEST_CASE("turns without a log count among all turns, until they are given back") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    auto asked = wish({"ann", ""});
    asked.most = 2;
    CHECK(rig.get(a.take_place(asked)) == Acquired::Kind::mine);
    asked.most_of_owner = 1;
    CHECK(rig.get(b.take_place(asked)) == Acquired::Kind::owner_full);
    asked.most_of_owner = 0;
    CHECK(rig.get(b.take_place(asked)) == Acquired::Kind::mine);
    CHECK(rig.get(b.take_place(asked)) == Acquired::Kind::full);
    CHECK(a.numbers().held == 1);
    a.give_place("ann");
    CHECK(a.numbers().held == 0);
    // Nobody waits for a place to be given back: the answer to what follows it on this connection
    // tells that it is.
    CHECK_FALSE(rig.get(a.pass(k_thread, {.turn = "t0", .reason = "ask"})));
    CHECK(rig.get(b.take_place(asked)) == Acquired::Kind::mine);
    rig.kill(b);
    CHECK(rig.get(a.take_place(asked)) == Acquired::Kind::mine);
}

TEST_CASE("a message comes to whoever runs the turn, and its answer back") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    std::vector<Wanted> at_a;
    std::vector<Wanted> at_b;
    a.on_wanted = [&at_a](const Wanted& one) { at_a.push_back(one); };
    b.on_wanted = [&at_b](const Wanted& one) { at_b.push_back(one); };
    const Wanted what{.turn = "t1", .reason = "ask", .request = "r1", .body = "{\"x\":\"ä\\n\"}"};
    CHECK_FALSE(rig.get(b.pass(k_thread, what)));
    start(rig, a, k_thread, "t1");
    CHECK_FALSE(rig.get(b.pass(k_thread, {.turn = "t0", .reason = "ask"})));
    CHECK(rig.get(b.pass(k_thread, what)));
    rig.get(a.follow({}, 0));
    REQUIRE(at_a.size() == 1);
    CHECK(at_a.front().body == what.body);
    CHECK(at_a.front().from == b.session());
    a.answer(at_a.front(), "yes");
    rig.get(b.follow({}, 0));
    REQUIRE(at_b.size() == 1);
    CHECK(at_b.front().reason == k_answer);
    CHECK(at_b.front().request == "r1");
    CHECK(at_b.front().body == "yes");
    rig.get(a.drop_log("t1")); // nobody at b would hear what comes of it
    CHECK_FALSE(rig.get(b.pass(k_thread, what)));
    start(rig, a, {"ann", "c2"}, "t2");
    CHECK(rig.get(b.pass({"ann", "c2"}, {.turn = "t2", .reason = "ask"})));
    rig.kill(a);
    CHECK_FALSE(rig.get(b.pass({"ann", "c2"}, {.turn = "t2", .reason = "ask"})));
}

TEST_CASE("a server that was emptied is told again who runs what") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    CHECK(rig.get(a.hold_again(k_thread, fence, "t1")));
    int anew = 0;
    a.on_unsure = [&anew] { ++anew; };
    redis_cli(rig, {"FLUSHALL"});
    rig.until("a new registration", [&] { return anew > 0; });
    CHECK(rig.get(a.hold_again(k_thread, fence, "t1")));
    CHECK(rig.get(b.acquire(wish(k_thread))).kind == Acquired::Kind::busy);
    CHECK(rig.get(a.end(ending(k_thread, fence, "t1"))) == Written::gone);
    redis_cli(rig, {"FLUSHALL"});
    CHECK(rig.get(a.end(ending(k_thread, fence, "t1"))) == Written::gone);
    const auto next = start(rig, b, k_thread, "t2");
    CHECK_FALSE(rig.get(a.hold_again(k_thread, next, "t1")));
}

TEST_CASE("a server that lost the last of what it had is told again who runs what") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto before = start(rig, a, k_thread, "t1");
    CHECK(rig.get(a.end(ending(k_thread, before, "t1"))) == Written::stored);
    const auto row = "oa:t:" + std::string("ann%2Fx/c%201");
    const auto old = redis_cli(rig, {"HGET", row, "f"});
    const auto fence = start(rig, a, k_thread, "t2");
    // As a copy has it that heard of neither.
    redis_cli(
        rig, {"HSET", row, "f", old.substr(0, old.find('\n')), "s", "", "st", "ended", "ti", "t1"}
    );
    CHECK(rig.get(a.hold_again(k_thread, fence, "t2")));
    const auto busy = rig.get(b.acquire(wish(k_thread)));
    CHECK(busy.kind == Acquired::Kind::busy);
    CHECK(busy.holding.turn == "t2");
    // … or of its start alone.
    redis_cli(rig, {"HSET", row, "st", "starting", "ti", ""});
    CHECK(rig.get(a.hold_again(k_thread, fence, "t2")));
    CHECK(rig.get(b.acquire(wish(k_thread))).holding.phase == Phase::live);
    // What another session has taken stays its own.
    redis_cli(rig, {"HSET", row, "f", "99", "s", b.session()});
    CHECK_FALSE(rig.get(a.hold_again(k_thread, fence, "t2")));
}

TEST_CASE("a start that nobody knows the end of makes the next one look") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    CHECK_FALSE(rig.get(a.acquire(wish(k_thread))).unsure);
    const ThreadKey other{"ann", "c2"};
    CHECK(rig.get(b.acquire(wish(other, "start"))).kind == Acquired::Kind::mine);
    rig.kill(b);
    CHECK(rig.get(a.reap(take(rig, a, other), "", "")));
    const auto next = rig.get(a.acquire(wish(other, "next")));
    CHECK(next.unsure);
    rig.get(a.commit({.key = other, .fence = next.holding.fence, .turn = "t9", .head = "{}"}));
    CHECK(rig.get(a.end(ending(other, next.holding.fence, "t9"))) == Written::stored);
    CHECK_FALSE(rig.get(a.acquire(wish(other, "third"))).unsure);
}

TEST_CASE("a stop reaches the holder, also one that comes before its turn") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    std::vector<Wanted> wanted;
    a.on_wanted = [&wanted](const Wanted& one) { wanted.push_back(one); };
    const auto early = rig.get(a.acquire(wish(k_thread)));
    CHECK(rig.get(b.want(k_thread, early.holding.fence, "stopped")));
    CHECK(
        rig.get(a.commit({.key = k_thread, .fence = early.holding.fence, .turn = "t1"})).stop ==
        "stopped"
    );
    rig.get(a.end(ending(k_thread, early.holding.fence, "t1")));

    const auto fence = start(rig, a, k_thread, "t2");
    CHECK(rig.get(b.want(k_thread, fence, "superseded")));
    rig.get(a.follow({}, 0));
    REQUIRE(wanted.size() == 1);
    CHECK(wanted.front().turn == "t2");
    CHECK(wanted.front().reason == "superseded");
    const auto stop = [&] { return rig.get(b.look(k_thread)).holding.stop; };
    rig.get(b.want(k_thread, fence, "")); // not the holder's to say
    CHECK(stop() == "superseded");
    rig.get(a.want(k_thread, fence, ""));
    CHECK(stop().empty());
    // A stop for a turn that has ended, or was another one, changes nothing.
    CHECK_FALSE(rig.get(b.want(k_thread, fence - 1, "stopped")));
    rig.get(a.end(ending(k_thread, fence, "t2")));
    CHECK_FALSE(rig.get(b.want(k_thread, fence, "stopped")));
}

TEST_CASE("a stop is looked after until the turn is known to be over") {
    RedisRig rig;
    auto& b = rig.open();
    auto& a = rig.open();
    const auto stop_done = [&](std::uint64_t fence) { rig.get(b.stop_done(k_thread, fence)); };
    const auto fence = start(rig, a, k_thread, "t1");
    CHECK(rig.get(b.orphans()).empty());
    CHECK(rig.get(b.want(k_thread, fence, "stopped")));
    CHECK(rig.get(b.orphans()) == std::vector{k_thread});
    CHECK(rig.get(b.want(k_thread, fence, "superseded")));
    rig.get(a.want(k_thread, fence, ""));
    CHECK(rig.get(b.look(k_thread)).holding.stop == k_stopped);
    stop_done(fence); // somebody holds it
    CHECK(rig.get(b.orphans()).size() == 1);

    rig.kill(a);
    CHECK(rig.get(b.reap(take(rig, b, k_thread), "end.", "{}")));
    const auto ended = rig.get(b.look(k_thread)).holding;
    CHECK(ended.phase == Phase::ended);
    CHECK(ended.stop == k_stopped);
    CHECK(rig.get(b.orphans()) == std::vector{k_thread});
    stop_done(fence); // it was another one that was looked at
    CHECK(rig.get(b.orphans()).size() == 1);
    stop_done(ended.fence);
    CHECK(rig.get(b.orphans()).empty());
    CHECK(rig.get(b.look(k_thread)).holding.stop.empty());

    const auto next = start(rig, b, k_thread, "t2");
    CHECK(rig.get(b.want(k_thread, next, "stopped")));
    rig.get(b.end(ending(k_thread, next, "t2")));
    const auto last = start(rig, b, k_thread, "t3"); // which is not to stop
    stop_done(last);
    CHECK(rig.get(b.orphans()).empty());
    CHECK(rig.get(b.look(k_thread)).holding.session == b.session());
}

TEST_CASE("what dead sessions held is listed before stops that are looked after") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey other{"ann", "c2"};
    CHECK(rig.get(b.want(other, start(rig, b, other, "t2"), "stopped")));
    start(rig, a, k_thread, "t1");
    rig.kill(a);
    CHECK(rig.get(b.orphans()) == std::vector{k_thread, other});
}

TEST_CASE("a dead session's turn is decided once, and never for a living one") {
    RedisRig rig;
    auto& b = rig.open();
    auto& c = rig.open();
    auto& a = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    const auto early = take(rig, b, k_thread);
    CHECK_FALSE(rig.get(b.reap(early, "end.", "{}")));
    CHECK_FALSE(rig.get(b.adopt(early)));

    rig.kill(a);
    const auto orphans = rig.get(b.orphans());
    REQUIRE(orphans.size() == 1);
    CHECK(orphans.front() == k_thread);
    CHECK(rig.get(b.acquire(wish(k_thread))).kind == Acquired::Kind::orphan);
    auto stale = take(rig, b, k_thread);
    stale.top_end = 2; // something was written since it was read
    CHECK_FALSE(rig.get(b.reap(stale, "end.", "{}")));

    const auto now = take(rig, b, k_thread);
    const auto adopted = rig.get(b.adopt(now));
    REQUIRE(adopted);
    CHECK(*adopted > fence);
    CHECK_FALSE(rig.get(c.reap(now, "end.", "{}")));
    CHECK(rig.get(b.orphans()).empty());
    CHECK(rig.get(append(b, "t1", *adopted, 6, "def")) == Written::stored);

    rig.kill(b);
    CHECK(rig.get(c.reap(take(rig, c, k_thread), "end.", "{}")));
    const auto log = rig.get(c.read("t1"));
    REQUIRE(log.entries.size() == 5); // head, abc, adopted, def, end
    CHECK(log.entries.back().last());
    CHECK(log.entries.back().end == 10);
    CHECK(rig.get(c.look(k_thread)).holding.phase == Phase::ended);
    CHECK(rig.get(c.acquire(wish(k_thread))).kind == Acquired::Kind::mine);
}

TEST_CASE("what a turn said that nobody ends is kept as long as if it had ended") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    const auto left = [&rig] { return Millis(std::stol(redis_cli(rig, {"PTTL", "oa:l:t1"}))); };
    CHECK(left() > rig.options().log_kept);
    rig.get(a.forget(k_thread, fence));
    CHECK(left() > Millis(0));
    CHECK(left() <= rig.options().log_kept);
}

TEST_CASE("how long ago a turn ended the store says, whatever the lane that asks keeps") {
    RedisRig rig;
    auto& a = rig.open();
    auto options = rig.options();
    options.log_kept = 2 * options.log_kept;
    auto& b = rig.open(options);
    const auto since = [&rig, &b] { return rig.get(b.look(k_thread)).holding.ended_ago; };
    const auto fence = start(rig, a, k_thread, "t1");
    CHECK(since() == Millis(0));
    SECTION("its lane ended it") {
        rig.get(a.end(ending(k_thread, fence, "t1")));
    }
    SECTION("another one did") {
        auto& c = rig.open();
        rig.kill(a);
        CHECK(rig.get(c.reap(take(rig, c, k_thread), "end.", "{}")));
    }
    CHECK(since() < Millis(8'000));
    const auto left = std::to_string((rig.options().log_kept - Millis(10'000)).count());
    CHECK(redis_cli(rig, {"PEXPIRE", "oa:l:t1", left}) == "1\n");
    CHECK(since() >= Millis(10'000));
    CHECK(since() < Millis(30'000));
    CHECK(redis_cli(rig, {"UNLINK", "oa:l:t1"}) == "1\n");
    CHECK(since() == Millis(0));
    start(rig, b, k_thread, "t2");
    CHECK(since() == Millis(0));
}

TEST_CASE("a turn that was let go is adopted although its holder lives") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(a.release(k_thread, fence));
    CHECK(rig.get(b.orphans()).size() == 1);
    CHECK(redis_cli(rig, {"PEXPIRE", "oa:l:t1", "60000"}) == "1\n");
    CHECK(rig.get(b.adopt(take(rig, b, k_thread))));
    CHECK(std::stol(redis_cli(rig, {"PTTL", "oa:l:t1"})) > 60'000); // it has all its time again
    CHECK(rig.get(b.orphans()).empty());
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::fenced);
}

TEST_CASE("a turn that the only session lets go waits for the next one, and counts no more") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(a.release(k_thread, fence));
    CHECK(a.numbers().errors.other == 0);
    CHECK(rig.get(a.held()).empty());
    CHECK(redis_cli(rig, {"HGET", "oa:c:" + a.session(), "n"}) == "0\n");
    auto& later = rig.open();
    CHECK(rig.get(later.orphans()) == std::vector{k_thread});
    CHECK(rig.get(later.adopt(take(rig, later, k_thread))));
}

TEST_CASE("a session that slept over its lease goes on where nobody took over") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    const auto& other = rig.open();
    rig.get(rig.stores.back()->look(k_thread));
    CHECK(other.numbers().up);
    // Its key is gone, as after a pause; nobody has settled the turn.
    CHECK(redis_cli(rig, {"DEL", "oa:s:" + a.session()}) == "1\n");
    rig.until("the lease to be taken again", [&] {
        return rig.get(rig.stores.back()->look(k_thread)).holding.alive;
    });
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::stored);
    CHECK(rig.get(a.end(ending(k_thread, fence, "t1"))) == Written::stored);
}

TEST_CASE("a turn that another session took over does not count twice") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    std::optional<std::uint64_t> adopted;
    rig.until("a moment without the first session", [&] {
        redis_cli(rig, {"DEL", "oa:s:" + a.session()});
        adopted = rig.get(b.adopt(take(rig, b, k_thread)));
        return adopted.has_value();
    });
    rig.until("the first session again", [&] {
        return redis_cli(rig, {"EXISTS", "oa:s:" + a.session()}) == "1\n";
    });
    CHECK(rig.get(append(a, "t1", fence, 6, "def")) == Written::fenced);
    rig.get(a.forget(k_thread, fence)); // the journal that was fenced says so
    CHECK(rig.get(b.end(ending(k_thread, *adopted, "t1"))) == Written::stored);
    auto asked = wish({"bob", "c1"});
    asked.most = 1;
    rig.until("an empty count", [&] {
        return redis_cli(rig, {"HGET", "oa:c:" + a.session(), "n"}) == "0\n";
    });
    CHECK(rig.get(b.acquire(asked)).kind == Acquired::Kind::mine);
}

TEST_CASE("a session knows what the store has as its own, and counts are put right") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    CHECK(rig.get(a.held()).empty());
    const auto fence = start(rig, a, k_thread, "t1");
    CHECK(rig.get(a.held()) == std::vector<ThreadKey>{k_thread});
    CHECK(rig.get(b.held()).empty());
    const auto counted = [&] { return redis_cli(rig, {"HGET", "oa:c:" + a.session(), "n"}); };
    redis_cli(rig, {"HSET", "oa:c:" + a.session(), "n", "7", "o:somebody", "3"});
    rig.until("the right count", [&] { return counted() == "1\n"; });
    CHECK(redis_cli(rig, {"HLEN", "oa:c:" + a.session()}) == "2\n");
    CHECK(rig.get(a.end(ending(k_thread, fence, "t1"))) == Written::stored);
    CHECK(rig.get(a.held()).empty());
    // An ending of long ago takes nothing from what is held now.
    const auto next = start(rig, a, k_thread, "t2");
    rig.get(a.forget(k_thread, fence));
    CHECK(a.numbers().held == 1);
    CHECK(rig.get(a.end(ending(k_thread, next, "t2"))) == Written::stored);
}

TEST_CASE("a session is among those whose death is noticed for as long as it lives") {
    RedisRig rig;
    auto& a = rig.open();
    CHECK(a.steady());
    redis_cli(rig, {"DEL", "oa:ss"});
    rig.until("its name", [&] {
        return redis_cli(rig, {"SISMEMBER", "oa:ss", a.session()}) == "1\n";
    });
    rig.redis->signal(SIGSTOP);
    rig.until("the end of its lease", [&] { return !a.leased(); });
    const auto gone = Clock::now() + Millis(100); // the server got it later than it was asked for
    rig.until("the end of its key", [&] { return Clock::now() >= gone; });
    rig.redis->signal(SIGCONT);
    rig.until("a lease again", [&] { return a.leased(); });
    CHECK(a.sign_ons == 1);
    CHECK_FALSE(a.steady()); // the others may be about to say that they live
    rig.until("the time in which they do", [&] { return a.steady(); });
}

TEST_CASE("a session that is dead itself decides for no other") {
    RedisRig rig;
    auto options = rig.options();
    options.lease = Millis(60'000); // neither of them is registered again meanwhile
    auto& a = rig.open(options);
    auto& b = rig.open(options);
    const auto fence = start(rig, a, k_thread, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    redis_cli(rig, {"DEL", "oa:s:" + a.session(), "oa:s:" + b.session()});
    const auto was = take(rig, b, k_thread);
    CHECK_FALSE(was.from.alive);
    CHECK_FALSE(rig.get(b.reap(was, "end", "{}")));
    CHECK_FALSE(rig.get(b.adopt(was)));
    redis_cli(rig, {"SET", "oa:s:" + b.session(), "alive"});
    CHECK(rig.get(b.adopt(was)));
}
