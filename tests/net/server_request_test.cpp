#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

TEST_CASE("a request arrives whole: method, target, path, query, fields, body, peer") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("POST /api/a%20b?x=1&y=?2 HTTP/1.1\r\nHost: h\r\nX-A: one\r\nx-a:  two \r\n"
              "Content-Length: 5\r\n\r\nhello");
    const auto exchange = server.next();
    const auto& request = exchange->request();
    CHECK(request.method == "POST");
    CHECK(request.target == "/api/a%20b?x=1&y=?2");
    CHECK(request.path == "/api/a%20b");
    CHECK(request.query == "x=1&y=?2");
    CHECK(request.headers.get("x-a") == "one");
    REQUIRE(request.headers.all().size() == 4);
    CHECK(request.headers.all()[2].second == "two");
    CHECK(request.body == "hello");
    CHECK_FALSE(request.body_too_large);
    CHECK(request.peer.starts_with("127.0.0.1:"));
    CHECK(request.received <= Clock::now());
    CHECK(request.received > Clock::now() - std::chrono::minutes(1));
}

TEST_CASE("an absolute target is understood by its path") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request("http://lane.example:80/a/b?c=http://x"));
    auto exchange = server.next();
    CHECK(exchange->request().path == "/a/b");
    CHECK(exchange->request().query == "c=http://x");
    REQUIRE(loop.get(exchange->respond({.status = 204})));
    CHECK(peer.answer().status == 204);
    peer.send(get_request("http://lane.example"));
    exchange = server.next();
    CHECK(exchange->request().path == "/");
}

TEST_CASE("a request that drips in byte by byte is the same request") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    const std::string_view bytes =
        "POST /drip HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "X-Long: abcdefgh\r\n\r\n4;ext=1\r\nab\r\n\r\n10\r\n"
        "0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n";
    for (const char byte : bytes) {
        peer.send({&byte, 1});
        loop.settle();
    }
    const auto exchange = server.next();
    CHECK(exchange->request().path == "/drip");
    CHECK(exchange->request().headers.get("x-long") == "abcdefgh");
    CHECK(exchange->request().body == "ab\r\n0123456789abcdef");
}

TEST_CASE("an empty chunked body that drips in ends the request") {
    // The parser's own last-chunk check asserts when it is shown four bytes of five.
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const std::string_view part : {"0\r\n", "\r", "\n"}) {
        loop.settle();
        CHECK(server.waiting() == 0);
        peer.send(part);
    }
    CHECK(server.next()->request().body.empty());
}

TEST_CASE("a trailer never becomes a header") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
              "1\r\nx\r\n0\r\nAuthorization: Bearer forged\r\n\r\n");
    const auto exchange = server.next();
    CHECK(exchange->request().body == "x");
    CHECK_FALSE(exchange->request().headers.has("authorization"));
}

TEST_CASE("an answer carries length and date, and the connection lives on") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    for (int round = 0; round < 3; ++round) {
        peer.send(get_request("/again"));
        const auto exchange = server.next();
        REQUIRE(loop.get(exchange->respond({200, {{"X-Round", std::to_string(round)}}, "hi"})));
        const auto answer = peer.answer();
        CHECK(answer.status == 200);
        CHECK(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(answer.headers.get("content-length") == "2");
        CHECK(answer.headers.get("x-round") == std::to_string(round));
        CHECK(answer.headers.has("date"));
        CHECK_FALSE(answer.headers.has("connection"));
        CHECK(answer.body == "hi");
    }
    CHECK(server.server->connections() == 1);
}

TEST_CASE("HEAD is answered with the length and without the body") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "twelve bytes"})));
    const auto answer = peer.answer(true);
    CHECK(answer.headers.get("content-length") == "12");
    peer.send(get_request());
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "next"})));
    CHECK(peer.answer().body == "next");
}

TEST_CASE("204 and 304 have neither body nor length") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    for (const int status : {204, 304}) {
        peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        REQUIRE(loop.get(server.next()->respond({.status = status, .body = "dropped"})));
        const auto answer = peer.answer(true);
        CHECK(answer.status == status);
        CHECK_FALSE(answer.headers.has("content-length"));
    }
}

