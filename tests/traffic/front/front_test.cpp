#include "allocations.hpp"
#include "front/front_core.hpp"
#include "rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

TEST_CASE("front: 100 new threads at 95/5 are split 95 to 5") {
    Rig rig;
    for (int i = 0; i < 100; ++i) {
        const auto response =
            rig.post("/api/chat/stream", R"({"id":"t)" + std::to_string(i) + R"("})");
        REQUIRE(response.status == 200);
    }
    CHECK(rig.canary.seen.size() == 5);
    CHECK(rig.stable.seen.size() == 95);
    CHECK(rig.counter("canary", "picked") == 5);
    CHECK(rig.counter("stable", "finished") == 95);
}

TEST_CASE("front: who lists chats before each turn does not lead all turns to one revision") {
    Rig rig({{"stable", 50}, {"canary", 50}});
    net::ClientRequest preflight;
    preflight.method = "OPTIONS";
    preflight.url = rig.front_url() + "/v1/chat/completions";
    const auto turns = [](const FakeBackend& backend) {
        return std::ranges::count(backend.seen, "POST", &net::Request::method);
    };
    for (int i = 0; i < 10; ++i) {
        CHECK(rig.get_path("/api/chats").status == 200);
        CHECK(rig.post("/api/chat", R"({"id":"t)" + std::to_string(i) + R"("})").status == 200);
    }
    CHECK(turns(rig.stable) == 5);
    CHECK(turns(rig.canary) == 5);
    for (int i = 0; i < 10; ++i) {
        CHECK(rig.ask(preflight).status == 200);
        CHECK(rig.post("/v1/chat/completions", "{}").status == 200);
    }
    CHECK(turns(rig.stable) == 10);
    CHECK(turns(rig.canary) == 10);
    CHECK(rig.stable.seen.size() == 20);
}

TEST_CASE("front: a thread stays where it began and does not use up the split") {
    Rig rig({{"stable", 50}, {"canary", 50}});
    const std::string home = rig.post("/api/chat/stream", R"({"id":"t"})").body;
    for (int i = 0; i < 20; ++i) {
        CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == home);
        CHECK(rig.get_path("/api/chats/t/stream").body == home);
    }
    CHECK(rig.counter(home, "picked") == 1);
    CHECK(rig.counter(home, "sticky") == 40);
}

TEST_CASE("front: a revision without weight loses its threads, but not their running turn") {
    Rig rig({{"stable", 0}, {"canary", 100}});
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "canary");
    rig.weigh(100, 0);
    CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "stable");
    CHECK(rig.get_path("/api/chats/t/stream").body == "stable");
}

TEST_CASE("front: a thread the backend made is learned from x-oa-thread-id") {
    Rig rig({{"stable", 50}, {"canary", 50}});
    const auto with_thread = [](std::string name) {
        return [name](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            return [](std::shared_ptr<net::Exchange> ex, std::string body) -> Task<void> {
                (void)co_await ex->respond({200, {{"x-oa-thread-id", "made"}}, body});
            }(std::move(exchange), name);
        };
    };
    rig.stable.answer = with_thread("stable");
    rig.canary.answer = with_thread("canary");
    const std::string home = rig.post("/api/chat/stream", "{}").body;
    for (int i = 0; i < 5; ++i) {
        CHECK(rig.get_path("/api/chats/made/messages").body == home);
    }
}

TEST_CASE("front: the pin header reaches a revision at weight 0 and is not passed on") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto response = rig.get_path("/version", {{std::string(k_pin_header), "canary"}});
    CHECK(response.body == "canary");
    REQUIRE(rig.canary.seen.size() == 1);
    CHECK_FALSE(rig.canary.seen[0].headers.has(k_pin_header));
    CHECK(rig.counter("canary", "pinned") == 1);
    const auto wrong = rig.get_path("/version", {{std::string(k_pin_header), "nobody"}});
    CHECK(wrong.status == 400);
    CHECK(wrong.body.find("unknown_revision") != std::string::npos);
}

TEST_CASE("front: the answer's head is passed on without the fields of one connection") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    rig.stable.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond(
            {429,
             {{"retry-after", "3"},
              {"keep-alive", "timeout=5"},
              {"content-type", "application/json"}},
             "{}"}
        );
    };
    const auto response = rig.get_path(
        "/x?y=1", {{"te", "trailers"}, {"x-mine", "kept"}, {"connection", "x-hop"}, {"x-hop", "1"}}
    );
    CHECK(response.status == 429);
    CHECK(response.headers.get("retry-after") == "3");
    CHECK(response.headers.get("content-type") == "application/json");
    CHECK(response.headers.get("content-length") == "2");
    CHECK_FALSE(response.headers.has("keep-alive"));
    CHECK(response.headers.get("x-oa-revision") == "stable");
    const net::Request& seen = rig.stable.seen.at(0);
    CHECK(seen.target == "/x?y=1");
    CHECK(seen.headers.get("x-mine") == "kept");
    CHECK_FALSE(seen.headers.has("te"));
    CHECK_FALSE(seen.headers.has("x-hop"));
    CHECK(seen.headers.get("x-forwarded-for") == "127.0.0.1");
}

