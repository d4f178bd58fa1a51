#include "rig.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

/// The backend's end of one streamed answer, driven by the test.
struct Upstream {
    std::shared_ptr<net::BodyStream> body;
    bool gone = false;
    net::BodyStream::State send(std::string text) {
        const auto owned = std::make_shared<const std::string>(std::move(text));
        const std::array slices{net::Slice{owned, *owned}};
        return body->send(slices);
    }
};

Task<void>
open_stream(std::shared_ptr<net::Exchange> exchange, std::shared_ptr<Upstream> upstream) {
    auto body = co_await exchange->start_stream(200, {{"content-type", "text/event-stream"}});
    if (body) {
        upstream->body = *body;
        upstream->body->on_gone([weak = std::weak_ptr(upstream)] {
            if (const auto self = weak.lock()) { // it holds the body, which holds this
                self->gone = true;
            }
        });
    }
}

std::shared_ptr<Upstream> stream_from(FakeBackend& backend) {
    auto upstream = std::make_shared<Upstream>();
    backend.answer = [upstream](std::shared_ptr<net::Exchange> exchange) {
        return open_stream(std::move(exchange), upstream);
    };
    return upstream;
}

/// The client's end.
struct Reader {
    std::string text;
    std::size_t bytes = 0;
    bool paused = false;
    bool hold = false;
    std::optional<net::ClientResponse> result;
    std::shared_ptr<net::Transfer> transfer;
};

Task<void> finish(std::shared_ptr<Reader> reader) {
    reader->result = co_await reader->transfer->done();
}

std::shared_ptr<Reader> read_from(Rig& rig, bool hold = false) {
    auto reader = std::make_shared<Reader>();
    reader->hold = hold;
    net::StreamHandlers handlers;
    handlers.on_bytes =
        [weak = std::weak_ptr<Reader>(reader)](std::string_view bytes, Clock::time_point) {
            const auto self = weak.lock();
            if (!self) {
                return net::Flow::stop;
            }
            if (self->hold) {
                self->paused = true;
                return net::Flow::pause;
            }
            self->bytes += bytes.size();
            if (self->text.size() < 1000) {
                self->text += bytes;
            }
            return net::Flow::go_on;
        };
    reader->transfer = rig.client->stream({.url = rig.front_url() + "/api/x"}, std::move(handlers));
    spawn(rig.io.get_executor(), "reader", finish(reader));
    return reader;
}

struct Begun {
    std::shared_ptr<Upstream> upstream;
    std::shared_ptr<Reader> reader;
};

/// A stream of stable's of which the reader has one event.
Begun begin_stream(Rig& rig) {
    const Begun begun{stream_from(rig.stable), read_from(rig)};
    rig.run_until([&] { return begun.upstream->body != nullptr; });
    begun.upstream->send("data: a\n\n");
    rig.run_until([&] { return begun.reader->bytes > 0; });
    return begun;
}

using Readers = std::vector<std::shared_ptr<Reader>>;

/// What is still under way when its loop ends is never freed.
void leave(Rig& rig, const Readers& readers) {
    for (const auto& reader : readers) {
        reader->transfer->cancel();
    }
    rig.run_until([&] {
        return rig.front->active() == 0 && std::ranges::all_of(readers, [](const auto& one) {
                   return one->result.has_value();
               });
    });
}

} // namespace

TEST_CASE("front: each piece is passed on before the next one is made") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto upstream = stream_from(rig.stable);
    const auto reader = read_from(rig);
    rig.run_until([&] { return upstream->body != nullptr; });
    for (const char* piece : {"data: a\n\n", "data: b\n\n", "data: c\n\n"}) {
        const std::size_t before = reader->bytes;
        upstream->send(piece);
        rig.run_until([&] { return reader->bytes == before + 9; });
    }
    CHECK_FALSE(reader->result.has_value());
    upstream->body->finish();
    rig.run_until([&] { return reader->result.has_value(); });
    CHECK(reader->result->failure == net::TransferFailure::none);
    CHECK(reader->text == "data: a\n\ndata: b\n\ndata: c\n\n");
    CHECK(reader->result->headers.get("content-type") == "text/event-stream");
    CHECK(rig.counter("stable", "finished") == 1);
}

