// Connections to a name whose lookup hangs, or that has several addresses.
#include "oa_stream/net/byte_stream.hpp"
#include "oa_stream/net/name_lookup.hpp"
#include "oa_stream/net/websocket.hpp"

#include "support.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

constexpr std::string_view k_slow = "slow.test";
constexpr std::string_view k_two = "two.test"; ///< 127.0.0.1 and 127.0.0.2, in this order

/// Its lookup waits for a call of let_go(), or so long that a test fails by it.
class SlowName {
public:
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, k_patience / 4, [this] { return gone_; });
    }
    void let_go() {
        {
            const std::lock_guard lock(mutex_);
            gone_ = true;
        }
        changed_.notify_all();
    }
    void reset() {
        const std::lock_guard lock(mutex_);
        gone_ = false;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
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

using Tcp = asio::ip::tcp;

/// A listener on 127.0.0.1 that drops what asks for a connection: its queue is full.
struct Hole {
    explicit Hole(Loop& loop)
        : acceptor(loop.context, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
        acceptor.listen(0);
        for (int i = 0; i < 4; ++i) {
            waiting.emplace_back(loop.context)
                .async_connect(
                    acceptor.local_endpoint(), [](const boost::system::error_code& /*error*/) {}
                );
        }
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor.local_endpoint().port(); }

    Tcp::acceptor acceptor;
    std::deque<Tcp::socket> waiting{};
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
    if (name != nullptr && name == k_two) {
        const int first = real("127.0.0.1", service, hints, found);
        addrinfo* last = first == 0 ? *found : nullptr;
        while (last != nullptr && last->ai_next != nullptr) {
            last = last->ai_next;
        }
        return last == nullptr ? first : real("127.0.0.2", service, hints, &last->ai_next);
    }
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

TEST_CASE("a host whose first address drops packets is reached at its second one") {
    constexpr Millis k_within{4000}; // of which the first address gets half
    Loop loop;
    const auto executor = loop.context.get_executor();
    const Hole hole(loop);
    TestServer server(loop, {}, {"127.0.0.2", hole.port()});
    const std::string at = fmt::format("two.test:{}/", hole.port());
    const auto client = HttpClient::make(executor);

    const auto stream = loop.start(open_byte_stream(
        executor, {.host = std::string(k_two), .port = std::to_string(hole.port())}, k_within
    ));
    const auto answer =
        loop.start(client->fetch({.url = "http://" + at, .connect_timeout = k_within}));
    const auto socket =
        loop.start(open_websocket(executor, {.url = "ws://" + at, .open_timeout = k_within}));
    for (int i = 0; i < 2; ++i) {
        CHECK(loop.get(server.next()->respond({.status = 404})));
    }
    loop.until(
        [&] { return stream->has_value() && answer->has_value() && socket->has_value(); }, "all"
    );
    CHECK((*stream)->has_value());
    CAPTURE((*answer)->failure_text);
    CHECK((*answer)->status == 404);
    CHECK((*socket)->status == 404);
}
