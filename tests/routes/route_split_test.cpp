// The client of the route split: what it sends, how it takes each answer, and what it asks again.
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http_server.hpp"

#include "rig.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <set>
#include <stdexcept>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

using probe::test::json_answer;
using probe::test::Send;

constexpr std::string_view k_status = "/api/v1/control/route-split/status";

/// Answers each call with that script.
std::function<Script(const RawRequest&)> always(Script script) {
    return [script = std::move(script)](const RawRequest&) { return script; };
}

/// The first calls so, the others as usual.
std::function<Script(const RawRequest&)> first(std::vector<Script> scripts) {
    return [scripts = std::move(scripts), at = std::size_t{0}](const RawRequest&) mutable {
        return at < scripts.size() ? scripts[at++] : Script{};
    };
}

/// Thrown instead of a wait, with how long it would have been.
struct WouldWait : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a call waits after this answer: "1m30s".
std::string wait_after(int status, std::string_view body, std::string_view more = "") {
    ControlRig rig;
    rig.options.attempts = 2;
    rig.instead = always({Send{json_answer(status, body, more)}});
    rig.options.pause = Millis(7);
    rig.options.most_wait = std::chrono::hours(2);
    rig.options.retried = [](std::string_view line) {
        throw WouldWait(std::string(line.substr(line.rfind(' ') + 1)));
    };
    auto client = rig.client();
    try {
        const auto ignored = rig.get(client.status());
    } catch (const WouldWait& wait) {
        return wait.what();
    }
    return "none";
}

Error error_after(Script script, Millis timeout = Millis(5000)) {
    ControlRig rig;
    rig.instead = always(std::move(script));
    rig.options.call_timeout = timeout;
    auto client = rig.client();
    const auto status = rig.get(client.status());
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().where == "GET " + rig.options.base_url + std::string(k_status));
    return status.error();
}

/// How many requests a call makes that may make three attempts.
template <class Ask> std::size_t requests_of(Script script, Millis timeout, Ask ask) {
    ControlRig rig;
    rig.instead = always(std::move(script));
    rig.options.call_timeout = timeout;
    rig.options.attempts = 3;
    auto client = rig.client();
    CHECK_FALSE(rig.get(ask(client)).has_value());
    return rig.log.size();
}

std::size_t attempts_for(Script script, Millis timeout = Millis(5000)) {
    return requests_of(std::move(script), timeout, [](auto& client) { return client.status(); });
}

std::size_t writes_for(Script script, Millis timeout = Millis(5000)) {
    return requests_of(std::move(script), timeout, [](auto& client) {
        return client.override_target({"auth_entry", "legacy"});
    });
}

} // namespace

TEST_CASE("route split: a read says who asks, and with which token") {
    ControlRig rig;
    rig.memories = {{"legacy", {{"auth_entry", "rust_shell"}}}};
    rig.options.extra.add("x-team", "routes");
    auto client = rig.client();
    const auto status = rig.get(client.status());
    REQUIRE(status.has_value());
    CHECK(overrides_of(*status) == rig.memories[0]);
    REQUIRE(rig.requests().size() == 1);
    const RawRequest& asked = rig.requests()[0];
    CHECK(asked.method == "GET");
    CHECK(asked.path == k_status);
    CHECK(asked.header("authorization") == "Bearer t0ken");
    CHECK(asked.header("x-oa-client-build-id") == "20260221T130000Z");
    CHECK(asked.header("x-oa-protocol-version") == "openagents.control.v1");
    CHECK(asked.header("x-oa-schema-version") == "1");
    CHECK(asked.header("x-client") == "oa-stream");
    CHECK(asked.header("user-agent") == "oa-stream");
    CHECK(asked.header("x-team") == "routes");
    CHECK_FALSE(asked.headers.contains("content-type"));
    CHECK(client.base_url() == rig.options.base_url);
}