TEST_CASE("front: each line of Connection names fields of one connection") {
    const net::Headers kept = end_to_end({
        {"Connection", "x-one"},
        {"X-One", "1"},
        {"x-mine", "kept"},
        {"connection", "close, x-two"},
        {"x-two", "2"},
    });
    REQUIRE(kept.all().size() == 1);
    CHECK(kept.get("x-mine") == "kept");
}

TEST_CASE("front: a request gets no User-Agent or Accept that its client did not send") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    net::ClientRequest request{.url = rig.front_url() + "/x"};
    request.relayed = true;
    CHECK(rig.ask(request).status == 200);
    CHECK_FALSE(rig.stable.seen.at(0).headers.has("user-agent"));
    CHECK_FALSE(rig.stable.seen.at(0).headers.has("accept"));
    request.headers = {{"user-agent", "page"}, {"accept", "text/event-stream"}};
    CHECK(rig.ask(request).status == 200);
    CHECK(rig.stable.seen.at(1).headers.get("user-agent") == "page");
    CHECK(rig.stable.seen.at(1).headers.get("accept") == "text/event-stream");
}

TEST_CASE("front: a HEAD tells the length of what a GET would get, or none") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    const auto answered = [&](net::Headers headers) {
        rig.stable.answer = [headers](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            if (auto body = co_await exchange->start_stream(200, headers)) {
                (*body)->finish();
            }
        };
        net::ClientRequest request{.url = rig.front_url() + "/file"};
        request.method = "HEAD";
        return rig.ask(std::move(request));
    };
    const auto known = answered({{"content-length", "5000000"}});
    CHECK(known.status == 200);
    CHECK(known.headers.get("content-length") == "5000000");
    const auto unknown = answered({{"content-type", "text/event-stream"}});
    CHECK(unknown.status == 200);
    CHECK_FALSE(unknown.headers.has("content-length"));
    CHECK(unknown.headers.get("content-type") == "text/event-stream");
    CHECK(rig.counter("stable", "finished") == 2);
}

TEST_CASE("front: x-oa-revision of the lane is left as it is") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    rig.stable.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({204, {{"x-oa-revision", "r7"}}, ""});
    };
    const auto response = rig.get_path("/api/chats/x/stream");
    CHECK(response.status == 204);
    CHECK(response.headers.get("x-oa-revision") == "r7");
}

TEST_CASE("front: a backend that refuses is a 502 that names it, and is counted") {
    Rig rig({{"stable", 100}, {"canary", 0}});
    FrontOptions options;
    options.backends = {{"dead", "http://127.0.0.1:1"}};
    options.weights = {{"dead", 1}};
    rig.reopen(options);
    const auto response = rig.get_path("/healthz");
    CHECK(response.status == 502);
    CHECK(response.headers.get("x-oa-revision") == "dead");
    CHECK(response.body.find("bad_gateway") != std::string::npos);
    CHECK(rig.front->state().at("backends").at(0).at("counters").at("unreachable") == 1);
    CHECK(rig.front->active() == 0);
}

TEST_CASE("front: options that cannot work are refused") {
    asio::io_context io;
    FrontOptions options;
    options.listen = {"127.0.0.1", 0};
    CHECK(Front::start(io.get_executor(), options).error().code == Code::usage);
    options.backends = {{"a", "http://127.0.0.1:1"}, {"b", "http://127.0.0.1:1"}};
    options.weights = {{"a", 1}};
    CHECK(Front::start(io.get_executor(), options).error().code == Code::usage);
    options.backends.pop_back();
    options.weights = {{"b", 1}};
    CHECK(Front::start(io.get_executor(), options).error().code == Code::usage);
    options.weights = {{"a", 0}};
    CHECK(Front::start(io.get_executor(), options).error().code == Code::usage);
}

