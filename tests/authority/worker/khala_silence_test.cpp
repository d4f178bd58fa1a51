// A Khala that accepts the connection and then says nothing, cuts it, or refuses the token.
#include "../harness.hpp"
#include "worker/khala/khala_link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>

using namespace oa_test;
using tcp = asio::ip::tcp;

namespace {

constexpr auto k_awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view k_hello = R"({"type":"hello"})";
constexpr std::string_view k_joined =
    R"(["1","1","sync:v1","phx_reply",{"status":"ok","response":{}}])";
constexpr std::string_view k_subscribed =
    R"(["1","2","sync:v1","phx_reply",{"status":"ok","response":{}}])";

std::string accept_key(const std::string& head) {
    const std::string_view name = "Sec-WebSocket-Key: ";
    const auto begin = head.find(name) + name.size();
    const auto text = head.substr(begin, head.find("\r\n", begin) - begin) +
                      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 32> out{};
    const auto size = EVP_EncodeBlock(out.data(), digest.data(), static_cast<int>(digest.size()));
    return {out.begin(), out.begin() + size};
}

constexpr std::string_view k_cut = "cut"; ///< not said: the connection ends there
constexpr std::string_view k_deny = "deny"; ///< not said: the token is refused
constexpr std::string_view k_away = "away"; ///< not said: a proxy has no backend

/// Opens every WebSocket, says `script[n]` on the n-th, and nothing more but pongs.
struct Server {
    using Script = std::vector<std::vector<std::string_view>>;

    Server(asio::io_context& io, Script transcript)
        : acceptor(io, {asio::ip::make_address("127.0.0.1"), 0}), script(std::move(transcript)) {
        asio::co_spawn(io, accept(*this), asio::detached);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() = default;

    static Task<void> accept(Server& self) {
        while (true) {
            auto [error, socket] = co_await self.acceptor.async_accept(k_awaited);
            if (error) {
                co_return;
            }
            asio::co_spawn(
                self.acceptor.get_executor(), serve(self, std::move(socket)), asio::detached
            );
        }
    }
    static Task<void> serve(Server& self, tcp::socket socket) {
        std::string head;
        const auto read = co_await asio::async_read_until(
            socket, asio::dynamic_buffer(head), "\r\n\r\n", k_awaited
        );
        if (std::get<0>(read)) {
            co_return;
        }
        std::string answer;
        bool cut = false;
        const bool poll = !head.contains("Upgrade: websocket");
        const auto n = std::min(self.opened, self.script.size() - 1);
        self.opened += poll ? 0 : 1;
        self.asked = poll ? self.asked : head.substr(0, head.find('\r'));
        const auto only = self.script[n].size() == 1 ? self.script[n].front() : std::string_view();
        if (!poll && (only == k_deny || only == k_away)) {
            answer = only == k_deny ? "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
                                    : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            cut = true;
        } else if (poll) {
            answer = self.throttles ? "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
                                    : "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n"
                                      "Connection: close\r\n\r\n{\"head_cursor\":null}";
        } else {
            answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                     accept_key(head) + "\r\n\r\n";
            for (const auto text : self.script[n]) {
                if (text == k_cut) {
                    cut = true;
                    break;
                }
                answer += '\x81';
                answer += static_cast<char>(text.size());
                answer += text;
            }
        }
        static_cast<void>(co_await asio::async_write(socket, asio::buffer(answer), k_awaited));
        if (cut) {
            co_return;
        }
        const std::string pong("\x8a\0", 2);
        std::array<char, 256> ignored{};
        while (!poll &&
               !std::get<0>(co_await socket.async_read_some(asio::buffer(ignored), k_awaited))) {
            static_cast<void>(co_await asio::async_write(socket, asio::buffer(pong), k_awaited));
        }
    }

    tcp::acceptor acceptor;
    Script script;
    std::size_t opened = 0;
    std::string asked{}; ///< for the last WebSocket
    bool throttles = false; ///< who asks for the head is told to come later
};

struct Stage {
    asio::io_context io{1};
    Server server;
    std::shared_ptr<KhalaLink> link;
    int ups = 0;
    bool lacks = false; ///< events, as the last up() said
    int downs = 0;
    int denied = 0;
    Clock::time_point denied_at{}; ///< the last time

