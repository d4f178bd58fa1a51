// /v1/chat/completions over a real socket, with an authority the test plays.
#include "lane_rig.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;
using turn::TerminalClass;

namespace {

constexpr std::string_view k_path = "/v1/chat/completions";
constexpr std::string_view k_streamed = R"(,"stream":true)";

std::string body_of(std::string_view more = "", std::string_view model = "oa-stream") {
    return fmt::format(
        R"({{"model":"{}","messages":[{{"role":"user","content":"hi"}}]{}}})", model, more
    );
}

net::ClientRequest ask(LaneRig& rig, std::string_view more = "") {
    return rig.post(k_path, body_of(more));
}

/// "404 invalid_request_error model_not_found model"
std::string error_of(const net::ClientResponse& response) {
    const auto body = json_of(response);
    CHECK(response.headers.get("content-type") == "application/json");
    REQUIRE(body.size() == 1);
    const auto& error = body.at("error");
    REQUIRE(error.size() == 4);
    CHECK_FALSE(error.at("message").get<std::string>().empty());
    const auto& param = error.at("param");
    return fmt::format(
        "{} {} {} {}",
        response.status,
        error.at("type").get<std::string>(),
        error.at("code").get<std::string>(),
        param.is_null() ? "-" : param.get<std::string>()
    );
}

/// "invalid_request_error model_not_found model", of the frame that ends a stream
std::string last_error_of(const net::ClientResponse& stream) {
    const std::string_view frames = stream.body;
    const auto at = frames.rfind("data: {\"error\"");
    REQUIRE(at != std::string_view::npos);
    const auto error = Json::parse(frames.substr(at + 6)).at("error");
    return fmt::format(
        "{} {} {}",
        error.at("type").get<std::string>(),
        error.at("code").get<std::string>(),
        string_member(error, "param").value_or("-")
    );
}

/// A whole answer that is waited for while the test plays its turn.
struct Waiting {
    Waiting(LaneRig& rig, std::string_view more = "")
        : rig_(&rig), stream(rig.open(ask(rig, more))) {
        const auto before = rig.authority.turns_started.size();
        rig.until("a turn", [&] { return rig.authority.turns_started.size() > before; });
    }
    net::ClientResponse end() {
        rig_->await_end(stream);
        auto response = stream->head;
        response.body = stream->bytes;
        return response;
    }
    LaneRig* rig_;
    std::shared_ptr<Stream> stream;
};

void at_limit(lane::LaneConfig& config, std::size_t limit) {
    config.limits.completions = limit;
}

turn::TurnEnded failed(turn::FailureCode code, turn::FailureCause cause = {}) {
    turn::TurnEnded ended{.outcome = turn::Outcome::failed, .finish = turn::Finish::error};
    ended.failure =
        turn::Failure{.code = code, .retryable = true, .detail = "secret", .cause = cause};
    return ended;
}

} // namespace

TEST_CASE("completions: a whole answer is the turn's text, its finish and its counts") {
    LaneRig rig;
    Waiting waiting(rig);
    auto& turn = rig.authority.last();
    CHECK(turn.request.ephemeral);
    CHECK_FALSE(turn.request.thread.has_value());
    turn.say("Hello ");
    turn.more("you");
    turn.complete();
    const auto response = waiting.end();
    CHECK(response.status == 200);
    CHECK(response.headers.get("x-conc-limit") == "16");
    CHECK(response.headers.get("x-conc-active") == "1");
    const auto body = json_of(response);
    CHECK(body.at("object") == "chat.completion");
    CHECK(body.at("model") == "oa-stream");
    CHECK(body.at("choices")[0].at("message").at("content") == "Hello you");
    CHECK(body.at("choices")[0].at("finish_reason") == "stop");
    CHECK(body.at("usage").at("total_tokens") == 15);

    rig.until("its record", [&] { return rig.watcher.requests.size() == 1; });
    const auto& record = rig.watcher.requests[0];
    CHECK(record.route == k_path);
    CHECK(record.lane == "native");
    CHECK(record.status == 200);
    CHECK(body.at("id") == record.thread);
    CHECK(record.terminal == TerminalClass::completed);
    CHECK(record.usage == turn::Usage{10, 2, 5, 1});
    CHECK(record.bytes == response.body.size());
    CHECK_FALSE(record.reader.has_value());
    CHECK(record.accepted_s >= 0);
    CHECK(record.headers_s >= record.accepted_s);
    CHECK(rig.watcher.accepted == std::vector<std::string>{std::string(k_path)});
    CHECK(rig.watcher.turns.size() == 1);
    CHECK(rig.watcher.turns[0].first_content_s >= 0);
    CHECK(rig.watcher.readers == 0);
}