TEST_CASE("route split: a token is asked for before each call, and another one after 401") {
    ControlRig rig;
    std::string good = "first-token";
    std::string given = good;
    std::vector<bool> asked;
    rig.instead = [&](const RawRequest& request) {
        const bool known = request.header("authorization") == "Bearer " + good;
        return known ? Script{}
                     : Script{Send{json_answer(401, R"({"message":"no )" + given + "\"}")}};
    };
    rig.options.tokens = [&](bool fresh) -> Task<Result<Secret>> {
        asked.push_back(fresh);
        given = fresh ? "second-token" : given;
        co_return given.empty() ? Result<Secret>(fail(Code::credentials, "none"))
                                : Result<Secret>(Secret(given));
    };
    auto client = rig.client();
    CHECK(rig.get(client.status()).has_value());
    good = "second-token";
    CHECK(rig.get(client.override_target({"auth_entry", "legacy"})).has_value());
    CHECK(asked == std::vector{false, false, true});
    CHECK(rig.count("override auth_entry legacy") == 2); // nothing was done by the first
    good = "a third one";
    const auto refused = rig.get(client.status());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::credentials);
    CHECK(refused.error().message == "HTTP 401: no ************ (the token is refused)");
    CHECK(asked.size() == 5);
    given.clear();
    const auto none = rig.get(client.status());
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message == "none");
    CHECK(none.error().where == "GET " + rig.options.base_url + std::string(k_status));
}

TEST_CASE("route split: what is asked of evaluate and override stands in a JSON body") {
    ControlRig rig;
    auto client = rig.client();
    const auto decision = rig.get(client.evaluate("/login", "someone"));
    REQUIRE(decision.has_value());
    CHECK(decision->target == "rust_shell");
    CHECK(decision->reason == "mode_rust");
    CHECK(decision->cohort_key == "someone");
    CHECK(rig.get(client.evaluate("/login", "")).value().cohort_key == "chosen");
    const auto domain = rig.get(client.override_target({"auth_entry", "legacy"}));
    REQUIRE(domain.has_value());
    CHECK(overrides_of(*domain) == Overrides{{}, {{"auth_entry", "legacy"}}});
    CHECK(rig.get(client.override_target({std::nullopt, "rust"})).has_value());
    CHECK(rig.memories[0] == Overrides{"rust_shell", {{"auth_entry", "legacy"}}});
    std::vector<Json> bodies;
    for (const RawRequest& asked : rig.requests()) {
        CHECK(asked.method == "POST");
        CHECK(asked.header("content-type") == "application/json");
        bodies.push_back(parse_json(asked.body).value());
    }
    CHECK(
        bodies ==
        std::vector<Json>{
            {{"path", "/login"}, {"cohort_key", "someone"}},
            {{"path", "/login"}},
            {{"target", "legacy"}, {"domain", "auth_entry"}},
            {{"target", "rust"}},
        }
    );
}

TEST_CASE("route split: every call comes over a connection of its own") {
    probe::test::LoopRig loop;
    std::set<std::string> peers;
    const auto server = net::HttpServer::listen(
        loop.executor(),
        {"127.0.0.1", 0},
        {},
        [&](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            peers.insert(exchange->request().peer);
            const Json data{{"data", to_json(oa_stream::routes::testing::split_status())}};
            (void)co_await exchange->respond({200, {}, dump_json(data)});
        },
        [](const net::RefusedRequest& refused) { return net::Response{refused.status}; }
    );
    REQUIRE(server.has_value());
    const auto http = net::HttpClient::make(loop.executor());
    RouteSplitOptions options;
    options.base_url = "http://" + (*server)->endpoint().text();
    RouteSplitClient client(*http, options);
    for (int i = 0; i < 3; ++i) {
        CHECK(loop.run(client.status()).has_value());
    }
    CHECK(peers.size() == 3);
}

TEST_CASE("route split: each status is the error that an operator can act upon") {
    struct Row {
        int status;
        Code code;
        std::string said;
    };
    const auto row = GENERATE(values<Row>({
        {299, Code::protocol, ""},
        {300, Code::protocol, "(a redirect, which is never followed)"},
        {399, Code::protocol, "(a redirect, which is never followed)"},
        {400, Code::protocol, ""},
        {401, Code::credentials, "(the token is refused)"},
        {402, Code::protocol, ""},
        {403, Code::credentials, "(only administrators may set overrides)"},
        {404, Code::not_found, "(no route split at this address)"},
        {422, Code::usage, ""},
        {426, Code::precondition, "(outside the compatibility window)"},
        {429, Code::precondition, "(rate limited)"},
        {499, Code::protocol, ""},
        {500, Code::unavailable, ""},
        {503, Code::unavailable, ""},
    }));
    ControlRig rig;
    rig.options.most_wait = Millis(0);
    const std::string body = R"({"message":"go away","error":{"code":"no"}})";
    rig.instead = always({Send{json_answer(row.status, body)}});
    auto client = rig.client();
    const auto status = rig.get(client.status());
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == row.code);
    CHECK(status.error().message == fmt::format("HTTP {}: no: go away {}", row.status, row.said));
    CHECK(rig.log.size() == 1);
}

