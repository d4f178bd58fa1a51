#include "allocations.hpp"
#include "server/connection.hpp"
#include "support.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

Result<std::unique_ptr<HttpServer>> listen_at(Loop& loop, const Endpoint& endpoint) {
    return HttpServer::listen(
        loop.context.get_executor(),
        endpoint,
        {},
        [](std::shared_ptr<Exchange>) -> Task<void> { co_return; },
        {}
    );
}

/// Lowers the limit of open descriptors for one scope.
class FewDescriptors {
public:
    explicit FewDescriptors(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{most, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

rlim_t next_descriptor() {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return static_cast<rlim_t>(fd);
}

} // namespace

TEST_CASE("port 0 picks a port and says which") {
    Loop loop;
    TestServer server(loop);
    CHECK(server.endpoint().host == "127.0.0.1");
    CHECK(server.endpoint().port != 0);
}

TEST_CASE("an IPv6 listener works and names its peers in brackets") {
    Loop loop;
    TestServer server(loop, {}, {"::1", 0});
    CHECK(server.endpoint().host == "::1");
    Peer peer(loop, server.endpoint());
    peer.send(get_request());
    CHECK(server.next()->request().peer.starts_with("[::1]:"));
}

TEST_CASE("a taken address is a precondition error that names it") {
    Loop loop;
    TestServer server(loop);
    const auto second = listen_at(loop, server.endpoint());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::precondition);
    CHECK(second.error().where == server.endpoint().text());
    CHECK_FALSE(second.error().hint.empty());
}

TEST_CASE("an address or a folder that is missing may come later, a denied one may not") {
    Loop loop;
    const auto address = listen_at(loop, {"192.0.2.1", 0});
    REQUIRE_FALSE(address);
    CHECK(address.error().code == Code::io);
    CHECK_FALSE(address.error().hint.empty());
    const test::TempFolder folder;
    const auto socket = listen_at(loop, {.host = {}, .unix_path = folder.file("none/lane.sock")});
    REQUIRE_FALSE(socket);
    CHECK(socket.error().code == Code::io);
    const auto file = listen_at(loop, {.host = {}, .unix_path = "/proc/version"});
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Code::config);
}

TEST_CASE("a unix listener is ours alone, serves, and removes its file") {
    Loop loop;
    const test::TempFolder folder;
    const Endpoint endpoint{.host = {}, .port = 0, .unix_path = folder.file("lane.sock")};
    {
        TestServer server(loop, {}, endpoint);
        CHECK(server.endpoint().text() == "unix:" + endpoint.unix_path);
        struct stat info{};
        REQUIRE(::stat(endpoint.unix_path.c_str(), &info) == 0);
        CHECK((info.st_mode & 07777U) == 0600U);
        Peer peer(loop, endpoint);
        peer.send(get_request("/local"));
        const auto exchange = server.next();
        CHECK(exchange->request().peer == "unix");
        REQUIRE(loop.get(exchange->respond({.status = 200, .body = "ok"})));
        CHECK(peer.answer().body == "ok");
        const auto second = listen_at(loop, endpoint);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == Code::precondition);
    }
    CHECK(::access(endpoint.unix_path.c_str(), F_OK) != 0);
}

TEST_CASE("a unix socket left by a dead process is replaced; any other file is not") {
    Loop loop;
    const test::TempFolder folder;
    const Endpoint endpoint{.host = {}, .port = 0, .unix_path = folder.file("lane.sock")};
    SECTION("left over") {
        const auto bound = listen_at(loop, endpoint);
        REQUIRE(bound);
        const auto kept = folder.file("kept.sock");
        REQUIRE(::link(endpoint.unix_path.c_str(), kept.c_str()) == 0);
        (*bound)->close();
        REQUIRE(::rename(kept.c_str(), endpoint.unix_path.c_str()) == 0);
        CHECK(listen_at(loop, endpoint).has_value());
    }
    SECTION("a file") {
        std::ofstream(endpoint.unix_path) << "precious";
        const auto server = listen_at(loop, endpoint);
        REQUIRE_FALSE(server);
        CHECK(server.error().code == Code::config);
        CHECK(::access(endpoint.unix_path.c_str(), F_OK) == 0);
    }
    SECTION("a path too long for the system") {
        const auto server = listen_at(
            loop, {.host = {}, .port = 0, .unix_path = folder.file(std::string(200, 'p'))}
        );
        REQUIRE_FALSE(server);
        CHECK(server.error().code == Code::config);
    }
}