TEST_CASE("completions: a stream begins when the turn was accepted and ends with [DONE]") {
    LaneRig rig;
    const auto stream =
        rig.open(ask(rig, R"(,"stream":true,"stream_options":{"include_usage":true})"));
    rig.until("the role", [&] { return stream->has(R"("role":"assistant")"); });
    CHECK(stream->head.headers.get("content-type") == "text/event-stream; charset=utf-8");
    CHECK(stream->head.headers.get("cache-control") == "no-cache, no-transform");
    CHECK(stream->head.headers.get("x-accel-buffering") == "no");
    CHECK(stream->head.headers.get("x-should-retry") == "false");
    CHECK(stream->head.headers.get("x-conc-active") == "1");
    CHECK_FALSE(stream->head.headers.has("x-vercel-ai-ui-message-stream"));
    rig.authority.last().say("Hi");
    rig.until("the text", [&] { return stream->has(R"("content":"Hi")"); });
    rig.complete(stream);
    CHECK(stream->bytes.ends_with("data: [DONE]\n\n"));
    CHECK(stream->has(R"("total_tokens":15)"));
    rig.until("its record", [&] { return rig.watcher.requests.size() == 1; });
    CHECK(rig.watcher.requests[0].reader == lane::ReaderEnd::finished);
    CHECK(rig.watcher.requests[0].terminal == TerminalClass::completed);
    CHECK(rig.watcher.requests[0].usage == turn::Usage{10, 2, 5, 1});
}

TEST_CASE("completions: each refusal has its status, type, code and parameter") {
    auto config = LaneRig::quick();
    at_limit(config, 0);
    LaneRig rig(config);
    rig.give_tokens({{"tok-a", "alice"}});
    const net::Headers key{{"authorization", "Bearer tok-a"}};
    const auto send = [&](std::string_view body, net::Headers headers) {
        return error_of(rig.send(rig.post(k_path, body, std::move(headers))));
    };
    // Everything is wrong at once; each request repairs one thing more.
    CHECK(
        send(std::string(100U << 10U, ' '), {{"content-type", "text/plain"}}) ==
        "413 invalid_request_error request_too_large -"
    );
    CHECK(
        send("{", {{"content-type", "text/plain"}}) == "401 invalid_request_error invalid_api_key -"
    );
    CHECK(
        send("{", {{"authorization", "Bearer tok-a"}, {"content-type", "text/plain"}}) ==
        "415 invalid_request_error unsupported_media_type -"
    );
    CHECK(send("{", key) == "400 invalid_request_error invalid_json -");
    CHECK(send("[]", key) == "400 invalid_request_error invalid_json -");
    CHECK(
        send(body_of(R"(,"n":2)", "other"), key) == "400 invalid_request_error unsupported_value n"
    );
    CHECK(send(body_of("", "other"), key) == "404 invalid_request_error model_not_found model");
    CHECK(send(body_of(), key) == "429 rate_limit_error concurrency_exceeded -");
    CHECK(rig.watcher.requests.back().error == "concurrency_exceeded");
    CHECK(rig.authority.starts == 0);
    rig.lane->begin_drain();
    CHECK(send(body_of(), key) == "503 server_error server_draining -");
}

TEST_CASE("completions: half a character is refused in what the user says now, and nowhere else") {
    LaneRig rig;
    const auto code = [&rig](std::string_view path, std::string_view what) {
        const auto started = rig.authority.turns_started.size();
        const auto stream =
            rig.open(rig.post(path, fmt::format(R"({{"model":"oa-stream",{}}})", what)));
        rig.until("an answer or a turn", [&] {
            return stream->ended || rig.authority.turns_started.size() > started;
        });
        if (!stream->ended) {
            rig.complete(stream);
            return stream->head.status;
        }
        CHECK(stream->has("surrogate without its other half"));
        return stream->head.status;
    };
    const auto chat = [&code](std::string_view old, std::string_view now) {
        return code(
            k_path,
            fmt::format(
                R"("messages":[{{"role":"user","content":"{}"}},{{"role":"user","content":"{}"}}])",
                old,
                now
            )
        );
    };
    const auto response = [&code](std::string_view input) {
        return code("/v1/responses", fmt::format(R"("input":{})", input));
    };
    CHECK(chat("hi", R"(cut \ud83d)") == 400);
    CHECK(chat(R"(cut \ud83d)", "hi") == 200);
    CHECK(response(R"("cut \ud83d")") == 400);
    CHECK(response(R"([{"role":"user","content":"cut \ud83d"}])") == 400);
    CHECK(
        response(R"([{"role":"user","content":"cut \ud83d"},{"role":"user","content":"hi"}])") ==
        200
    );
    CHECK(rig.authority.starts == 2);
}

