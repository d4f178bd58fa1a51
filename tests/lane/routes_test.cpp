#include "gates/routes.hpp"
#include "lane_rig.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

std::string code_of(const net::ClientResponse& response) {
    const auto body = json_of(response);
    CHECK(response.headers.get("content-type") == "application/json");
    CHECK(body.at("message") == body.at("error").at("message"));
    CHECK(body.at("error").at("requestId") == *response.headers.get("x-request-id"));
    return body.at("error").at("code").get<std::string>();
}

net::Headers compat(std::string build, std::string protocol, std::string schema) {
    return {
        {"x-oa-client-build-id", std::move(build)},
        {"x-oa-protocol-version", std::move(protocol)},
        {"x-oa-schema-version", std::move(schema)}
    };
}

constexpr std::string_view k_build = "20260221T130000Z";
constexpr std::string_view k_protocol = "openagents.control.v1";

} // namespace

TEST_CASE("routes: paths match whole, literals before names") {
    struct Row {
        std::string_view method, path, pattern;
        bool served;
    };
    static const std::array k_rows{
        Row{"POST", "/api/chat", "/api/chat", true},
        Row{"POST", "/api/chat/stream", "/api/chat/stream", true},
        Row{"POST", "/api/chats/a/stream", "/api/chats/{conversationId}/stream", true},
        Row{"GET", "/api/chats/a/stream", "/api/chats/{conversationId}/stream", true},
        Row{"GET", "/api/chat/a/stream", "/api/chat/{conversationId}/stream", true},
        Row{"GET", "/api/chat/stream/a/stream", "/api/chat/stream/{conversationId}/stream", true},
        Row{"POST", "/api/chats/a/stop", "/api/chats/{conversationId}/stop", true},
        Row{"POST", "/api/chats//stream", "/api/chats/{conversationId}/stream", true},
        Row{"GET", "/healthz", "/healthz", true},
        Row{"HEAD", "/healthz", "/healthz", true},
        Row{"GET", "/api/chat", "/api/chat", false},
        Row{"HEAD", "/api/chats/a/stream", "/api/chats/{conversationId}/stream", false},
        Row{"DELETE", "/api/chats/a/stream", "/api/chats/{conversationId}/stream", false},
        Row{"POST", "/api/chat/", "", false},
        Row{"POST", "/api/chats/a/stream/", "", false},
        Row{"POST", "/API/chat", "", false},
        Row{"POST", "/api/chats/a/b/stream", "", false},
        Row{"GET", "/", "", false},
        Row{"GET", "", "", false},
        Row{"GET", "/metrics", "/metrics", true},
        Row{"GET", "/metrics/x", "", false},
        Row{"POST", "api/chat", "", false},
        Row{"POST", "/openai/v1/responses", "/v1/responses", true},
        Row{"POST", "/openai/responses", "/v1/responses", true},
        Row{"GET", "/openai/models/m", "/v1/models/{model}", true},
        Row{"POST", "/openai/deployments/m/chat/completions", "/v1/chat/completions", true},
        Row{"GET", "/openai/deployments/m/chat/completions", "/v1/chat/completions", false},
        Row{"POST", "/openai/deployments/m", "", false},
        Row{"POST", "/openai/v1/v1/responses", "", false},
        Row{"POST", "/openai", "", false},
        Row{"GET", "/openai/healthz", "", false},
        Row{"POST", "openai/responses", "", false},
        Row{"POST", "/v1/deployments/m/chat/completions", "", false},
    };
    for (const auto& row : k_rows) {
        DYNAMIC_SECTION(row.method << " " << row.path) {
            const auto match = lane::match_route(row.method, row.path);
            CHECK(match.pattern == row.pattern);
            CHECK((match.route != nullptr) == row.served);
        }
    }
    CHECK(lane::match_route("GET", "/api/chats/%61b/stream").id == "%61b");
    for (const auto* path : {"/v1", "/v1/", "/v1/nope", "/openai", "/openai/", "/openai/models"}) {
        CHECK(lane::speaks_openai(path));
    }
    for (const auto* path : {"", "/", "/v10", "/openais", "v1/models", "/api/chat"}) {
        CHECK_FALSE(lane::speaks_openai(path));
    }
    const auto azure = lane::match_route("POST", "/openai/deployments/m%2F1/chat/completions");
    CHECK(azure.deployment == "m%2F1");
    CHECK(azure.id == std::nullopt);
    CHECK(lane::match_route("POST", "/openai/v1/responses").deployment == std::nullopt);
    CHECK(lane::match_route("GET", "/healthz").allow == "GET, HEAD, OPTIONS");
    CHECK(lane::match_route("GET", "/api/chats/a/stream").allow == "POST, GET, OPTIONS");
}

