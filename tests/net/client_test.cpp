#include "support.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

constexpr std::string_view k_empty_ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

} // namespace

TEST_CASE("fetch brings status, fields, raw head, body and timings") {
    Both both;
    const auto head = both.ask();
    CHECK(head.starts_with("GET /path?q=1 HTTP/1.1\r\n"));
    CHECK(head.find("Expect") == std::string::npos);
    const std::string sent = "HTTP/1.1 201 Fine by me\r\nX-A: 1\r\nx-a:2\r\nEmpty:\r\n"
                             "Content-Length: 4\r\n\r\n";
    both.peer->send(sent + "body");
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::none);
    CHECK(response.failure_text.empty());
    CHECK(response.status == 201);
    CHECK(response.raw_head == sent);
    REQUIRE(response.headers.all().size() == 4);
    CHECK(response.headers.get("x-a") == "1");
    CHECK(response.headers.all()[1].second == "2");
    CHECK(response.headers.get("empty") == "");
    CHECK(response.body == "body");
    CHECK(response.peer == both.server.endpoint().text());
    const auto& timings = response.timings;
    CHECK(timings.connected_s >= 0);
    CHECK(timings.tls_s == -1);
    CHECK(timings.head_s >= timings.connected_s);
    CHECK(timings.first_byte_s >= timings.head_s);
    CHECK(timings.end_s >= timings.first_byte_s);
    CHECK(timings.end_s < 20);
}

TEST_CASE("a body is sent as given, with the method and the fields given") {
    Both both;
    const auto body = std::string("{\"a\":\0}", 7) + std::string(200000, 'x');
    const auto head = both.ask({
        .method = "PUT",
        .headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-Two", "a: b; c"}},
        .body = body,
    });
    CHECK(head.starts_with("PUT "));
    CHECK(head.find("Content-Type: application/json\r\n") != std::string::npos);
    CHECK(head.find("X-Empty:\r\n") != std::string::npos);
    CHECK(head.find("X-Two: a: b; c\r\n") != std::string::npos);
    CHECK(head.find(fmt::format("Content-Length: {}\r\n", body.size())) != std::string::npos);
    CHECK((both.peer->take(body.size()) == body));
    both.peer->send(k_empty_ok);
    CHECK(both.result().status == 200);
}

TEST_CASE("a POST without body or type sends neither") {
    Both both;
    const auto head = both.ask({.method = "POST"});
    CHECK(head.starts_with("POST "));
    CHECK(head.find("Content-Length: 0\r\n") != std::string::npos);
    CHECK(head.find("Content-Type") == std::string::npos);
    both.peer->send(k_empty_ok);
    CHECK(both.result().status == 200);
}

TEST_CASE("HEAD ends with the head") {
    Both both;
    CHECK(both.ask({.method = "HEAD"}).starts_with("HEAD "));
    both.peer->send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::none);
    CHECK(response.headers.get("content-length") == "99");
}

TEST_CASE("a bearer is sent as a header field") {
    Both both;
    CHECK(
        both.ask({.bearer = Secret("s3cret")}).find("Authorization: Bearer s3cret\r\n") !=
        std::string::npos
    );
    both.peer->send(k_empty_ok);
    CHECK(both.result().status == 200);
}

TEST_CASE("redirects are answers, not instructions") {
    Both both;
    both.ask();
    both.peer->send(fmt::format(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", both.server.url("/other")
    ));
    const auto& response = both.result();
    CHECK(response.status == 302);
    CHECK(response.headers.has("location"));
    both.loop.settle();
    CHECK(both.peer->received().empty());
}

TEST_CASE("interim answers come and go before the one that counts") {
    Both both;
    both.ask();
    both.peer->send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
    both.peer->send("HTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 0\r\n\r\n");
    const auto& response = both.result();
    CHECK(response.status == 200);
    CHECK(response.raw_head.starts_with("HTTP/1.1 200"));
    CHECK(response.headers.has("x-final"));
    CHECK_FALSE(response.headers.has("x-early"));
}

TEST_CASE("a chunked answer's trailers are no part of its head") {
    Both both;
    both.ask();
    both.peer->send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    );
    const auto& response = both.result();
    CHECK(response.failure == TransferFailure::none);
    CHECK(response.body == "abc");
    CHECK_FALSE(response.headers.has("x-t"));
    CHECK(response.raw_head.find("X-T") == std::string::npos);
}

TEST_CASE("the environment's proxies are not used") {
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    ::setenv("all_proxy", "http://127.0.0.1:1", 1);
    Both both;
    CHECK(both.ask().starts_with("GET /path"));
    both.peer->send(k_empty_ok);
    CHECK(both.result().status == 200);
    ::unsetenv("http_proxy");
    ::unsetenv("all_proxy");
}