TEST_CASE("an HTTP/1.0 client is answered and closed, unless it asks for keep-alive") {
    Loop loop;
    TestServer server(loop);
    Peer closing(loop, server.endpoint());
    closing.send("GET / HTTP/1.0\r\n\r\n");
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "bye"})));
    CHECK(closing.answer().headers.get("connection") == "close");
    CHECK_FALSE(closing.wait_end());

    Peer staying(loop, server.endpoint());
    staying.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "one"})));
    CHECK(staying.answer().headers.get("connection") == "keep-alive");
    staying.send("GET / HTTP/1.0\r\n\r\n");
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "two"})));
    CHECK(staying.answer().body == "two");
}

TEST_CASE("connection: close is honoured from either side") {
    Loop loop;
    TestServer server(loop);
    Peer asked(loop, server.endpoint());
    asked.send(get_request("/", "Connection: close\r\n"));
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "x"})));
    CHECK(asked.answer().headers.get("connection") == "close");
    CHECK_FALSE(asked.wait_end());

    Peer told(loop, server.endpoint());
    told.send(get_request());
    REQUIRE(loop.get(server.next()->respond({200, {{"Connection", "close"}}, "x"})));
    CHECK(told.answer().headers.get("connection") == "close");
    CHECK_FALSE(told.wait_end());
}

TEST_CASE("requests sent ahead are answered one after the other") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    constexpr int count = 500;
    std::string ahead;
    for (int index = 0; index < count; ++index) {
        ahead += get_request(fmt::format("/{}", index));
    }
    peer.send_later(ahead);
    for (int index = 0; index < count; ++index) {
        const auto exchange = server.next();
        CHECK(server.waiting() == 0);
        REQUIRE(exchange->request().path == fmt::format("/{}", index));
        REQUIRE(loop.get(exchange->respond({.status = 200, .body = exchange->request().path})));
    }
    for (int index = 0; index < count; ++index) {
        REQUIRE(peer.answer().body == fmt::format("/{}", index));
    }
}

TEST_CASE("empty lines before a request are ignored") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("\r\n\r\n");
    loop.settle();
    peer.send("\r\n" + get_request("/after"));
    CHECK(server.next()->request().path == "/after");
}

TEST_CASE("Expect: 100-continue is answered before the body is sent") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    CHECK(peer.answer().status == 100);
    peer.send("body");
    const auto exchange = server.next();
    CHECK(exchange->request().body == "body");
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "done"})));
    CHECK(peer.answer().body == "done");
}

TEST_CASE("Expect: 100-continue with too long a body gets the final answer at once") {
    Serving rig({.body_bytes = 100});
    auto& [loop, server, peer] = rig;
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    const auto exchange = server.next();
    CHECK(exchange->request().body_too_large);
    REQUIRE(loop.get(exchange->respond({.status = 413, .body = "no"})));
    CHECK(peer.answer().status == 413);
}