TEST_CASE("errors: unknown routes and methods have the envelope, too") {
    LaneRig rig;
    const auto unknown = rig.send(rig.get("/api/nothing"));
    CHECK(unknown.status == 404);
    CHECK(code_of(unknown) == "not_found");
    const auto method = rig.send(rig.get("/api/chat"));
    CHECK(method.status == 405);
    CHECK(method.headers.get("allow") == "POST, OPTIONS");
    CHECK(code_of(method) == "method_not_allowed");
    CHECK(rig.watcher.requests[0].route == "other");
    CHECK(rig.watcher.requests[1].route == "/api/chat");
}

TEST_CASE("errors: what the server refuses by itself has the envelope, too") {
    LaneRig rig;
    auto request = rig.get("/healthz");
    request.headers.set("x-big", std::string(70U << 10U, 'x'));
    const auto response = rig.send(std::move(request));
    CHECK(response.status == 431);
    CHECK(code_of(response) == "headers_too_large");
}

TEST_CASE("errors: a client cannot write an access line that no reader of the log takes") {
    LaneRig rig;
    auto request = rig.get("/healthz");
    request.method = std::string(60U << 10U, 'A');
    CHECK(rig.send(std::move(request)).status == 501);
    REQUIRE(rig.access.size() == 1);
    CHECK(rig.access.front().size() < 1000);
}

TEST_CASE("gates: the first one that says no decides") {
    auto config = LaneRig::quick();
    config.compat = lane::CompatMode::required;
    config.limits.streams = 0;
    LaneRig rig(config);
    rig.give_tokens({{"tok-a", "alice"}, {"tok-b", "bob"}});
    const auto good = compat(std::string(k_build), std::string(k_protocol), "1");
    const auto with = [&](std::string_view name, std::string_view value) {
        auto headers = good;
        headers.set(std::string(name), std::string(value));
        return headers;
    };
    const auto authorised = [&] { return with("authorization", "Bearer tok-a"); };
    const std::string big(100U << 10U, ' ');

    // Everything is wrong at once; each request repairs one thing more.
    auto request = rig.post("/api/chat", big, {{"content-type", "text/plain"}});
    auto response = rig.send(std::move(request));
    CHECK(response.status == 413);
    CHECK(code_of(response) == "payload_too_large");

    response = rig.send(rig.post("/api/chat", "{", {{"content-type", "text/plain"}}));
    CHECK(response.status == 426);
    CHECK(code_of(response) == "invalid_client_build");

    response = rig.send(rig.post("/api/chat", "{", with("content-type", "text/plain")));
    CHECK(response.status == 401);
    CHECK(code_of(response) == "unauthorized");
    CHECK(response.headers.get("www-authenticate") == "Bearer realm=\"oa-stream\"");

    response = rig.send(rig.post("/api/chat", "{", with("authorization", "Bearer nope")));
    CHECK(response.status == 401);
    CHECK(response.headers.get("www-authenticate")->contains("invalid_token"));

    auto headers = authorised();
    headers.set("content-type", "text/plain");
    response = rig.send(rig.post("/api/chat", "{", headers));
    CHECK(response.status == 415);
    CHECK(code_of(response) == "unsupported_media_type");

    response = rig.send(rig.post("/api/chat", "{", authorised()));
    CHECK(response.status == 400);
    CHECK(code_of(response) == "invalid_json");

    response = rig.send(rig.post("/api/chat", "{}", authorised()));
    CHECK(response.status == 422);
    CHECK(code_of(response) == "invalid_request");

    response = rig.send(rig.post("/api/chat", user_message("hi"), authorised()));
    CHECK(response.status == 503);
    CHECK(code_of(response) == "service_unavailable");
    CHECK(rig.authority.starts == 0);
}

