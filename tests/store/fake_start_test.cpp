// What a lane is told by a server that it cannot use: the reason, and what to do.
#include "fake_redis.hpp"

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

using Then = FakeRedis::Then;
const std::string k_loading = error("LOADING Redis is loading the dataset in memory");

struct Unusable {
    std::string rule;
    std::string to; ///< a command's name
    FakeRedis::Answer answer;
    Code code;
    std::string reason;
    std::string hint{};
};

std::vector<Unusable> unusable_servers() {
    using enum Code;
    return {
        {"one that reads its data", "INFO", k_loading, unavailable, "the store reads its data"},
        {"one that says so itself", "INFO", info("loading", "1"), unavailable, "reads its data"},
        {"a replica", "INFO", info("role", "slave"), config, "a replica", "name its primary"},
        {"a part of a cluster",
         "INFO",
         info("redis_mode", "cluster"),
         config,
         "Cluster",
         "one primary"},
        {"an old release",
         "INFO",
         info("redis_version", "6.2.14"),
         config,
         "Redis 6.2.14 is too old",
         "7.0"},
        {"one that evicts",
         "INFO",
         info("maxmemory_policy", "allkeys-lru"),
         config,
         "allkeys-lru",
         "noeviction"},
        {"one that says nothing of itself", "INFO", k_nil, protocol, "this is no Redis"},
        {"one that counts", "INFO", k_one, protocol, "this is no Redis"},
        {"a web server",
         "CLIENT SETNAME",
         {"HTTP/1.1 400 Bad Request\r\n\r\n"},
         unavailable,
         "makes no sense"},
        {"one that waits for a password",
         "INFO",
         error("NOAUTH Authentication required."),
         credentials,
         "NOAUTH",
         "password"},
        {"one in the midst of a script",
         "INFO",
         error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN "
               "NOSAVE."),
         unavailable,
         "BUSY",
         "SCRIPT KILL"},
        {"a copy without its primary",
         "INFO",
         error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
         unavailable,
         "MASTERDOWN",
         "name its primary"},
        {"one whose copies are gone",
         "sign_on",
         error("NOREPLICAS Not enough good replicas to write."),
         unavailable,
         "NOREPLICAS",
         "start its copies"},
        {"one whose disk is full",
         "sign_on",
         error("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to "
               "persist to disk."),
         unavailable,
         "MISCONF",
         "its disk"},
        {"one that became a copy",
         "sign_on",
         error("READONLY You can't write against a read only replica."),
         unavailable,
         "READONLY",
         "name its primary"},
        {"a cluster behind a proxy",
         "SCRIPT LOAD",
         error("MOVED 3999 127.0.0.1:6381"),
         unavailable,
         "MOVED",
         "one primary"},
        {"a cluster that is down",
         "HGET",
         error("CLUSTERDOWN The cluster is down"),
         unavailable,
         "CLUSTERDOWN",
         "one primary"},
        {"keys of another program",
         "HGET",
         error("WRONGTYPE Operation against a key holding the wrong kind of value"),
         unavailable,
         "WRONGTYPE",
         "--store-prefix"},
        {"data of another release", "HGET", bulk("2"), config, "form 2", "--store-prefix"},
        {"a script without a name", "SCRIPT LOAD", k_nil, protocol, "something else"},
        {"a script's answer of another kind", "sign_on", {"+OK\r\n"}, protocol, "something else"},
        {"an answer cut in the middle",
         "INFO",
         {"$500\r\nredis_version:7", Then::close},
         unavailable,
         "closed the connection"},
        {"half an answer, for ever",
         "INFO",
         {"$500\r\nredis_version:7", Then::stall},
         timeout,
         "in time"},
        {"no answer at all", "CLIENT SETNAME", {"", Then::stall}, timeout, "in time"},
        {"a connection that is closed",
         "CLIENT SETNAME",
         {"", Then::close},
         unavailable,
         "closed the connection"},
        {"one more answer than questions", "HGET", {k_nil + k_nil}, unavailable, "unexpected answer"
        },
    };
}

} // namespace

