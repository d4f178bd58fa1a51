#include "rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

const HealthOptions k_health{.path = "/readyz", .interval = Millis(20), .fall = 2};

/// Answers checks with `status`, everything else with the name.
void answer_checks(FakeBackend& backend, int status) {
    backend.answer = [status,
                      name = backend.name](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        const bool check = exchange->request().path == "/readyz";
        (void)co_await exchange->respond({check ? status : 200, {}, name});
    };
}

Json backend(const Rig& rig, std::size_t index) {
    return rig.front->state().at("backends").at(index);
}
void until_ready(Rig& rig, std::size_t index, bool ready) {
    rig.run_until([&] { return backend(rig, index).at("ready") == ready; });
}
std::string home(Rig& rig) {
    return rig.post("/api/chat/stream", "{}").body;
}

} // namespace

TEST_CASE("front health: a backend that is not ready gets no share, and gets it back") {
    Rig rig({{"stable", 50}, {"canary", 50}}, k_health);
    rig.run_until([&] { return backend(rig, 1).at("checks") > 0; });
    CHECK(backend(rig, 1).at("health") == "HTTP 200");
    answer_checks(rig.canary, 503);
    until_ready(rig, 1, false);
    CHECK(backend(rig, 1).at("health") == "HTTP 503");
    CHECK(backend(rig, 1).at("weight") == 50); // what it was told is not forgotten
    for (int i = 0; i < 10; ++i) {
        CHECK(home(rig) == "stable");
    }
    CHECK(rig.get_path("/version", {{std::string(k_pin_header), "canary"}}).body == "canary");
    answer_checks(rig.canary, 200);
    until_ready(rig, 1, true);
    int canary = 0;
    for (int i = 0; i < 10; ++i) {
        canary += home(rig) == "canary" ? 1 : 0;
    }
    CHECK(canary == 5);
    CHECK(
        rig.notes ==
        std::vector<std::string>{
            "canary is not ready: no share (HTTP 503)",
            "canary is ready (HTTP 200)",
        }
    );
}

TEST_CASE("front health: a thread leaves a backend that is not ready, its running turn does not") {
    Rig rig({{"stable", 0}, {"canary", 100}}, k_health);
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "canary");
    answer_checks(rig.canary, 503);
    until_ready(rig, 1, false);
    rig.weigh(100, 0);
    CHECK(rig.get_path("/api/chats/t/stream").body == "canary");
    CHECK(rig.post("/api/chats/t/stop", "").body == "canary");
    CHECK(rig.post("/api/chat/stream", R"({"id":"t"})").body == "stable");
}

TEST_CASE("front health: with nobody ready a new request is told when to come again") {
    Rig rig({{"stable", 100}, {"canary", 0}}, k_health);
    answer_checks(rig.stable, 500);
    until_ready(rig, 0, false);
    const auto response = rig.post("/api/chat/stream", "{}");
    CHECK(response.status == 503);
    CHECK(response.headers.get("retry-after") == "1");
    CHECK(response.body.find("no_revision_ready") != std::string::npos);
}

TEST_CASE("front health: one bad check is enough at the start and not later") {
    Rig rig({{"stable", 50}, {"canary", 50}}, k_health);
    answer_checks(rig.canary, 503);
    until_ready(rig, 1, false);
    CHECK(backend(rig, 1).at("checks") == 1);
    answer_checks(rig.canary, 200);
    until_ready(rig, 1, true);
    int checks = 0;
    rig.canary.answer = [&checks](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        const int status = ++checks % 2 == 1 ? 503 : 200; // never two in a row
        return [](std::shared_ptr<net::Exchange> to, int with) -> Task<void> {
            (void)co_await to->respond({with, {}, ""});
        }(std::move(exchange), status);
    };
    rig.run_until([&] { return checks > 5; });
    CHECK(backend(rig, 1).at("ready") == true);
}

TEST_CASE("front health: a backend that nobody listens for is not ready") {
    Rig rig;
    FrontOptions options;
    options.backends = {{"alive", rig.stable.url()}, {"dead", "http://127.0.0.1:1"}};
    options.weights = {{"alive", 1}, {"dead", 1}};
    options.health = k_health;
    rig.reopen(options);
    const auto dead = [&] { return rig.front->state().at("backends").at(1); };
    rig.run_until([&] { return dead().at("ready") == false; });
    CHECK(dead().at("health") == "refused");
}

