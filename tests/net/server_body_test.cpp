// Requests that are handed over after their head: what becomes of the body.
#include "support.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

constexpr std::size_t k_mebi = 1U << 20U;

ListenOptions by_head(std::shared_ptr<BodyBudget> budget = {}) {
    ListenOptions options;
    options.hand_over = HandOver::head;
    options.budget = std::move(budget);
    return options;
}

class HeadServer : public TestServer {
public:
    explicit HeadServer(
        Loop& loop, ServerLimits limits = {}, std::shared_ptr<BodyBudget> budget = {}
    )
        : TestServer(loop, limits, {"127.0.0.1", 0}, by_head(std::move(budget))) {}
};

std::string post_head(std::size_t length, std::string_view extra = "") {
    return fmt::format("POST / HTTP/1.1\r\nHost: h\r\n{}Content-Length: {}\r\n\r\n", extra, length);
}

Code failure_of(Loop& loop, Exchange& exchange) {
    const auto read = loop.get(exchange.read_body());
    REQUIRE_FALSE(read);
    return read.error().code;
}

} // namespace

TEST_CASE("the handler has the head before a byte of the body, and reads the body when it wants") {
    Loop loop;
    HeadServer server(loop);
    Peer peer(loop, server.endpoint());
    peer.send(post_head(10));
    const auto exchange = server.next();
    CHECK(exchange->request().method == "POST");
    CHECK(exchange->request().body.empty());
    auto reading = loop.start(exchange->read_body());
    loop.settle();
    CHECK_FALSE(reading->has_value());
    peer.send("01234");
    peer.send("56789" + get_request("/next"));
    loop.until([&] { return reading->has_value(); }, "the body");
    REQUIRE((*reading)->has_value());
    CHECK(exchange->request().body == "0123456789");
    CHECK(loop.get(exchange->read_body())); // at once
    REQUIRE(loop.get(exchange->respond({.status = 200, .body = "read"})));
    CHECK(peer.answer().body == "read");
    CHECK(server.next()->request().path == "/next");
}

namespace {

/// Keeps no 'x'.
class NoX final : public BodySieve {
public:
    void filter(std::string_view piece, std::string& kept, std::size_t most) override {
        kept.append(piece);
        if (kept.size() > most) {
            std::erase(kept, 'x');
        }
    }
    void finish(std::string& kept) override { kept += "!"; }
};

std::string chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

} // namespace

TEST_CASE("a sieve reads a longer body, and what it keeps is bounded like any") {
    Loop loop;
    const auto budget = std::make_shared<BodyBudget>(100, 100);
    HeadServer server(loop, {.body_bytes = 10, .sieved_bytes = 50}, budget);
    const auto outcome = [&](const std::string& bytes, bool sieved) -> std::string {
        Peer peer(loop, server.endpoint());
        peer.send(bytes);
        const auto exchange = server.next();
        const auto read = loop.get(
            sieved ? exchange->read_body(std::make_unique<NoX>(), {}) : exchange->read_body()
        );
        const auto& request = exchange->request();
        const std::string flags = fmt::format(
            "{}{} ", request.body_too_large ? "L" : "", request.body_beyond_sieves ? "S" : ""
        );
        REQUIRE(loop.get(exchange->respond({.status = 200, .body = "a"})));
        CHECK(peer.answer().status == 200);
        return flags + (read ? request.body : std::string(to_string(read.error().code)));
    };
    const std::string xs(40, 'x');
    CHECK(outcome(post_head(44) + "ab" + xs + "cd", true) == "L abcd!");
    CHECK(outcome(post_head(44) + "ab" + xs + "cd", false) == "L too_large");
    CHECK(outcome(post_head(51) + xs + xs, true) == "LS too_large");
    CHECK(outcome(post_head(10) + "0123456789", true) == " too_large"); // with its mark at the end
    CHECK(outcome(post_head(21) + "012345678901234567890", true) == "L too_large");
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    CHECK(outcome(head + chunk("ab") + chunk(xs) + chunk("cd") + chunk(""), true) == " abcd!");
    CHECK(outcome(head + chunk(xs) + chunk(""), false) == " too_large");
    CHECK(outcome(head + chunk(xs) + chunk(xs) + chunk(""), true) == " too_large");
    CHECK(outcome(post_head(9) + "012345678", true) == " 012345678!");
    CHECK(budget->reading() == 0);
    CHECK(budget->held() == 0);
}