TEST_CASE("a server that cannot be used is refused, with the reason and what to do") {
    for (const auto& one : unusable_servers()) {
        INFO(one.rule);
        FakeRig rig;
        rig.redis.always(one.to, one.answer);
        auto options = rig.options();
        if (one.code == Code::timeout) {
            options.wait = Millis(400);
        }
        const auto began = Clock::now();
        const auto error = rig.refused(options);
        CHECK(Clock::now() - began < rig.options().wait); // it is not asked more often
        INFO(error.text());
        CHECK(error.code == one.code);
        CHECK(error.text().contains(one.reason));
        CHECK(error.hint.text().contains(one.hint));
    }
}

TEST_CASE("a primary that a Sentinel names, and whose copies are gone, is refused with its words") {
    FakeRig rig;
    FakeRedis sentinel(rig.context);
    sentinel.always("SENTINEL", words({"127.0.0.1", rig.redis.port()}));
    for (const std::string write : {"probe SADD", "sign_on"}) {
        rig.redis.always(write, error("NOREPLICAS Not enough good replicas to write."));
    }
    auto options = rig.options();
    options.url = "redis+sentinel://" + sentinel.address() + "/chat";
    const auto refused = rig.refused(options);
    CHECK(refused.code == Code::unavailable);
    CHECK(refused.message == "the store answers: NOREPLICAS Not enough good replicas to write.");
    CHECK(refused.hint.text().contains("start its copies"));
}

TEST_CASE("a replica is no mistake of whoever names Sentinels: it may be asked again") {
    FakeRig rig;
    FakeRedis sentinel(rig.context);
    sentinel.always("SENTINEL", words({"127.0.0.1", rig.redis.port()}));
    rig.redis.always("INFO", info("role", "slave"));
    auto options = rig.options();
    options.url = "redis+sentinel://" + sentinel.address() + "/chat";
    const auto refused = rig.refused(options);
    CHECK(refused.code == Code::unavailable);
    CHECK(refused.message == "a Sentinel names a replica, which takes no writes");
}

TEST_CASE("a server that turns everybody away says why") {
    for (const std::string why :
         {"DENIED Redis is running in protected mode because protected mode is enabled",
          "ERR max number of clients reached"}) {
        for (const bool logs_in : {false, true}) {
            INFO(why << (logs_in ? ", to a log-in" : ""));
            FakeRig rig;
            rig.redis.always("CLIENT SETNAME", {error(why), Then::close});
            rig.redis.always("AUTH", {error(why), Then::close});
            auto options = rig.options();
            ::setenv("OA_TEST_STORE_PASSWORD", "hunter2", 1); // NOLINT(concurrency-mt-unsafe)
            options.password = logs_in ? "env:OA_TEST_STORE_PASSWORD" : "";
            const auto refused = rig.refused(options);
            CHECK(refused.code == Code::unavailable);
            CHECK(refused.message.contains(why));
        }
    }
}

TEST_CASE("a log-in counts only when the server says OK") {
    const auto try_with = [](const std::string& answer) {
        FakeRig rig;
        rig.redis.next("AUTH", answer);
        auto options = rig.options();
        ::setenv("OA_TEST_STORE_PASSWORD", "hunter2", 1); // NOLINT(concurrency-mt-unsafe)
        options.password = "env:OA_TEST_STORE_PASSWORD";
        const auto refused = rig.refused(options);
        CHECK(refused.code == Code::credentials);
        CHECK_FALSE(refused.text().contains("hunter2"));
    };
    try_with(error("WRONGPASS invalid username-password pair or user is disabled."));
    try_with(k_nil);
    try_with(k_one);
}

TEST_CASE("a server that answers byte by byte is as good as any") {
    FakeRig rig;
    std::vector<std::string> bytes;
    for (const char byte : info("role", "master")) {
        bytes.emplace_back(1, byte);
    }
    for (std::size_t i = 0; i < 1 + k_followers; ++i) { // each connection asks once
        rig.redis.next("INFO", {bytes, Then::stay});
    }
    CHECK(rig.open().trouble().empty());
}
