// The map of threads and idempotency keys, seen from two sessions.
#include "redis_rig.hpp"

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

KeyRequest
use(std::string owner,
    std::string key,
    std::string digest,
    std::string thread,
    std::string attempt = "1") {
    return {
        std::move(owner), std::move(key), std::move(attempt), std::move(digest), std::move(thread)
    };
}

/// The commit of `t2` on a conversation as it was taken.
CommitRequest second_turn(const ThreadKey& key, const Acquired& held) {
    CommitRequest out{.key = key, .fence = held.holding.fence, .turn = "t2", .head = "{}"};
    out.fields = held.fields;
    if (out.fields) {
        out.fields->last_turn = "t2";
    }
    out.before = held.fields;
    return out;
}

} // namespace

TEST_CASE("a row is the same on every session, whatever stands in its owner and id") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"a/b c", "ünï/%41"};
    CHECK_FALSE(rig.get(b.look(key)).fields);
    rig.get(a.put(
        key,
        {.thread = "th-1",
         .seeded = 3,
         .title = "A title",
         .created_at = 17,
         .updated_at = 18,
         .archived = true,
         .last_message = "m",
         .last_turn = "t"}
    ));
    const auto seen = rig.get(b.look(key)).fields;
    REQUIRE(seen);
    CHECK(seen->thread == "th-1");
    CHECK(seen->seeded == 3);
    CHECK(seen->title == "A title");
    CHECK(seen->created_at == 17);
    CHECK(seen->updated_at == 18);
    CHECK(seen->archived);
    CHECK(seen->last_message == "m");
    CHECK(seen->last_turn == "t");
    CHECK(rig.get(b.ids_of("a/b c")) == std::vector<std::string>{"ünï/%41"});
    CHECK(rig.get(b.ids_of("a")).empty());
}

TEST_CASE("an erased row keeps its fence") {
    RedisRig rig;
    auto& a = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(a.put(key, {.thread = "th-1"}));
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(a.forget(key, held.holding.fence));
    rig.get(a.erase(key));
    CHECK_FALSE(rig.get(a.look(key)).fields);
    CHECK(rig.get(a.ids_of("ann")).empty());
    CHECK(rig.get(a.acquire(wish(key, "again"))).holding.fence > held.holding.fence);
}

TEST_CASE("a key means one turn on every session") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).fresh); // its answer was lost
    CHECK_FALSE(rig.get(a.use_key(use("ann", "k1", "digest", "c1", "2"))).fresh);
    const auto same = rig.get(b.use_key(use("ann", "k1", "digest", "c2")));
    CHECK_FALSE(same.fresh);
    CHECK(same.turn.empty()); // it is being started
    CHECK(same.thread == "c1");
    CHECK(rig.get(b.use_key(use("ann", "k1", "other", "c1"))).request == "digest");
    CHECK(rig.get(b.use_key(use("bob", "k1", "other", "c1"))).fresh);

    const ThreadKey key{"ann", "c1"};
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(a.commit(
        {.key = key, .fence = held.holding.fence, .turn = "t1", .head = "{}", .idempotency = "k1"}
    ));
    CHECK(rig.get(b.use_key(use("ann", "k1", "digest", "c1"))).turn == "t1");
    rig.get(a.forget_key(use("ann", "k1", "digest", "c1", "later"))); // it led to a turn: it stays
    CHECK(rig.get(b.use_key(use("ann", "k1", "digest", "c1"))).turn == "t1");
}