TEST_CASE("100 Continue is sent when the body is wanted, never before") {
    Loop loop;
    HeadServer server(loop);
    Peer wanted(loop, server.endpoint());
    wanted.send(post_head(4, "Expect: 100-continue\r\n"));
    const auto exchange = server.next();
    loop.settle();
    CHECK(wanted.received().empty());
    auto reading = loop.start(exchange->read_body());
    CHECK(wanted.answer().status == 100);
    wanted.send("body");
    loop.until([&] { return reading->has_value(); }, "the body");
    CHECK(exchange->request().body == "body");

    Peer refused(loop, server.endpoint());
    refused.send(post_head(4, "Expect: 100-continue\r\n"));
    REQUIRE(loop.get(server.next()->respond({.status = 401, .body = "no"})));
    const auto answer = refused.answer();
    CHECK(answer.status == 401); // the first thing it hears
    CHECK(answer.headers.get("connection") == "close");
    CHECK_FALSE(refused.wait_end());
}

TEST_CASE("after an early answer a short body is skipped and the connection serves on") {
    const std::string chunked =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    const std::vector<std::pair<std::string, std::string>> requests{
        {"at once", post_head(5) + "hello"}, {"later", post_head(5)}, {"chunks", chunked}
    };
    for (const auto& [name, bytes] : requests) {
        DYNAMIC_SECTION(name) {
            Loop loop;
            HeadServer server(loop);
            Peer peer(loop, server.endpoint());
            peer.send(bytes);
            REQUIRE(loop.get(server.next()->respond({.status = 401, .body = "no"})));
            const auto answer = peer.answer();
            CHECK(answer.status == 401);
            CHECK_FALSE(answer.headers.has("connection"));
            if (name == "later") {
                loop.settle();
                peer.send("hello");
            }
            peer.send(get_request("/next"));
            CHECK(server.next()->request().path == "/next");
        }
    }
}

TEST_CASE("after an early answer a long body is not kept, and its sender reads the answer") {
    const auto big = std::string(6 * k_mebi, 'b');
    const std::vector<std::pair<std::string, std::string>> requests{
        {"length", post_head(big.size()) + big},
        {"one chunk",
         fmt::format(
             "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", big.size()
         ) + big +
             "\r\n0\r\n\r\n"},
    };
    for (const auto& [name, bytes] : requests) {
        DYNAMIC_SECTION(name) {
            Loop loop;
            HeadServer server(loop);
            Peer peer(loop, server.endpoint());
            peer.pause_reading(); // as a client that sends everything before it reads anything
            peer.send_later(bytes);
            const auto exchange = server.next();
            REQUIRE(loop.get(exchange->respond({.status = 401, .body = "no"})));
            CHECK(exchange->request().body.capacity() < k_mebi);
            peer.send({}); // until the last byte was taken
            peer.resume_reading();
            const auto answer = peer.answer();
            CHECK(answer.status == 401);
            CHECK(answer.headers.get("connection") == "close");
            CHECK_FALSE(peer.wait_end());
        }
    }
}

TEST_CASE("a rest that never comes ends the connection, as does one without an end") {
    Loop loop;
    HeadServer server(loop);
    Peer peer(loop, server.endpoint());
    peer.send(post_head(5) + "hel");
    REQUIRE(loop.get(server.next()->respond({.status = 401, .body = "no"})));
    CHECK(peer.answer().status == 401);
    peer.half_close();
    CHECK_FALSE(peer.wait_end());
}