TEST_CASE("front: a reader that stops reading stops the backend, and loses nothing") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto upstream = stream_from(rig.stable);
    const auto reader = read_from(rig, true);
    rig.run_until([&] { return upstream->body != nullptr; });
    constexpr std::size_t k_piece = 256U << 10U;
    constexpr std::size_t k_all = 64U << 20U;
    std::size_t sent = 0;
    const auto push = [&] {
        while (sent < k_all && upstream->body->state() == net::BodyStream::State::open) {
            sent += k_piece;
            upstream->send(std::string(k_piece, 'x'));
        }
        if (sent == k_all && upstream->body->state() == net::BodyStream::State::open) {
            upstream->body->finish();
        }
    };
    upstream->body->on_writable(push);
    push();
    rig.run_until([&] { return reader->paused; });
    // Whatever sockets and the front door may hold, they must fill up: then nothing moves any more.
    std::size_t before = 0;
    int still = 0;
    rig.run_until([&] {
        still = sent == before ? still + 1 : 0;
        before = sent;
        return still > 20;
    });
    CHECK(sent < k_all / 2);
    reader->hold = false;
    reader->transfer->resume();
    rig.run_until([&] { return reader->result.has_value(); });
    CHECK(reader->bytes == k_all);
    CHECK(reader->result->failure == net::TransferFailure::none);
}

TEST_CASE("front: when the client leaves, the backend sees it") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto [upstream, reader] = begin_stream(rig);
    reader->transfer->cancel();
    rig.run_until([&] { return upstream->gone; });
    rig.run_until([&] { return rig.counter("stable", "client_gone") == 1; });
    CHECK(rig.front->active() == 0);
}

TEST_CASE("front: when the client leaves before the head, the backend sees it") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    std::shared_ptr<net::Exchange> held;
    rig.stable.hold(held);
    const auto reader = read_from(rig);
    rig.run_until([&] { return held != nullptr; });
    reader->transfer->cancel();
    rig.run_until([&] { return held->peer_gone(); });
    rig.run_until([&] { return rig.counter("stable", "client_gone") == 1; });
}

TEST_CASE("front: a client that resets is gone at once, one that half-closes a second later") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    std::vector<std::shared_ptr<net::Exchange>> held;
    rig.stable.answer = [&held](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        held.push_back(std::move(exchange));
        co_return;
    };
    const auto ask = [&] {
        asio::ip::tcp::socket socket(rig.io);
        const auto at = rig.front->endpoint();
        socket.connect({asio::ip::make_address(at.host), at.port});
        asio::write(socket, asio::buffer(std::string("GET /api/x HTTP/1.1\r\nhost: x\r\n\r\n")));
        rig.run_until([&, before = held.size()] { return held.size() > before; });
        return socket;
    };
    bool sooner = false;
    for (int i = 0; i < 5 && !sooner; ++i) { // a machine may stop for a second
        held.clear();
        auto half = ask();
        half.shutdown(asio::socket_base::shutdown_send);
        auto reset = ask();
        reset.set_option(asio::socket_base::linger(true, 0));
        reset.close();
        rig.run_until([&] { return held[1]->peer_gone(); });
        sooner = !held[0]->peer_gone();
        rig.run_until([&] { return rig.front->active() == 0; });
    }
    CHECK(sooner);
    held.clear();
}

TEST_CASE("front: a backend that dies in the middle never looks like an end") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto [upstream, reader] = begin_stream(rig);
    upstream->body->cut();
    rig.run_until([&] { return reader->result.has_value(); });
    CHECK(reader->result->failure != net::TransferFailure::none);
    CHECK(reader->text == "data: a\n\n");
    CHECK(rig.counter("stable", "broken") == 1);
}

