#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

using State = BodyStream::State;

} // namespace

TEST_CASE("a stream's pieces arrive as they are sent, one chunk each, and end with the last chunk"
) {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    const auto stream =
        begin(loop, server, {{"Content-Type", "text/event-stream"}, {"X-Up", "kept"}});
    const auto head = peer.take_until("\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(head.find("X-Up: kept\r\n") != std::string::npos);
    CHECK(head.find("transfer-encoding: chunked\r\n") != std::string::npos);
    CHECK(head.find("content-length") == std::string::npos);

    const std::array pieces{slice("data: "), slice("one"), slice("\n\n")};
    CHECK(stream->send(pieces) == State::open);
    CHECK(peer.take_until("\n\n\r\n") == "b\r\ndata: one\n\n\r\n");
    CHECK(stream->bytes_sent() == 11);
    CHECK(send(*stream, std::string(26, 'z')) == State::open);
    CHECK(peer.take_until("\r\nz") == "1a\r\nz");
    stream->finish();
    CHECK(peer.take_until("0\r\n\r\n").ends_with("z\r\n0\r\n\r\n"));
    CHECK(stream->bytes_sent() == 37);
    CHECK(stream->state() == State::gone);
}

TEST_CASE("the head and the first piece share a segment") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    // The task above ran inside the loop; a send that follows at once is what a handler does.
    CHECK(send(*stream, "first") == State::open);
    (void)peer.take_until("first\r\n");
    CHECK(peer.reads() == 1);
}

TEST_CASE("a head alone does not wait for a piece") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    CHECK_FALSE(peer.take_until("\r\n\r\n").empty());
    CHECK(stream->state() == State::open);
}

TEST_CASE("an empty send writes nothing: an empty chunk would end the body") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    CHECK(stream->send({}) == State::open);
    CHECK(send(*stream, "") == State::open);
    CHECK(send(*stream, "x") == State::open);
    stream->finish();
    CHECK(peer.answer().body == "x");
}

TEST_CASE("more slices than one system call takes are still one chunk") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    std::vector<Slice> slices;
    std::string whole;
    for (int index = 0; index < 3000; ++index) {
        slices.push_back(slice(fmt::format("{},", index)));
        whole += slices.back().bytes;
    }
    CHECK(stream->send(slices) == State::open);
    CHECK(stream->bytes_sent() == whole.size());
    (void)peer.take_until("\r\n\r\n");
    CHECK(peer.take_until("\r\n") == fmt::format("{:x}\r\n", whole.size()));
    CHECK(peer.take(whole.size()) == whole);
}

TEST_CASE("after a stream the connection serves the next request") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    for (int round = 0; round < 3; ++round) {
        peer.send(get_request());
        const auto stream = begin(loop, server);
        CHECK(send(*stream, "abc") == State::open);
        stream->finish();
        CHECK(stream->bytes_sent() == 3);
        CHECK(peer.answer().body == "abc");
    }
    peer.send(get_request("/last"));
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "whole"})));
    CHECK(peer.answer().body == "whole");
    CHECK(server.server->connections() == 1);
}

TEST_CASE("a request sent ahead during a stream waits for its end") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    peer.send(get_request("/ahead-1") + get_request("/ahead-2"));
    CHECK(send(*stream, "during") == State::open);
    loop.settle();
    CHECK(server.waiting() == 0);
    stream->finish();
    CHECK(peer.answer().body == "during");
    for (const std::string path : {"/ahead-1", "/ahead-2"}) {
        const auto exchange = server.next();
        CHECK(exchange->request().path == path);
        REQUIRE(loop.get(exchange->respond({.status = 200, .body = path})));
        CHECK(peer.answer().body == path);
    }
    CHECK_FALSE(gone);
}

TEST_CASE("a peer that leaves after sending ahead is still noticed") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    peer.send(get_request("/ahead"));
    loop.settle();
    peer.close();
    loop.until([&] { return gone; }, "on_gone");
    CHECK(server.waiting() == 0);
}

TEST_CASE("a peer that leaves an idle stream is noticed without a write") {
    for (const bool by_reset : {false, true}) {
        Streaming rig;
        auto& [loop, server, peer, stream] = rig;
        int gone = 0;
        stream->on_gone([&] { ++gone; });
        (void)peer.take_until("\r\n\r\n");
        by_reset ? peer.reset() : peer.close();
        loop.until([&] { return gone > 0; }, "on_gone");
        CHECK(stream->state() == State::gone);
        CHECK(send(*stream, "late") == State::gone);
        stream->finish();
        loop.settle();
        CHECK(gone == 1);
        CHECK(server.server->connections() == 0);
    }
}

TEST_CASE("a client that closes its sending half has left a stream") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    peer.half_close();
    loop.until([&] { return gone; }, "on_gone");
}

