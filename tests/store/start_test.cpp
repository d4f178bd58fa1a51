// Servers that would lose what lanes share are refused, with the reason and what to do.
#include "oa_stream/store/facts.hpp"

#include "redis_rig.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

Error refused(RedisRig& rig, StoreOptions options) {
    const auto store = make_redis_store(rig.context.get_executor(), std::move(options));
    const auto opened = rig.run(store->open());
    REQUIRE_FALSE(opened);
    return opened.error();
}

/// Options that log in as the user "lane", whose password is hunter2.
StoreOptions as_lane_user(RedisRig& rig) {
    ::setenv("OA_TEST_STORE_PASSWORD", "hunter2", 1); // NOLINT(concurrency-mt-unsafe)
    auto options = rig.options();
    options.user = "lane";
    options.password = "env:OA_TEST_STORE_PASSWORD";
    return options;
}

} // namespace

TEST_CASE("an eviction policy that throws away conversations is refused") {
    RedisRig rig({"--maxmemory-policy", "allkeys-lru"});
    const auto error = refused(rig, rig.options());
    CHECK(error.code == Code::config);
    CHECK(
        error.text() == "the store: with maxmemory-policy allkeys-lru it throws away "
                        "conversations (set maxmemory-policy noeviction)"
    );
}

TEST_CASE("a cluster is refused") {
    RedisRig rig({"--port", "27999", "--cluster-enabled", "yes"});
    const auto error = refused(rig, rig.options());
    CHECK(error.code == Code::config);
    CHECK(error.message.find("Cluster") != std::string::npos);
}

TEST_CASE("a replica's address is refused") {
    RedisRig rig({"--replicaof", "127.0.0.1", "1"});
    const auto error = refused(rig, rig.options());
    CHECK(error.code == Code::config);
    CHECK(error.hint == "name its primary");
}

TEST_CASE("a refused log-in never goes on as somebody else") {
    RedisRig rig;
    auto options = rig.options();
    ::setenv("OA_TEST_STORE_PASSWORD", "hunter2", 1); // NOLINT(concurrency-mt-unsafe)
    options.password = "env:OA_TEST_STORE_PASSWORD";
    options.user = "nobody";
    const auto error = refused(rig, options);
    CHECK(error.code == Code::credentials);
    CHECK(error.text().find("hunter2") == std::string::npos);
}

TEST_CASE("a password is asked for, and the right one opens") {
    RedisRig rig({"--requirepass", "hunter2"});
    CHECK(refused(rig, rig.options()).code == Code::credentials);
    ::setenv("OA_TEST_STORE_PASSWORD", "hunter2", 1); // NOLINT(concurrency-mt-unsafe)
    auto options = rig.options();
    options.password = "env:OA_TEST_STORE_PASSWORD";
    CHECK(rig.open(options).trouble().empty());
}

TEST_CASE("a password that can be read only once serves every connection") {
    RedisRig rig({"--requirepass", "hunter2"});
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], "hunter2\n", 8) == 8);
    ::close(ends[1]);
    auto options = rig.options();
    options.password = fmt::format("fd:{}", ends[0]);
    auto& store = rig.open(options);

    const auto as_admin = [&rig](std::vector<std::string> command) {
        command.insert(command.begin(), {"-a", "hunter2", "--no-auth-warning"});
        return redis_cli(rig, std::move(command));
    };
    const auto connections = [&as_admin] {
        const auto listed = as_admin({"CLIENT", "LIST"});
        return std::ranges::count(listed, '\n');
    };
    const auto before = connections();
    CHECK(as_admin({"CLIENT", "KILL", "TYPE", "normal"}) == fmt::format("{}\n", before - 1));
    // The server lists a connection before it has logged in.
    rig.until("all connections again", [&] {
        return connections() == before && store.trouble().empty();
    });
    rig.get(store.put({"ann", "c1"}, {.thread = "th-1"}));
    CHECK_FALSE(as_admin({"ACL", "LOG"}).contains("auth"));
    ::close(ends[0]);
}

TEST_CASE("another program's data under the prefix is not touched") {
    RedisRig rig;
    auto options = rig.options();
    rig.open(options);
    options.prefix = "other";
    CHECK(rig.open(options).trouble().empty());
    // Two prefixes share nothing.
    const ThreadKey key{"ann", "c1"};
    rig.get(rig.stores[0]->put(key, {.thread = "th-1"}));
    CHECK_FALSE(rig.get(rig.stores[1]->look(key)).fields);
}

TEST_CASE("keys of another form or program are refused, by who only looks as by who opens") {
    RedisRig rig;
    const std::vector<std::vector<std::string>> all{
        {"HSET", "oa:meta", "v", "2"}, {"SET", "oa:meta", "x"}
    };
    for (const auto& write : all) {
        redis_cli(rig, {"DEL", "oa:meta"});
        redis_cli(rig, write);
        const auto opened = refused(rig, rig.options());
        const auto looked = rig.run(look_at_store(rig.context.get_executor(), rig.options()));
        REQUIRE_FALSE(looked);
        CHECK(looked.error().text() == opened.text());
        CHECK(looked.error().hint.text().contains("--store-prefix"));
    }
    redis_cli(rig, {"DEL", "oa:meta"});
    CHECK(rig.run(look_at_store(rig.context.get_executor(), rig.options())));
    CHECK(redis_cli(rig, {"EXISTS", "oa:meta"}) == "0\n"); // it wrote nothing
}

