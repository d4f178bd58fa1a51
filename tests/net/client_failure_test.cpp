#include "oa_stream/net/reach_advice.hpp"

#include "support.hpp"
#include "temp_folder.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/socket.h>

#include <array>
#include <set>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

/// What a server does after it has read the request.
struct FailureRow {
    std::string_view name;
    std::string_view sent;
    enum class Then { close, reset, wait } then;
    TransferFailure failure;
    int status;
};

constexpr std::array k_failures{
    FailureRow{"closed without a byte", "", FailureRow::Then::close, TransferFailure::reset, 0},
    FailureRow{"reset without a byte", "", FailureRow::Then::reset, TransferFailure::reset, 0},
    FailureRow{
        "closed inside the head",
        "HTTP/1.1 200 OK\r\nX-Half: ye",
        FailureRow::Then::close,
        TransferFailure::truncated,
        0
    },
    FailureRow{
        "reset inside the body",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        FailureRow::Then::reset,
        TransferFailure::reset,
        200
    },
    FailureRow{
        "closed before the promised length",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        FailureRow::Then::close,
        TransferFailure::truncated,
        200
    },
    FailureRow{
        "closed before the last chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        FailureRow::Then::close,
        TransferFailure::truncated,
        200
    },
    FailureRow{
        "closed inside a chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        FailureRow::Then::close,
        TransferFailure::truncated,
        200
    },
    FailureRow{
        "a broken chunk size",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        FailureRow::Then::wait,
        TransferFailure::malformed,
        200
    },
    FailureRow{
        "not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", FailureRow::Then::wait, TransferFailure::malformed, 0
    },
    FailureRow{
        "silence after the request",
        "",
        FailureRow::Then::wait,
        TransferFailure::first_byte_timeout,
        0
    },
    FailureRow{
        "silence inside the head",
        "HTTP/1.1 200 OK\r\nX: y\r\n",
        FailureRow::Then::wait,
        TransferFailure::first_byte_timeout,
        0
    },
    FailureRow{
        "silence after the head",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        FailureRow::Then::wait,
        TransferFailure::idle_timeout,
        200
    },
    FailureRow{
        "silence inside the body",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        FailureRow::Then::wait,
        TransferFailure::idle_timeout,
        200
    },
};

struct Client {
    Loop loop;
    std::unique_ptr<HttpClient> client = HttpClient::make(loop.context.get_executor());

    ClientResponse fetch(ClientRequest request) {
        return loop.get(client->fetch(std::move(request)));
    }
};

/// A listening port whose queue is full: a further connect neither succeeds nor fails.
class FullPort {
public:
    explicit FullPort(Loop& loop) : acceptor_(loop.context) {
        acceptor_.open(asio::ip::tcp::v4());
        acceptor_.bind({asio::ip::address_v4::loopback(), 0});
        acceptor_.listen(0);
        // A backlog of 0 holds one; the next ones' handshakes are dropped.
        for (int count = 0; count < 4; ++count) {
            queued_.emplace_back(loop.context);
            queued_.back().open(asio::ip::tcp::v4());
            const auto address = acceptor_.local_endpoint();
            queued_.back().native_non_blocking(true);
            (void)::connect(
                queued_.back().native_handle(),
                address.data(),
                static_cast<socklen_t>(address.size())
            );
        }
    }
    [[nodiscard]] std::string url() const {
        return fmt::format("http://127.0.0.1:{}/", acceptor_.local_endpoint().port());
    }

private:
    asio::ip::tcp::acceptor acceptor_;
    std::vector<asio::ip::tcp::socket> queued_;
};

} // namespace

TEST_CASE("each way an answer can fail has its own word") {
    for (const auto& row : k_failures) {
        DYNAMIC_SECTION(row.name) {
            Both both;
            both.ask({.first_byte_timeout = Millis(150), .idle_timeout = Millis(150)});
            both.peer->send(row.sent);
            if (row.then == FailureRow::Then::close) {
                both.peer->close();
            } else if (row.then == FailureRow::Then::reset) {
                both.loop.settle(); // the client reads what was sent before the reset destroys it
                both.peer->reset();
            }
            const auto& response = both.result();
            INFO(response.failure_text);
            CHECK(to_string(response.failure) == to_string(row.failure));
            CHECK(response.status == row.status);
            CHECK_FALSE(response.failure_text.empty());
            CHECK(response.timings.connected_s >= 0);
            CHECK(response.timings.end_s >= 0);
        }
    }
}

TEST_CASE("refused: nobody listens") {
    Client client;
    std::string url;
    {
        RawServer server(client.loop);
        url = server.url();
    }
    const auto response = client.fetch({.url = url});
    CHECK(response.failure == TransferFailure::refused);
    CHECK(response.status == 0);
    CHECK(response.timings.connected_s == -1);
    CHECK(response.timings.head_s == -1);
    CHECK(response.timings.first_byte_s == -1);
}