TEST_CASE("completions: other methods and paths are refused in the same words") {
    LaneRig rig;
    const auto method = rig.send(rig.get(k_path));
    CHECK(error_of(method) == "405 invalid_request_error method_not_allowed -");
    CHECK(method.headers.get("allow") == "POST, OPTIONS");
    CHECK(error_of(rig.send(rig.get("/v1/nope"))) == "404 invalid_request_error not_found -");
    const auto elsewhere = json_of(rig.send(rig.get("/nope")));
    CHECK(elsewhere.at("error").at("type") == "invalid_request_error");
    CHECK(elsewhere.at("error").at("param").is_null());
}

TEST_CASE("completions: a refusal to start is told by its kind and leaves no place taken") {
    struct Row {
        Error error;
        std::string_view told;
        bool again; ///< a library may try it again
    };
    const std::array rows{
        Row{{Code::unavailable, "x"}, "503 server_error overloaded -", true},
        Row{{Code::unavailable, "x", "rate_limited"},
            "429 rate_limit_error rate_limit_exceeded -",
            true},
        Row{{Code::timeout, "x"}, "504 server_error authority_timeout -", false},
        Row{{Code::credentials, "x", "client"}, "401 invalid_request_error invalid_api_key -", true
        },
        Row{{Code::internal, "x"}, "503 server_error overloaded -", true},
        Row{{Code::protocol, "x"}, "502 server_error codex_error -", true},
        Row{{Code::too_large, "x"},
            "400 invalid_request_error string_above_max_length messages",
            true},
        Row{{Code::precondition, "x"}, "400 invalid_request_error invalid_value messages", true},
    };
    auto config = LaneRig::quick();
    at_limit(config, 1);
    LaneRig rig(config);
    for (const auto& row : rows) {
        for (const auto* more : {"", R"(,"stream":true)"}) {
            CAPTURE(row.told, more);
            rig.authority.refuse = [&](const auto&) { return std::optional(row.error); };
            const auto response = rig.send(ask(rig, more));
            CHECK(error_of(response) == row.told);
            CHECK((response.headers.get("x-should-retry") != "false") == row.again);
            CHECK(
                response.headers.has("retry-after") ==
                (row.told[0] == '4' && row.told[1] == '2' || row.told.starts_with("503"))
            );
            CHECK_FALSE(response.body.contains("\"x\""));
        }
    }
    CHECK(rig.lane->busy() == 0);
}

