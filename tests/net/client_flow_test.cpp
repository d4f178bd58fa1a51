#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

/// One streamed transfer against a server that the test plays.
struct Flowing {
    Loop loop;
    RawServer server{loop};
    std::unique_ptr<HttpClient> client = HttpClient::make(loop.context.get_executor());
    std::shared_ptr<Transfer> transfer;
    std::shared_ptr<std::optional<ClientResponse>> answer;
    std::unique_ptr<Peer> peer;
    std::string read;
    std::size_t calls = 0;

    void begin(StreamHandlers handlers, ClientRequest request = {}) {
        request.url = server.url();
        transfer = client->stream(std::move(request), std::move(handlers));
        answer = loop.start(transfer->done());
        peer = server.accept();
        (void)peer->take_until("\r\n\r\n");
    }
    const ClientResponse& result() {
        loop.until([&] { return answer->has_value(); }, "the transfer's end");
        return **answer;
    }
};

constexpr std::string_view k_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

} // namespace

TEST_CASE("a stream hands over head and pieces as they arrive, with their times") {
    Flowing flowing;
    int status = 0;
    Clock::time_point last{};
    bool ordered = true;
    flowing.begin({
        .on_head =
            [&](const ClientResponse& head) {
                status = head.status;
                CHECK(head.headers.has("transfer-encoding"));
                CHECK_FALSE(head.raw_head.empty());
                return Flow::go_on;
            },
        .on_bytes =
            [&](std::string_view bytes, Clock::time_point at) {
                ordered = ordered && at >= last;
                last = at;
                flowing.read += bytes;
                return Flow::go_on;
            },
    });
    flowing.peer->send(k_head);
    flowing.loop.until([&] { return status == 200; }, "the head");
    CHECK(flowing.read.empty());
    flowing.peer->send(chunk("one"));
    flowing.loop.until([&] { return flowing.read == "one"; }, "the first piece");
    flowing.peer->send(chunk("two"));
    flowing.loop.until([&] { return flowing.read == "onetwo"; }, "the second piece");
    CHECK_FALSE(flowing.answer->has_value());
    flowing.peer->send("0\r\n\r\n");
    const auto& response = flowing.result();
    CHECK(response.failure == TransferFailure::none);
    CHECK(response.body.empty());
    CHECK(ordered);
}

TEST_CASE("a body is let go of when an answer begins and all of it was sent") {
    constexpr std::size_t k_long = 32U << 20U; // beyond what the sockets hold
    for (const bool early : {false, true}) {
        DYNAMIC_SECTION((early ? "an early answer" : "an answer to all of it")) {
            Flowing flowing;
            bool begun = false;
            ClientRequest request{.method = "POST"};
            request.shared_body = std::make_shared<const std::string>(k_long, 'b');
            const std::weak_ptr held = request.shared_body;
            flowing.begin(
                {.on_head =
                     [&](const ClientResponse&) {
                         begun = true;
                         return Flow::go_on;
                     },
                 .on_bytes = {}},
                std::move(request)
            );
            const auto answer = [&] {
                flowing.peer->send(k_head);
                flowing.loop.until([&] { return begun; }, "the head");
            };
            if (early) {
                flowing.peer->pause_reading();
                flowing.loop.settle();
                answer();
                CHECK_FALSE(held.expired());
                flowing.peer->resume_reading();
            }
            CHECK(flowing.peer->take(k_long) == std::string(k_long, 'b'));
            CHECK_FALSE(held.expired());
            if (!early) {
                answer();
                CHECK(held.expired());
            }
            flowing.peer->send("0\r\n\r\n");
            CHECK(flowing.result().failure == TransferFailure::none);
            CHECK(held.expired());
        }
    }
}

TEST_CASE("pause stops the reading, resume hands the same bytes over again") {
    Flowing flowing;
    bool pausing = true;
    std::string paused_on;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view bytes, Clock::time_point) {
                       ++flowing.calls;
                       if (pausing) {
                           paused_on = bytes;
                           return Flow::pause;
                       }
                       flowing.read += bytes;
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("first"));
    flowing.loop.until([&] { return flowing.calls == 1; }, "the first piece");
    // Far more than the kernel's buffers hold: the server can only send it once we read on.
    const auto big = std::string(24U << 20U, 'b');
    flowing.peer->send_later(chunk(big));
    flowing.loop.settle();
    CHECK(flowing.calls == 1);
    CHECK(paused_on == "first");
    pausing = false;
    flowing.transfer->resume();
    flowing.loop.until(
        [&] { return flowing.read.size() == big.size() + 5; }, "everything after the pause"
    );
    CHECK(flowing.read.starts_with("firstbbb"));
    flowing.peer->send("0\r\n\r\n");
    CHECK(flowing.result().failure == TransferFailure::none);
}

TEST_CASE("a paused transfer holds the server back") {
    Flowing flowing;
    flowing.begin({.on_head = [](const ClientResponse&) { return Flow::pause; }, .on_bytes = {}});
    flowing.peer->send("HTTP/1.1 200 OK\r\n\r\n");
    const auto big = std::string(64U << 20U, 'b');
    auto& socket = flowing.peer->socket();
    socket.non_blocking(true);
    std::size_t sent = 0;
    boost::system::error_code full;
    while (!full && sent < big.size()) {
        flowing.loop.settle();
        sent += socket.write_some(asio::buffer(big.data() + sent, big.size() - sent), full);
    }
    CHECK(full == asio::error::would_block);
    CHECK(sent < big.size());
}