TEST_CASE("front: draining lets running streams end and takes no new connection") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto upstream = stream_from(rig.stable);
    const auto reader = read_from(rig);
    rig.run_until([&] { return upstream->body != nullptr; });
    const auto begin_drain = [&](Millis limit, bool& over) {
        asio::co_spawn(rig.io, rig.front->drain(limit), [&](const std::exception_ptr&) {
            over = true;
        });
    };
    bool cut_short = false;
    begin_drain(Millis(1), cut_short);
    rig.run_until([&] { return cut_short; });
    CHECK(rig.front->active() == 1);
    bool drained = false;
    begin_drain(std::chrono::hours(1), drained);
    rig.run_until([&] { return rig.front->state().at("draining").get<bool>(); });
    const auto refused = rig.ask({.url = rig.front_url() + "/healthz", .fresh_connection = true});
    CHECK(refused.failure == net::TransferFailure::refused);
    CHECK_FALSE(drained);
    upstream->send("data: a\n\n");
    upstream->body->finish();
    rig.run_until([&] { return drained && reader->result.has_value(); });
    CHECK(reader->result->failure == net::TransferFailure::none);
}

TEST_CASE("front: a drain does not cut off what a slow reader has not taken yet") {
    const std::string piece(2U << 10U, 'x');
    const auto finished = [](const Rig& rig) { return rig.counter("stable", "finished") == 1; };
    // Reads nothing until told; the pieces and the end come at once.
    const auto slow = [&](Rig& rig, std::size_t pieces) {
        const auto upstream = stream_from(rig.stable);
        auto socket = std::make_unique<asio::ip::tcp::socket>(rig.io);
        socket->open(asio::ip::tcp::v4());
        socket->set_option(asio::socket_base::receive_buffer_size(4096));
        const auto at = rig.front->endpoint();
        socket->connect({asio::ip::make_address(at.host), at.port});
        asio::write(*socket, asio::buffer(std::string("GET /api/x HTTP/1.1\r\nhost: x\r\n\r\n")));
        rig.run_until([&] { return upstream->body != nullptr; });
        auto last = Clock::now();
        rig.run_until([&] {
            if (pieces > 0 && upstream->body->state() == net::BodyStream::State::open) {
                last = Clock::now();
                upstream->send(piece);
                if (--pieces == 0) {
                    upstream->body->finish();
                }
            }
            return finished(rig) || Clock::now() - last > Millis(200);
        });
        return socket;
    };
    // Near what the kernel holds, the last piece stays in the front door in part.
    bool whole = true;
    for (std::size_t pieces = 120; whole; pieces += 2) {
        Rig rig({{"stable", 100}, {"canary", 0}});
        const auto socket = slow(rig, pieces);
        CAPTURE(pieces);
        whole = finished(rig);
        bool drained = false;
        asio::co_spawn(
            rig.io,
            rig.front->drain(std::chrono::hours(1)),
            [&](const std::exception_ptr&) {
                drained = true;
                rig.front->close();
            }
        );
        rig.run_until([&] { return rig.front->state().at("draining").get<bool>(); });
        if (rig.front->active() == 0) {
            rig.run_until([&] { return drained; });
        }
        std::string text;
        bool ended = false;
        asio::async_read(
            *socket,
            asio::dynamic_buffer(text),
            [&](const boost::system::error_code& error, std::size_t) {
                ended = true;
                CHECK(error == asio::error::eof);
            }
        );
        rig.run_until([&] { return ended && drained; });
        CHECK(text.ends_with("\r\n0\r\n\r\n"));
    }
}

TEST_CASE("front: least-conn gives a new thread to whom has the fewest under way for its weight") {
    Rig rig({{"stable", 75}, {"canary", 25}}, {}, Balance::least_conn);
    const auto stable = stream_from(rig.stable);
    const auto canary = stream_from(rig.canary);
    Readers readers;
    std::vector<std::shared_ptr<net::BodyStream>> open; // all stay under way
    while (open.size() < 8) {
        readers.push_back(read_from(rig));
        rig.run_until([&] { return stable->body != nullptr || canary->body != nullptr; });
        open.push_back(stable->body ? std::move(stable->body) : std::move(canary->body));
    }
    CHECK(rig.stable.seen.size() == 6);
    CHECK(rig.canary.seen.size() == 2);
    // Those of stable end: it has room, and takes what comes until it has its share again.
    for (const auto& reader : readers) {
        reader->transfer->cancel();
    }
    rig.run_until([&] {
        return rig.counter("stable", "active") + rig.counter("canary", "active") == 0;
    });
    const auto held = read_from(rig);
    rig.run_until([&] { return rig.stable.seen.size() + rig.canary.seen.size() == 9; });
    CHECK(rig.stable.seen.size() == 7);
    leave(rig, {held});
}

