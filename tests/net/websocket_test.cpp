// The WebSocket client against a peer that says exactly what the test says.
#include "oa_stream/net/websocket.hpp"

#include "client/websocket_url.hpp"
#include "support.hpp"
#include "tls_support.hpp"

#include <catch2/catch.hpp>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

std::string accept_key(const std::string& key) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string out(29, '\0');
    const auto size = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()), digest.data(), static_cast<int>(digest.size())
    );
    return out.substr(0, static_cast<std::size_t>(size));
}

std::string field(const std::string& head, std::string_view name) {
    const auto at = head.find(std::string(name) + ": ");
    if (at == std::string::npos) {
        return {};
    }
    const auto begin = at + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

/// A frame of the server: unmasked.
std::string frame(unsigned char opcode, std::string_view payload, bool fin = true) {
    std::string out(1, static_cast<char>((fin ? 0x80U : 0U) | opcode));
    if (payload.size() < 126) {
        out += static_cast<char>(payload.size());
    } else {
        out += static_cast<char>(126);
        out += static_cast<char>(payload.size() >> 8U);
        out += static_cast<char>(payload.size() & 0xFFU);
    }
    return out + std::string(payload);
}
constexpr unsigned char k_more = 0, k_text = 1, k_binary = 2, k_close = 8, k_ping = 9, k_pong = 10;

struct Opened {
    Loop loop;
    RawServer server{loop};
    std::unique_ptr<Peer> peer;
    std::string head;
    std::unique_ptr<WebSocket> socket;

    explicit Opened(WebSocketRequest request = {}) {
        request.url = "ws" + server.url("/a/ws?after_seq=7").substr(4);
        const auto opening = begin(std::move(request));
        peer->send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
            accept_key(field(head, "Sec-WebSocket-Key")) + "\r\n\r\n"
        );
        loop.until([&] { return opening->has_value(); }, "the socket");
        socket = std::move((*opening)->socket);
        REQUIRE(socket);
    }

    std::shared_ptr<std::optional<WebSocketOpened>> begin(WebSocketRequest request) {
        auto opening = loop.start(open_websocket(loop.context.get_executor(), std::move(request)));
        peer = server.accept();
        head = peer->take_until("\r\n\r\n");
        return opening;
    }
    Result<WebSocketMessage> read() { return loop.get(socket->read()); }
    /// The payload of the client's next frame, unmasked; short ones only.
    std::string sent(unsigned char opcode) {
        const auto start = peer->take(2);
        REQUIRE(static_cast<unsigned char>(start[0]) == (0x80U | opcode));
        const auto size = static_cast<unsigned char>(start[1]) & 0x7FU;
        REQUIRE((static_cast<unsigned char>(start[1]) & 0x80U) != 0);
        const auto mask = peer->take(4);
        auto payload = peer->take(size);
        for (std::size_t i = 0; i < payload.size(); ++i) {
            payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
        }
        return payload;
    }
};

} // namespace

TEST_CASE("websocket: the upgrade names path, query and token, and no origin or compression") {
    WebSocketRequest request;
    request.bearer = Secret("t0ken");
    request.headers = {{"x-client", "oa-stream"}};
    const Opened opened(std::move(request));
    CHECK(opened.head.starts_with("GET /a/ws?after_seq=7 HTTP/1.1\r\n"));
    CHECK(field(opened.head, "Authorization") == "Bearer t0ken");
    CHECK(field(opened.head, "x-client") == "oa-stream");
    CHECK(opened.head.find("Origin") == std::string::npos);
    CHECK(opened.head.find("Sec-WebSocket-Extensions") == std::string::npos);
}