TEST_CASE("front admin: no share is given to a backend that is not ready, but taken from it") {
    Rig rig({{"stable", 50}, {"canary", 50}}, k_health);
    answer_checks(rig.canary, 503);
    until_ready(rig, 1, false);
    const auto put = [&](int stable, int canary) {
        const auto etag = rig.front->state().at("etag").get<std::string>();
        return rig.admin(
            "PUT",
            "/weights",
            fmt::format(R"({{"weights":{{"stable":{},"canary":{}}}}})", stable, canary),
            {{"if-match", etag}}
        );
    };
    const auto refused = put(40, 60);
    CHECK(refused.status == 422);
    CHECK(refused.body.find("canary is not ready (HTTP 503)") != std::string::npos);
    CHECK(put(1, 1).status == 200); // the same share in other numbers
    CHECK(put(75, 25).status == 200);
    CHECK(put(100, 0).status == 200);
    CHECK(put(99, 1).status == 422);
}

TEST_CASE("front health: what a revision is worth goes to those of its lanes that are ready") {
    Rig rig;
    FakeBackend second(rig.io.get_executor(), "stable-2");
    second.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({503, {}, "drains"});
    };
    FrontOptions options;
    options.backends = {
        {"stable", rig.stable.url()}, {"stable", second.url()}, {"canary", rig.canary.url()}
    };
    options.weights = {{"stable", 50}, {"canary", 50}};
    options.sticky_threads = 0;
    options.health = {.path = "/readyz", .interval = Millis(10)};
    rig.reopen(options);
    rig.run_until([&] {
        const Json all = rig.front->state().at("backends");
        return all[0].at("lanes")[1].at("ready") == false && all[1].at("checks") > 0;
    });
    CHECK(rig.front->state().at("backends")[0].at("ready") == true);
    for (int i = 0; i < 20; ++i) {
        CHECK(rig.post("/api/chat/stream", "{}").status == 200);
    }
    CHECK(rig.counter("stable", "picked") == 10);
    CHECK(rig.counter("canary", "picked") == 10);
}

TEST_CASE("front: a lane that takes no connection leaves its requests to others of its revision") {
    Rig rig;
    FakeBackend second(rig.io.get_executor(), "stable-2");
    FrontOptions options;
    options.backends = {
        {"stable", "http://127.0.0.1:1"}, // nobody listens there
        {"stable", rig.stable.url()},
        {"stable", second.url()},
        {"canary", "http://127.0.0.1:2"},
        {"canary", "http://127.0.0.1:3"},
    };
    options.weights = {{"stable", 100}, {"canary", 0}};
    options.sticky_threads = 0;
    rig.reopen(options);
    for (int i = 0; i < 9; ++i) {
        CHECK(rig.post("/api/chat", R"({"id":"t"})").status == 200);
    }
    CHECK(rig.stable.seen.size() + second.seen.size() == 9); // each once
    const Json stable = rig.front->state().at("backends")[0];
    const Json dead = stable.at("lanes")[0].at("counters");
    CHECK(dead.at("passed_on") == 3);
    CHECK(dead.at("picked") == 0);
    CHECK(dead.at("unreachable") == 0);
    CHECK(stable.at("counters").at("picked") == 9);
    CHECK(stable.at("counters").at("finished") == 9);
    CHECK(stable.at("counters").at("passed_on") == 3);

    // No lane of the revision: never one of another.
    const net::Headers pin{{std::string(k_pin_header), "canary"}};
    const auto response = rig.post("/api/chat", R"({"id":"t"})", pin);
    CHECK(response.status == 502);
    CHECK(response.headers.get("x-oa-revision") == "canary");
    CHECK(rig.counter("canary", "pinned") == 1);
    CHECK(rig.counter("canary", "passed_on") == 1);
    CHECK(rig.counter("canary", "unreachable") == 1);
    CHECK(rig.front->active() == 0);
}

TEST_CASE("front: a request whose backend broke after it was sent goes nowhere else") {
    Rig rig;
    FakeBackend second(rig.io.get_executor(), "stable-2");
    for (FakeBackend* backend : {&rig.stable, &second}) {
        backend->answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            if (auto body = co_await exchange->start_stream(200, {})) {
                (*body)->cut(); // before its head went out
            }
        };
    }
    FrontOptions options;
    options.backends = {{"stable", rig.stable.url()}, {"stable", second.url()}};
    options.weights = {{"stable", 100}};
    options.sticky_threads = 0;
    rig.reopen(options);
    CHECK(rig.post("/api/chat", R"({"id":"t"})").status == 502);
    CHECK(rig.stable.seen.size() + second.seen.size() == 1);
    CHECK(rig.counter("stable", "passed_on") == 0);
}
