// Which Host and which Origin may use a lane.
#include "oa_stream/base/text.hpp"

#include "allocations.hpp"
#include "gates/routes.hpp"
#include "lane_rig.hpp"
#include "turns/live_turns.hpp"

#include <array>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::test;
using net::Headers;

namespace {

lane::LaneConfig hosts_of(std::vector<std::string> allowed, std::vector<std::string> own = {}) {
    auto config = LaneRig::quick();
    config.allow_hosts = std::move(allowed);
    config.own_hosts = std::move(own);
    return config;
}

void trust_loopback(lane::LaneConfig& config) {
    REQUIRE(config.proxies.add("127.0.0.1"));
}

int version_status(LaneRig& rig, Headers headers) {
    auto request = rig.get("/version");
    request.headers = std::move(headers);
    return rig.send(std::move(request)).status;
}

/// A request that acts, on a route that needs no turn.
net::ClientResponse stop(LaneRig& rig, Headers headers) {
    auto request = rig.post("/api/chats/none/stop", "", std::move(headers));
    request.headers.remove("content-type");
    return rig.send(std::move(request));
}

} // namespace

TEST_CASE("without tokens a lane answers for this machine, its listeners and the hosts it was given"
) {
    struct Row {
        std::string_view host;
        bool answered;
    };
    constexpr std::array rows{
        Row{"127.0.0.1", true},
        Row{"127.0.0.1:8080", true},
        Row{"127.8.9.10:1", true},
        Row{"localhost", true},
        Row{"LOCALHOST:8080", true},
        Row{"localhost.:8080", true},
        Row{"[::1]:8080", true},
        Row{"lane.local", true}, // of a listener
        Row{"lane.example", true},
        Row{"Lane.Example:8443", true},
        Row{"a.wild.example", true},
        Row{"a.b.wild.example", true},
        Row{"wild.example", false},
        Row{"evilwild.example", false},
        Row{".wild.example", false},
        Row{"evil.example", false},
        Row{"evil.example:8080", false},
        Row{"lane.example.evil.example", false},
        Row{"127.0.0.1.evil.example", false},
        Row{"localhost.evil.example", false},
        Row{"localhost@evil.example", false},
        Row{"10.0.0.5", false},
        Row{"0.0.0.0", false},
        Row{"[::]", false},
    };
    LaneRig rig(hosts_of({"lane.example", "*.wild.example"}, {"lane.local"}));
    for (const auto& row : rows) {
        INFO("Host: " << row.host);
        CHECK(version_status(rig, {{"Host", std::string(row.host)}}) == (row.answered ? 200 : 421));
    }
    auto refused = rig.get("/version");
    refused.headers.set("Host", "evil.example");
    const auto answer = rig.send(refused);
    CHECK(error_code_of(answer) == "host_not_allowed");
    CHECK(answer.body.contains("--allow-host"));
}

TEST_CASE("a Host that is not allowed starts nothing, whatever the route") {
    LaneRig rig;
    for (const auto& route : lane::all_routes()) {
        const bool health =
            route.action == lane::Action::healthz || route.action == lane::Action::readyz;
        INFO(route.method << ' ' << route.pattern);
        auto request = rig.get(std::string(route.pattern));
        request.method = route.method;
        request.headers = {{"Host", "evil.example"}, {"Origin", "http://evil.example"}};
        CHECK((rig.send(std::move(request)).status == 421) == !health);
    }
    CHECK(rig.watcher.accepted.empty());
}

TEST_CASE("a star answers for any host, and a token protects in place of the Host") {
    LaneRig any(hosts_of({"*"}));
    CHECK(version_status(any, {{"Host", "evil.example"}}) == 200);
    LaneRig guarded;
    guarded.give_tokens({{"site-test-token", "ann"}});
    CHECK(version_status(guarded, {{"Host", "evil.example"}}) == 200);
    LaneRig both(hosts_of({"lane.example"}));
    both.give_tokens({{"site-test-token", "ann"}});
    CHECK(version_status(both, {{"Host", "lane.example"}}) == 200);
    CHECK(version_status(both, {{"Host", "evil.example"}}) == 421);
}