TEST_CASE("chunks are refused as soon as their sum passes the limit") {
    Loop loop;
    HeadServer server(loop, {.body_bytes = 1000});
    Peer peer(loop, server.endpoint());
    peer.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto exchange = server.next();
    auto reading = loop.start(exchange->read_body());
    const auto chunk = "64\r\n" + std::string(100, 'c') + "\r\n";
    for (int count = 0; count < 10; ++count) {
        peer.send(chunk);
        loop.settle();
    }
    CHECK_FALSE(reading->has_value());
    peer.send(chunk);
    loop.until([&] { return reading->has_value(); }, "the refusal");
    REQUIRE_FALSE((*reading)->has_value());
    CHECK((*reading)->error().code == Code::too_large);
    REQUIRE(loop.get(exchange->respond({.status = 413, .body = "too large"})));
    CHECK(peer.answer().status == 413);
    CHECK_FALSE(peer.wait_end());
}

TEST_CASE("an announced length over the limit is known with the head") {
    Loop loop;
    HeadServer server(loop, {.body_bytes = 1000});
    Peer peer(loop, server.endpoint());
    peer.send(post_head(1001));
    const auto exchange = server.next();
    CHECK(exchange->request().body_too_large);
    CHECK(failure_of(loop, *exchange) == Code::too_large);
}

