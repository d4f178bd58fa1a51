// A running store that a server refuses: what its callers are told, and whether the connection is
// left.
#include "fake_steps.hpp"

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

using Then = FakeRedis::Then;
const std::string k_few = "NOREPLICAS Not enough good replicas to write.";

struct Refusal {
    std::string text;
    bool leaves = false; ///< the connection: the server may be the primary no more
};

const std::vector<Refusal>& refusals() {
    static const std::vector<Refusal> all{
        {"LOADING Redis is loading the dataset in memory"},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true},
        {"READONLY You can't write against a read only replica.", true},
        {k_few}, // without a Sentinel nobody knows a better one
        {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist"},
        {"MOVED 3999 127.0.0.1:6381"},
        {"ASK 3999 127.0.0.1:6381"},
        {"CLUSTERDOWN The cluster is down"},
        {"TRYAGAIN Multiple keys request during rehashing of slot"},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."},
        {"ERR something nobody has heard of"}
    };
    return all;
}

/// The same words but for the time that an append may tell.
bool same(Command one, Command two) {
    one.resize(std::min<std::size_t>(one.size(), 6));
    two.resize(std::min<std::size_t>(two.size(), 6));
    return one == two;
}

} // namespace

TEST_CASE("whatever a server refuses is told in its words, and can be asked again") {
    for (const auto& refusal : refusals()) {
        for (const auto& step : all_steps()) {
            INFO(step.name << ": " << refusal.text);
            FakeRig rig;
            rig.open();
            const auto before = rig.redis.dialled();
            rig.redis.next(step.name, error(refusal.text));
            const auto told = step.take(rig);
            REQUIRE(told);
            CHECK(told->code == Code::unavailable);
            CHECK(told->message == "the store answers: " + refusal.text);
            if (refusal.leaves) {
                rig.dialled_anew(before);
            }
            rig.redis.next(step.name, step.right);
            CHECK_FALSE(step.take(rig));
            CHECK(rig.redis.dialled() == before + (refusal.leaves ? 1 : 0));
            const auto all = rig.redis.said(step.name);
            REQUIRE(all.size() == 2);
            CHECK(same(all[0], all[1]));
        }
    }
}

TEST_CASE("a server without memory refuses a piece as full, and the connection stays") {
    FakeRig rig;
    rig.open();
    const auto before = rig.redis.dialled();
    rig.redis.next("XADD", error("OOM command not allowed when used memory > 'maxmemory'."));
    CHECK(rig.get(append(*rig.store, "t1", k_fence, 3, "abc")) == Written::full);
    rig.redis.next("acquire", error("OOM command not allowed when used memory > 'maxmemory'."));
    const auto acquired = rig.run(rig.store->acquire(wish(k_chat)));
    REQUIRE_FALSE(acquired);
    CHECK(acquired.error().code == Code::too_large);
    CHECK(rig.redis.dialled() == before);
}

TEST_CASE("a refusal among pieces under way is of its piece alone") {
    struct Case {
        std::string middle;
        bool last_known;
    };
    for (const auto& one :
         {Case{error("BUSY Redis is busy running a script."), true},
          Case{error("READONLY You can't write against a read only replica."), false}}) {
        INFO(one.middle);
        FakeRig rig;
        rig.open();
        rig.redis.next("XADD", bulk("7-3"));
        rig.redis.next("XADD", one.middle);
        // All three answers have left the server.
        rig.redis.next("XADD", bulk("7-9"));
        const auto told = append_at_once(rig, {3, 6, 9});
        CHECK(told[0] == Written::stored);
        REQUIRE_FALSE(told[1]);
        CHECK(told[1].error().code == Code::unavailable);
        CHECK(told[2].has_value() == one.last_known); // else nobody knows
        rig.until("all of it at the server", [&] { return rig.redis.said("XADD").size() == 3; });
    }
}

TEST_CASE("a server that takes no beat is told of, until it takes one; readers alone mind less") {
    struct Case {
        std::string refusal;
        bool reads;
    };
    for (const auto& [refusal, reads] :
         {Case{k_few, true},
          Case{"MISCONF Redis is configured to save RDB snapshots", true},
          Case{"LOADING Redis is loading the dataset in memory", false},
          Case{"CLUSTERDOWN The cluster is down", false}}) {
        INFO(refusal);
        FakeRig rig;
        auto options = rig.options();
        options.lease = Millis(200);
        auto& store = rig.open(options);
        CHECK(store.numbers().up);
        rig.redis.always("PEXPIRE", error(refusal));
        rig.until("the beat", [&] { return !store.numbers().up; });
        CHECK(store.caution().contains(refusal) == reads);
        CHECK(store.trouble().contains(refusal) != reads);
        CHECK(store.trouble().empty() == reads);
        rig.redis.as_usual("PEXPIRE");
        rig.until("the end of it", [&] { return store.numbers().up; });
        CHECK(store.caution() + store.trouble() == "");
    }
}

