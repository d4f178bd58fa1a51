// A turn's log: offsets, fences, followers.
#include "redis_rig.hpp"
#include "redis_store.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

const ThreadKey k_thread{"", "c1"};

std::uint64_t start(RedisRig& rig, Store& store, const std::string& turn) {
    const auto held = rig.get(store.acquire(wish(k_thread, turn)));
    rig.get(store.commit(
        {.key = k_thread, .fence = held.holding.fence, .turn = turn, .head = "{\"a\":1}"}
    ));
    return held.holding.fence;
}

/// What a busy machine adds is not the same each time.
Clock::duration least_of_five(const std::function<void()>& what) {
    auto least = Clock::duration::max();
    for (int i = 0; i < 5; ++i) {
        const auto began = Clock::now();
        what();
        least = std::min(least, Clock::now() - began);
    }
    return least;
}

} // namespace

TEST_CASE("a log begins with its head and tells offsets and bytes") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    const std::string binary("x\0\r\n", 4);
    CHECK(rig.get(append(a, "t1", fence, 4, binary)) == Written::stored);
    const auto log = rig.get(a.read("t1"));
    REQUIRE(log.entries.size() == 2);
    CHECK(log.whole());
    CHECK(log.entries[0].head == "{\"a\":1}");
    CHECK(log.entries[1].bytes == binary);
    CHECK(log.entries[1].end == 4);
    CHECK(log.entries[1].fence == fence);
    CHECK_FALSE(log.entries[1].last());
}

TEST_CASE("a log that is longer than one answer is read whole") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    for (std::uint64_t i = 1; i <= 2'100; ++i) {
        REQUIRE(rig.get(append(a, "t1", fence, i, "x")) == Written::stored);
    }
    const auto log = rig.get(a.read("t1"));
    REQUIRE(log.entries.size() == 2'101);
    CHECK(log.entries.back().end == 2'100);
}

TEST_CASE("a log that is gone, or was dropped, takes nothing and is not made again") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    rig.get(a.drop_log("t1"));
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::gone);
    CHECK(
        rig.get(a.end(
            {.key = k_thread,
             .fence = fence,
             .turn = "t1",
             .end = 4,
             .bytes = "end.",
             .outcome = "{}"}
        )) == Written::gone
    );
    CHECK(rig.get(a.read("t1")).entries.empty());
    CHECK(rig.get(a.look(k_thread)).holding.phase == Phase::ended);
}