TEST_CASE("a body that fails is told to the handler, whose answer ends the connection") {
    struct Row {
        std::string_view name;
        std::string_view bytes;
        Code code;
    };
    constexpr std::string_view k_chunks =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::vector<Row> rows{
        {"late", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", Code::timeout},
        {"bad chunk size", "zz\r\n", Code::protocol},
        {"chunk without its end", "1\r\nabc\r\n", Code::protocol},
    };
    for (const auto& row : rows) {
        DYNAMIC_SECTION(row.name) {
            Loop loop;
            HeadServer server(loop, {.body_timeout = Millis(50)});
            Peer peer(loop, server.endpoint());
            const bool chunks = row.code == Code::protocol;
            peer.send(std::string(chunks ? k_chunks : "") + std::string(row.bytes));
            const auto exchange = server.next();
            CHECK(failure_of(loop, *exchange) == row.code);
            REQUIRE(loop.get(exchange->respond({.status = 400, .body = "no"})));
            CHECK(peer.answer().headers.get("connection") == "close");
            CHECK_FALSE(peer.wait_end());
        }
    }
}

TEST_CASE("a peer that leaves within its body is told as gone") {
    Loop loop;
    HeadServer server(loop);
    Peer peer(loop, server.endpoint());
    peer.send(post_head(5) + "hel");
    const auto exchange = server.next();
    auto reading = loop.start(exchange->read_body());
    peer.close();
    loop.until([&] { return reading->has_value(); }, "the end");
    REQUIRE_FALSE((*reading)->has_value());
    CHECK((*reading)->error().code == Code::network);
    CHECK(exchange->peer_gone());
}

TEST_CASE("a peer that leaves before it is told to go on costs its own request alone") {
    for (const bool local : {true, false}) {
        DYNAMIC_SECTION((local ? "unix" : "tcp")) {
            Loop loop;
            const test::TempFolder folder;
            const auto endpoint =
                local ? Endpoint{.host = {}, .port = 0, .unix_path = folder.file("server.sock")}
                      : Endpoint{"127.0.0.1", 0};
            TestServer server(loop, {}, endpoint, by_head());
            Peer peer(loop, server.endpoint());
            peer.send(post_head(4, "Expect: 100-continue\r\n"));
            const auto exchange = server.next();
            peer.reset(); // the sending of "100 Continue" fails at once
            CHECK(failure_of(loop, *exchange) == Code::network);
            CHECK(exchange->peer_gone());
            Peer next(loop, server.endpoint());
            next.send(post_head(5) + "hello");
            const auto second = server.next();
            REQUIRE(loop.get(second->read_body()));
            CHECK(second->request().body == "hello");
        }
    }
}

TEST_CASE("a body sent ahead by a client that closed its sending half is read") {
    Loop loop;
    HeadServer server(loop);
    Peer peer(loop, server.endpoint());
    peer.send(get_request("/first") + post_head(5) + "hello");
    const auto first = server.next();
    peer.half_close();
    loop.until([&] { return first->peer_gone(); }, "the half close");
    REQUIRE(loop.get(first->respond({.status = 200, .body = "one"})));
    const auto second = server.next();
    REQUIRE(loop.get(second->read_body()));
    CHECK(second->request().body == "hello");
}

TEST_CASE("bodies that are being read share one budget, and it is given back") {
    Loop loop;
    const auto budget = std::make_shared<BodyBudget>(k_mebi, 4 * k_mebi);
    HeadServer server(loop, {}, budget);
    const std::string part(800U << 10U, 'p');
    Peer first(loop, server.endpoint());
    first.send(post_head(part.size() + 1) + part);
    const auto one = server.next();
    auto reading = loop.start(one->read_body());
    loop.until([&] { return budget->reading() == part.size(); }, "the first part");

    Peer second(loop, server.endpoint());
    second.send_later(post_head(part.size()) + part);
    const auto two = server.next();
    CHECK(failure_of(loop, *two) == Code::unavailable);
    CHECK(budget->reading() == part.size()); // that of the first alone
    REQUIRE(loop.get(two->respond({.status = 503, .body = "no"})));
    CHECK(second.answer().status == 503);

    first.send("p");
    loop.until([&] { return reading->has_value(); }, "the first body");
    REQUIRE((*reading)->has_value());
    CHECK(budget->reading() == 0);
    CHECK(budget->held() == part.size() + 1);
    one->drop_body();
    CHECK(one->request().body.capacity() < 1024);
    CHECK(budget->held() == 0);
}

TEST_CASE("one owner's bodies leave half of the budget to others, a single one may have it all") {
    const auto budget = std::make_shared<BodyBudget>(100, 60);
    using Share = BodyBudget::Share;
    Share large(budget, "ann");
    CHECK(large.resize(90));
    CHECK(large.resize(10));
    Share second(budget, "ann");
    CHECK(second.resize(40));
    CHECK_FALSE(second.resize(41));
    Share other(budget, "ben");
    CHECK(other.resize(50));
    CHECK(budget->reading() == 100);
    CHECK(second.hold());
    CHECK_FALSE(large.hold()); // of complete bodies, ann has more than half
    second.release();
    CHECK(large.hold());
    Share unknown(budget);
    CHECK(unknown.resize(50));
    other.release();
    large.release();
    unknown.release();
    CHECK(budget->reading() == 0);
    CHECK(budget->held() == 0);
}

TEST_CASE("whole bodies are held up to a budget of their own") {
    Loop loop;
    const auto budget = std::make_shared<BodyBudget>(k_mebi, 1000);
    HeadServer server(loop, {}, budget);
    Peer first(loop, server.endpoint());
    first.send(post_head(600) + std::string(600, 'b'));
    auto one = server.next();
    REQUIRE(loop.get(one->read_body()));
    Peer second(loop, server.endpoint());
    second.send(post_head(600) + std::string(600, 'b'));
    CHECK(failure_of(loop, *server.next()) == Code::unavailable);
    one.reset(); // the request is done with
    CHECK(budget->held() == 0);
    CHECK(budget->reading() == 0);
    Peer third(loop, server.endpoint());
    third.send(post_head(600) + std::string(600, 'b'));
    CHECK(loop.get(server.next()->read_body()));
}

TEST_CASE("a handler without memory ends its request, and the server serves on") {
    for (const bool late : {false, true}) {
        DYNAMIC_SECTION((late ? "after the body" : "on the head")) {
            Loop loop;
            const auto server = HttpServer::listen(
                loop.context.get_executor(),
                {"127.0.0.1", 0},
                {},
                [late](std::shared_ptr<Exchange> exchange) -> Task<void> {
                    if (exchange->request().path == "/fine") {
                        (void)co_await exchange->respond({.status = 204});
                        co_return;
                    }
                    if (late) {
                        (void)co_await exchange->read_body();
                    }
                    throw std::bad_alloc();
                },
                {},
                by_head()
            );
            REQUIRE(server);
            Peer peer(loop, (*server)->endpoint());
            peer.send(post_head(5) + "hello");
            CHECK(peer.answer().status == 500);
            CHECK_FALSE(peer.wait_end());
            Peer next(loop, (*server)->endpoint());
            next.send(get_request("/fine"));
            CHECK(next.answer().status == 204);
        }
    }
}