TEST_CASE("pausing on the head holds the first byte back until resume") {
    Flowing flowing;
    bool head = false;
    flowing.begin({
        .on_head =
            [&](const ClientResponse&) {
                head = true;
                return Flow::pause;
            },
        .on_bytes =
            [&](std::string_view bytes, Clock::time_point) {
                flowing.read += bytes;
                return Flow::go_on;
            },
    });
    SECTION("bytes wait for resume") {
        flowing.peer->send(std::string(k_head) + chunk("held"));
        flowing.loop.until([&] { return head; }, "the head");
        flowing.loop.settle();
        CHECK(flowing.read.empty());
        flowing.transfer->resume();
    }
    SECTION("resume before any byte came") {
        flowing.peer->send(k_head);
        flowing.loop.until([&] { return head; }, "the head");
        flowing.transfer->resume();
        flowing.peer->send(chunk("held"));
    }
    flowing.loop.until([&] { return flowing.read == "held"; }, "the bytes");
    flowing.peer->send("0\r\n\r\n");
    CHECK(flowing.result().failure == TransferFailure::none);
}

TEST_CASE("resume called inside the handler that pauses is not lost") {
    Flowing flowing;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view bytes, Clock::time_point) {
                       if (flowing.calls++ == 0) {
                           flowing.transfer->resume();
                           return Flow::pause;
                       }
                       flowing.read += bytes;
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("twice") + "0\r\n\r\n");
    CHECK(flowing.result().failure == TransferFailure::none);
    CHECK(flowing.read == "twice");
}

TEST_CASE("a paused transfer is not idle, but its total time runs") {
    Flowing flowing;
    flowing.begin(
        {.on_head = {}, .on_bytes = [&](std::string_view, Clock::time_point) { return Flow::pause; }
        },
        {.idle_timeout = Millis(20), .total_timeout = Millis(200)}
    );
    flowing.peer->send(std::string(k_head) + chunk("x"));
    CHECK(flowing.result().failure == TransferFailure::total_timeout);
}

TEST_CASE("stop closes the connection, from the head or from a piece") {
    for (const bool at_head : {true, false}) {
        Flowing flowing;
        flowing.begin({
            .on_head = [&](const ClientResponse&) { return at_head ? Flow::stop : Flow::go_on; },
            .on_bytes =
                [&](std::string_view, Clock::time_point) {
                    ++flowing.calls;
                    return Flow::stop;
                },
        });
        flowing.peer->send(std::string(k_head) + chunk("one") + chunk("two"));
        const auto& response = flowing.result();
        CHECK(response.failure == TransferFailure::cancelled);
        CHECK(response.status == 200);
        CHECK(flowing.calls == (at_head ? 0 : 1));
        (void)flowing.peer->wait_end();
    }
}

TEST_CASE("after cancel no handler is called, and the server sees the connection end") {
    Flowing flowing;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view bytes, Clock::time_point) {
                       flowing.read += bytes;
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("one"));
    flowing.loop.until([&] { return flowing.read == "one"; }, "the first piece");
    flowing.peer->send(chunk("two"));
    SECTION("cancel") {
        flowing.transfer->cancel();
    }
    SECTION("drop") {
        flowing.transfer.reset();
    }
    CHECK(flowing.result().failure == TransferFailure::cancelled);
    CHECK(flowing.read == "one");
    (void)flowing.peer->wait_end();
}

TEST_CASE("cancel inside a handler is the last call of any handler") {
    Flowing flowing;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view, Clock::time_point) {
                       ++flowing.calls;
                       flowing.transfer->cancel();
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("one") + chunk("two") + "0\r\n\r\n");
    CHECK(flowing.result().failure == TransferFailure::cancelled);
    CHECK(flowing.calls == 1);
}

TEST_CASE("the client may be destroyed inside a handler of its own") {
    Flowing flowing;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view, Clock::time_point) {
                       ++flowing.calls;
                       flowing.client.reset();
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("one"));
    CHECK(flowing.result().failure == TransferFailure::cancelled);
    CHECK(flowing.calls == 1);
}

TEST_CASE("a new transfer may be started inside a handler") {
    Flowing flowing;
    std::shared_ptr<std::optional<ClientResponse>> second;
    flowing.begin({.on_head = {}, .on_bytes = [&](std::string_view, Clock::time_point) {
                       if (!second) {
                           second = flowing.loop.start(
                               flowing.client->fetch({.url = flowing.server.url("/second")})
                           );
                       }
                       return Flow::go_on;
                   }});
    flowing.peer->send(std::string(k_head) + chunk("one"));
    const auto other = flowing.server.accept();
    CHECK(other->take_until("\r\n").starts_with("GET /second"));
    other->send("HTTP/1.1 204 No Content\r\n\r\n");
    flowing.loop.until([&] { return second->has_value(); }, "the second answer");
    CHECK((*second)->status == 204);
    flowing.peer->send("0\r\n\r\n");
    CHECK(flowing.result().failure == TransferFailure::none);
}

TEST_CASE("a stream that the server cuts is no complete answer") {
    Loop loop;
    TestServer server(loop);
    const auto client = HttpClient::make(loop.context.get_executor());
    std::string read;
    const auto transfer = client->stream(
        {.url = url_of(server.endpoint())},
        {.on_head = {},
         .on_bytes =
             [&](std::string_view bytes, Clock::time_point) {
                 read += bytes;
                 return Flow::go_on;
             }}
    );
    const auto answer = loop.start(transfer->done());
    const auto stream = *loop.get(server.next()->start_stream(200, {}));
    const auto piece = slice("half");
    CHECK(stream->send(std::span(&piece, 1)) == BodyStream::State::open);
    loop.until([&] { return read == "half"; }, "the half");
    stream->cut();
    loop.until([&] { return answer->has_value(); }, "the end");
    CHECK((*answer)->failure == TransferFailure::reset);
    CHECK((*answer)->status == 200);
}
