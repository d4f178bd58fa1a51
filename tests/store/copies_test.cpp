// Decisions that a copy of the server shall have before anybody is told.
#include "oa_stream/base/ids.hpp"

#include "fake_steps.hpp"
#include "redis_rig.hpp"

#include <boost/asio/ip/tcp.hpp>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

const ThreadKey k_thread{"ann/x", "c 1"};

std::string free_port(RedisRig& rig) {
    using boost::asio::ip::tcp;
    tcp::acceptor probe(rig.context, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(probe.local_endpoint().port());
}

/// How often the server was asked whether a copy has what was decided.
std::uint64_t waits(RedisRig& rig) {
    constexpr std::string_view k_calls = "cmdstat_wait:calls=";
    const auto all = redis_cli(rig, {"INFO", "commandstats"});
    const auto at = all.find(k_calls);
    return at == std::string::npos ? 0 : std::stoull(all.substr(at + k_calls.size()));
}

} // namespace

TEST_CASE("a copy of the server is waited for where something was written, and only there") {
    RedisRig rig;
    const auto port = free_port(rig);
    redis_cli(rig, {"CONFIG", "SET", "repl-diskless-sync-delay", "0"});
    redis_cli(rig, {"CONFIG", "SET", "port", port});
    RedisRig copy({"--replicaof", "127.0.0.1", port});
    auto& a = rig.open();
    auto& b = rig.open();
    for (auto* const store : {&a, &b}) { // each learns of the copy by itself
        rig.until("a copy", [&] {
            const auto before = waits(rig);
            const ThreadKey key{"ann", random_hex(4)};
            const auto held = rig.get(store->acquire(wish(key)));
            rig.get(store->forget(key, held.holding.fence));
            return waits(rig) > before;
        });
    }
    const auto held = rig.get(a.acquire(wish(k_thread))).holding.fence;
    CHECK(
        rig.get(a.commit({.key = k_thread, .fence = held, .turn = "t1", .head = "{}"})).stop.empty()
    );
    const EndRequest end{
        .key = k_thread, .fence = held, .turn = "t1", .end = 4, .bytes = "end.", .outcome = "{}"
    };

    const auto before = waits(rig);
    CHECK(rig.get(b.acquire(wish(k_thread))).kind == Acquired::Kind::busy);
    CHECK_FALSE(rig.run(b.commit({.key = k_thread, .fence = held, .turn = "t2"})));
    CHECK(rig.get(b.end(end)) == Written::fenced);
    rig.get(b.forget(k_thread, held));
    auto full = wish({"ann", "another"});
    full.most = 1;
    CHECK(rig.get(b.acquire(full)).kind == Acquired::Kind::full);
    CHECK(rig.get(b.take_place(full)) == Acquired::Kind::full);
    CHECK_FALSE(rig.get(b.adopt({.key = k_thread, .from = rig.get(b.look(k_thread)).holding})));
    CHECK(waits(rig) == before);

    CHECK(rig.get(a.end(end)) == Written::stored);
    CHECK(waits(rig) == before + 1);
}

TEST_CASE("what is decided while a copy is waited for shares the next question about it") {
    FakeRig rig;
    rig.redis.always(
        "INFO",
        info("connected_slaves", "1\r\nslave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0")
    );
    rig.redis.always("WAIT", k_one);
    rig.redis.always("acquire", acquired_answer());
    auto& store = rig.open();
    const auto before = rig.redis.said("WAIT").size();
    int told = 0;
    for (const auto* id : {"c1", "c2", "c3", "c4", "c5"}) {
        spawn(
            rig.context.get_executor(),
            "test",
            [](Store* from, ThreadKey key, int* count) -> Task<void> {
                const auto got = co_await from->acquire(wish(key));
                *count += got && got->kind == Acquired::Kind::mine ? 1 : 0;
            }(&store, {"ann", id}, &told)
        );
    }
    rig.until("all five", [&] { return told == 5; });
    // The first one's, and one for the four that were written behind it.
    CHECK(rig.redis.said("WAIT").size() == before + 2);
}