TEST_CASE("a follower gets what comes behind its place, once it comes") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    const auto fence = start(rig, a, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    auto first = rig.get(b.follow({{"t1", fence, 0}}, 0));
    REQUIRE(first.size() == 1);
    CHECK(first.front().turn == "t1");
    REQUIRE(first.front().entries.size() == 1);
    CHECK(first.front().entries.front().bytes == "abc");
    CHECK(unix_us() / 1000 - first.front().entries.front().written_at < 5'000);
    const auto count = [&b] {
        const auto& counts = b.numbers().tail_lags.counts;
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    };
    CHECK(count() == 1);

    std::optional<Result<std::vector<TailNews>>> later;
    spawn(
        rig.context.get_executor(),
        "follower",
        [](Store* from, std::uint64_t at, auto* out) -> Task<void> {
            out->emplace(co_await from->follow({{"t1", at, 3}}, 0));
        }(&b, fence, &later)
    );
    rig.context.restart();
    rig.context.run_for(Millis(15)); // an entry that follows sooner tells no time
    rig.get(append(a, "t1", fence, 6, "def"));
    rig.until("the news", [&later] { return later.has_value(); });
    REQUIRE(*later);
    REQUIRE((*later)->size() == 1);
    CHECK((*later)->front().entries.front().bytes == "def");
    CHECK(count() == 2);
    CHECK(b.numbers().tail_lags.sum_s < 5);
    CHECK(a.numbers().tail_lags.sum_s == 0);

    rig.get(b.drop_log("t1"));
    CHECK(rig.get(b.follow({{"t1", fence, 6}}, 0)).empty());
}

TEST_CASE("how long the store took begins when it was asked, not when an entry began to wait") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    const auto before = a.numbers().round_trips.sum_s;
    const auto began = Clock::now();
    constexpr int k_entries = 5;
    for (int stored = 0; stored < k_entries;) {
        const auto end = static_cast<std::uint64_t>(stored) + 1;
        const auto goal = stored + 1;
        a.append(
            {.turn = "t1", .fence = fence, .end = end, .bytes = "x"},
            nullptr,
            [&stored](const Result<Written>& written, auto...) {
                stored += written == Written::stored ? 1 : 0;
            }
        );
        rig.until("the entry", [&] { return stored == goal; });
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    CHECK(took.count() > 0.06); // each but the first behind the write before it
    CHECK(a.numbers().round_trips.sum_s - before < took.count() - 0.05);
}

TEST_CASE("of entries that follow each other within milliseconds one tells its time") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    int stored = 0;
    const auto told = [&stored](const Result<Written>& written, auto...) {
        stored += written == Written::stored ? 1 : 0;
    };
    a.append({.turn = "t1", .fence = fence, .end = 3, .bytes = "abc"}, nullptr, told);
    a.append({.turn = "t1", .fence = fence, .end = 6, .bytes = "def"}, nullptr, told);
    rig.until("both", [&stored] { return stored == 2; });
    rig.context.restart();
    rig.context.run_for(Millis(15));
    rig.get(append(a, "t1", fence, 9, "ghi"));
    const auto log = rig.get(a.read("t1"));
    REQUIRE(log.entries.size() == 4);
    CHECK(log.entries[1].written_at > 0);
    CHECK(log.entries[2].written_at == 0);
    CHECK(log.entries[3].written_at > 0);
}

TEST_CASE("a log with a hole is not whole") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::stored);
    CHECK(rig.get(a.read("t1")).whole());
    CHECK(rig.get(append(a, "t1", fence, 9, "ghi")) == Written::stored); // "def" was lost
    CHECK_FALSE(rig.get(a.read("t1")).whole());
}

TEST_CASE("what a later release says in a log is noticed") {
    RedisRig rig;
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    CHECK(rig.get(append(a, "t1", fence, 3, "abc")) == Written::stored);
    CHECK(rig.get(a.read("t1")).plain());
    redis_cli(rig, {"XADD", "oa:l:t1", std::to_string(fence) + "-4", "b", "d", "new", "x"});
    CHECK_FALSE(rig.get(a.read("t1")).plain());
}

TEST_CASE("many turns are followed at once") {
    constexpr std::size_t k_turns = 300;
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    std::vector<Tail> tails;
    for (std::size_t i = 0; i < k_turns; ++i) {
        const auto turn = "t" + std::to_string(i);
        const ThreadKey key{"ann", turn};
        auto asked = wish(key);
        asked.most = k_turns;
        const auto fence = rig.get(a.acquire(asked)).holding.fence;
        rig.get(a.commit({.key = key, .fence = fence, .turn = turn, .head = "{}"}));
        rig.get(append(a, turn, fence, 3, "abc"));
        tails.push_back({turn, fence, 0});
    }
    std::vector<Wanted> wanted;
    b.on_wanted = [&wanted](const Wanted& one) { wanted.push_back(one); };
    const auto news = rig.get(b.follow(tails, 0));
    CHECK(news.size() == k_turns);
    CHECK(std::ranges::all_of(news, [](const TailNews& one) {
        return one.entries.size() == 1 && one.entries.front().bytes == "abc";
    }));
    for (auto& tail : tails) {
        tail.end = 3;
    }
    const auto took = least_of_five([&] { CHECK(rig.get(b.follow(tails, 0)).empty()); });
    CHECK(took < Millis(900)); // it asks again soon instead of waiting
}

