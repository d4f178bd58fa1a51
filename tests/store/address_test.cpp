// What --store may say, and what is refused before anything is connected.
#include "redis_address.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::store;

namespace {

Result<RedisAddress> read(std::string url) {
    StoreOptions options;
    options.url = std::move(url);
    return read_redis_address(options);
}

} // namespace

TEST_CASE("an address names host, port and database") {
    const auto plain = read("redis://127.0.0.1:7000/3");
    REQUIRE(plain);
    CHECK(plain->target.host == "127.0.0.1");
    CHECK(plain->target.port == "7000");
    CHECK(plain->database == "3");
    CHECK_FALSE(plain->target.secure);

    const auto usual = read("redis://localhost");
    REQUIRE(usual);
    CHECK(usual->target.port == "6379");
    CHECK(usual->database == "0");

    const auto six = read("redis://[::1]:6380");
    REQUIRE(six);
    CHECK(six->target.host == "::1");
    CHECK(six->target.port == "6380");

    const auto tls = read("rediss://store.example:6390");
    REQUIRE(tls);
    CHECK(tls->target.secure);
    CHECK(tls->target.host == "store.example");

    const auto socket = read("redis+unix:/run/redis/redis.sock");
    REQUIRE(socket);
    CHECK(socket->target.unix_path == "/run/redis/redis.sock");
}

TEST_CASE("Sentinels are named with the primary they watch") {
    const auto some = read("rediss+sentinel://s1.example,s2.example:26380/chat");
    REQUIRE(some);
    REQUIRE(some->sentinels.size() == 2);
    CHECK(some->sentinels[0].host == "s1.example");
    CHECK(some->sentinels[0].port == "26379");
    CHECK(some->sentinels[0].secure);
    CHECK(some->sentinels[1].port == "26380");
    CHECK(some->primary == "chat");
    CHECK(some->target.secure);
}

TEST_CASE("an address that cannot work, or would leak, is refused") {
    const auto [url, message] = GENERATE(table<std::string, std::string>({
        {"redis://store.example:6379", "in the clear"},
        {"redis://10.0.0.5", "in the clear"},
        {"redis://:hunter2@127.0.0.1:6379", "no user and no password"},
        {"rediss://app:hunter2@store.example", "no user and no password"},
        {"redis://127.0.0.1:99999", "is not a port"},
        {"redis://127.0.0.1:6379/main", "is not the number of a database"},
        {"redis://", "no host"},
        {"redis+unix:redis.sock", "begins with a slash"},
        {"redis+unix:/" + std::string(107, 'x'), "at most 107 bytes, this one 108"},
        {"redis+sentinel://10.0.0.5:26379/chat", "in the clear"},
        {"redis+sentinel://127.0.0.1:26379", "what they call the primary"},
        {"rediss+sentinel:///chat", "no Sentinel"},
        {"postgres://127.0.0.1", "not a store"},
    }));
    const auto refused = read(url);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
    CHECK(refused.error().where == "--store");
    CHECK(refused.error().message.find(message) != std::string::npos);
    CHECK(refused.error().text().find("hunter2") == std::string::npos);
}

TEST_CASE("a password is never given as it is") {
    StoreOptions options;
    options.url = "redis://127.0.0.1";
    options.password = "hunter2";
    const auto refused = check_store(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().where == "--store-password");
    CHECK(refused.error().text().find("hunter2") == std::string::npos);
    options.password = "env:STORE_PASSWORD";
    CHECK(check_store(options));
}

TEST_CASE("certificates to trust are refused where nothing is encrypted") {
    StoreOptions options;
    options.ca_file = "/etc/ca.pem";
    for (const char* plain : {"redis://127.0.0.1", "redis+unix:/run/redis.sock"}) {
        options.url = plain;
        const auto refused = check_store(options);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::usage);
        CHECK(refused.error().text().starts_with("--store-ca: it needs TLS, which " + options.url));
    }
    for (const char* secure : {"rediss://store.example", "rediss+sentinel://a.example/chat"}) {
        options.url = secure;
        CHECK(check_store(options));
    }
}

TEST_CASE("set-ups that would go on as somebody else, or never settle, are refused") {
    struct Row {
        const char* where;
        void (*change)(StoreOptions& options);
    };
    const auto row = GENERATE(
        Row{"--store-user", [](StoreOptions& options) { options.user = "lane"; }},
        Row{"--store", [](StoreOptions& options) { options.prefix = ""; }},
        Row{"--store", [](StoreOptions& options) { options.prefix = "a b*"; }},
        Row{"--store", [](StoreOptions& options) { options.prefix = "{oa"; }},
        Row{"--store", [](StoreOptions& options) { options.prefix = "a\n"; }},
        Row{"--limit", [](StoreOptions& options) { options.lease = Millis(0); }},
        Row{"--limit", [](StoreOptions& options) { options.lease = Millis(1); }},
        Row{"--limit", [](StoreOptions& options) { options.wait = Millis(0); }},
        Row{"--limit", [](StoreOptions& options) { options.log_kept = Millis(0); }},
        Row{"--limit", [](StoreOptions& options) { options.key_time = Millis(0); }}
    );
    StoreOptions options;
    options.url = "redis://127.0.0.1";
    CHECK(check_store(options));
    row.change(options);
    const auto refused = check_store(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
    CHECK(refused.error().where == row.where);
}