TEST_CASE("the host that a trusted proxy was asked for is checked too, and nobody else's word") {
    for (const auto* field : {"X-Forwarded-Host", "Forwarded"}) {
        INFO(field);
        const std::string prefix = std::string(field) == "Forwarded" ? "for=192.0.2.1;host=" : "";
        auto config = hosts_of({"lane.example"});
        LaneRig plain(config);
        CHECK(version_status(plain, {{field, prefix + "evil.example"}}) == 200);
        trust_loopback(config);
        LaneRig behind(config);
        CHECK(version_status(behind, {{field, prefix + "lane.example"}}) == 200);
        CHECK(version_status(behind, {{field, prefix + "evil.example"}}) == 421);
    }
}

TEST_CASE("a page of another origin acts nowhere unless it is listed") {
    struct Row {
        std::string_view name;
        Headers headers;
        bool passes;
    };
    const std::vector<Row> rows{
        {"a program", {}, true},
        {"same origin", {{"Host", "localhost:81"}, {"Origin", "http://localhost:81"}}, true},
        {"usual port", {{"Host", "localhost"}, {"Origin", "https://localhost:443"}}, true},
        {"another port", {{"Host", "localhost:81"}, {"Origin", "http://localhost:82"}}, false},
        {"another site", {{"Origin", "https://evil.example"}}, false},
        {"no origin to name", {{"Origin", "null"}}, false},
        {"a listed one", {{"Origin", "https://app.example"}}, true},
        {"a listed one says so",
         {{"Origin", "https://app.example"}, {"Sec-Fetch-Site", "cross-site"}},
         true},
        {"begins like a listed one", {{"Origin", "https://app.example.evil.example"}}, false},
        {"the browser says: elsewhere", {{"Sec-Fetch-Site", "cross-site"}}, false},
        {"the browser says: a neighbour", {{"Sec-Fetch-Site", "same-site"}}, false},
        {"the browser says: here", {{"Sec-Fetch-Site", "same-origin"}}, true},
        // A proxy that changes Host and says nothing about it.
        {"here, by another name",
         {{"Origin", "https://lane.example"}, {"Sec-Fetch-Site", "same-origin"}},
         true},
        {"a person's doing", {{"Sec-Fetch-Site", "none"}}, true},
        {"elsewhere, with the Host's name",
         {{"Host", "localhost"}, {"Origin", "http://localhost"}, {"Sec-Fetch-Site", "cross-site"}},
         false},
        {"a forwarded host of nobody trusted",
         {{"Origin", "https://lane.example"}, {"X-Forwarded-Host", "lane.example"}},
         false},
    };
    auto config = LaneRig::quick();
    config.cors_origins = {"https://app.example"};
    for (const bool tokens : {false, true}) {
        LaneRig rig(config);
        if (tokens) {
            rig.give_tokens({{"site-test-token", "ann"}});
        }
        for (const auto& row : rows) {
            INFO(row.name << (tokens ? ", with tokens" : ""));
            auto headers = row.headers;
            headers.set("Authorization", "Bearer site-test-token");
            const auto answer = stop(rig, headers);
            CHECK(answer.status == (row.passes ? 404 : 403));
            CHECK(error_code_of(answer) == (row.passes ? "not_found" : "origin_not_allowed"));
        }
    }
}

TEST_CASE("an origin that a trusted proxy was asked for is its own") {
    auto config = hosts_of({"lane.example"});
    trust_loopback(config);
    LaneRig rig(config);
    CHECK(
        stop(rig, {{"Origin", "https://lane.example"}, {"X-Forwarded-Host", "lane.example"}})
            .status == 404
    );
    CHECK(
        stop(rig, {{"Origin", "https://evil.example"}, {"X-Forwarded-Host", "lane.example"}})
            .status == 403
    );
}

TEST_CASE("simple cross-origin requests act on no route: wrong type 415, wrong origin 403") {
    constexpr std::array<std::string_view, 3> types{
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
    };
    LaneRig rig;
    std::size_t acting = 0;
    for (const auto& route : lane::all_routes()) {
        if (route.method == "GET") {
            continue;
        }
        ++acting;
        INFO(route.method << ' ' << route.pattern);
        for (const auto type : types) {
            INFO(type);
            auto request =
                rig.post(std::string(route.pattern), "{}", {{"content-type", std::string(type)}});
            request.method = route.method;
            CHECK(rig.send(request).status == 415);
            request.body.clear();
            CHECK(rig.send(request).status == 415);
            request.headers.set("Origin", "http://evil.example");
            CHECK(rig.send(request).status == 403);
        }
        auto bare = rig.post(std::string(route.pattern), "", {{"Origin", "http://evil.example"}});
        bare.method = route.method;
        bare.headers.remove("content-type");
        CHECK(rig.send(bare).status == 403);
    }
    CHECK(acting >= 6);
    CHECK(rig.watcher.accepted.empty());
}