TEST_CASE("route split: the service's own words are told, as far as there are any") {
    struct Row {
        std::string body;
        std::string message;
    };
    const auto row = GENERATE(values<Row>({
        {R"({"message":"no such target"})", "HTTP 422: no such target "},
        {R"({"error":{"code":"bad_target"}})", "HTTP 422: bad_target "},
        {R"({"error":{"code":7},"message":"seven"})", "HTTP 422: seven "},
        {R"({"error":"bad"})", "HTTP 422: "},
        {"{}", "HTTP 422: "},
        {"<html>", "HTTP 422: "},
        {"", "HTTP 422: "},
    }));
    CAPTURE(row.body);
    CHECK(error_after({Send{json_answer(422, row.body)}}).message == row.message);
}

TEST_CASE("route split: outside the window it says what the service takes and which option sets it"
) {
    const std::string head = "x-oa-compatibility-protocol-version: openagents.control.v2\r\n"
                             "x-oa-compatibility-min-schema-version: 3\r\n"
                             "x-oa-compatibility-max-schema-version: 4\r\n";
    CHECK(
        error_after({Send{json_answer(426, "{}", head)}}).hint ==
        "it takes protocol openagents.control.v2, schema 3 to 4, builds from ?; --compat-build, "
        "--compat-protocol, --compat-schema"
    );
}

TEST_CASE("route split: a success without a data object is none, and is not asked for again") {
    for (const char* body : {"{}", R"({"data":[]})", R"({"data":null})", "[]", "<html>", ""}) {
        CAPTURE(body);
        const Error error = error_after({Send{json_answer(200, body)}});
        CHECK(error.code == Code::protocol);
        CHECK(error.message == "HTTP 200 without a data object: " + printable(body, 80));
        CHECK(attempts_for({Send{json_answer(200, body)}}) == 1);
    }
    ControlRig rig;
    rig.instead = always({Send{data_answer({{"mode", "rust"}})}});
    auto client = rig.client();
    const auto status = rig.get(client.status());
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Code::protocol);
    CHECK_FALSE(rig.get(client.evaluate("/login", "")).has_value());
    CHECK_FALSE(rig.get(client.override_target({std::nullopt, "rust"})).has_value());
}

TEST_CASE("route split: a broken answer is told by how it broke; a lost one alone is asked again") {
    const Script reset{probe::test::Reset{}};
    CHECK(error_after(reset).code == Code::network);
    CHECK(error_after(reset).message.starts_with("reset: "));
    CHECK(attempts_for(reset) == 3);
    const Script silent{probe::test::Hang{}};
    CHECK(error_after(silent, Millis(40)).code == Code::timeout);
    CHECK(attempts_for(silent, Millis(40)) == 3);
    const Script cut{Send{"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"}};
    CHECK(error_after(cut).code == Code::protocol);
    CHECK(attempts_for(cut) == 3);
    const Script noise{Send{"HTTP/9.7 zweihundert\r\n\r\n"}};
    CHECK(error_after(noise).code == Code::protocol);
    CHECK(attempts_for(noise) == 1);
    const Script large{Send{json_answer(200, std::string((1U << 20U) + 1, ' '))}};
    CHECK(error_after(large).code == Code::too_large);
    CHECK(attempts_for(large) == 1);
    ControlRig closed;
    closed.stop_listening();
    auto client = closed.client();
    const auto status = closed.get(client.status());
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Code::network);
    CHECK(status.error().message.starts_with("refused: "));
}

TEST_CASE("route split: a read is repeated after a failure of the service, and tells each attempt"
) {
    ControlRig rig;
    rig.options.attempts = 3;
    std::vector<std::string> lines;
    rig.options.retried = [&](std::string_view line) { lines.emplace_back(line); };
    rig.instead = first({only(503), only(500)});
    auto client = rig.client();
    CHECK(rig.get(client.status()).has_value());
    const std::string what = "GET " + rig.options.base_url + std::string(k_status) + ": ";
    CHECK(
        lines ==
        std::vector<std::string>{
            what + "HTTP 503: , again in 1ms",
            what + "HTTP 500: , again in 2ms",
        }
    );
    rig.instead = first({only(503), only(503)});
    CHECK(rig.get(client.evaluate("/login", "")).has_value());
    CHECK(lines.back().starts_with("POST "));
    CHECK(attempts_for(only(503)) == 3);
    CHECK(attempts_for(only(500)) == 3);
    CHECK(attempts_for(only(499)) == 1);
    CHECK(attempts_for(only(501)) == 1);
    CHECK(attempts_for(only(404)) == 1);
}

