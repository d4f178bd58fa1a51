// A real Redis of its own for each test, and as many sessions on it as the test opens.
#pragma once

#include "oa_stream/base/child.hpp"
#include "oa_stream/store/store.hpp"

#include "store_loop.hpp"
#include "temp_folder.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::test {

/// OA_PROXIES names the folder of servers that were unpacked for tests.
inline std::string redis_program() {
    const char* const named = std::getenv("OA_PROXIES"); // NOLINT(concurrency-mt-unsafe)
    const auto folder = named != nullptr
                            ? std::filesystem::path(named)
                            : std::filesystem::path(OA_SOURCE_DIR) / ".cache/proxies/usr/sbin";
    return (folder.parent_path() / "bin/redis-server").string();
}

class RedisRig : public StoreLoop {
public:
    explicit RedisRig(std::vector<std::string> more = {}) { start(std::move(more)); }
    ~RedisRig() {
        stores.clear();
        redis.reset();
    }
    RedisRig(const RedisRig&) = delete;
    RedisRig& operator=(const RedisRig&) = delete;

    void start(std::vector<std::string> more = {}) {
        std::vector<std::string> args{
            "--port",
            "0",
            "--unixsocket",
            socket(),
            "--save",
            "",
            "--dir",
            folder.string(),
            "--daemonize",
            "no",
            "--maxmemory-policy",
            "noeviction"
        };
        args.insert(args.end(), more.begin(), more.end());
        auto started = Child::start(
            context.get_executor(),
            {.program = redis_program(), .args = std::move(args), .env = inherited_env({"PATH"})}
        );
        if (!started) {
            FAIL("redis-server: " << started.error().text() << " (./dev unpacks it)");
        }
        redis = *std::move(started);
        until("redis to listen", [this] { // its socket is there before it listens
            boost::asio::local::stream_protocol::socket probe(context);
            boost::system::error_code refused;
            probe.connect({socket()}, refused);
            return !refused;
        });
    }

    [[nodiscard]] std::string socket() const { return (folder / "redis.sock").string(); }
    [[nodiscard]] store::StoreOptions options() const {
        store::StoreOptions out;
        out.url = "redis+unix:" + socket();
        out.lease = Millis(400);
        return out;
    }
    /// A session that is open; fails the test when it is refused.
    store::Store& open(std::optional<store::StoreOptions> with = {}) {
        auto& store = *stores.emplace_back(
            store::make_redis_store(context.get_executor(), with.value_or(options()))
        );
        const auto opened = run(store.open());
        INFO((opened ? std::string() : opened.error().text()));
        REQUIRE(opened);
        return store;
    }

    /// The process dies without a word.
    void kill(store::Store& store) {
        std::erase_if(stores, [&store](const auto& one) { return one.get() == &store; });
        until("its lease to run out", [this] {
            auto& other = *stores.front();
            const auto all = run(other.orphans());
            return all && other.numbers().sessions == stores.size();
        });
    }

    TempFolder own{};
    std::filesystem::path folder = own.path;
    std::unique_ptr<Child> redis;
    std::vector<std::unique_ptr<store::Store>> stores;
};

/// What the server's own client prints.
inline std::string redis_cli(RedisRig& rig, std::vector<std::string> command) {
    const auto program = redis_program();
    std::vector<std::string> args{"-s", rig.socket()};
    args.insert(args.end(), command.begin(), command.end());
    auto child = Child::start(
        rig.context.get_executor(),
        {.program = program.substr(0, program.rfind('/')) + "/redis-cli",
         .args = std::move(args),
         .env = inherited_env({"PATH"})}
    );
    REQUIRE(child);
    return rig.get([](Child* running) -> Task<Result<std::string>> {
        (void)co_await running->wait();
        co_return co_await running->read_stdout();
    }(child->get()));
}

} // namespace oa_stream::test