TEST_CASE("a key whose first request came to nothing, or died, may be used again") {
    RedisRig rig;
    auto& b = rig.open();
    auto& a = rig.open();
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    rig.get(b.forget_key(use("ann", "k1", "digest", "c1"))); // not its own
    CHECK_FALSE(rig.get(b.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    rig.get(a.forget_key(use("ann", "k1", "digest", "c1")));
    CHECK(rig.get(b.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    CHECK(rig.get(a.use_key(use("ann", "k2", "digest", "c1"))).fresh);
    rig.kill(a);
    CHECK(rig.get(b.use_key(use("ann", "k2", "digest", "c1"))).fresh);
}

TEST_CASE("a key whose first request died may mean that request's turn") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto again = use("ann", "k1", "digest", "c1", "2");
    CHECK_FALSE(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).left);
    rig.kill(a);
    CHECK(rig.get(b.use_key(again)).left);
    CHECK(rig.get(b.use_key(again)).left); // its answer was lost
    rig.get(b.forget_key(again)); // it could not look
    const auto third = use("ann", "k1", "digest", "c1", "3");
    const auto used = rig.get(b.use_key(third));
    CHECK(used.fresh);
    CHECK(used.left);
    rig.get(b.answer_key(again, "t0")); // not its own any more
    CHECK(rig.get(b.use_key(third)).turn.empty());
    rig.get(b.answer_key(third, "t1"));
    const auto known = rig.get(b.use_key(use("ann", "k1", "digest", "c1", "4")));
    CHECK_FALSE(known.fresh);
    CHECK(known.turn == "t1");
}

TEST_CASE("a key keeps what was newest before its first use that took the thread") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    auto& c = rig.open();
    const auto with = [](std::string attempt, std::optional<std::string> before) {
        auto out = use("ann", "k1", "digest", "c1", std::move(attempt));
        out.before = std::move(before);
        return out;
    };
    CHECK_FALSE(rig.get(a.use_key(with("1", {}))).before);
    rig.kill(a);
    CHECK_FALSE(rig.get(b.use_key(with("2", {}))).before); // the first one had not come so far
    const bool empty = GENERATE(false, true); // a thread without a turn
    const std::string newest = empty ? "" : "turn-1";
    CHECK_FALSE(rig.get(b.use_key(with("2", newest))).before);
    rig.kill(b);
    CHECK(rig.get(c.use_key(with("3", {}))).before == newest);
    CHECK(rig.get(c.use_key(with("3", "turn-9"))).before == newest);
    rig.get(c.forget_key(with("3", {})));
    CHECK(rig.get(c.use_key(with("4", {}))).before == newest);
}

TEST_CASE("a key that another session took meanwhile begins no turn any more") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto asked = use("ann", "k1", "digest", "c1");
    CHECK(rig.get(a.use_key(asked)).fresh);
    rig.until("a moment without the first session", [&] {
        redis_cli(rig, {"DEL", "oa:s:" + a.session()});
        return rig.get(b.use_key(use("ann", "k1", "digest", "c2", "2"))).fresh;
    });
    rig.until("the first session again", [&] {
        return redis_cli(rig, {"EXISTS", "oa:s:" + a.session()}) == "1\n";
    });
    CHECK_FALSE(rig.get(a.use_key(asked)).fresh);
    const ThreadKey key{"ann", "c1"};
    const auto held = rig.get(a.acquire(wish(key)));
    const auto committed = rig.run(a.commit(
        {.key = key, .fence = held.holding.fence, .turn = "t1", .head = "{}", .idempotency = "k1"}
    ));
    REQUIRE_FALSE(committed);
    CHECK(committed.error().code == Code::conflict);
    CHECK(rig.get(a.look(key)).holding.phase == Phase::starting);
}

TEST_CASE("a key that ran out before its turn began is not kept for ever") {
    RedisRig rig;
    auto options = rig.options();
    options.key_time = Millis(1);
    auto& a = rig.open(options);
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    rig.until("the key to run out", [&rig] {
        return redis_cli(rig, {"EXISTS", "oa:i:ann/k1"}) == "0\n";
    });
    const ThreadKey key{"ann", "c1"};
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(a.commit(
        {.key = key, .fence = held.holding.fence, .turn = "t1", .head = "{}", .idempotency = "k1"}
    ));
    CHECK(rig.get(a.look(key)).holding.phase == Phase::live);
    CHECK(redis_cli(rig, {"EXISTS", "oa:i:ann/k1"}) == "0\n");
}