TEST_CASE("front: lanes of one revision share what it is worth, and keep no thread") {
    Rig rig;
    FakeBackend second(rig.io.get_executor(), "stable-2");
    FrontOptions options;
    options.backends = {
        {"stable", rig.stable.url()}, {"stable", second.url()}, {"canary", rig.canary.url()}
    };
    options.weights = {{"stable", 90}, {"canary", 10}};
    options.sticky_threads = 0;
    rig.reopen(options);
    for (int i = 0; i < 100; ++i) {
        CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").status == 200);
    }
    CHECK(rig.canary.seen.size() == 10);
    CHECK(rig.stable.seen.size() == 45);
    CHECK(second.seen.size() == 45);
    for (int i = 0; i < 10; ++i) {
        (void)rig.get_path("/version", {{std::string(k_pin_header), "stable"}});
    }
    CHECK(rig.stable.seen.size() == 50);
    CHECK(second.seen.size() == 50);
    const Json state = rig.front->state();
    REQUIRE(state.at("backends").size() == 2);
    CHECK(state.at("backends")[0].at("lanes").size() == 2);
    CHECK(state.at("backends")[0].at("counters").at("finished") == 100);
    CHECK(state.at("backends")[1].contains("lanes") == false);
}

TEST_CASE("front: without memory for a request it ends as 503, and counts as ended") {
    class NoMemory final : public net::HttpClient {
    public:
        Task<net::ClientResponse> fetch(net::ClientRequest) override { throw std::bad_alloc(); }
        std::shared_ptr<net::Transfer> stream(net::ClientRequest, net::StreamHandlers) override {
            throw std::bad_alloc();
        }
    };
    Rig rig;
    FrontOptions options;
    options.backends = {{"stable", rig.stable.url()}};
    options.weights = {{"stable", 100}};
    const auto core = std::make_shared<FrontCore>(rig.io.get_executor(), std::move(options));
    core->client = std::make_unique<NoMemory>();
    FakeBackend door(rig.io.get_executor(), "door");
    door.answer = [core](std::shared_ptr<net::Exchange> exchange) {
        auto route = core->route(exchange->request()).value();
        return relay(core, std::move(route), std::move(exchange));
    };
    const auto answer = rig.ask(
        {.method = "POST",
         .url = door.url() + "/api/chat",
         .headers = {{"content-type", "application/json"}},
         .body = R"({"id":"t"})"}
    );
    CHECK(answer.status == 503);
    CHECK(answer.headers.get("retry-after") == "1");
    CHECK(answer.body.contains("there is no memory for the request"));
    rig.run_until([&] { return core->active() == 0; });
    const auto& counters = core->arms.front().counters;
    CHECK(counters.picked == 1);
    CHECK(counters.unreachable == 1);
    CHECK(core->state().at("threads") == 0); // nothing of it arrived there
    core->sticky.remember("u", 0);
    CHECK(rig.ask({.url = door.url() + "/api/chats/u/messages"}).status == 503);
    rig.run_until([&] { return core->active() == 0; });
    CHECK(core->sticky.find("u") == 0U); // a turn of it may run there
    CHECK(rig.stable.seen.empty());
}

TEST_CASE("front: a request that there is no memory for is not active for ever") {
    class NoMemory final : public net::HttpClient {
    public:
        explicit NoMemory(bool& reached) : reached_(&reached) {}
        Task<net::ClientResponse> fetch(net::ClientRequest) override { throw std::bad_alloc(); }
        std::shared_ptr<net::Transfer> stream(net::ClientRequest, net::StreamHandlers) override {
            (void)oa_stream::testing::stop_failing();
            *reached_ = true;
            throw std::bad_alloc();
        }

    private:
        bool* reached_;
    };
    bool reached = false;
    for (std::uint64_t nth = 1; !reached; ++nth) {
        CAPTURE(nth);
        Rig rig;
        FrontOptions options;
        options.backends = {{"stable", rig.stable.url()}};
        options.weights = {{"stable", 100}};
        const auto core = std::make_shared<FrontCore>(rig.io.get_executor(), std::move(options));
        core->client = std::make_unique<NoMemory>(reached);
        FakeBackend door(rig.io.get_executor(), "door");
        door.answer = [core, nth](std::shared_ptr<net::Exchange> exchange) {
            auto route = core->route(exchange->request()).value();
            auto task = relay(core, std::move(route), std::move(exchange));
            oa_stream::testing::fail_allocation(nth);
            return task;
        };
        const auto answer = rig.ask(
            {.method = "POST",
             .url = door.url() + "/api/chat",
             .headers = {{"content-type", "application/json"}},
             .body = R"({"id":"a thread whose name is too long to be kept in place"})"}
        );
        (void)oa_stream::testing::stop_failing();
        CHECK((answer.status == 500 || answer.status == 503));
        CHECK(core->active() == 0);
    }
}