TEST_CASE("refused: the unix socket is not there") {
    Client client;
    const test::TempFolder folder;
    const auto response = client.fetch({.url = "http://x/", .unix_socket = folder.file("none")});
    CHECK(response.failure == TransferFailure::refused);
}

TEST_CASE("dns: the name does not exist") {
    Client client;
    const auto response = client.fetch({.url = "http://no-such-host.invalid/"});
    INFO(response.failure_text);
    CHECK(response.failure == TransferFailure::dns);
    CHECK(response.timings.connected_s == -1);
}

TEST_CASE("connect_timeout: the port neither accepts nor refuses") {
    Client client;
    const FullPort port(client.loop);
    const auto response = client.fetch({.url = port.url(), .connect_timeout = Millis(100)});
    CHECK(response.failure == TransferFailure::connect_timeout);
    CHECK(response.failure_text == "no connection in 100ms");
    CHECK(response.timings.end_s >= 0.1);
    CHECK(response.timings.connected_s == -1);
}

TEST_CASE("total_timeout: a body that drips on for ever") {
    Both both;
    both.ask({.idle_timeout = Millis(10000), .total_timeout = Millis(150)});
    both.peer->send("HTTP/1.1 200 OK\r\n\r\n");
    while (!both.answer->has_value() && !both.peer->ended()) {
        both.peer->send(".");
    }
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::total_timeout);
    CHECK(response.failure_text == "the transfer took longer than 150ms");
    CHECK(response.status == 200);
    CHECK(response.timings.first_byte_s >= 0);
}

TEST_CASE("a body that keeps moving is not idle") {
    Both both;
    both.ask({.idle_timeout = Millis(200)});
    both.peer->send("HTTP/1.1 200 OK\r\n\r\n");
    const auto enough = Clock::now() + Millis(500);
    while (Clock::now() < enough) {
        both.peer->send(".");
    }
    both.peer->close();
    CHECK(both.result().failure == TransferFailure::none);
}

TEST_CASE("tls: the server speaks plain HTTP") {
    Both both;
    both.fetch({.url = "https://" + both.server.endpoint().text() + "/"});
    const auto peer = both.server.accept();
    (void)peer->take(1);
    peer->send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::tls);
    CHECK(reach_advice(response) == "; no TLS is spoken there: try http://");
    CHECK(both.client->tls_trouble() == TlsTrouble::plain);
    CHECK(response.timings.connected_s > 0);
    CHECK(response.timings.tls_s == -1);
    both.fetch({.url = "http://x/", .unix_socket = "/nobody-listens"});
    CHECK(both.result().failure == TransferFailure::refused);
    CHECK(both.client->tls_trouble() == TlsTrouble::none); // it fails for another reason now
}

TEST_CASE("tls: what a failure comes from is told from OpenSSL's words, and of no other failure") {
    const auto trouble = [](TransferFailure failure, std::string words) {
        return tls_trouble({.failure = failure, .failure_text = std::move(words)});
    };
    const std::string distrust = "SSL certificate problem: self-signed certificate in chain";
    CHECK(trouble(TransferFailure::tls, distrust) == TlsTrouble::untrusted);
    const std::string issuer = "unable to get local issuer certificate";
    CHECK(trouble(TransferFailure::tls, issuer) == TlsTrouble::untrusted);
    CHECK(trouble(TransferFailure::tls, "certificate has expired") == TlsTrouble::other);
    CHECK(trouble(TransferFailure::reset, distrust) == TlsTrouble::none);
}

TEST_CASE("connect_timeout: a TLS handshake that is not answered") {
    Both both;
    both.fetch({
        .url = "https://" + both.server.endpoint().text() + "/",
        .connect_timeout = Millis(150),
    });
    const auto peer = both.server.accept();
    CHECK(both.result().failure == TransferFailure::connect_timeout);
}

namespace {

/// What a client that takes ten bytes at most makes of `sent`.
ClientResponse capped_at_10(std::string_view sent) {
    Both both;
    both.ask({.max_body = 10});
    both.peer->send(sent);
    return both.result();
}

} // namespace