namespace {

struct RefusedRow {
    std::string_view name;
    std::string_view bytes;
    int status;
};

constexpr std::array k_refused{
    RefusedRow{"garbage", "\x16\x03\x01\x02\x01 what\r\n\r\n", 400},
    RefusedRow{"no version", "GET /\r\n\r\n", 400},
    RefusedRow{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"space behind the target", "GET /a  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"space behind the version", "GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
    RefusedRow{"space before the method", " GET /a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"tab for a space", "GET\t/a\tHTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"relative target", "GET a?u=http://h/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"target without a scheme", "GET ://h/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"fragment behind the path", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"fragment behind the query", "GET http://h/a?b#c HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"authority alone", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"another protocol", "GET / ICY/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"small letters", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"version without a point", "GET / HTTP/2\r\nHost: h\r\n\r\n", 400},
    RefusedRow{
        "longer method than any",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: h\r\n\r\n",
        501
    },
    RefusedRow{"HTTP/3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
    RefusedRow{"bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n", 400},
    RefusedRow{"bare LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    RefusedRow{"bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
    RefusedRow{"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    RefusedRow{"bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
    RefusedRow{"bare CR as a line end", "GET / HTTP/1.1\rHost: h\r\r", 400},
    RefusedRow{"folded by a space", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
    RefusedRow{"folded by a tab", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n", 400},
    RefusedRow{"folded before any field", "GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", 400},
    RefusedRow{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    RefusedRow{"space before colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
    RefusedRow{"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
    RefusedRow{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    RefusedRow{
        "length and chunked",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        400
    },
    RefusedRow{
        "two lengths",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        400
    },
    RefusedRow{"negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
    RefusedRow{
        "other coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501
    },
    RefusedRow{
        "coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400
    },
    RefusedRow{
        "two codings",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501
    },
    RefusedRow{
        "bad chunk size",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        400
    },
    RefusedRow{
        "chunk without its end",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        400
    },
};

} // namespace

TEST_CASE("what is no request is refused by the server itself, and the connection ends") {
    for (const auto& row : k_refused) {
        DYNAMIC_SECTION(row.name) {
            Serving rig;
            auto& [loop, server, peer] = rig;
            peer.send(row.bytes);
            const auto answer = peer.answer();
            CHECK(answer.status == row.status);
            CHECK(answer.headers.get("x-page") == "server");
            CHECK(answer.headers.get("connection") == "close");
            CHECK_FALSE(peer.wait_end());
            CHECK(server.waiting() == 0);
        }
    }
}

TEST_CASE("a second answer to one request is an error, not bytes") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    const auto exchange = server.next();
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "one"})));
    const auto again = loop.get(exchange->respond({.status = 200, .body = "two"}));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Code::internal);
    CHECK_FALSE(loop.get(exchange->start_stream(200, {})));
    CHECK(peer.answer().body == "one");
    CHECK(peer.received().empty());
}

TEST_CASE("a request dropped without an answer is a 500, never a silent connection") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    {
        const auto dropped = server.next();
    }
    CHECK(peer.answer().status == 500);
    CHECK_FALSE(peer.wait_end());
}

TEST_CASE("a line break in a header value cannot start a new field") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    REQUIRE(loop.get(server.next()->respond(
        {200, {{"X-Good", "1"}, {"X-Bad", "a\r\nX-Injected: 1"}, {"X Bad", "name"}}, "x"}
    )));
    const auto answer = peer.answer();
    CHECK(answer.headers.has("x-good"));
    CHECK_FALSE(answer.headers.has("x-injected"));
    CHECK_FALSE(answer.headers.has("x-bad"));
    CHECK_FALSE(answer.headers.has("x bad"));
}

TEST_CASE("a peer that leaves while the handler thinks is known to the handler") {
    for (const bool by_reset : {false, true}) {
        Serving rig;
        auto& [loop, server, peer] = rig;
        peer.send(get_request());
        const auto exchange = server.next();
        CHECK_FALSE(exchange->peer_gone());
        by_reset ? peer.reset() : peer.close();
        loop.until([&] { return exchange->peer_gone(); }, "the peer's leaving");
        const auto stream = loop.get(exchange->start_stream(200, {}));
        REQUIRE_FALSE(stream);
        CHECK(stream.error().code == Code::network);
        CHECK(server.server->connections() == 0);
    }
}

TEST_CASE("a client that closes only its sending half still gets a whole answer") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    peer.half_close();
    const auto exchange = server.next();
    loop.until([&] { return exchange->peer_gone(); }, "the half close");
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "still here"})));
    CHECK(peer.answer().body == "still here");
    CHECK_FALSE(peer.wait_end());
}

TEST_CASE("a large answer to a slow reader arrives byte for byte") {
    Loop loop;
    TestServer server(loop);
    Peer peer(loop, server.endpoint(), k_small_buffer);
    std::string body;
    for (int index = 0; body.size() < (3U << 20U); ++index) {
        body += fmt::format("{};", index);
    }
    peer.send(get_request());
    auto sent = loop.start(server.next()->respond({.status = 200, .body = body}));
    CHECK((peer.answer().body == body)); // no 3 MB in a failure's text
    loop.until([&] { return sent->has_value(); }, "the delivery");
    CHECK((*sent)->has_value());
}