TEST_CASE("a key is forgotten with the turn that nobody was told of") {
    RedisRig rig;
    auto& a = rig.open();
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1"))).fresh);
    const ThreadKey key{"ann", "c1"};
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(a.commit(
        {.key = key, .fence = held.holding.fence, .turn = "t1", .head = "{}", .idempotency = "k1"}
    ));
    rig.get(a.forget_key(use("ann", "k1", "digest", "c1")));
    CHECK(rig.get(a.use_key(use("ann", "k1", "digest", "c1", "2"))).fresh);
}

TEST_CASE("when a conversation was used changes nothing else of it, and makes none") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(a.touch(key, 5));
    CHECK_FALSE(rig.get(b.look(key)).fields);
    rig.get(a.put(key, {.thread = "th-1", .title = "Old", .created_at = 1, .updated_at = 1}));
    const auto seen = rig.get(b.changes_of("ann", ""));
    rig.get(b.put(key, {.thread = "th-1", .title = "New", .created_at = 1, .archived = true}));
    rig.get(a.touch(key, 5));
    const auto fields = rig.get(b.look(key)).fields;
    REQUIRE(fields);
    CHECK(fields->updated_at == 5);
    CHECK(fields->title == "New");
    CHECK(fields->archived);
    CHECK(rig.get(b.changes_of("ann", seen.at)).ids.size() == 2);
}

TEST_CASE("a name and the archive that are given change nothing else, and bring nothing back") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    CHECK_FALSE(rig.get(a.change(key, {.title = "New"})));
    rig.get(a.put(key, {.thread = "th-1", .title = "Old", .last_turn = "t1"}));
    const auto seen = rig.get(b.changes_of("ann", ""));
    CHECK(rig.get(b.change(key, {.title = "New"})));
    CHECK(rig.get(a.change(key, {.archived = true})));
    const auto fields = rig.get(b.look(key)).fields;
    REQUIRE(fields);
    CHECK(fields->title == "New");
    CHECK(fields->archived);
    CHECK(fields->last_turn == "t1");
    CHECK(rig.get(b.changes_of("ann", seen.at)).ids.size() == 2);
    rig.get(a.erase(key));
    CHECK_FALSE(rig.get(b.change(key, {.title = "Newest"})));
    CHECK(rig.get(b.look(key)).erased);
    CHECK(rig.get(b.ids_of("ann")).empty());
}

TEST_CASE("a turn that is committed puts of its row what became different since it was taken") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(a.put(key, {.thread = "th-1", .title = "Old", .last_turn = "t1"}));
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(b.change(key, {.title = "New", .archived = true}));
    rig.get(a.commit(second_turn(key, held)));
    const auto row = rig.get(b.look(key)).fields;
    REQUIRE(row);
    CHECK(row->thread == "th-1");
    CHECK(row->title == "New");
    CHECK(row->archived);
    CHECK(row->last_turn == "t2");
}

TEST_CASE("a turn that is committed to a conversation that was deleted meanwhile puts all of it") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(a.put(key, {.thread = "th-1", .title = "Old", .created_at = 5, .last_turn = "t1"}));
    const auto held = rig.get(a.acquire(wish(key)));
    rig.get(b.erase(key));
    rig.get(a.commit(second_turn(key, held)));
    const auto row = rig.get(b.look(key)).fields;
    REQUIRE(row);
    CHECK(row->thread == "th-1");
    CHECK(row->title == "Old");
    CHECK(row->created_at == 5);
    CHECK(row->last_turn == "t2");
    CHECK(rig.get(b.ids_of("ann")) == std::vector<std::string>{"c1"});
}