TEST_CASE("gates: JSON types are recognised with parameters and suffixes") {
    struct Row {
        std::string_view type;
        int status;
    };
    static const std::array k_rows{
        Row{"application/json", 422},
        Row{"Application/JSON; charset=utf-8", 422},
        Row{"application/vnd.api+json", 422},
        Row{"text/plain", 415},
        Row{"application/x-www-form-urlencoded", 415},
        Row{"application/jsonp", 415},
        Row{"+json", 415},
    };
    LaneRig rig;
    for (const auto& row : k_rows) {
        INFO(row.type);
        auto request = rig.post("/api/chat", "{}", {{"content-type", std::string(row.type)}});
        CHECK(rig.send(std::move(request)).status == row.status);
    }
}

TEST_CASE("gates: JSON that is nested too deep is refused before it is read") {
    LaneRig rig;
    const auto body = std::string(100, '[') + std::string(100, ']');
    const auto response = rig.send(rig.post("/api/chat", body));
    CHECK(response.status == 400);
}

TEST_CASE("compat: every answer carries the window, and a refusal is counted by its code") {
    auto config = LaneRig::quick();
    config.window.min_client_build_id = "20260221T120000Z";
    LaneRig rig(config);
    const auto window = [](const net::ClientResponse& response) {
        return response.headers.get("x-oa-compatibility-min-client-build-id");
    };
    CHECK(window(rig.send(rig.get("/healthz"))) == "20260221T120000Z");
    CHECK(window(rig.send(rig.get("/nothing"))) == "20260221T120000Z");
    CHECK(window(rig.send(rig.post("/api/chat", "{}"))) == "20260221T120000Z");
    const auto old = rig.send(rig.post(
        "/api/chat", user_message("hi"), compat("20260220T000000Z", std::string(k_protocol), "1")
    ));
    CHECK(old.status == 426);
    CHECK(old.headers.get("x-oa-compatibility-code") == "upgrade_required");
    CHECK(parse_json(old.body)->at("compatibility").at("upgrade_required") == true);
    REQUIRE(rig.watcher.rejected.size() == 1);
    CHECK(rig.watcher.rejected.front() == lane::CompatCode::upgrade_required);
    // The gate stands on the stream POSTs alone.
    auto resume = rig.get("/api/chats/x/stream");
    resume.headers = compat("20260220T000000Z", "other", "9");
    CHECK(rig.send(std::move(resume)).status == 204);
}

TEST_CASE("auth: a thread of one owner does not exist for another") {
    LaneRig rig;
    rig.give_tokens({{"tok-a", "alice"}, {"tok-b", "bob"}});
    const auto mine = rig.open(as("tok-a", rig.post("/api/chats/c1/stream", user_message("hi"))));
    rig.until("alice's stream", [&] { return mine->has("start-step"); });
    CHECK(rig.send(as("tok-b", rig.get("/api/chats/c1/stream"))).status == 204);
    CHECK(rig.send(as("tok-b", rig.post("/api/chats/c1/stop", ""))).status == 404);
    CHECK(rig.send(rig.get("/api/chats/c1/stream")).status == 401);
    const auto other = rig.open(as("tok-b", rig.post("/api/chats/c1/stream", user_message("hi"))));
    rig.until("bob's stream", [&] { return other->has("start-step"); });
    REQUIRE(rig.authority.turns_started.size() == 2);
    CHECK(rig.authority.turns_started[0]->thread != rig.authority.turns_started[1]->thread);
    CHECK(rig.send(rig.get("/healthz")).status == 200);
    CHECK(rig.send(rig.get("/version")).status == 200);
}

