#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

TEST_CASE("a head beyond the limit is 431, in one line or in many") {
    const auto limit = std::size_t{4096};
    const std::vector<std::pair<std::string, std::string>> heads{
        {"one long field", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(limit, 'x')},
        {"a long target", "GET /" + std::string(limit, 'x')},
        {"many fields",
         [&] {
             std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
             while (head.size() <= limit) {
                 head += "X-Some: value\r\n";
             }
             return head;
         }()},
    };
    for (const auto& [name, head] : heads) {
        DYNAMIC_SECTION(name) {
            Serving rig({.header_bytes = limit});
            auto& [loop, server, peer] = rig;
            peer.send(head);
            CHECK(peer.answer().status == 431);
            CHECK_FALSE(peer.wait_end());
        }
    }
}

TEST_CASE("a head of exactly the limit is taken, however it arrives") {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const auto limit = std::size_t{2000};
    const auto head = start + std::string(limit - start.size() - 4, 'x') + "\r\n\r\n";
    REQUIRE(head.size() == limit);
    for (const std::size_t step : {limit, std::size_t{7}}) {
        Serving rig({.header_bytes = limit});
        auto& [loop, server, peer] = rig;
        for (std::size_t at = 0; at < head.size(); at += step) {
            peer.send(std::string_view(head).substr(at, step));
            loop.settle();
        }
        CHECK(server.next()->request().headers.get("x")->size() == limit - start.size() - 4);
    }
}

TEST_CASE("chunk lines without end are refused, not collected") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    peer.send_later(std::string(1U << 20U, 'e'));
    CHECK(peer.answer().status == 400);
}

TEST_CASE("a body over the limit reaches the handler as such, and the client sees the answer") {
    const auto big = std::string(80U << 20U, 'b');
    const std::string head = "POST /big HTTP/1.1\r\nHost: h\r\n";
    const std::vector<std::pair<std::string, std::string>> requests{
        {"length", head + fmt::format("Content-Length: {}\r\n\r\n", big.size()) + big},
        {"one chunk",
         head + fmt::format("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", big.size()) + big +
             "\r\n0\r\n\r\n"},
    };
    for (const auto& [name, bytes] : requests) {
        DYNAMIC_SECTION(name) {
            Serving rig;
            auto& [loop, server, peer] = rig;
            peer.pause_reading(); // as a client that sends everything before it reads anything
            peer.send_later(bytes);
            const auto exchange = server.next();
            CHECK(exchange->request().path == "/big");
            CHECK(exchange->request().body_too_large);
            CHECK(exchange->request().body.empty());
            REQUIRE(loop.get(exchange->respond({.status = 413, .body = "too large"})));
            peer.send({}); // until the last byte was taken
            peer.resume_reading();
            const auto answer = peer.answer();
            CHECK(answer.status == 413);
            CHECK(answer.headers.get("connection") == "close");
            CHECK(answer.body == "too large");
            CHECK_FALSE(peer.wait_end());
        }
    }
}

TEST_CASE("small chunks are cut off once their sum exceeds the limit") {
    Serving rig({.body_bytes = 1000});
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto chunk = "64\r\n" + std::string(100, 'c') + "\r\n";
    for (int count = 0; count < 10; ++count) {
        peer.send(chunk);
        loop.settle();
    }
    CHECK(server.waiting() == 0);
    peer.send(chunk);
    const auto exchange = server.next();
    CHECK(exchange->request().body_too_large);
    CHECK(exchange->request().body.empty());
}

TEST_CASE("a body of exactly the limit is taken") {
    Serving rig({.body_bytes = 1000});
    auto& [loop, server, peer] = rig;
    peer.send(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'b')
    );
    const auto exchange = server.next();
    CHECK_FALSE(exchange->request().body_too_large);
    CHECK(exchange->request().body.size() == 1000);
}

TEST_CASE("a head that drips too slowly is cut with 408") {
    Serving rig({.head_timeout = Millis(50), .body_timeout = std::chrono::hours(1)});
    auto& [loop, server, peer] = rig;
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n");
    // One more byte each time the loop turns does not extend the deadline.
    while (peer.received().empty() && !peer.ended()) {
        peer.send("X");
    }
    CHECK(peer.answer().status == 408);
    CHECK_FALSE(peer.wait_end());
    CHECK(server.waiting() == 0);
}

TEST_CASE("a body that does not come is cut with 408") {
    Serving rig({.head_timeout = std::chrono::hours(1), .body_timeout = Millis(50)});
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(peer.answer().status == 408);
    CHECK_FALSE(peer.wait_end());
}

TEST_CASE("an idle connection is closed without a word, before and after a request") {
    Loop loop;
    TestServer server(loop, {.idle_timeout = Millis(50)});
    Peer fresh(loop, server.endpoint());
    CHECK_FALSE(fresh.wait_end());
    CHECK(fresh.received().empty());
    Peer used(loop, server.endpoint());
    used.send(get_request());
    REQUIRE(loop.get(server.next()->respond({.status = 204})));
    CHECK(used.answer().status == 204);
    CHECK_FALSE(used.wait_end());
    CHECK(used.received().empty());
}

TEST_CASE("an idle connection is kept longer than the 60 s of the usual proxies") {
    CHECK(ServerLimits{}.idle_timeout > Millis(60'000));
}

TEST_CASE("an answer that the peer never reads is given up at the write deadline") {
    Loop loop;
    TestServer server(loop, {.write_timeout = Millis(50)});
    Peer peer(loop, server.endpoint(), k_small_buffer);
    peer.pause_reading();
    peer.send(get_request());
    const auto sent =
        loop.get(server.next()->respond({.status = 200, .body = std::string(32U << 20U, 'x')}));
    REQUIRE_FALSE(sent);
    CHECK(sent.error().code == Code::timeout);
    CHECK(server.server->connections() == 0);
}

TEST_CASE("an answer that the server's end cuts is not called its reader's doing") {
    Loop loop;
    TestServer server(loop);
    Peer peer(loop, server.endpoint(), k_small_buffer);
    peer.pause_reading();
    peer.send(get_request());
    const auto sent =
        loop.start(server.next()->respond({.status = 200, .body = std::string(32U << 20U, 'x')}));
    loop.settle();
    server.server.reset();
    loop.until([&] { return sent->has_value(); }, "the outcome");
    REQUIRE_FALSE(**sent);
    CHECK((*sent)->error().code == Code::cancelled);
}
