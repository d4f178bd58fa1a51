#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <stdexcept>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

using State = BodyStream::State;

/// Sends distinct pieces until the socket is full; returns what was sent.
std::string fill(BodyStream& stream) {
    std::string sent;
    for (int index = 0; stream.state() == State::open; ++index) {
        auto text = fmt::format("piece {} ", index) +
                    std::string(10000, static_cast<char>('a' + index % 26));
        sent += text;
        (void)send(stream, std::move(text));
    }
    return sent;
}

} // namespace

TEST_CASE("a slow reader blocks the stream, then gets every byte") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    int writable = 0;
    stream->on_writable([&] { ++writable; });
    std::string sent;
    for (int round = 0; round < 3; ++round) {
        sent += fill(*stream);
        REQUIRE(stream->state() == State::blocked);
        CHECK(stream->bytes_sent() < sent.size());
        loop.settle();
        CHECK(writable == round);
        peer.resume_reading();
        loop.until([&] { return writable == round + 1; }, "on_writable");
        CHECK(stream->state() == State::open);
        CHECK(stream->bytes_sent() == sent.size());
        peer.pause_reading();
    }
    stream->finish();
    peer.resume_reading();
    CHECK((peer.answer().body == sent));
}

TEST_CASE("finish on a blocked stream sends the rest, then the end, then serves on") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    const auto sent = fill(*stream);
    stream->finish();
    stream.reset();
    peer.resume_reading();
    CHECK((peer.answer().body == sent));
    peer.send(get_request("/next"));
    CHECK(server.next()->request().path == "/next");
    CHECK_FALSE(gone);
}

TEST_CASE("finish on a stream whose reader never reads is reset at the write deadline") {
    Streaming rig(Reads::not_yet, {.write_timeout = Millis(50)});
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    (void)fill(*stream);
    stream->finish();
    loop.until([&] { return gone; }, "the deadline");
    peer.resume_reading();
    CHECK(peer.wait_end());
}

TEST_CASE("send on a blocked stream is a broken invariant") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    (void)fill(*stream);
    CHECK_THROWS_AS(send(*stream, "x"), std::logic_error);
}

TEST_CASE("on_writable may send until blocked again, replace itself, or drop the stream") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    auto sent = std::make_shared<std::string>();
    std::string order;
    stream->on_writable([&, sent] {
        order += "first ";
        *sent += fill(*stream);
        stream->on_writable([&, sent] {
            order += "second ";
            stream->finish();
            stream.reset();
        });
    });
    *sent += fill(*stream);
    peer.resume_reading();
    CHECK((peer.answer().body == *sent));
    CHECK(order == "first second ");
    CHECK_FALSE(stream);
}

TEST_CASE("a peer that leaves a blocked stream is noticed") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    bool writable = false;
    stream->on_gone([&] { gone = true; });
    stream->on_writable([&] { writable = true; });
    (void)fill(*stream);
    peer.close();
    loop.until([&] { return gone; }, "on_gone");
    CHECK_FALSE(writable);
}

TEST_CASE("a reader that takes nothing for too long is gone, though it never closed") {
    Streaming rig(Reads::not_yet, {.unacknowledged_timeout = Millis(100)});
    auto& [loop, server, peer, stream] = rig;
    bool gone = false;
    stream->on_gone([&] { gone = true; });
    (void)fill(*stream);
    loop.until([&] { return gone; }, "on_gone");
}

TEST_CASE("bytes without an owner may change as soon as they were sent") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    std::string sent;
    for (int index = 0; stream->state() == State::open; ++index) {
        std::string text(100000, static_cast<char>('a' + index % 26));
        sent += text;
        const Slice piece{nullptr, text};
        (void)stream->send(std::span(&piece, 1));
        text.assign(text.size(), '!');
    }
    bool writable = false;
    stream->on_writable([&] { writable = true; });
    peer.resume_reading();
    loop.until([&] { return writable; }, "on_writable");
    CHECK(stream->bytes_sent() == sent.size());
    stream->finish();
    CHECK((peer.answer().body == sent));
}

TEST_CASE("slices stay alive until they were sent, and no longer") {
    Streaming rig(Reads::not_yet);
    auto& [loop, server, peer, stream] = rig;
    std::weak_ptr<const void> watched;
    while (stream->state() == State::open) {
        auto piece = slice(std::string(100000, 'x'));
        watched = piece.owner;
        (void)stream->send(std::span(&piece, 1));
    }
    CHECK_FALSE(watched.expired());
    peer.resume_reading();
    loop.until([&] { return stream->state() == State::open; }, "the stream to drain");
    CHECK(watched.expired());
}