TEST_CASE("too_large: a body beyond its cap") {
    const ClientResponse answer =
        capped_at_10("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
    CHECK(answer.failure == TransferFailure::too_large);
    CHECK(answer.body.size() <= 10);
}

TEST_CASE("a body of exactly the cap is whole") {
    const ClientResponse answer =
        capped_at_10("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    CHECK(answer.failure == TransferFailure::none);
    CHECK(answer.body == "0123456789");
}

TEST_CASE("malformed: a request that cannot be one is never sent") {
    Client client;
    RawServer server(client.loop);
    const std::vector<ClientRequest> requests{
        {.url = server.url(), .headers = {{"X", "a\r\nInjected: 1"}}},
        {.url = server.url(), .headers = {{"X\nY", "a"}}},
        {.url = server.url(), .headers = {{"", "a"}}},
        {.method = "GET /x HTTP/1.1\r\nX:", .url = server.url()},
        {.method = "", .url = server.url()},
        {.url = server.url(), .bearer = Secret("a\nb")},
        {.url = "ftp://127.0.0.1/"},
        {.url = "file:///etc/passwd"},
        {.url = "http://"},
        {.url = ""},
    };
    for (const auto& request : requests) {
        const auto response = client.fetch(request);
        CAPTURE(request.url, response.failure_text);
        CHECK(response.failure == TransferFailure::malformed);
        CHECK(response.status == 0);
        CHECK(response.failure_text.find("a\nb") == std::string::npos);
    }
}

TEST_CASE("cancelled: a waiter that is cancelled ends the transfer, though its handle lives") {
    Client client;
    RawServer server(client.loop);
    const auto transfer = client.client->stream({.url = server.url()}, {});
    asio::cancellation_signal signal;
    auto finished = std::make_shared<bool>(false);
    asio::co_spawn(
        client.loop.context,
        transfer->done(),
        asio::bind_cancellation_slot(
            signal.slot(),
            [finished](const std::exception_ptr&, const ClientResponse&) { *finished = true; }
        )
    );
    const auto peer = server.accept();
    (void)peer->take_until("\r\n\r\n");
    signal.emit(asio::cancellation_type::terminal);
    client.loop.until([&] { return *finished; }, "the waiter's end");
    (void)peer->wait_end();
}

TEST_CASE("cancelled: destroying the client ends every transfer, wherever it is") {
    Client client;
    RawServer server(client.loop);
    const FullPort full(client.loop);
    std::vector<std::shared_ptr<std::optional<ClientResponse>>> answers;
    answers.push_back(client.loop.start(client.client->fetch({.url = server.url("/reading")})));
    const auto peer = server.accept();
    (void)peer->take_until("\r\n\r\n");
    peer->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    answers.push_back(client.loop.start(client.client->fetch({.url = full.url()})));
    answers.push_back(client.loop.start(client.client->fetch({.url = "http://no-such-host.invalid/"}
    )));
    client.loop.settle();
    client.client.reset();
    for (const auto& answer : answers) {
        client.loop.until([&] { return answer->has_value(); }, "a cancelled transfer");
        const auto failure = (*answer)->failure;
        CHECK((failure == TransferFailure::cancelled || failure == TransferFailure::dns));
    }
    CHECK((*answers[0])->failure == TransferFailure::cancelled);
    CHECK((*answers[1])->failure == TransferFailure::cancelled);
    (void)peer->wait_end();
}

TEST_CASE("cancelled: a fetch whose client is gone before it is awaited") {
    Client client;
    RawServer server(client.loop);
    auto fetch = client.client->fetch({.url = server.url()});
    client.client.reset();
    CHECK(client.loop.get(std::move(fetch)).failure == TransferFailure::cancelled);
}

TEST_CASE("cancelled: an executor that ends in the midst of a fetch takes it along") {
    Loop outside; // outlives the client's
    const FullPort full(outside);
    auto loop = std::make_unique<Loop>();
    const auto fetched = [](std::shared_ptr<HttpClient> client,
                            std::string url) -> Task<ClientResponse> {
        co_return co_await client->fetch({.url = std::move(url)});
    };
    const auto answer =
        loop->start(fetched(HttpClient::make(loop->context.get_executor()), full.url()));
    loop->settle();
    loop.reset(); // what hangs on it must not be touched any more: AddressSanitizer looks
    CHECK_FALSE(answer->has_value());
}

TEST_CASE("malformed: a response head without end") {
    Both both;
    both.ask();
    std::string head = "HTTP/1.1 200 OK\r\n";
    while (head.size() < (1U << 20U)) {
        head += "X-Some: value\r\n";
    }
    both.peer->send_later(head);
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::malformed);
    CHECK(response.raw_head.size() < (512U << 10U));
    CHECK(response.failure_text == "the response head is too long");
}

TEST_CASE("malformed: a response head with one line that is too long") {
    Both both;
    both.ask();
    both.peer->send_later("HTTP/1.1 200 OK\r\nX-Some: " + std::string(900'000, 'a') + "\r\n\r\n");
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::malformed);
    CHECK(response.failure_text == "the response head is too long");
}

TEST_CASE("every failure has a name of its own") {
    std::set<std::string_view> names;
    for (int value = 0; value <= static_cast<int>(TransferFailure::too_large); ++value) {
        names.insert(to_string(static_cast<TransferFailure>(value)));
    }
    CHECK(names.size() == static_cast<std::size_t>(TransferFailure::too_large) + 1);
    CHECK_FALSE(names.contains("unknown"));
}
