// Connections to a name whose lookup hangs.
#include "oa_stream/net/byte_stream.hpp"
#include "oa_stream/net/name_lookup.hpp"
#include "oa_stream/net/websocket.hpp"

#include "support.hpp"

#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

constexpr std::string_view k_slow = "slow.test";

/// Its lookup waits for a call of let_go(), or so long that a test fails by it.
class SlowName {
public:
    void wait() {
        std::unique_lock lock(mutex_);
        told_.wait_for(lock, k_patience / 4, [this] { return gone_; });
    }
    void let_go() {
        {
            const std::lock_guard lock(mutex_);
            gone_ = true;
        }
        told_.notify_all();
    }
    void reset() {
        const std::lock_guard lock(mutex_);
        gone_ = false;
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    bool gone_ = false;
};
SlowName slow_name;

/// The slow name is slow within it; the loop is gone only once the lookup is.
struct SlowLoop : Loop {
    SlowLoop() { slow_name.reset(); }
    SlowLoop(const SlowLoop&) = delete;
    SlowLoop& operator=(const SlowLoop&) = delete;
    ~SlowLoop() { slow_name.let_go(); }
};

} // namespace

/// In place of the C library's.
extern "C" int
getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
    if (name != nullptr && name == k_slow) {
        slow_name.wait();
        return EAI_NONAME;
    }
    static const auto real =
        reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(name, service, hints, found);
}

TEST_CASE("a lookup that hangs does not hold up the deadline of a connection") {
    SlowLoop loop;
    const auto executor = loop.context.get_executor();
    const auto began = Clock::now();
    SECTION("bytes") {
        const auto stream = loop.get(
            open_byte_stream(executor, {.host = std::string(k_slow), .port = "1"}, Millis(20))
        );
        REQUIRE_FALSE(stream);
        CHECK(stream.error().code == Code::timeout);
    }
    SECTION("a WebSocket") {
        const auto opened = loop.get(
            open_websocket(executor, {.url = "ws://slow.test:1/", .open_timeout = Millis(20)})
        );
        CHECK(opened.socket == nullptr);
        CHECK(opened.error.code == Code::timeout);
    }
    CHECK(Clock::now() - began < k_patience / 8);
}

TEST_CASE("a lookup tells what was found, or that it was abandoned") {
    SlowLoop loop;
    NameLookup plain(loop.context.get_executor());
    const auto [error, places] = loop.get(plain.run("127.0.0.1", "80"));
    CHECK_FALSE(error);
    REQUIRE(places.size() == 1);
    CHECK(places.begin()->endpoint().port() == 80);

    NameLookup slow(loop.context.get_executor());
    const auto found = loop.start(slow.run(std::string(k_slow), "80"));
    loop.settle();
    CHECK_FALSE(found->has_value());
    slow.abandon();
    loop.until([&] { return found->has_value(); }, "the end");
    CHECK((*found)->first == asio::error::operation_aborted);
}