TEST_CASE("reads stay open to every origin: what a page may see of them is CORS' matter") {
    LaneRig rig;
    CHECK(
        version_status(
            rig, {{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}}
        ) == 200
    );
    auto preflight = rig.get("/api/chat");
    preflight.method = "OPTIONS";
    preflight.headers = {{"Origin", "https://evil.example"}};
    const auto answer = rig.send(preflight);
    CHECK(answer.status == 204);
    CHECK_FALSE(answer.headers.has("access-control-allow-origin"));
}

TEST_CASE("an allowed host is a name without port, or a star before one") {
    for (const auto* text : {"lane.example", "10.0.0.5", "*.example", "*", "localhost", "a_b-c"}) {
        INFO(text);
        CHECK(lane::read_allowed_host(text) == std::string(text));
    }
    CHECK(lane::read_allowed_host("Lane.EXAMPLE") == std::string("lane.example"));
    CHECK(lane::read_allowed_host("[2001:DB8::1]") == std::string("2001:db8::1"));
    for (const auto* text :
         {"",
          "lane.example:80",
          "http://lane.example",
          "lane*.example",
          "*example",
          "*.",
          "a b",
          "*.*.example",
          ".example",
          "lane.example/"}) {
        INFO(text);
        const auto host = lane::read_allowed_host(text);
        REQUIRE_FALSE(host);
        CHECK(host.error().code == Code::usage);
    }
}

TEST_CASE("without memory a request is answered 503 and the next one is served") {
    LaneRig rig;
    rig.authority.refuse = [](const auto&) -> std::optional<Error> { throw std::bad_alloc(); };
    const auto answer = rig.send(rig.post("/api/chat", user_message("x")));
    CHECK(answer.status == 503);
    CHECK(error_code_of(answer) == "service_unavailable");
    CHECK(answer.headers.has("retry-after"));
    rig.authority.refuse = {};
    CHECK(rig.send(rig.get("/healthz")).status == 200);
}

TEST_CASE("a start that there is no memory for leaves its chat and its owner free") {
    const std::string owner = "an owner whose name is too long to be kept in place";
    const std::string key = owner + "/chat";
    bool failed = true;
    for (std::uint64_t nth = 1; failed; ++nth) {
        CAPTURE(nth);
        lane::LiveTurns turns(std::make_shared<lane::TurnHost>());
        {
            std::string held_key = key;
            lane::ThreadWish wish{.owner = owner, .thread = "chat"};
            std::optional<lane::LiveTurns::Lease> lease;
            oa_stream::testing::fail_allocation(nth);
            try {
                lease.emplace(turns, std::move(held_key), std::move(wish));
            } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): told below
            }
            failed = oa_stream::testing::stop_failing();
            CHECK(lease.has_value() == !failed);
            CHECK(turns.starting(owner, "chat") == !failed);
            CHECK(turns.busy() == (failed ? 0 : 1));
        }
        CHECK_FALSE(turns.starting(owner, "chat"));
        CHECK(turns.busy() == 0);
    }
}

TEST_CASE("a completion that there is no memory for gives its place back") {
    struct NoMemory final : authority::WireFaults {
        [[nodiscard]] bool corrupt_next() override { throw std::bad_alloc(); }
    };
    auto config = LaneRig::quick();
    config.limits.completions = 1;
    LaneRig rig(std::move(config));
    rig.authority.prepare = [](PlayedTurn& turn) { turn.faults = std::make_unique<NoMemory>(); };
    const auto request = rig.post(
        "/v1/chat/completions",
        R"({"model":"oa-stream","stream":true,"messages":[{"role":"user","content":"hi"}]})"
    );
    CHECK(rig.send(request).status == 503);
    CHECK(rig.authority.last().dropped);
    rig.authority.prepare = {};
    const auto answer = rig.open(request);
    rig.until("a turn", [&] { return rig.authority.turns_started.size() == 2; });
    rig.authority.last().say("hello");
    rig.authority.last().complete();
    rig.await_end(answer);
    CHECK(answer->head.status == 200);
    CHECK(answer->has(R"("content":"hello")"));
}