TEST_CASE("conversations of another authority are refused, by who only looks as by who opens") {
    RedisRig rig;
    auto options = rig.options();
    options.authority = "codex";
    rig.open(options);
    CHECK(rig.open(options).trouble().empty());
    options.authority = "replay";
    const auto opened = refused(rig, options);
    CHECK(opened.code == Code::config);
    CHECK(opened.message == "lanes with --authority codex keep their conversations there");
    CHECK(opened.hint.text().contains("--store-prefix"));
    const auto looked = rig.run(look_at_store(rig.context.get_executor(), options));
    REQUIRE_FALSE(looked);
    CHECK(looked.error().text() == opened.text());
    const auto unnamed = rig.run(look_at_store(rig.context.get_executor(), rig.options()));
    REQUIRE(unnamed); // whoever names none learns whose they are
    CHECK(unnamed->authority == "codex");
    CHECK(redis_cli(rig, {"SCARD", "oa:ss"}) == "2\n"); // who is refused has not registered
}

TEST_CASE("a store that takes no writes is refused, by who only looks as by who opens") {
    RedisRig rig;
    const auto need_copies = [&rig](std::string count) {
        redis_cli(rig, {"CONFIG", "SET", "min-replicas-to-write", std::move(count)});
    };
    need_copies("1");
    const auto opened = refused(rig, rig.options());
    const auto looked = rig.run(look_at_store(rig.context.get_executor(), rig.options()));
    REQUIRE_FALSE(looked);
    CHECK(looked.error().message.contains("NOREPLICAS"));
    CHECK(looked.error().message == opened.message);
    CHECK(looked.error().hint.text().contains("min-replicas-to-write"));
    need_copies("0");
    CHECK(rig.run(look_at_store(rig.context.get_executor(), rig.options())));
}

TEST_CASE("a store that is not there is refused, soon") {
    RedisRig rig;
    auto options = rig.options();
    options.url = "redis+unix:/nonexistent/redis.sock";
    CHECK(refused(rig, options).code == Code::network);
}

TEST_CASE("a user who may not use what lanes use is refused, with the command's name") {
    RedisRig rig;
    const auto options = as_lane_user(rig);
    const auto allow = [&rig](const std::vector<std::string>& rules) {
        std::vector<std::string> command{"ACL", "SETUSER", "lane", "reset", "on", ">hunter2"};
        command.insert(command.end(), rules.begin(), rules.end());
        CHECK(redis_cli(rig, std::move(command)) == "OK\n");
    };
    for (const std::string name :
         {"evalsha", "script|load", "exists", "get",  "set",     "pexpire", "persist",  "hget",
          "hmget",   "hgetall",     "hdel",   "hset", "hincrby", "srem",    "smembers", "xadd",
          "xrange",  "xrevrange",   "xread",  "sadd", "unlink",  "wait",    "pttl"}) {
        INFO(name);
        allow({"~oa:*", "+@all", "-" + name});
        const auto error = refused(rig, options);
        CHECK(error.code == Code::credentials);
        auto upper = name == "script|load" ? std::string("SCRIPT LOAD") : name;
        std::ranges::transform(upper, upper.begin(), [](unsigned char c) {
            return std::toupper(c);
        });
        CHECK(error.message.contains("may not use " + upper + " on oa:*"));
    }
    redis_cli(rig, {"FLUSHALL"}); // without UNLINK one is left for a minute
    allow({"~other:*", "+@all"});
    CHECK(refused(rig, options).code == Code::credentials);
    allow({"~oa:*", "+@all"});
    CHECK(rig.open(options).trouble().empty());
    CHECK_FALSE(redis_cli(rig, {"--scan", "--pattern", "oa:*"}).contains("probe"));
}

TEST_CASE("rights that are taken from a lane make it unready, until they are given again") {
    RedisRig rig;
    const auto options = as_lane_user(rig);
    const auto rights = [&rig](const std::string& rule) {
        CHECK(
            redis_cli(rig, {"ACL", "SETUSER", "lane", "on", ">hunter2", "~oa:*", rule}) == "OK\n"
        );
    };
    rights("+@all");
    auto& store = rig.open(options);
    rights("-hset");
    CHECK_FALSE(rig.run(store.put({"ann", "c1"}, {.thread = "th-1"})));
    CHECK(store.trouble().contains("the store refuses a command"));
    rights("+hset");
    rig.until("readiness", [&] { return store.trouble().empty(); });
    rig.get(store.put({"ann", "c1"}, {.thread = "th-1"}));
}
