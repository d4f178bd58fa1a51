// The connection: lost, stalled, restarted, and what its callers are told.
#include "redis_link.hpp"
#include "redis_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

RedisLink::Self link_to(RedisRig& rig, Millis wait = Millis(300)) {
    RedisLink::Options options;
    options.address.target.unix_path = rig.socket();
    options.name = "test";
    options.wait = wait;
    auto link = std::make_shared<RedisLink>(rig.context.get_executor(), options);
    REQUIRE(rig.run(RedisLink::open(link, nullptr)));
    return link;
}

} // namespace

TEST_CASE("answers come to whoever asked, in a crowd too") {
    RedisRig rig;
    const auto link = link_to(rig);
    int right = 0;
    for (int i = 0; i < 500; ++i) {
        spawn(
            rig.context.get_executor(),
            "one",
            [](RedisLink::Self on, int number, int* count) -> Task<void> {
                const auto text = std::to_string(number);
                const auto reply = co_await RedisLink::call(on, {"ECHO", text}, Millis(5'000));
                *count += reply && reply->text == text ? 1 : 0;
            }(link, i, &right)
        );
    }
    rig.until("all", [&right] { return right == 500; });
    link->close();
}

TEST_CASE("what may wait has left this process before its answer comes, also on an idle link") {
    RedisRig rig;
    const auto link = link_to(rig);
    rig.redis->signal(SIGSTOP);
    int sent = 0;
    bool answered = false;
    for (int i = 0; i < 3; ++i) {
        const auto before = sent;
        RedisLink::call_soon(
            link,
            std::array{std::string_view("PING")},
            i == 0 ? RedisLink::Haste::soon : RedisLink::Haste::read,
            Millis(20'000),
            [&sent] { ++sent; },
            [&answered](const Result<Reply>& reply) { answered = reply.has_value(); }
        );
        rig.until("the write", [&] { return sent == before + 1; });
        CHECK_FALSE(answered);
    }
    rig.redis->signal(SIGCONT);
    rig.until("the answer", [&] { return answered; });
    link->close();
}

TEST_CASE("what may wait gathers behind a write, and goes with what is read elsewhere") {
    RedisRig rig;
    const auto link = link_to(rig);
    using Haste = RedisLink::Haste;
    /// Milliseconds from a write to the one with which all of these have gone. Each is told by the
    /// loop itself, and they are asked for there: whoever waits outside of it looks every 2 ms.
    const auto gone_after = [&](std::initializer_list<Haste> all) {
        std::size_t sent = 0;
        std::size_t answers = 0;
        Clock::time_point before;
        Clock::time_point gone;
        const auto ping = [&](Haste haste, std::function<void()> on_sent, RedisLink::OnReply told) {
            const std::array<std::string_view, 1> words{"PING"};
            RedisLink::call_soon(
                link, words, haste, Millis(20'000), std::move(on_sent), std::move(told)
            );
        };
        ping(
            Haste::now,
            [&] { before = Clock::now(); },
            [&](const Result<Reply>&) {
                for (const auto haste : all) {
                    ping(
                        haste,
                        [&] {
                            ++sent;
                            gone = Clock::now();
                        },
                        [&](const Result<Reply>&) { ++answers; }
                    );
                }
            }
        );
        rig.until("the answers", [&] { return answers == all.size(); });
        CHECK(sent == all.size());
        return std::chrono::duration<double, std::milli>(gone - before).count();
    };
    /// Of 21: others run on this machine, too, before a write is told as well as behind it.
    const auto median = [&](Haste haste) {
        std::vector<double> all(21);
        std::ranges::generate(all, [&] { return gone_after({Haste::soon, haste}); });
        std::ranges::nth_element(all, all.begin() + 10);
        return all[10];
    };
    const double read = median(Haste::read);
    CHECK(median(Haste::soon) > 18); // of 20
    CHECK(read > 0.6); // of 0.7, from before the first write; `before` is told behind it
    CHECK(read < 4.5);
    CHECK(median(Haste::now) < read * 0.75);
    link->close();
}

TEST_CASE("a server that stands still is left after the deadline, and found again") {
    RedisRig rig;
    const auto link = link_to(rig);
    rig.redis->signal(SIGSTOP);
    const auto late = rig.run(RedisLink::call(link, {"PING"}, Millis(200)));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Code::timeout);
    CHECK_FALSE(link->up());
    const auto refused = rig.run(RedisLink::call(link, {"PING"}, Millis(200)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::unavailable);
    rig.redis->signal(SIGCONT);
    rig.until("the link", [&link] { return link->up(); });
    CHECK(rig.get(RedisLink::call(link, {"PING"}, Millis(5'000))).text == "PONG");
    link->close();
}

TEST_CASE("a restarted server is found again, and its scripts are loaded again") {
    RedisRig rig;
    auto& store = rig.open();
    const ThreadKey key{"ann", "c1"};
    rig.get(store.put(key, {.thread = "th-1"}));
    rig.redis->signal(SIGKILL);
    (void)rig.run([](Child* child) -> Task<Result<int>> {
        (void)co_await child->wait();
        co_return 0;
    }(rig.redis.get()));
    std::filesystem::remove(rig.socket());
    rig.until("the loss", [&store] { return !store.trouble().empty(); });
    const auto away = rig.run(store.look(key));
    REQUIRE_FALSE(away);
    CHECK(away.error().code == Code::unavailable);
    rig.start();
    rig.until("the link", [&store] { return store.trouble().empty(); });
    CHECK_FALSE(rig.get(store.look(key)).fields); // it kept nothing on disk
    // Its session is registered anew by the next turn.
    CHECK(rig.get(store.acquire(wish(key))).kind == Acquired::Kind::mine);
}

TEST_CASE("a closed link is over: it dials no more, and nothing of it stays") {
    RedisRig rig;
    auto link = link_to(rig);
    const std::weak_ptr left = link;
    link->close();
    const auto refused = rig.run(RedisLink::call(link, {"PING"}, Millis(200)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "the store is closed");
    link.reset();
    rig.until("its end", [&left] { return left.expired(); });
    // The client that counts them is one itself.
    CHECK(redis_cli(rig, {"INFO", "clients"}).contains("connected_clients:1\r\n"));
}

TEST_CASE("what was asked when the connection broke is answered") {
    RedisRig rig;
    const auto link = link_to(rig);
    std::optional<Result<Reply>> blocked;
    spawn(
        rig.context.get_executor(),
        "blocked",
        [](RedisLink::Self on, std::optional<Result<Reply>>* out) -> Task<void> {
            out->emplace(co_await RedisLink::call(on, {"BLPOP", "nothing", "0"}, Millis(60'000)));
        }(link, &blocked)
    );
    rig.context.restart();
    rig.context.run_for(Millis(20));
    REQUIRE_FALSE(blocked);
    rig.redis->signal(SIGKILL);
    rig.until("the answer", [&blocked] { return blocked.has_value(); });
    REQUIRE_FALSE(*blocked);
    CHECK(blocked->error().code == Code::unavailable);
    link->close();
}