TEST_CASE("websocket: messages arrive whole, however they are cut") {
    Opened opened;
    const std::string all = frame(k_text, "Grüße") + frame(k_binary, std::string("\0\1", 2)) +
                            frame(k_text, "one ", false) + frame(k_more, "two ", false) +
                            frame(k_ping, "p") + frame(k_more, "three") +
                            frame(k_text, std::string(40'000, 'x'));
    for (std::size_t at = 0; at < all.size(); at += at < 200 ? 1 : 1'000) {
        opened.peer->send_later(all.substr(at, at < 200 ? 1 : 1'000));
    }
    CHECK(opened.read()->bytes == "Grüße");
    const auto binary = opened.read();
    CHECK(binary->binary);
    CHECK(binary->bytes == std::string("\0\1", 2));
    CHECK(opened.read()->bytes == "one two three");
    CHECK(opened.sent(k_pong) == "p");
    CHECK(opened.read()->bytes.size() == 40'000);
}

TEST_CASE("websocket: what is sent arrives in order, masked") {
    Opened opened;
    REQUIRE(opened.socket->send("first"));
    REQUIRE(opened.socket->send("second"));
    CHECK(opened.sent(k_text) == "first");
    CHECK(opened.sent(k_text) == "second");
}

TEST_CASE("websocket: what the peer does not take is bounded") {
    WebSocketRequest request;
    request.max_unsent = 1'000;
    Opened opened(std::move(request));
    opened.peer->pause_reading();
    REQUIRE(opened.socket->send(std::string(900, 'a')));
    const auto refused = opened.socket->send(std::string(200, 'b'));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::too_large);
}

TEST_CASE("websocket: a close of the peer is told with its code") {
    Opened opened;
    opened.peer->send(frame(k_close, std::string("\x03\xE9", 2) + "bye"));
    opened.peer->half_close();
    const auto end = opened.read();
    REQUIRE_FALSE(end);
    CHECK(end.error().code == Code::unavailable);
    CHECK(opened.socket->close_code() == 1001);
}

TEST_CASE("websocket: a cut connection, a long message and a broken frame end it, each by its name"
) {
    SECTION("cut") {
        Opened opened;
        opened.peer->reset();
        CHECK(opened.read().error().code == Code::network);
    }
    SECTION("long") {
        WebSocketRequest request;
        request.max_message = 100;
        Opened opened(std::move(request));
        opened.peer->send(frame(k_text, std::string(101, 'x')));
        CHECK(opened.read().error().code == Code::too_large);
    }
    SECTION("long, where the rest may be dropped") {
        WebSocketRequest request;
        request.max_message = 100;
        request.cut_longer = true;
        Opened opened(std::move(request));
        opened.peer->send(
            frame(k_text, std::string(70, 'x'), false) + frame(k_more, std::string(40'000, 'y')) +
            frame(k_text, std::string(100, 'z'))
        );
        const auto cut = opened.read();
        REQUIRE(cut);
        CHECK_FALSE(cut->whole);
        CHECK(cut->bytes == std::string(70, 'x') + std::string(30, 'y'));
        const auto next = opened.read();
        REQUIRE(next);
        CHECK(next->whole);
        CHECK(next->bytes == std::string(100, 'z'));
    }
    SECTION("broken") {
        Opened opened;
        opened.peer->send(std::string("\xF1\x01x", 3)); // reserved bits: compressed, say
        opened.peer->half_close();
        CHECK(opened.read().error().code == Code::protocol);
    }
}

TEST_CASE("websocket: a peer that says goodbye and stays is left all the same") {
    Opened opened;
    opened.peer->send(frame(k_close, std::string("\x03\xE9", 2)));
    CHECK(opened.read().error().code == Code::unavailable);
}

TEST_CASE("websocket: a peer that answers no ping is gone") {
    WebSocketRequest request;
    request.ping_every = Millis(30);
    request.pong_within = Millis(30);
    Opened opened(std::move(request));
    const auto end = opened.read();
    REQUIRE_FALSE(end);
    CHECK(end.error().code == Code::network);
    CHECK(end.error().message == "the peer does not answer pings");
}

TEST_CASE("websocket: a peer that speaks and takes nothing gets one ping at a time") {
    WebSocketRequest request;
    request.ping_every = Millis(5);
    request.pong_within = Millis(100);
    request.max_unsent = 64U << 20U;
    Opened opened(std::move(request));
    opened.peer->pause_reading();
    REQUIRE(opened.socket->send(std::string(32U << 20U, 'x')));
    // Beast asserts that the one before was written.
    for (const auto began = Clock::now(); Clock::now() - began < Millis(350);) {
        opened.peer->send_later(frame(k_text, "still here"));
        REQUIRE(opened.read());
    }
}

TEST_CASE("websocket: a goodbye is 1000, and reading ends") {
    Opened opened;
    const auto reading = opened.loop.start(opened.socket->read());
    const auto closing = opened.loop.start([](WebSocket* socket) -> Task<bool> {
        co_await socket->close(1000);
        co_return true;
    }(opened.socket.get()));
    CHECK(opened.sent(k_close) == std::string("\x03\xE8", 2));
    opened.peer->send(frame(k_close, std::string("\x03\xE8", 2)));
    opened.loop.until([&] { return closing->has_value() && reading->has_value(); }, "the end");
    CHECK((*reading)->error().code == Code::cancelled);
}

TEST_CASE("websocket: a refusal brings its status and body") {
    Loop loop;
    RawServer server{loop};
    WebSocketRequest request;
    request.url = "ws" + server.url("/").substr(4);
    const auto opening =
        loop.start(open_websocket(loop.context.get_executor(), std::move(request)));
    const auto peer = server.accept();
    static_cast<void>(peer->take_until("\r\n\r\n"));
    peer->send("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}");
    loop.until([&] { return opening->has_value(); }, "the refusal");
    CHECK_FALSE((*opening)->socket);
    CHECK((*opening)->status == 401);
    CHECK((*opening)->body == "{}");
    CHECK((*opening)->error.code == Code::unavailable);
}

TEST_CASE("websocket: opening has a deadline") {
    Loop loop;
    RawServer server{loop};
    WebSocketRequest request;
    request.url = "ws" + server.url("/").substr(4);
    request.open_timeout = Millis(50);
    const auto opened = loop.get(open_websocket(loop.context.get_executor(), std::move(request)));
    CHECK_FALSE(opened.socket);
    CHECK(opened.error.code == Code::timeout);
}

TEST_CASE("websocket: a certificate nobody vouches for is refused") {
    Loop loop;
    const TlsTestServer server(loop);
    WebSocketRequest request;
    request.url = "wss" + url_of(server.server.endpoint()).substr(4);
    const auto opened = loop.get(open_websocket(loop.context.get_executor(), std::move(request)));
    CHECK_FALSE(opened.socket);
    CHECK(opened.error.code == Code::network);
}

TEST_CASE("websocket URLs: scheme, host, port, target; nothing else") {
    auto url = parse_websocket_url("wss://khala.example/a/b?x=1&y=%20");
    REQUIRE(url);
    CHECK(url->secure);
    CHECK(url->host == "khala.example");
    CHECK(url->port == "443");
    CHECK(url->authority == "khala.example");
    CHECK(url->target == "/a/b?x=1&y=%20");
    url = parse_websocket_url("ws://[::1]:81");
    REQUIRE(url);
    CHECK(url->host == "::1");
    CHECK(url->authority == "[::1]:81");
    CHECK(url->target == "/");
    for (const char* bad : {"", "http://a", "ws://", "ws://u:p@a/", "a b", "wss:/a?token=t"}) {
        const auto refused = parse_websocket_url(bad);
        CHECK_FALSE(refused);
        CHECK(refused.error().text().find("token=t") == std::string::npos);
    }
    const auto far = parse_websocket_url("unix:/" + std::string(107, 'x'));
    REQUIRE_FALSE(far);
    CHECK(far.error().message == "a socket's path has at most 107 bytes, this one 108");
}