TEST_CASE("followers wait side by side, and the first alone hears what is wanted") {
    RedisRig rig;
    auto& a = rig.open();
    auto& b = rig.open();
    std::vector<Wanted> wanted;
    b.on_wanted = [&wanted](const Wanted& one) { wanted.push_back(one); };
    std::vector<std::uint64_t> fences;
    for (const std::string turn : {"t0", "t1"}) {
        const ThreadKey key{"ann", turn};
        fences.push_back(rig.get(b.acquire(wish(key))).holding.fence);
        rig.get(b.commit({.key = key, .fence = fences.back(), .turn = turn, .head = "{}"}));
    }
    std::array<std::optional<Result<std::vector<TailNews>>>, 2> news;
    const auto follow = [&](std::size_t follower, std::uint64_t end) {
        const auto turn = "t" + std::to_string(follower);
        spawn(
            rig.context.get_executor(),
            "follower",
            [](Store* from, Tail tail, std::size_t which, auto* out) -> Task<void> {
                out->emplace(co_await from->follow({std::move(tail)}, which));
            }(&b, {turn, fences[follower], end}, follower, &news[follower])
        );
    };
    follow(0, 0);
    follow(1, 0);
    rig.get(append(a, "t1", fences[1], 3, "abc"));
    rig.until("its news", [&news] { return news[1].has_value(); });
    CHECK_FALSE(news[0]); // still waits
    CHECK(news[1]->value().front().turn == "t1");

    news[1].reset();
    follow(1, 3);
    CHECK(rig.get(a.pass({"ann", "t1"}, {.turn = "t1", .reason = "ask"})));
    rig.until("both", [&news] { return news[0] && news[1]; });
    CHECK(wanted.size() == 1);
    CHECK(news[0]->value().empty());
    CHECK(news[1]->value().empty());
}

TEST_CASE("a waiting follower can be woken") {
    RedisRig rig;
    auto& a = rig.open();
    rig.get(a.follow({}, 0));
    const auto took = least_of_five([&] {
        a.wake();
        rig.get(a.follow({}, 0));
    });
    CHECK(took < Millis(900)); // it waits for a second by itself
}

TEST_CASE("readers of dead sessions do not count") {
    RedisRig rig;
    auto& b = rig.open();
    auto& a = rig.open();
    a.tell_readers("t1", 1);
    b.tell_readers("t1", 2);
    rig.until("both", [&] { return rig.get(b.readers("t1")) == 3; });
    rig.kill(a);
    CHECK(rig.get(b.readers("t1")) == 2);
}

TEST_CASE("a full store refuses frames, and still takes an ending") {
    RedisRig rig({"--maxmemory", "3mb"});
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    std::uint64_t end = 0;
    auto written = Written::stored;
    for (int i = 0; i < 100 && written == Written::stored; ++i) {
        end += 65'536;
        written = rig.get(append(a, "t1", fence, end, std::string(65'536, 'x')));
    }
    CHECK(written == Written::full);
    CHECK(
        rig.get(a.end(
            {.key = k_thread,
             .fence = fence,
             .turn = "t1",
             .end = end,
             .bytes = "end.",
             .outcome = "{}"}
        )) == Written::stored
    );
    CHECK(rig.get(a.read("t1")).entries.back().last());
}

TEST_CASE("a full store lets another session take over what a dead one held") {
    RedisRig rig;
    auto& b = rig.open();
    auto& a = rig.open();
    const auto fence = start(rig, a, "t1");
    rig.get(append(a, "t1", fence, 3, "abc"));
    CHECK(redis_cli(rig, {"CONFIG", "SET", "maxmemory", "100kb"}) == "OK\n");
    rig.kill(a);
    TakeRequest take{.key = k_thread, .from = rig.get(b.look(k_thread)).holding};
    take.top_fence = fence;
    take.top_end = 3;
    const auto adopted = rig.get(b.adopt(take));
    REQUIRE(adopted);
    CHECK(rig.get(append(b, "t1", *adopted, 6, "def")) == Written::full);
}