TEST_CASE("a count of readers that a server did not note is sent with each beat until it does") {
    for (const bool refused : {true, false}) {
        for (const std::size_t readers : {std::size_t{1}, std::size_t{0}}) {
            const std::string name = readers > 0 ? "HSET" : "HDEL";
            CAPTURE(refused, name);
            FakeRig rig;
            auto options = rig.options();
            options.lease = Millis(200);
            auto& store = rig.open(options);
            int asked = 0;
            store.on_unsure = [&asked] { ++asked; };
            const auto beats = [&](std::size_t count) {
                const auto before = rig.redis.said("count").size();
                rig.until("beats", [&] {
                    return rig.redis.said("count").size() >= before + count;
                });
            };
            rig.redis.next(name, k_one);
            store.tell_readers("t1", readers);
            beats(2);
            CHECK(rig.redis.said(name).size() == 1);
            // Its connection may be lost with the answer.
            rig.redis.next(name, refused ? error(k_few) : FakeRedis::Answer("", Then::close));
            rig.redis.next(name, error(k_few));
            rig.redis.next(name, k_one);
            store.tell_readers("t1", readers);
            rig.until("each try", [&] { return rig.redis.said(name).size() == 4; });
            beats(2);
            const auto all = rig.redis.said(name);
            CHECK(all.size() == 4);
            CHECK(std::ranges::count(all, all.front()) == 4);
            CHECK(asked == (refused ? 0 : 1)); // other turns than those are not in doubt
        }
    }
}

TEST_CASE("of counts of readers that a server did not note the last one is sent") {
    FakeRig rig;
    auto options = rig.options();
    options.lease = Millis(200);
    auto& store = rig.open(options);
    rig.redis.next("HSET", error(k_few));
    rig.redis.next("HDEL", k_one);
    store.tell_readers("t1", 1);
    store.tell_readers("t1", 0);
    const auto before = rig.redis.said("count").size();
    rig.until("beats", [&] { return rig.redis.said("count").size() >= before + 2; });
    CHECK(rig.redis.said("HSET").size() == 1);
    CHECK(rig.redis.said("HDEL").size() == 1);
}

TEST_CASE("a store that reads its data after a restart is waited for, and the reason is told") {
    FakeRig rig;
    auto& store = rig.open();
    rig.redis.always("INFO", info("loading", "1"));
    rig.redis.next("acquire", {"", Then::close});
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    rig.until("the reason", [&] {
        return store.trouble() == "the store is away: the store reads its data";
    });
    rig.redis.as_usual("INFO");
    rig.until("the store", [&] { return store.trouble().empty(); });
}

TEST_CASE("a store that says no news, for want of a connection, is told of until there is one") {
    FakeRig rig;
    auto options = rig.options();
    const bool soon = GENERATE(true, false); // most are back before anybody minds
    options.news_away = soon ? Millis(0) : Millis(3'600'000);
    auto& store = rig.open(options);
    rig.redis.welcome({error("ERR max number of clients reached"), Then::close});
    const auto follower = GENERATE(std::size_t{0}, k_followers - 1);
    rig.redis.next("XREAD", {"", Then::close});
    const auto before = rig.redis.dialled();
    CHECK_FALSE(rig.run(store.follow({}, follower)));
    rig.until("two tries", [&] { return rig.redis.dialled() >= before + 2; });
    CHECK(store.caution().starts_with("a connection to the store is away: ") == soon);
    CHECK(store.caution().empty() != soon);
    CHECK(store.trouble().empty()); // all lanes have the same server
    CHECK(store.numbers().up != soon);
    rig.redis.welcome({""});
    rig.until("the connection", [&] { return store.caution().empty(); });
    CHECK(store.numbers().up);
}

TEST_CASE("an address behind which a copy is now is not used, and the reason is told") {
    FakeRig rig;
    auto& store = rig.open();
    rig.redis.always("INFO", info("role", "slave"));
    rig.redis.next("acquire", error("READONLY You can't write against a read only replica."));
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    rig.until("the reason", [&] { return store.trouble().contains("this is a replica"); });
    const auto refused = rig.run(store.acquire(wish(k_chat)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::unavailable);
    CHECK(rig.redis.said("acquire").size() == 1);
}

TEST_CASE("a primary that lost its copies is left for the one that a Sentinel names now") {
    FakeRig rig;
    FakeRedis sentinel(rig.context);
    FakeRedis second(rig.context);
    const auto names = [&](const FakeRedis& primary) {
        sentinel.always("SENTINEL", words({"127.0.0.1", primary.port()}));
    };
    auto options = rig.options();
    options.url = "redis+sentinel://" + sentinel.address() + "/chat";
    names(rig.redis);
    auto& store = rig.open(options);

    names(second);
    rig.redis.next("acquire", error(k_few));
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    rig.until("the other primary", [&] { return second.dialled() > 0 && store.trouble().empty(); });
    // Those that only read are refused nothing, and would stay for ever.
    rig.until("every follower there", [&] { return second.dialled() == 1 + k_followers; });
    second.next("acquire", acquired_answer());
    CHECK(rig.get(store.acquire(wish(k_chat))).holding.fence == k_fence);

    // … which has none yet: it is not left again at once.
    const auto asked = sentinel.said("SENTINEL").size();
    second.next("acquire", error(k_few));
    CHECK_FALSE(rig.run(store.acquire(wish(k_chat))));
    second.next("acquire", acquired_answer());
    CHECK(rig.run(store.acquire(wish(k_chat))));
    CHECK(sentinel.said("SENTINEL").size() == asked);
    CHECK(second.surprises() == std::vector<std::string>());
}