TEST_CASE("auth: an owner may only run so many turns") {
    auto config = LaneRig::quick();
    config.limits.streams_per_owner = 1;
    LaneRig rig(config);
    rig.give_tokens({{"tok-a", "alice"}, {"tok-b", "bob"}});
    const auto post = [&](std::string_view thread, std::string_view token) {
        auto path = fmt::format("/api/chats/{}/stream", thread);
        return as(token, rig.post(path, user_message("hi")));
    };
    const auto one = rig.open(post("c1", "tok-a"));
    rig.until("the first", [&] { return one->has("start-step"); });
    const auto refused = rig.send(post("c2", "tok-a"));
    CHECK(refused.status == 429);
    CHECK(refused.headers.has("retry-after"));
    const auto other = rig.open(post("c2", "tok-b"));
    rig.until("another owner's", [&] { return other->has("start-step"); });
}

TEST_CASE("start refused: nothing streamed, a status instead") {
    LaneRig rig;
    rig.authority.refuse = [](const authority::TurnRequest&) {
        return Error{Code::unavailable, "cannot spawn /secret/path", "", ""};
    };
    const auto response = rig.send(rig.post("/api/chat", user_message("hi")));
    CHECK(response.status == 503);
    CHECK(code_of(response) == "authority_unavailable");
    CHECK_FALSE(response.body.contains("/secret/path"));
    CHECK(rig.watcher.turns.empty());
    CHECK(rig.watcher.accepted.empty());
    // The same conversation is free again.
    rig.authority.refuse = nullptr;
    CHECK(rig.chat("c1", "hi")->head.status == 200);
}

namespace {

/// The turn that this message's turn takes the place of.
std::optional<std::string> replaced_by(LaneRig& rig, std::string_view text, std::string_view id) {
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message(text, id)));
    rig.until("the stream", [&] { return stream->has("start-step") || stream->ended; });
    rig.complete(stream);
    return rig.authority.last().request.revert_from_turn;
}

} // namespace

TEST_CASE("threads: the second message goes to the same thread, with the client's message id") {
    LaneRig rig;
    const auto first = rig.chat("c1", "one");
    rig.complete(first);
    const auto second = rig.chat("c1", "two");
    CHECK(rig.authority.turns_started[0]->request.thread == std::nullopt);
    CHECK(rig.authority.last().request.thread == rig.authority.turns_started[0]->thread);
    CHECK(rig.authority.last().request.client_message_id == "u1");
    CHECK(rig.authority.last().request.seed.empty());
    CHECK(rig.authority.history_reads == 0);
}

TEST_CASE("threads: a message that is sent again replaces its turn instead of standing there twice"
) {
    LaneRig rig;
    const auto ask = [&](std::string_view text, std::string_view id) {
        return replaced_by(rig, text, id);
    };
    CHECK(ask("once", "u1") == std::nullopt);
    CHECK(ask("once", "u1") == "turn-1");
    SECTION("not when its text differs: some clients give every message the same id") {
        CHECK(ask("other words", "u1") == std::nullopt);
    }
    SECTION("not when its id differs: the same words can be a new message") {
        CHECK(ask("once", "u2") == std::nullopt);
    }
    SECTION("not when another message came between") {
        CHECK(ask("two", "u2") == std::nullopt);
        CHECK(ask("once", "u1") == std::nullopt);
    }
    SECTION("not when the authority cannot take turns back") {
        rig.authority.able.can_revert = false;
        CHECK(ask("once", "u1") == std::nullopt);
    }
    SECTION("nor when it does not know that turn: then it is a plain next one") {
        rig.authority.refuse = [](const authority::TurnRequest& request) {
            return request.revert_from_turn
                       ? std::optional(Error{Code::precondition, "no such turn", "", ""})
                       : std::nullopt;
        };
        CHECK(ask("once", "u1") == std::nullopt);
    }
}