TEST_CASE("a loss found by send() is told later, not inside it") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    loop.settle();
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    peer.reset();
    // The loop does not run, so only the write can find out.
    while (send(*stream, "x") == State::open) {
    }
    CHECK(stream->state() == State::gone);
    CHECK_FALSE(gone);
    loop.until([&] { return gone; }, "on_gone");
}

TEST_CASE("on_gone set after the loss is called all the same") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    peer.close();
    loop.until([&] { return stream->state() == State::gone; }, "the loss");
    int gone = 0;
    stream->on_gone([&] { ++gone; });
    CHECK(gone == 0);
    loop.until([&] { return gone > 0; }, "on_gone");
    loop.settle();
    CHECK(gone == 1);
}

TEST_CASE("a stream may be dropped inside its own on_gone") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] {
        stream.reset();
        gone = true;
    });
    peer.close();
    loop.until([&] { return gone; }, "on_gone");
    CHECK_FALSE(stream);
}

TEST_CASE("cut resets the connection and tells nobody: its caller knows") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    CHECK(send(*stream, "half") == State::open);
    (void)peer.take_until("half");
    stream->cut();
    CHECK(peer.wait_end());
    CHECK(stream->state() == State::gone);
    CHECK(stream->bytes_sent() == 4);
    loop.settle();
    CHECK_FALSE(gone);
}

TEST_CASE("a stream dropped before finish is reset, never closed as if complete") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    CHECK(send(*stream, "half") == State::open);
    (void)peer.take_until("half");
    stream.reset();
    CHECK(peer.wait_end());
}

TEST_CASE("an HTTP/1.0 client gets a stream without chunks that ends with the connection") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto stream = begin(loop, server);
    CHECK(send(*stream, "one ") == State::open);
    CHECK(send(*stream, "two") == State::open);
    stream->finish();
    const auto answer = peer.answer();
    CHECK_FALSE(answer.headers.has("transfer-encoding"));
    CHECK(answer.headers.get("connection") == "close");
    CHECK(answer.body == "one two");
}

TEST_CASE("HEAD gets a stream's head alone") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto stream = begin(loop, server, {{"X-A", "1"}});
    CHECK(send(*stream, "unsent") == State::open);
    stream->finish();
    CHECK(peer.answer(true).headers.get("x-a") == "1");
    peer.send(get_request());
    REQUIRE(loop.get(server.next()->respond({.status = 200, .body = "next"})));
    CHECK(peer.answer().body == "next");
}

TEST_CASE("a stream with a given content-length is sent unchunked, and must keep to it") {
    Serving rig;
    auto& [loop, server, peer] = rig;
    peer.send(get_request());
    const auto stream = begin(loop, server, {{"Content-Length", "6"}});
    CHECK(send(*stream, "abc") == State::open);
    (void)peer.take_until("\r\n\r\n");
    CHECK(peer.take(3) == "abc");
    SECTION("kept: the connection lives on") {
        CHECK(send(*stream, "def") == State::open);
        stream->finish();
        CHECK(peer.take(3) == "def");
        peer.send(get_request("/next"));
        CHECK(server.next()->request().path == "/next");
    }
    SECTION("too short: reset") {
        stream->finish();
        CHECK(peer.wait_end());
    }
    SECTION("too long: reset") {
        CHECK(send(*stream, "defg") == State::gone);
        CHECK(peer.wait_end());
    }
}

TEST_CASE("closing the server cuts its streams and tells their owners") {
    Streaming rig;
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    (void)peer.take_until("\r\n\r\n");
    SECTION("by close") {
        server.server->close();
    }
    SECTION("by destruction") {
        server.server.reset();
    }
    CHECK(stream->state() == State::gone);
    loop.until([&] { return gone; }, "on_gone");
    CHECK(peer.wait_end());
}

TEST_CASE("a thousand streams on one thread each get their own bytes") {
    Loop loop;
    TestServer server(loop);
    constexpr std::size_t count = 1000;
    std::vector<std::unique_ptr<Peer>> peers;
    std::vector<std::shared_ptr<BodyStream>> streams;
    for (std::size_t index = 0; index < count; ++index) {
        peers.push_back(std::make_unique<Peer>(loop, server.endpoint()));
        peers.back()->send(get_request());
        streams.push_back(begin(loop, server));
    }
    CHECK(server.server->connections() == count);
    for (int round = 0; round < 3; ++round) {
        for (std::size_t index = 0; index < count; ++index) {
            REQUIRE(send(*streams[index], fmt::format("{}:{};", index, round)) == State::open);
        }
    }
    for (std::size_t index = 0; index < count; ++index) {
        streams[index]->finish();
        REQUIRE(peers[index]->answer().body == fmt::format("{0}:0;{0}:1;{0}:2;", index));
    }
}