TEST_CASE("connections beyond the cap wait until one leaves") {
    Loop loop;
    TestServer server(loop, {.connections = 2});
    Peer first(loop, server.endpoint());
    Peer second(loop, server.endpoint());
    Peer third(loop, server.endpoint());
    first.send(get_request("/1"));
    second.send(get_request("/2"));
    third.send(get_request("/3"));
    (void)loop.get(server.next()->respond({.status = 204}));
    (void)loop.get(server.next()->respond({.status = 204}));
    loop.settle();
    CHECK(server.waiting() == 0);
    CHECK(server.server->connections() == 2);
    first.close();
    CHECK(server.next()->request().path == "/3");
    CHECK(server.server->connections() == 2);
}

TEST_CASE("out of descriptors the server keeps its streams and resumes accepting") {
    Loop loop;
    TestServer server(loop);
    Peer streaming(loop, server.endpoint());
    streaming.send(get_request());
    const auto stream = *loop.get(server.next()->start_stream(200, {}));
    Peer waiting(loop, server.endpoint()); // its descriptor exists before they run out
    loop.until([&] { return server.server->connections() == 2; }, "the second connection");
    asio::generic::stream_protocol::socket late(loop.context);
    late.open(asio::generic::stream_protocol(AF_INET, 0));
    {
        const FewDescriptors few(next_descriptor());
        bool connected = false;
        const asio::ip::tcp::endpoint address(
            asio::ip::make_address("127.0.0.1"), server.endpoint().port
        );
        late.async_connect(address, [&](const boost::system::error_code& error) {
            connected = !error;
        });
        loop.until([&] { return connected; }, "the kernel to queue the client");
        for (int round = 0; round < 3; ++round) {
            const auto piece = slice("alive");
            CHECK(stream->send(std::span(&piece, 1)) == BodyStream::State::open);
            (void)streaming.take_until("alive");
        }
        CHECK(server.server->connections() == 2);
    }
    Peer served(loop, std::move(late));
    served.send(get_request("/late"));
    CHECK(server.next()->request().path == "/late");
}

TEST_CASE("after stop_accepting idle connections end, running exchanges go on, new ones are refused"
) {
    Loop loop;
    TestServer server(loop);
    Peer idle(loop, server.endpoint());
    Peer thinking(loop, server.endpoint());
    Peer streaming(loop, server.endpoint());
    loop.until([&] { return server.server->connections() == 3; }, "all connections");
    idle.send(get_request("/idle"));
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "first"})));
    CHECK(idle.answer().body == "first");
    thinking.send(get_request("/thinking"));
    const auto exchange = server.next();
    streaming.send(get_request("/streaming"));
    const auto stream = *loop.get(server.next()->start_stream(200, {}));

    server.server->stop_accepting();
    CHECK_FALSE(idle.wait_end());
    CHECK_THROWS(Peer(loop, server.endpoint()));

    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "last"})));
    const auto answer = thinking.answer();
    CHECK(answer.body == "last");
    CHECK(answer.headers.get("connection") == "close");
    CHECK_FALSE(thinking.wait_end());

    const auto piece = slice("to the end");
    CHECK(stream->send(std::span(&piece, 1)) == BodyStream::State::open);
    stream->finish();
    CHECK(streaming.answer().body == "to the end");
    CHECK_FALSE(streaming.wait_end());
    idle.close();
    thinking.close();
    streaming.close();
    loop.until([&] { return server.server->connections() == 0; }, "the last connection");
}

TEST_CASE("after stop_accepting connections that wait for their first request still bring it") {
    Loop loop;
    TestServer server(loop, {.last_request_timeout = k_patience});
    std::deque<Peer> peers;
    peers.emplace_back(loop, server.endpoint());
    loop.until([&] { return server.server->connections() == 1; }, "the one that is let in");
    for (int n = 0; n < 100; ++n) { // the kernel queues these: the loop does not run meanwhile
        Peer::Socket socket(loop.context);
        socket.connect(
            asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), server.endpoint().port)
        );
        peers.emplace_back(loop, std::move(socket));
    }
    server.server->stop_accepting();
    CHECK(server.server->answering() == peers.size());
    CHECK_THROWS(Peer(loop, server.endpoint()));
    for (auto& peer : peers) {
        peer.send(get_request("/first"));
        REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "last"})));
        const auto answer = peer.answer();
        CHECK(answer.body == "last");
        CHECK(answer.headers.get("connection") == "close");
        CHECK_FALSE(peer.wait_end());
    }
    CHECK(server.server->answering() == 0);
}