TEST_CASE("threads: a message that an earlier process answered replaces its turn as well") {
    LaneRig rig;
    rig.ids->put({"", "c1", "auth-thread", 0});
    authority::PastTurn past;
    past.id = "turn-old";
    past.user_text = "once";
    past.client_message_id = "u1";
    rig.authority.past = {past};
    const auto ask = [&](std::string_view text, std::string_view id) {
        return replaced_by(rig, text, id);
    };
    SECTION("the same one") {
        CHECK(ask("once", "u1") == "turn-old");
    }
    SECTION("the same one, whose question is listed once its thread is loaded") {
        rig.authority.past.front().outcome = turn::Outcome::interrupted;
        rig.authority.unlisted = true;
        CHECK(ask("once", "u1") == "turn-old");
    }
    SECTION("not one with another id") {
        CHECK(ask("once", "u2") == std::nullopt);
    }
    SECTION("not one with another text") {
        CHECK(ask("two", "u1") == std::nullopt);
    }
    SECTION("not when the authority cannot take turns back") {
        rig.authority.able.can_revert = false;
        CHECK(ask("once", "u1") == std::nullopt);
    }
}

TEST_CASE("threads: a message without an id is always a new one") {
    LaneRig rig;
    for (int i = 0; i < 2; ++i) {
        const auto stream = rig.open(rig.post("/api/chats/c1/stream", R"({"text":"hi"})"));
        rig.until("the stream", [&] { return stream->has("start-step"); });
        rig.complete(stream);
        CHECK(rig.authority.last().request.revert_from_turn == std::nullopt);
    }
}

TEST_CASE("threads: a new thread is seeded with what the page holds") {
    LaneRig rig;
    const auto stream = rig.open(rig.post(
        "/api/chats/c1/stream",
        R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
        R"({"role":"assistant","content":" "},{"role":"user","content":"next"}]})"
    ));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    const auto& request = rig.authority.last().request;
    REQUIRE(request.seed.size() == 2);
    CHECK(request.seed[0].text == "q");
    CHECK(request.seed[1].text == "a");
    CHECK(rig.ids->find("", "c1")->seeded == 3);
}

TEST_CASE("threads: one that the authority lost is begun again from what the page holds") {
    LaneRig rig;
    rig.ids->put({"", "c1", "gone", 0});
    rig.authority.refuse = [](const authority::TurnRequest& request) {
        return request.thread ? std::optional(Error{Code::not_found, "no such thread", "", ""})
                              : std::nullopt;
    };
    const auto stream = rig.open(rig.post(
        "/api/chats/c1/stream",
        R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
        R"({"role":"user","content":"next"}]})"
    ));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    CHECK(rig.authority.last().request.seed.size() == 2);
    CHECK(rig.ids->find("", "c1")->thread == rig.authority.last().thread);
}

TEST_CASE("regenerate: replacing one of several seeded messages begins the thread again") {
    LaneRig rig;
    rig.ids->put({"", "c1", "auth-thread", 4});
    const auto stream = rig.open(rig.post(
        "/api/chats/c1/stream",
        R"({"messageId":"u2","messages":[{"id":"u1","role":"user","content":"q"},)"
        R"({"id":"a1","role":"assistant","content":"a"},{"id":"u2","role":"user","content":"r"}]})"
    ));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    CHECK(rig.authority.last().request.thread == std::nullopt);
    CHECK(rig.authority.last().request.seed.size() == 2);
    CHECK(rig.ids->find("", "c1")->seeded == 2);
}