TEST_CASE("what others changed is told once, all when nobody can tell") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto none = rig.get(b.changes_of("ann", ""));
    CHECK(none.all);
    CHECK_FALSE(rig.get(b.changes_of("ann", none.at)).all); // all is asked for once
    rig.get(a.put({"ann", "c1"}, {.thread = "th-1", .title = "One"}));
    const auto first = rig.get(b.changes_of("ann", ""));
    CHECK(first.all);
    CHECK(rig.get(b.changes_of("ann", first.at)).ids.empty());

    rig.get(a.put({"ann", "c2"}, {.thread = "th-2"}));
    rig.get(a.put({"ann", "c1"}, {.thread = "th-1", .title = "Renamed", .archived = true}));
    rig.get(a.erase({"ann", "c2"}));
    rig.get(a.put({"bob", "c3"}, {.thread = "th-3"}));
    const auto next = rig.get(b.changes_of("ann", first.at));
    CHECK_FALSE(next.all);
    CHECK(next.ids == std::vector<std::string>{"c2", "c1", "c2"});
    CHECK(rig.get(b.changes_of("ann", next.at)).ids.empty());
    CHECK(rig.get(b.changes_of("ann", "1-1")).all);

    const auto rows = rig.get(b.rows_of("ann", {"c2", "c1", "none"}));
    REQUIRE(rows.size() == 3);
    CHECK_FALSE(rows[0]);
    CHECK_FALSE(rows[2]);
    REQUIRE(rows[1]);
    CHECK(rows[1]->title == "Renamed");
    CHECK(rows[1]->archived);
}

TEST_CASE("whoever takes a thread is told its row, which is the same one again with the attempt") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    const auto fresh = rig.get(a.acquire(wish(key)));
    CHECK_FALSE(fresh.fields);
    CHECK_FALSE(fresh.erased);
    rig.get(a.forget(key, fresh.holding.fence));

    rig.get(b.put(key, {.thread = "th-1", .title = "A title", .last_turn = "t"}));
    for (int i = 0; i < 2; ++i) {
        const auto known = rig.get(a.acquire(wish(key, "second")));
        CHECK(known.kind == Acquired::Kind::mine);
        REQUIRE(known.fields);
        CHECK(known.fields->thread == "th-1");
        CHECK(known.fields->title == "A title");
        CHECK(known.fields->last_turn == "t");
        CHECK_FALSE(known.erased);
    }
    const auto held = rig.get(a.acquire(wish(key, "second")));
    rig.get(a.forget(key, held.holding.fence));

    rig.get(b.erase(key));
    const auto gone = rig.get(a.acquire(wish(key, "third")));
    CHECK_FALSE(gone.fields);
    CHECK(gone.erased);
}

TEST_CASE("a turn is committed together with its row, or neither is") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(b.put({"ann", "other"}, {.thread = "th-0"}));
    const auto seen = rig.get(b.changes_of("ann", ""));
    const auto held = rig.get(a.acquire(wish(key)));
    CommitRequest request{
        .key = key,
        .fence = held.holding.fence + 1,
        .turn = "t1",
        .head = "{}",
        .idempotency = {},
        .fields = ThreadFields{.thread = "th-1", .title = "A title"}
    };
    CHECK_FALSE(rig.run(a.commit(request)));
    CHECK_FALSE(rig.get(b.look(key)).fields);

    request.fence = held.holding.fence;
    rig.get(a.commit(request));
    const auto row = rig.get(b.look(key));
    REQUIRE(row.fields);
    CHECK(row.fields->thread == "th-1");
    CHECK(row.fields->title == "A title");
    CHECK(row.holding.turn == "t1");
    CHECK(row.has_log);
    const auto changes = rig.get(b.changes_of("ann", seen.at));
    CHECK_FALSE(changes.all);
    CHECK(changes.ids == std::vector<std::string>{"c1"});
}

TEST_CASE("each change of a row makes its version higher, its last use alone does not") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    const auto version = [&] { return rig.get(b.look(key)).version; };
    const auto made = rig.get(a.put(key, {.thread = "th-1"}));
    CHECK(made > 0);
    CHECK(version() == made);
    const auto changed = rig.get(a.change(key, {.archived = true}));
    CHECK(changed > made);
    CHECK(version() == changed);
    rig.get(a.touch(key, 5));
    CHECK(version() == changed);
    const auto held = rig.get(a.acquire(wish(key)));
    CHECK(held.version == changed);
    REQUIRE(held.fields);
    CHECK(held.fields->version == changed);
    const auto committed = rig.get(a.commit(second_turn(key, held)));
    CHECK(committed.version > changed);
    CHECK(rig.get(a.commit(second_turn(key, held))).version == committed.version); // once
    CHECK(rig.get(b.rows_of("ann", {"c1"}))[0]->version == committed.version);
    const auto deleted = rig.get(b.erase(key));
    CHECK(deleted > committed.version);
    CHECK(version() == deleted);
    CHECK(rig.get(a.put(key, {.thread = "th-2"})) > deleted);
}