    Stage(KhalaWire wire, Server::Script script) : server(io, std::move(script)) {
        static_cast<void>(setenv("OA_TEST_KHALA", "token", 1));
        WorkerOptions options;
        options.wire = wire;
        options.khala_auth = "env:OA_TEST_KHALA";
        options.khala_url =
            fmt::format("ws://127.0.0.1:{}", server.acceptor.local_endpoint().port());
        options.deadlines.request = Millis(200);
        options.deadlines.beat = Millis(200);
        KhalaHandlers handlers{
            .events = [](const std::vector<WorkerEvent>&) {},
            .up =
                [this](bool may_lack) {
                    ++ups;
                    lacks = may_lack;
                },
            .down = [this] { ++downs; },
            .denied =
                [this](const std::string&) {
                    ++denied;
                    denied_at = Clock::now();
                }
        };
        link = std::make_shared<KhalaLink>(
            io.get_executor(),
            std::make_shared<const WorkerOptions>(std::move(options)),
            nullptr,
            std::move(handlers)
        );
        oa_stream::spawn(io.get_executor(), "link", KhalaLink::run(link));
    }
    void until(const std::function<bool()>& done) {
        run(io, [](const std::function<bool()>& over) -> Task<void> {
            while (!over()) {
                co_await sleep_for(Millis(5));
            }
        }(done));
    }
    ~Stage() {
        run(io, KhalaLink::stop(link));
        server.acceptor.close();
        io.restart();
        io.run_for(Millis(100));
    }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
};

} // namespace

TEST_CASE("silence: a Khala that opens the socket and never says hello is left, and asked again") {
    Stage stage(KhalaWire::rust, {{}, {}, {k_hello}});
    stage.until([&] { return stage.server.opened == 2; });
    CAPTURE(stage.link->reason());
    CHECK(stage.link->unanswered() == 1);
    CHECK_FALSE(stage.link->up());
    CHECK(stage.link->reason().contains("does not answer"));
    stage.until([&] { return stage.link->up(); });
    CHECK(stage.link->unanswered() == 2);
    CHECK(stage.ups == 1);
    CHECK(stage.downs == 0);
}

TEST_CASE("khala: hello settles it: a topic on which nobody speaks is none of its business") {
    Stage stage(KhalaWire::rust, {{k_hello}});
    stage.until([&] { return stage.link->up(); });
    const auto later = Clock::now() + Millis(600);
    stage.until([&] { return Clock::now() >= later; });
    CHECK(stage.link->up());
    CHECK(stage.link->unanswered() == 0);
}

TEST_CASE("silence: a Khala channel that answers neither join nor subscribe is left") {
    Stage stage(KhalaWire::phoenix, {{}, {k_joined}, {k_joined, k_subscribed}});
    stage.until([&] { return stage.server.opened == 3; });
    CHECK(stage.link->unanswered() == 2);
    stage.until([&] { return stage.link->up(); });
    CHECK(stage.ups == 1);
}

TEST_CASE("silence: a Khala channel that is silent to heartbeats is left") {
    Stage stage(KhalaWire::phoenix, {{k_joined, k_subscribed}, {}});
    stage.until([&] { return stage.server.opened == 2; });
    CHECK(stage.ups == 1);
    CHECK(stage.downs == 1);
    CHECK(stage.link->unanswered() == 1);
}

TEST_CASE("khala: a server that cuts whoever it lets in is asked less often in the end") {
    Stage stage(KhalaWire::phoenix, {{k_joined, k_cut}});
    std::vector<Clock::time_point> opened;
    while (opened.size() < 12) {
        stage.until([&] { return stage.server.opened > opened.size(); });
        opened.push_back(Clock::now());
    }
    CHECK(opened[10] - opened[9] < Millis(1'000)); // the first pause, half of it more at most
    CHECK(opened[11] - opened[10] >= Millis(990)); // twice the first one: looked at every 5 ms
}

TEST_CASE("khala: a new token wakes a link that rests, and what the server advised is kept") {
    struct Case {
        KhalaWire wire;
        std::vector<std::string_view> lets_in;
        Millis first; ///< until the server advises another one
    };
    for (const auto& [wire, lets_in, first] :
         {Case{KhalaWire::rust, {k_hello}, Millis(400)},
          Case{KhalaWire::phoenix, {k_joined, k_subscribed}, Millis(500)}}) {
        CAPTURE(first.count());
        Stage stage(wire, {{k_deny}, {k_deny}, {k_deny}, lets_in});
        stage.until([&] { return stage.denied == 1; });
        const auto refused = stage.denied_at;
        stage.link->wake();
        stage.until([&] { return stage.link->up(); });
        CHECK(stage.server.opened == 4);
        const auto pause = Clock::now() - refused;
        CHECK(pause >= first - Millis(20)); // looked at every 5 ms
        CHECK(pause < Millis(5'000)); // not the rest of a link that is refused
    }
}

TEST_CASE("khala: an address that was right is asked soon, as long as a proxy has no backend") {
    constexpr std::string_view k_short = R"({"type":"hello","recommended_reconnect_backoff_ms":5})";
    const std::vector<std::string_view> away{k_away};
    Stage stage(KhalaWire::rust, {{k_short, k_cut}, away, away, away, away, away, {k_hello}});
    stage.until([&] { return stage.downs == 1; });
    const auto cut = Clock::now();
    stage.until([&] { return stage.ups == 2; });
    CHECK(stage.server.opened == 7);
    CHECK(Clock::now() - cut < Millis(5'000)); // it did not rest for 30 s
}

TEST_CASE("khala: a topic whose head nobody tells is read from its beginning") {
    Stage stage(KhalaWire::rust, {{k_hello}});
    stage.server.throttles = true;
    stage.until([&] { return stage.link->up(); });
    CHECK(stage.server.asked.contains("/ws?after_seq=0&"));
    CHECK(stage.server.opened == 1);
}

TEST_CASE("khala: a topic that the token may not read, or that is none, is a matter of settings") {
    for (const std::string_view refusal :
         {R"(["1","1","sync:v1","phx_reply",{"status":"error","response":{"code":"bad_topic"}}])",
          R"(["1","1","sync:v1","phx_reply",{"status":"error","response":{"code":"forbidden_topic"}}])",
          R"(["1","1","sync:v1","phx_reply",{"status":"error","response":{"code":"bad_subscription"}}])"
         }) {
        CAPTURE(refusal);
        Stage stage(KhalaWire::phoenix, {{refusal}});
        stage.until([&] { return stage.link->reason().contains("Khala reported"); });
        CHECK(stage.link->reason().contains("--khala-topic, the scopes of the token"));
    }
}

TEST_CASE("khala: a link that must begin again at 0 says that events may be missing") {
    Stage stage(KhalaWire::rust, {{k_hello, k_cut}, {k_hello}});
    stage.until([&] { return stage.ups == 1; });
    CHECK_FALSE(stage.lacks);
    stage.server.throttles = true;
    stage.until([&] { return stage.ups == 2; });
    CHECK(stage.lacks);
    CHECK(stage.server.asked.contains("/ws?after_seq=0&"));
}

TEST_CASE("khala: a refused join is left at once, and nothing is asked of it") {
    constexpr std::string_view k_refused =
        R"(["1","1","sync:v1","phx_reply",{"status":"error","response":{"code":"busy"}}])";
    Stage stage(KhalaWire::phoenix, {{k_refused}, {k_joined, k_subscribed}});
    stage.until([&] { return stage.link->up(); });
    CHECK(stage.server.opened == 2);
    CHECK(stage.link->unanswered() == 0);
    CHECK(stage.ups == 1);
}