TEST_CASE("regenerate: the answer's turn is dropped first") {
    LaneRig rig;
    rig.ids->put({"", "c1", "auth-thread", 0});
    authority::PastTurn past;
    past.id = "turn-old";
    past.user_text = "q";
    rig.authority.past = {past};
    const auto body =
        R"({"id":"c1","trigger":"regenerate-message","messageId":"turn-old",)"
        R"("messages":[{"id":"u1","role":"user","parts":[{"type":"text","text":"q"}]}]})";
    SECTION("where the authority can") {
        const auto stream = rig.open(rig.post("/api/chat", body));
        rig.until("the stream", [&] { return stream->has("start-step"); });
        CHECK(rig.authority.last().request.revert_from_turn == "turn-old");
        CHECK(rig.authority.last().request.thread == "auth-thread");
    }
    SECTION("else it is refused, never appended") {
        rig.authority.able.can_revert = false;
        const auto response = rig.send(rig.post("/api/chat", body));
        CHECK(response.status == 422);
        CHECK(code_of(response) == "regenerate_unsupported");
        CHECK(rig.authority.starts == 0);
    }
    SECTION("a thread whose history is gone begins anew") {
        rig.authority.lost_history = true;
        const auto stream = rig.open(rig.post("/api/chat", body));
        rig.until("the stream", [&] { return stream->has("start-step"); });
        CHECK(rig.authority.last().request.thread == std::nullopt);
    }
}

TEST_CASE("lane mode: retired answers as the old bridge did, and starts nothing") {
    LaneRig rig;
    rig.lane->set_mode(lane::LaneMode::retired);
    const auto response = rig.send(
        rig.post("/api/chat", R"({"id":"c1","workerId":"w1","messages":[{"content":"hi"}]})")
    );
    CHECK(response.status == 200);
    CHECK(response.headers.get("content-type") == "application/json");
    CHECK(response.headers.get("x-oa-legacy-chat-retired") == "true");
    CHECK(
        response.headers.get("x-oa-legacy-chat-canonical") ==
        "/api/runtime/codex/workers/:worker_id/requests"
    );
    CHECK(response.headers.get("x-oa-legacy-chat-stream-protocol") == "disabled");
    const auto body = parse_json(response.body).value();
    const auto& data = body.at("data");
    CHECK(data.at("retired") == true);
    CHECK(data.at("stream_protocol") == "disabled");
    CHECK(data.at("canonical") == "/api/runtime/codex/workers/:worker_id/requests");
    CHECK(data.at("bridge").at("method") == "turn/start");
    CHECK(data.at("bridge").at("worker_id") == "w1");
    CHECK(data.at("bridge").at("request_id") == *response.headers.get("x-request-id"));
    CHECK(data.contains("response"));
    CHECK(rig.authority.starts == 0);
    CHECK(parse_json(rig.send(rig.get("/version")).body)->at("lane") == "retired");
}

TEST_CASE("lane mode: off is 503, and live turns go on") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hi");
    rig.lane->set_mode(lane::LaneMode::off);
    const auto response = rig.send(rig.post("/api/chat", user_message("hi")));
    CHECK(response.status == 503);
    CHECK(code_of(response) == "service_unavailable");
    rig.authority.last().complete();
    rig.await_legal(stream);
}

TEST_CASE("health, readiness and version") {
    LaneRig rig;
    CHECK(rig.send(rig.get("/healthz")).body == R"({"status":"ok"})");
    CHECK(rig.send(rig.get("/readyz")).body == R"({"status":"ready"})");
    rig.authority.health_now = {false, "restarting"};
    const auto unready = rig.send(rig.get("/readyz"));
    CHECK(unready.status == 503);
    CHECK(unready.body == R"({"status":"unready","reason":"restarting"})");
    CHECK(
        rig.send(rig.get("/version")).body ==
        R"({"name":"oa-stream","version":"1.2.3","revision":"rev-1",)"
        R"("authority":{"name":"fake","version":"1.0"},"lane":"on"})"
    );
    auto head = rig.get("/healthz");
    head.method = "HEAD";
    const auto bare = rig.send(std::move(head));
    CHECK(bare.status == 200);
    CHECK(bare.body.empty());
}