TEST_CASE("route split: a write is repeated after 429 alone, where nothing was done") {
    CHECK(writes_for(only(503)) == 1);
    CHECK(writes_for({probe::test::Reset{}}) == 1);
    CHECK(writes_for({probe::test::Hang{}}, Millis(40)) == 1);
    ControlRig rig;
    rig.instead = first({only(429), only(429)});
    auto client = rig.client();
    CHECK(rig.get(client.override_target({"auth_entry", "legacy"})).has_value());
    CHECK(rig.log.size() == 3);
    CHECK(rig.memories[0].domains.at("auth_entry") == "legacy");
}

TEST_CASE("route split: the look before a write is repeated takes neither its turn nor its time") {
    ControlRig rig;
    bool free = false; // each wait is worth one call
    rig.options.retried = [&](std::string_view) { free = true; };
    rig.options.most_wait = Millis(200);
    rig.instead = [&](const RawRequest&) {
        return std::exchange(free, false) ? Script{} : only(429);
    };
    auto client = rig.client();
    const auto look = [&]() -> Task<Result<void>> {
        OA_CO_CHECK(co_await client.status());
        co_return Result<void>{};
    };
    CHECK(rig.get(client.override_target({"auth_entry", "legacy"}, look)).has_value());
    const std::string write = "override auth_entry legacy";
    CHECK(rig.log == std::vector<std::string>{write, "status", write, write});
    // Nor is it waited for without end.
    rig.log.clear();
    rig.options.most_wait = Millis(20);
    rig.instead = always(only(429));
    auto brief = rig.client();
    const auto slow = []() -> Task<Result<void>> {
        (void)co_await sleep_for(Millis(20));
        co_return Result<void>{};
    };
    CHECK_FALSE(rig.get(brief.override_target({"auth_entry", "legacy"}, slow)).has_value());
    CHECK(rig.log == std::vector<std::string>{write, write});
}

TEST_CASE("route split: 429 is waited out beyond the attempts, ever longer, up to a limit") {
    ControlRig rig;
    std::vector<std::string> waits;
    rig.options.retried = [&](std::string_view line) {
        waits.emplace_back(line.substr(line.rfind(' ') + 1));
    };
    rig.instead = first(std::vector<Script>(7, only(429)));
    auto client = rig.client();
    CHECK(rig.get(client.status()).has_value());
    CHECK(waits == std::vector<std::string>{"1ms", "2ms", "4ms", "8ms", "16ms", "32ms", "32ms"});
    // 1 + 2 ms are allowed, 4 ms more are not.
    rig.options.most_wait = Millis(3);
    rig.instead = always(only(429));
    rig.log.clear();
    auto brief = rig.client();
    const auto status = rig.get(brief.status());
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Code::precondition);
    CHECK(rig.log.size() == 3);
}

TEST_CASE("route split: it waits as long as the service says, in a header or in words") {
    CHECK(wait_after(429, R"({"message":"try again in 90 seconds"})") == "1m30s");
    CHECK(wait_after(429, R"({"message":"12 seconds"})") == "12s");
    CHECK(wait_after(429, R"({"message":"in 1 second"})") == "1s");
    CHECK(wait_after(429, R"({"message":"in 3600 seconds"})") == "1h");
    CHECK(wait_after(429, R"({"message":"in 3601 seconds"})") == "7ms");
    CHECK(wait_after(429, R"({"message":"in :5/6 seconds"})") == "6s");
    CHECK(wait_after(429, R"({"message":"in a few seconds"})") == "7ms");
    CHECK(wait_after(429, R"({"message":"later"})") == "7ms");
    CHECK(wait_after(429, R"({"message":7})") == "7ms");
    CHECK(wait_after(429, "later, in 90 seconds") == "7ms");
    CHECK(wait_after(429, R"({"message":"in 90 seconds"})", "retry-after: 3\r\n") == "3s");
    CHECK(wait_after(503, "{}", "retry-after: 3\r\n") == "3s");
    CHECK(wait_after(503, R"({"message":"in 90 seconds"})") == "7ms");
    CHECK(wait_after(429, "{}", "retry-after: 0\r\n") == "7ms"); // without a pause it never ended
    CHECK(wait_after(422, "{}", "retry-after: 3\r\n") == "none");
}