TEST_CASE("a row that is offered is taken where the store has none, or an older one") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const ThreadKey key{"ann", "c1"};
    const auto offer = [&](std::string thread, std::uint64_t version) {
        ThreadFields fields{.thread = std::move(thread)};
        fields.version = version;
        std::vector<OfferedRow> rows{{key, std::move(fields)}};
        rig.get(a.offer(std::move(rows)));
        const auto state = rig.get(b.look(key));
        return state.fields ? state.fields->thread : state.erased ? "erased" : "none";
    };
    CHECK(offer("th-0", 0) == "th-0"); // of an old release
    CHECK(offer("th-1", 0) == "th-0");
    CHECK(offer("th-2", 2) == "th-2");
    CHECK(rig.get(b.ids_of("ann")) == std::vector<std::string>{"c1"});
    CHECK(offer("th-3", 2) == "th-2");
    CHECK(offer("", 1) == "th-2");
    const auto seen = rig.get(b.changes_of("ann", ""));
    CHECK(offer("", 3) == "erased");
    CHECK(rig.get(b.changes_of("ann", seen.at)).ids == std::vector<std::string>{"c1"});
    CHECK(rig.get(b.ids_of("ann")).empty());
    CHECK(redis_cli(rig, {"TTL", "oa:t:ann/c1"}) != "-1\n");
    CHECK(offer("th-2", 2) == "erased");
    CHECK(offer("th-4", 4) == "th-4");
    CHECK(redis_cli(rig, {"TTL", "oa:t:ann/c1"}) == "-1\n");
    const auto held = rig.get(a.acquire(wish(key))); // its commit says what it has
    CHECK(offer("th-5", 5) == "th-4");
    rig.get(a.forget(key, held.holding.fence));
    CHECK(offer("th-5", 5) == "th-5");
}

TEST_CASE("a page of rows is taken but for those under keys of another program") {
    RedisRig rig;
    auto& a = rig.open();
    redis_cli(rig, {"SET", "oa:t:ann/c1", "of somebody else"});
    std::vector<OfferedRow> rows;
    for (const auto* id : {"c0", "c1", "c2"}) {
        rows.push_back({{id == std::string("c2") ? "bob" : "ann", id}, {.thread = "th"}});
    }
    rig.get(a.offer(std::move(rows)));
    CHECK(rig.get(a.ids_of("ann")) == std::vector<std::string>{"c0"});
    CHECK(rig.get(a.ids_of("bob")) == std::vector<std::string>{"c2"});
}