TEST_CASE("connect_to decides where, the URL what is asked for") {
    Both both;
    const auto head = both.ask({
        .url = "http://lane.example.invalid:8080/x",
        .connect_to = both.server.endpoint().text(),
    });
    CHECK(head.find("Host: lane.example.invalid:8080\r\n") != std::string::npos);
    both.peer->send(k_empty_ok);
    const auto& response = both.result();
    CHECK(response.status == 200);
    CHECK(response.peer == both.server.endpoint().text());
}

TEST_CASE("a connection is reused, unless a fresh one is asked for") {
    Both both;
    both.ask();
    const auto first = std::move(both.peer);
    first->send(k_empty_ok);
    CHECK(both.result().status == 200);

    both.fetch();
    (void)first->take_until("\r\n\r\n");
    first->send(k_empty_ok);
    auto response = both.result();
    CHECK(response.status == 200);
    CHECK(response.timings.connected_s == 0);

    both.ask({.fresh_connection = true});
    const auto& second = both.peer;
    second->send(k_empty_ok);
    response = both.result();
    CHECK(response.status == 200);
    CHECK(response.timings.connected_s > 0);
    CHECK_FALSE(second->wait_end()); // nor is it kept

    both.fetch();
    (void)first->take_until("\r\n\r\n");
    first->send(k_empty_ok);
    CHECK(both.result().status == 200);
}

TEST_CASE("a POST never starts on a pooled connection: it might be sent twice") {
    Both both;
    both.ask();
    const auto first = std::move(both.peer);
    first->send(k_empty_ok);
    CHECK(both.result().status == 200);

    both.fetch({.method = "POST", .body = "start"});
    const auto second = both.server.accept();
    CHECK(second->take_until("start").starts_with("POST "));
    second->close(); // where a pooled one would make libcurl send it again
    CHECK(both.result().failure == TransferFailure::reset);
    both.loop.settle();
    CHECK(first->received().empty());
}

TEST_CASE("a unix socket is spoken to") {
    Loop loop;
    const test::TempFolder folder;
    const Endpoint endpoint{.host = {}, .port = 0, .unix_path = folder.file("admin.sock")};
    TestServer server(loop, {}, endpoint);
    const auto client = HttpClient::make(loop.context.get_executor());
    const auto answer =
        loop.start(client->fetch({.url = "http://admin/weights", .unix_socket = endpoint.unix_path})
        );
    const auto exchange = server.next();
    CHECK(exchange->request().path == "/weights");
    CHECK(exchange->request().headers.get("host") == "admin");
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "w"})));
    loop.until([&] { return answer->has_value(); }, "the answer");
    CHECK((*answer)->body == "w");
    CHECK((*answer)->peer == "unix");
}

TEST_CASE("five hundred streams run side by side on one client") {
    Loop loop;
    TestServer server(loop);
    const auto client = HttpClient::make(loop.context.get_executor());
    constexpr std::size_t count = 500;
    struct Run {
        std::shared_ptr<Transfer> transfer;
        std::shared_ptr<std::optional<ClientResponse>> answer;
        std::shared_ptr<BodyStream> stream;
        std::string read;
    };
    std::vector<Run> runs(count);
    for (std::size_t index = 0; index < count; ++index) {
        auto& run = runs[index];
        run.transfer = client->stream(
            {.url = url_of(server.endpoint(), fmt::format("/{}", index))},
            {.on_head = {},
             .on_bytes =
                 [&run](std::string_view bytes, Clock::time_point) {
                     run.read += bytes;
                     return Flow::go_on;
                 }}
        );
        run.answer = loop.start(run.transfer->done());
    }
    for (std::size_t index = 0; index < count; ++index) {
        const auto exchange = server.next();
        const auto number = std::stoul(exchange->request().path.substr(1));
        runs[number].stream = *loop.get(exchange->start_stream(200, {}));
    }
    for (int round = 0; round < 5; ++round) {
        for (std::size_t index = 0; index < count; ++index) {
            const auto piece = slice(fmt::format("{}:{};", index, round));
            REQUIRE(runs[index].stream->send(std::span(&piece, 1)) == BodyStream::State::open);
        }
        loop.settle();
    }
    for (auto& run : runs) {
        run.stream->finish();
    }
    for (std::size_t index = 0; index < count; ++index) {
        loop.until([&] { return runs[index].answer->has_value(); }, "a stream's end");
        REQUIRE((*runs[index].answer)->failure == TransferFailure::none);
        REQUIRE(runs[index].read == fmt::format("{0}:0;{0}:1;{0}:2;{0}:3;{0}:4;", index));
    }
}