TEST_CASE("completions: a failed turn is an error by its cause, never half an answer") {
    struct Row {
        std::string_view name;
        bool text;
        turn::TurnEnded ended;
        std::string_view told;
        bool again;
    };
    using turn::FailureCause;
    using turn::FailureCode;
    const std::array rows{
        Row{"failed",
            true,
            failed(FailureCode::turn_failed),
            "502 server_error turn_failed -",
            false},
        Row{"rate, nothing made",
            false,
            failed(FailureCode::turn_failed, FailureCause::rate_limited),
            "429 rate_limit_error rate_limit_exceeded -",
            true},
        Row{"rate, after text",
            true,
            failed(FailureCode::turn_failed, FailureCause::rate_limited),
            "502 server_error turn_failed -",
            false},
        Row{"context",
            false,
            failed(FailureCode::turn_failed, FailureCause::context_length),
            "400 invalid_request_error context_length_exceeded messages",
            false},
        Row{"context, after text",
            true,
            failed(FailureCode::turn_failed, FailureCause::context_length),
            "400 invalid_request_error context_length_exceeded messages",
            false},
        Row{"busy, after text",
            true,
            failed(FailureCode::turn_failed, FailureCause::overloaded),
            "502 server_error turn_failed -",
            false},
        Row{"key",
            false,
            failed(FailureCode::turn_failed, FailureCause::bad_key),
            "502 server_error turn_failed -",
            false},
        Row{"stalled", true, failed(FailureCode::stalled), "504 server_error stalled -", false},
        Row{"overloaded",
            true,
            failed(FailureCode::overloaded),
            "502 server_error overloaded -",
            false},
        Row{"drained",
            true,
            failed(FailureCode::turn_aborted, FailureCause::drained),
            "503 server_error server_draining -",
            false},
        Row{"quota",
            false,
            failed(FailureCode::turn_failed, FailureCause::usage_limit),
            "429 rate_limit_error insufficient_quota -",
            false},
    };
    LaneRig rig;
    const auto play = [&](const Row& row, std::string_view more) {
        Waiting waiting(rig, more);
        if (row.text) {
            rig.authority.last().say("half");
        }
        rig.authority.last().push(row.ended);
        return waiting.end();
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto response = play(row, "");
        CHECK(error_of(response) == row.told);
        CHECK(last_error_of(play(row, k_streamed)) == row.told.substr(4));
        CHECK((response.headers.get("x-should-retry") != "false") == row.again);
        CHECK(
            response.headers.has("retry-after") ==
            (row.told.starts_with("503") || row.told.contains("rate_limit_exceeded"))
        );
        CHECK_FALSE(response.body.contains("half"));
        CHECK_FALSE(response.body.contains("secret"));
        CHECK(response.body.contains("accept this assistant's key") == (row.name == "key"));
    }
    rig.until("the records", [&] { return rig.watcher.requests.size() == 2 * rows.size(); });
    CHECK(rig.watcher.requests[0].terminal == TerminalClass::turn_failed);
    CHECK(rig.watcher.requests[0].error == "turn_failed");
}

TEST_CASE("completions: the limit counts turns of both kinds and is given back at their end") {
    auto config = LaneRig::quick();
    at_limit(config, 2);
    LaneRig rig(config);
    Waiting whole(rig);
    const auto stream = rig.open(ask(rig, R"(,"stream":true)"));
    rig.until("the second turn", [&] { return rig.authority.turns_started.size() == 2; });
    for (int i = 0; i < 5; ++i) {
        const auto refused = rig.send(ask(rig));
        CHECK(error_of(refused) == "429 rate_limit_error concurrency_exceeded -");
        CHECK(refused.headers.get("retry-after") == "1");
        CHECK(refused.headers.get("x-conc-limit") == "2");
        CHECK(refused.headers.get("x-conc-active") == "2");
        CHECK_FALSE(refused.headers.has("x-should-retry"));
    }
    CHECK(rig.authority.starts == 2);
    rig.authority.turns_started[0]->complete();
    CHECK(whole.end().status == 200);
    Waiting next(rig);
    CHECK(rig.authority.starts == 3);
    rig.authority.turns_started[1]->complete();
    rig.authority.turns_started[2]->complete();
    rig.await_end(stream);
    CHECK(next.end().headers.get("x-conc-active") == "2");
}