TEST_CASE("after stop_accepting a head that is coming in counts, a connection without one ends") {
    Loop loop;
    TestServer server(loop, {.last_request_timeout = Millis(50)});
    Peer silent(loop, server.endpoint());
    Peer begun(loop, server.endpoint());
    loop.until([&] { return server.server->connections() == 2; }, "both connections");
    begun.send("GET / HT");
    loop.until([&] { return server.server->answering() == 1; }, "the head's first bytes");
    server.server->stop_accepting();
    CHECK(server.server->answering() == 2);
    CHECK_FALSE(silent.wait_end());
    CHECK(server.server->answering() == 1);
    begun.send("TP/1.1\r\nhost: a\r\n\r\n");
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "last"})));
    CHECK(begun.answer().headers.get("connection") == "close");
    CHECK(server.server->answering() == 0);
}

TEST_CASE("after stop_accepting whoever scrapes goes on seeing it, over the connection it has") {
    Loop loop;
    TestServer server(loop);
    Peer scraper(loop, server.endpoint());
    Peer other(loop, server.endpoint());
    const auto served = [&](Peer& peer, const char* path) {
        peer.send(get_request(path));
        REQUIRE(loop.get(server.next()->respond({.status = 200, .body = path})));
        const auto answer = peer.answer();
        CHECK(answer.body == path);
        return std::string(answer.headers.get("connection").value_or(""));
    };
    served(scraper, "/metrics");
    served(other, "/version");
    server.server->stop_accepting();
    CHECK_FALSE(other.wait_end());
    CHECK(served(scraper, "/metrics") != "close");
    CHECK(served(scraper, "/metrics") != "close");
    CHECK(served(scraper, "/version") == "close"); // no scrape any more
    CHECK_FALSE(scraper.wait_end());
}

TEST_CASE("an answer counts until its last bytes are out, and closing the server does not cut them"
) {
    constexpr std::size_t k_large = 4U << 20U; // more than the kernel takes
    Loop loop;
    TestServer server(loop);
    Peer slow(loop, server.endpoint(), k_small_buffer);
    slow.pause_reading();
    slow.send(get_request());
    CHECK(server.server->answering() == 0);
    const auto exchange = server.next();
    server.server->stop_accepting();
    CHECK(server.server->answering() == 1);
    const auto sent =
        loop.start(exchange->respond({.status = 200, .body = std::string(k_large, 'x')}));
    loop.settle();
    CHECK(server.server->answering() == 1);
    slow.resume_reading();
    loop.until([&] { return sent->has_value(); }, "the answer");
    slow.pause_reading();
    CHECK(server.server->answering() == 0);
    server.server.reset();
    slow.resume_reading();
    CHECK(slow.answer().body.size() == k_large);
    CHECK_FALSE(slow.wait_end());
}

TEST_CASE("closing the server ends exchanges whose handler still thinks") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    const auto exchange = server.next();
    server.server.reset();
    CHECK(exchange->peer_gone());
    const auto sent = loop.get(exchange->respond({.status = 200}));
    REQUIRE_FALSE(sent);
    CHECK(sent.error().code == Code::network);
    CHECK(peer.wait_end());
}

TEST_CASE("a descriptor of the server's does not leak into child processes") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    const auto exchange = server.next();
    int inherited = 0;
    for (int fd = 3; fd < 256; ++fd) {
        const int flags = ::fcntl(fd, F_GETFD);
        int type = 0;
        socklen_t size = sizeof type;
        const bool socket = ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
        sockaddr_in local{};
        socklen_t length = sizeof local;
        const bool ours = socket &&
                          ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) == 0 &&
                          ntohs(local.sin_port) == server.endpoint().port;
        inherited += ours && (flags & FD_CLOEXEC) == 0 ? 1 : 0;
    }
    CHECK(inherited == 0);
}

TEST_CASE("a connection that there is no memory for takes no place") {
    bool failed = true;
    for (std::uint64_t nth = 1; failed; ++nth) {
        CAPTURE(nth);
        Loop loop;
        const auto core = std::make_shared<ServerCore>();
        core->executor = loop.context.get_executor();
        auto listener = open_listener({"127.0.0.1", 0}, 0600);
        REQUIRE(listener);
        core->acceptor = std::make_shared<Acceptor>(
            core->executor,
            *std::move(listener),
            Acceptor::Hooks{.room = [] { return false; }, .accepted = {}}
        );
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
        Descriptor ours(ends[0]);
        const Descriptor peer(ends[1]);
        oa_stream::testing::fail_allocation(nth);
        core->adopt(std::move(ours));
        failed = oa_stream::testing::stop_failing();
        loop.settle();
        CHECK(core->connections.size() == (failed ? 0 : 1));
        char byte = 0;
        CHECK((::recv(peer.get(), &byte, 1, 0) == 0) == failed); // closed
        for (const auto& connection :
             std::vector(core->connections.begin(), core->connections.end())) {
            connection->cut();
        }
        core->acceptor->stop();
        loop.settle();
    }
}