TEST_CASE("front: least-conn passes over whose turn it is for who has fewer under way") {
    Rig rig({{"stable", 50}, {"canary", 50}}, {}, Balance::least_conn);
    const auto stable = stream_from(rig.stable);
    const auto canary = stream_from(rig.canary);
    const auto first = read_from(rig);
    rig.run_until([&] { return stable->body != nullptr || canary->body != nullptr; });
    const bool canary_is_second = stable->body != nullptr;
    const auto second = read_from(rig);
    rig.run_until([&] { return stable->body != nullptr && canary->body != nullptr; });
    // The turn is the first one's again, but the second has nothing under way.
    second->transfer->cancel();
    rig.run_until([&] { return rig.counter(canary_is_second ? "canary" : "stable", "active") == 0; }
    );
    const auto third = read_from(rig);
    rig.run_until([&] { return rig.stable.seen.size() + rig.canary.seen.size() == 3; });
    CHECK((canary_is_second ? rig.canary : rig.stable).seen.size() == 2);
    leave(rig, {first, third});
}

TEST_CASE("front: each counter of a revision is the sum of its lanes'") {
    Rig rig;
    FakeBackend other(rig.io.get_executor(), "stable-2");
    FrontOptions options;
    options.backends = {{"stable", rig.stable.url()}, {"stable", other.url()}};
    options.weights = {{"stable", 100}};
    rig.reopen(options);
    const auto answer_with = [&](const auto& answer) {
        rig.stable.answer = answer;
        other.answer = answer;
    };
    // Each of these once from either lane: they take turns.
    answer_with([](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({504, {}, ""}); // keeps its thread
    });
    for (const char* thread : {"a", "b", "a", "b"}) {
        (void)rig.post("/api/chat/stream", fmt::format(R"({{"id":"{}"}})", thread));
    }
    for (int i = 0; i < 2; ++i) {
        (void)rig.get_path("/version", {{std::string(k_pin_header), "stable"}});
    }
    answer_with([](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        if (auto body = co_await exchange->start_stream(200, {})) {
            (*body)->cut(); // before its head went out
        }
    });
    for (int i = 0; i < 2; ++i) {
        CHECK(rig.get_path("/x").status == 502);
    }
    std::vector<std::shared_ptr<net::BodyStream>> open;
    Readers readers;
    for (const auto ending : {"broken", "broken", "client_gone", "client_gone", "", ""}) {
        const auto upstream = stream_from(rig.stable);
        other.answer = rig.stable.answer;
        const auto reader = read_from(rig);
        rig.run_until([&] { return upstream->body != nullptr; });
        upstream->send("data: a\n\n");
        rig.run_until([&] { return reader->bytes > 0; });
        if (std::string_view(ending) == "broken") {
            upstream->body->cut();
        } else if (std::string_view(ending) == "client_gone") {
            reader->transfer->cancel();
        } else {
            open.push_back(upstream->body);
            readers.push_back(reader);
            continue;
        }
        rig.run_until([&] { return reader->result && rig.front->active() == 0; });
    }
    const Json revision = rig.front->state().at("backends").at(0);
    REQUIRE(revision.at("lanes").size() == 2);
    for (const auto& [name, sum] : revision.at("counters").items()) {
        CAPTURE(name);
        int lanes = 0;
        for (const Json& lane : revision.at("lanes")) {
            const int count = lane.at("counters").at(name).get<int>();
            CHECK((count > 0) == (name != "passed_on")); // both take connections
            lanes += count;
        }
        CHECK(sum == lanes);
    }
    leave(rig, readers);
}