TEST_CASE("completions: a client that leaves interrupts its turn, and its tokens are counted") {
    for (const auto* more : {"", R"(,"stream":true)"}) {
        CAPTURE(more);
        auto config = LaneRig::quick();
        config.timings.detach_grace = Millis(60'000);
        at_limit(config, 1);
        LaneRig rig(config);
        Waiting waiting(rig, more);
        rig.authority.last().say("half");
        rig.authority.last().push(turn::UsageKnown{turn::Usage{7, 0, 3, 0}});
        rig.until("its first words", [&] { return rig.authority.last().queue.empty(); });
        waiting.stream->leave();
        rig.until("the interrupt", [&] { return rig.authority.last().interrupts == 1; });
        rig.until("the record", [&] { return rig.watcher.requests.size() == 1; });
        const auto& record = rig.watcher.requests[0];
        CHECK(record.terminal == TerminalClass::client_gone);
        CHECK(record.usage == turn::Usage{7, 0, 3, 0});
        CHECK(record.status == (*more == 0 ? 499 : 200));
        CHECK(rig.watcher.turns.size() == 1);
        CHECK(rig.lane->busy() == 0);
        Waiting next(rig);
        rig.authority.last().complete();
        CHECK(next.end().status == 200);
    }
}

TEST_CASE("completions: a client that leaves before its turn was accepted frees its place") {
    auto config = LaneRig::quick();
    at_limit(config, 1);
    LaneRig rig(config);
    rig.authority.hold = true;
    const auto stream = rig.open(ask(rig));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    stream->leave();
    rig.until("its leaving", [&] { return stream->ended; });
    rig.authority.release();
    rig.until("the end", [&] { return rig.lane->busy() == 0 && rig.watcher.turns.size() == 1; });
    CHECK(rig.watcher.turns[0].terminal == TerminalClass::client_gone);
    Waiting next(rig);
    rig.authority.last().complete();
    CHECK(next.end().status == 200);
}

TEST_CASE("completions: a slow whole answer is waited for, readers or not") {
    auto config = LaneRig::quick();
    config.timings.detach_grace = Millis(30);
    config.limits.first_event = Millis(60);
    LaneRig rig(config);
    Waiting waiting(rig);
    rig.authority.last().push(turn::PartOpened{"r1", turn::PartKind::reasoning});
    const auto until = Clock::now() + Millis(200);
    rig.until("a pause", [&] { return Clock::now() >= until; });
    rig.authority.last().say("late");
    rig.authority.last().complete();
    const auto response = waiting.end();
    CHECK(response.status == 200);
    CHECK(json_of(response).at("choices")[0].at("finish_reason") == "stop");
}

TEST_CASE("completions: a turn that outlasts its time is a 504, one cut by the drain a 503") {
    auto config = LaneRig::quick();
    config.limits.turn_wall = Millis(40);
    LaneRig rig(config);
    Waiting slow(rig);
    rig.authority.last().say("half");
    const auto late = slow.end();
    CHECK(error_of(late) == "504 server_error authority_timeout -");
    CHECK(late.body.contains("The assistant did not answer in time."));
    Waiting slow_stream(rig, k_streamed);
    rig.authority.last().say("half");
    const auto late_stream = slow_stream.end();
    CHECK(last_error_of(late_stream) == "server_error authority_timeout -");
    CHECK(late_stream.body.contains("The assistant did not answer in time."));

    LaneRig other;
    Waiting cut(other);
    other.authority.last().say("half");
    Waiting cut_stream(other, k_streamed);
    other.authority.last().say("half");
    CHECK(other.run(other.lane->drain(Millis(100))) == 2);
    const auto response_stream = cut_stream.end();
    CHECK(last_error_of(response_stream) == "server_error server_draining -");
    CHECK(response_stream.body.contains("The server was shut down before"));
    const auto response = cut.end();
    CHECK(error_of(response) == "503 server_error server_draining -");
    CHECK(response.body.contains("The server was shut down before"));
    CHECK(response.headers.get("x-should-retry") == "false");
}

TEST_CASE("completions: nobody else can resume or stop the turn") {
    LaneRig rig;
    Waiting waiting(rig);
    rig.until("its record's id", [&] { return rig.lane->busy() == 1; });
    for (const auto* id : {"v1", "v1%3Achatcmpl-0"}) {
        auto stop = rig.post(fmt::format("/api/chats/{}/stop", id), "{}");
        CHECK(rig.send(std::move(stop)).status >= 404);
    }
    CHECK(rig.authority.last().interrupts == 0);
    rig.authority.last().complete();
    CHECK(waiting.end().status == 200);
}

TEST_CASE("completions: the compat gate does not stand here; habits are named in a header") {
    auto config = LaneRig::quick();
    config.compat = lane::CompatMode::required;
    LaneRig rig(config);
    Waiting waiting(rig, R"(,"temperature":0.5,"seed":1)");
    rig.authority.last().complete();
    const auto response = waiting.end();
    CHECK(response.status == 200);
    CHECK(response.headers.get("x-ignored-params") == "temperature, seed");
}

TEST_CASE("models: the one model is listed and found by its name") {
    auto config = LaneRig::quick();
    config.model = "my-model";
    LaneRig rig(config);
    const auto list = json_of(rig.send(rig.get("/v1/models")));
    CHECK(list.at("object") == "list");
    REQUIRE(list.at("data").size() == 1);
    CHECK(list.at("data")[0].at("id") == "my-model");
    CHECK(list.at("data")[0].at("created") > 1'600'000'000);
    for (const auto* id : {"my-model", "my%2Dmodel"}) {
        const auto one = json_of(rig.send(rig.get(fmt::format("/v1/models/{}", id))));
        CHECK(one == list.at("data")[0]);
    }
    CHECK(
        error_of(rig.send(rig.get("/v1/models/other"))) ==
        "404 invalid_request_error model_not_found model"
    );
    CHECK(rig.watcher.requests.back().route == "/v1/models/{model}");
    CHECK(rig.watcher.requests.back().lane == "native");
    rig.give_tokens({{"tok-a", "alice"}});
    CHECK(
        error_of(rig.send(rig.get("/v1/models"))) == "401 invalid_request_error invalid_api_key -"
    );
}

TEST_CASE("preflight: pages that use OpenAI's libraries may send their headers") {
    auto config = LaneRig::quick();
    config.cors_origins = {"http://app.example"};
    LaneRig rig(config);
    auto request = rig.get(k_path);
    request.method = "OPTIONS";
    request.headers.set("origin", "http://app.example");
    const auto response = rig.send(std::move(request));
    CHECK(response.status == 204);
    const auto allowed = std::string(response.headers.get("access-control-allow-headers").value());
    CHECK(allowed.contains("authorization"));
    CHECK(allowed.contains("x-stainless-lang"));
    CHECK(allowed.contains("user-agent")); // of openai 4 and 5, and AI SDK's providers
    CHECK(response.headers.get("access-control-allow-methods") == "POST, OPTIONS");
}

TEST_CASE("completions: a refusal says what works instead") {
    LaneRig rig;
    const auto told = [](const net::ClientResponse& response) {
        return json_of(response).at("error").at("message").get<std::string>();
    };
    CHECK(told(rig.send(rig.post("/v1/embeddings", "{}"))).contains("below /v1 are chat/complet"));
    CHECK(told(rig.send(rig.post("/chat/completions", "{}"))).ends_with("must end with /v1"));
    CHECK(told(rig.send(rig.get("/api/nothing"))) == "there is no such route");
    const std::string_view old = R"(,"functions":[{"name":"f"}])";
    CHECK(told(rig.send(ask(rig, old))) == "'functions' is not supported by this endpoint");
    rig.authority.able.client_tools = true;
    CHECK(told(rig.send(ask(rig, old))).ends_with(": send 'tools'"));
    const std::string_view call = R"(,"function_call":{"name":"f"})";
    CHECK(told(rig.send(ask(rig, call))).ends_with(": send 'tool_choice'"));
}

TEST_CASE("completions: the addresses and the key of Azure's clients") {
    LaneRig rig;
    rig.give_tokens({{"tok-a", "alice"}});
    const auto post = [&](std::string_view path, std::string_view model) {
        auto request = rig.post(path, body_of("", model));
        request.headers.set("api-key", "tok-a");
        return request;
    };
    SECTION("the name in the path counts, whatever the body says") {
        const auto stream = rig.open(
            post("/openai/deployments/oa%2Dstream/chat/completions?api-version=2024-10-21", "")
        );
        rig.until("a turn", [&] { return rig.authority.starts == 1; });
        CHECK(rig.authority.last().request.owner == "alice");
        rig.complete(stream);
        CHECK(parse_json(stream->bytes)->at("model") == "oa-stream");
        CHECK(rig.watcher.requests.front().route == k_path);
        CHECK(rig.watcher.requests.front().lane == "native");
        const auto other = rig.send(post("/openai/deployments/o/chat/completions", "oa-stream"));
        CHECK(error_of(other) == "404 invalid_request_error model_not_found model");
    }
    SECTION("elsewhere the member counts, and refusals are OpenAI's") {
        const auto none = rig.send(post("/openai/v1/chat/completions", ""));
        CHECK(error_of(none) == "400 invalid_request_error invalid_value model");
        const auto unknown = rig.send(post("/openai/embeddings", ""));
        CHECK(error_of(unknown) == "404 invalid_request_error not_found -");
    }
    SECTION("api-key is a key of /v1 alone, once, and where there is no other") {
        CHECK(rig.send(post("/api/chat", "")).status == 401);
        auto both = post(k_path, "");
        both.headers.set("authorization", "Bearer tok-b");
        CHECK(error_of(rig.send(std::move(both))) == "401 invalid_request_error invalid_api_key -");
        auto twice = post(k_path, "");
        twice.headers.add("api-key", "tok-b");
        CHECK(rig.send(std::move(twice)).status == 400);
        auto wrong = post(k_path, "");
        wrong.headers.set("api-key", "tok-b");
        CHECK(rig.send(std::move(wrong)).status == 401);
    }
}