TEST_CASE("cors: only listed origins, on preflight, streams and errors") {
    auto config = LaneRig::quick();
    config.cors_origins = {"https://app.example"};
    LaneRig rig(config);
    const auto from = [&](std::string_view origin, net::ClientRequest request) {
        request.headers.set("origin", std::string(origin));
        return request;
    };
    auto preflight = rig.get("/api/chats/c1/stream");
    preflight.method = "OPTIONS";
    const auto allowed = rig.send(from("https://app.example", preflight));
    CHECK(allowed.status == 204);
    CHECK(allowed.headers.get("access-control-allow-origin") == "https://app.example");
    CHECK(allowed.headers.get("access-control-allow-methods") == "POST, GET, OPTIONS");
    const auto names = allowed.headers.get("access-control-allow-headers").value_or("");
    for (const auto* name :
         {"authorization",
          "content-type",
          "user-agent", // of AI SDK 5.0.60 to 5.0.120, 6.0.0 and 6.0.60
          "x-oa-client-build-id",
          "x-oa-protocol-version",
          "x-oa-schema-version",
          "x-oa-accept"}) {
        CHECK(names.contains(name));
    }
    CHECK(allowed.headers.get("vary") == "origin");
    const auto other = rig.send(from("https://evil.example", preflight));
    CHECK(other.status == 204);
    CHECK_FALSE(other.headers.has("access-control-allow-origin"));
    CHECK_FALSE(other.headers.has("access-control-allow-headers"));
    const auto error = rig.send(from("https://app.example", rig.post("/api/chat", "{}")));
    CHECK(error.status == 422);
    CHECK(error.headers.get("access-control-allow-origin") == "https://app.example");
    CHECK(error.headers.get("access-control-expose-headers")->contains("x-request-id"));
}

TEST_CASE("cors: off unless origins are listed") {
    LaneRig rig;
    auto request = rig.get("/healthz");
    request.headers.set("origin", "https://app.example");
    const auto response = rig.send(std::move(request));
    CHECK_FALSE(response.headers.has("access-control-allow-origin"));
    CHECK_FALSE(response.headers.has("vary"));
}

TEST_CASE("request id: taken when it is harmless, else made") {
    LaneRig rig;
    const auto id_for = [&](std::string_view given) {
        auto request = rig.get("/healthz");
        request.headers.set("x-request-id", std::string(given));
        return std::string(*rig.send(std::move(request)).headers.get("x-request-id"));
    };
    CHECK(id_for("abc.DEF_1-2") == "abc.DEF_1-2");
    CHECK(id_for("two words").starts_with("req_"));
    CHECK(id_for(std::string(129, 'a')).starts_with("req_"));
    CHECK(id_for("a\"b").starts_with("req_"));
}

TEST_CASE("traceparent: a valid one reaches the authority and the log") {
    LaneRig rig;
    const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    auto request = rig.post("/api/chats/c1/stream", user_message("hi"));
    request.headers.set("traceparent", trace);
    const auto stream = rig.open(std::move(request));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    CHECK(rig.authority.last().request.traceparent == trace);
    rig.complete(stream);
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    CHECK(rig.watcher.requests.front().trace == "0af7651916cd43dd8448eb211c80319c");
    auto bad = rig.post("/api/chats/c2/stream", user_message("hi"));
    bad.headers.set("traceparent", "00-xyz");
    const auto other = rig.open(std::move(bad));
    rig.until("the stream", [&] { return other->has("start-step"); });
    CHECK(rig.authority.last().request.traceparent.empty());
}