TEST_CASE("what nobody knows is awaited from sessions that have not offered their rows yet") {
    RedisRig rig;
    auto options = rig.options();
    options.lease = Millis(2'000);
    auto& a = rig.open(options);
    auto& b = rig.open(options);
    auto& old = rig.open(options); // of a release that offers nothing
    std::size_t lost = 0;
    for (auto* one : {&a, &b}) {
        one->on_lost = [&lost] { ++lost; };
    }
    const ThreadKey key{"ann", "c1"};
    const auto awaited = [&](Store& at) {
        const auto kind = rig.get(at.acquire(wish(key))).kind;
        CHECK(rig.get(at.look(key)).awaited == (kind == Acquired::Kind::awaited));
        return kind == Acquired::Kind::awaited;
    };
    CHECK_FALSE(rig.get(a.look(key)).awaited);
    redis_cli(rig, {"DEL", "oa:s:" + a.session()}); // a lease ended, and nothing is lost
    CHECK_FALSE(rig.get(a.look(key)).awaited);
    redis_cli(rig, {"FLUSHALL"});
    CHECK(rig.get(a.look(key)).awaited); // also before a lane has noticed
    rig.until("both", [&] { return lost == 2; });
    CHECK(awaited(a));
    b.offered();
    CHECK(awaited(a)); // others may come within a lease
    const ThreadKey known{"ann", "c2"};
    const ThreadKey told{"ann", "c3"};
    for (const auto& row : {known, told}) {
        rig.get(a.put(row, {.thread = "th-1"}));
        CHECK_FALSE(rig.get(b.look(row)).awaited);
        CHECK(rig.get(b.acquire(wish(row))).kind == Acquired::Kind::awaited); // and have it still
    }
    CHECK(rig.get(a.hold_again(told, 7, "t1")));
    CHECK(rig.get(b.acquire(wish(told))).kind == Acquired::Kind::busy);
    redis_cli(rig, {"DEL", "oa:lost"});
    CHECK(awaited(b));
    CHECK(awaited(a));
    CHECK(rig.get(b.acquire(wish(known))).kind == Acquired::Kind::mine);
    a.offered();
    rig.until("its word", [&] { return !rig.get(b.look(key)).awaited; });
    CHECK_FALSE(awaited(b));
    CHECK(rig.get(old.look(key)).holding.session == b.session());
}

TEST_CASE(
    "a deletion is kept for a day, and as long as lanes that start offer rows where some were lost"
) {
    constexpr long k_day = 86'400;
    RedisRig rig;
    auto options = rig.options();
    options.has_rows = GENERATE(false, true);
    CAPTURE(options.has_rows);
    auto& a = rig.open(options);
    CHECK(a.rows_lost == options.has_rows);
    const auto days = [&](const std::string& id) {
        return (std::stol(redis_cli(rig, {"TTL", "oa:t:ann/" + id})) + k_day - 1) / k_day;
    };
    const auto expected = options.has_rows ? 30 : 1;
    std::vector<OfferedRow> gone{{{"ann", "offered"}, {}}};
    rig.get(a.offer(std::move(gone)));
    CHECK(days("offered") == expected);
    const ThreadKey free{"ann", "free"};
    rig.get(a.put(free, {.thread = "th-1"}));
    rig.get(a.erase(free));
    CHECK(days("free") == expected);
    const ThreadKey held{"ann", "held"};
    rig.get(a.put(held, {.thread = "th-2"}));
    redis_cli(rig, {"DEL", "oa:lost"});
    a.offered();
    rig.until("its word", [&] { return !rig.get(a.look({"ann", "new"})).awaited; });
    const auto taken = rig.get(a.acquire(wish(held)));
    REQUIRE(taken.kind == Acquired::Kind::mine);
    rig.get(a.erase(held));
    rig.get(a.forget(held, taken.holding.fence));
    CHECK(days("held") == expected);
}

TEST_CASE("a store that is empty at the first start lacks nothing, unless who starts has rows") {
    RedisRig rig;
    const auto awaited = [&rig](Store& at) { return rig.get(at.look({"ann", "c1"})).awaited; };
    auto with = rig.options();
    with.has_rows = true;
    SECTION("a new one") {
        CHECK_FALSE(awaited(rig.open()));
        auto& later = rig.open(with); // after a restart, say
        CHECK_FALSE(awaited(later));
        CHECK_FALSE(awaited(*rig.stores.front()));
        CHECK_FALSE(later.rows_lost);
    }
    SECTION("one that lost all") {
        auto& first = rig.open(with);
        CHECK(awaited(first)); // others have not come back yet
        auto& second = rig.open(with);
        redis_cli(rig, {"DEL", "oa:lost"});
        CHECK(awaited(first));
        first.offered();
        second.offered();
        rig.until("their word", [&] { return !awaited(first); });
        auto& later = rig.open(with);
        CHECK_FALSE(awaited(later));
        for (const auto* one : {&first, &second, &later}) {
            CHECK(one->rows_lost);
        }
    }
    SECTION("one of a release that gave it no name") {
        redis_cli(rig, {"HSET", "oa:meta", "v", "1"});
        auto& upgraded = rig.open(with);
        CHECK_FALSE(awaited(upgraded));
        CHECK_FALSE(upgraded.rows_lost);
    }
}
