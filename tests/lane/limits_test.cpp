// Limits that have no story of their own elsewhere; docs/limits.md lists all of them.
#include "lane_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

TEST_CASE("limits: a turn has so many readers at once, and room again when one leaves") {
    auto config = LaneRig::quick();
    config.limits.readers_per_turn = 2;
    LaneRig rig(config);
    const auto first = rig.chat("c1", "hello");
    const auto second = rig.open(rig.get("/api/chats/c1/stream"));
    rig.until("the second reader", [&] { return second->has("start-step"); });
    const auto refused = rig.send(rig.get("/api/chats/c1/stream"));
    CHECK(refused.status == 429);
    CHECK(refused.headers.has("retry-after"));
    CHECK(refused.body.contains("rate_limited"));
    second->leave();
    rig.until("its leaving", [&] { return rig.watcher.readers == 1; });
    const auto third = rig.open(rig.get("/api/chats/c1/stream"));
    rig.until("the third reader", [&] { return third->has("start-step"); });
    rig.authority.last().say("x");
    rig.complete(first);
    rig.await_end(third);
    rig.judge(*first);
    rig.judge(*third);
}

TEST_CASE("limits: a request that is sent again is one more reader of its turn") {
    auto config = LaneRig::quick();
    config.limits.readers_per_turn = 2;
    LaneRig rig(config);
    const auto again = [&rig] {
        return rig.post("/api/chats/c1/stream", user_message("hello"), {{"idempotency-key", "k"}});
    };
    const auto first = rig.open(again());
    rig.until("the turn", [&] { return first->has("start-step"); });
    const auto second = rig.open(again());
    rig.until("the second reader", [&] { return second->has("start-step"); });
    const auto refused = rig.send(again());
    CHECK(refused.status == 429);
    CHECK(refused.headers.has("retry-after"));
    CHECK(rig.authority.starts == 1);
    rig.authority.last().say("x");
    rig.complete(first);
    rig.await_legal(second);
}

TEST_CASE("limits: an export that is still read counts among the large answers") {
    auto config = LaneRig::quick();
    config.limits.total_answer_bytes = 200'000;
    LaneRig rig(config);
    rig.ids->put({"", "c", "auth-c"});
    for (int i = 0; i < 120; ++i) { // more than a page
        rig.authority.past.push_back(
            {.id = fmt::format("t{}", i), .user_text = std::string(3000, 'q')}
        );
    }
    rig.authority.late_history = 3; // a look at the newest turn, then two pages
    const auto file = rig.open(rig.get("/api/chats/c/export"));
    rig.until("its second page", [&] { return rig.authority.history_reads >= 3; });
    const auto refused = rig.send(rig.get("/api/chats/c/messages?limit=100"));
    CHECK(refused.status == 503);
    CHECK(refused.headers.has("retry-after"));
    rig.authority.release();
    rig.await_end(file);
    CHECK(file->head.status == 200);
    CHECK(file->has(R"("id":"t119")"));
}

TEST_CASE("limits: what /v1 gathers of an answer is in the limits of the logs") {
    struct Row {
        std::string_view path;
        std::string_view more;
        std::string_view cause;
    };
    constexpr std::string_view k_large = "the answer is larger than turn-log";
    constexpr std::string_view k_full = "all logs together are full";
    const auto row = GENERATE_REF(
        Row{"/v1/chat/completions", R"("messages":[{"role":"user","content":"hi"}])", k_large},
        Row{"/v1/responses", R"("input":"hi")", k_large},
        Row{"/v1/responses", R"("input":"hi","stream":true)", k_large},
        Row{"/v1/chat/completions", R"("messages":[{"role":"user","content":"hi"}])", k_full}
    );
    CAPTURE(row.path, row.more, row.cause);
    auto config = LaneRig::quick();
    auto& limits = config.limits;
    (row.cause == k_full ? limits.total_log_bytes : limits.turn_log_bytes) = 100'000;
    LaneRig rig(config);
    const auto stream =
        rig.open(rig.post(row.path, fmt::format(R"({{"model":"oa-stream",{}}})", row.more)));
    rig.until("its turn", [&] { return rig.authority.starts == 1; });
    rig.authority.last().say(std::string(60'000, 'x'));
    rig.authority.last().more(std::string(60'000, 'x'));
    rig.await_end(stream); // though the turn goes on
    CHECK(stream->head.status == (row.more.contains("stream") ? 200 : 502));
    CHECK_FALSE(stream->head.headers.has("retry-after")); // the next one is no smaller
    CHECK(stream->has("overloaded"));
    CHECK(only_turn(rig).terminal == turn::TerminalClass::turn_aborted);
    CHECK(only_turn(rig).failure.value().detail == row.cause);
}

TEST_CASE("limits: what can be resumed of ended turns gives way to a turn that grows") {
    const bool stalled = GENERATE(false, true); // a reader takes nothing more of it
    CAPTURE(stalled);
    auto config = LaneRig::quick();
    config.limits.turn_log_bytes = 1U << 30U;
    config.limits.total_log_bytes = 10'000'000;
    config.limits.max_lag_bytes = 64U << 10U;
    config.timings.ended_kept = std::chrono::hours(1);
    LaneRig rig(config);
    const auto first = rig.chat("c1", "hello");
    rig.until("its start", [&] { return first->has("start-step"); });
    first->paused = stalled;
    rig.authority.last().say(std::string(9'000'000, 'x')); // more than any socket buffer takes
    rig.authority.last().complete();
    rig.until("its outcome", [&] { return rig.watcher.turns.size() == 1; });
    rig.until("its request", [&] { return rig.watcher.requests.size() == (stalled ? 0 : 1); });
    const auto second = rig.chat("c2", "hello");
    rig.authority.last().say(std::string(2'000'000, 'x'));
    rig.complete(second);
    rig.until("both requests", [&] { return rig.watcher.requests.size() == 2; });
    CHECK(rig.watcher.turns.back().terminal == turn::TerminalClass::completed);
    CHECK(
        rig.watcher.requests.front().reader ==
        (stalled ? lane::ReaderEnd::client_too_slow : lane::ReaderEnd::finished)
    );
}

TEST_CASE("limits: a user message is counted in code points, and its last one still fits") {
    auto config = LaneRig::quick();
    config.limits.text_chars = 5;
    LaneRig rig(config);
    const auto fits = rig.chat("c1", "äöü€𝒳");
    CHECK(fits->head.status == 200);
    const auto refused = rig.send(rig.post("/api/chats/c2/stream", user_message("äöü€𝒳x")));
    CHECK(refused.status == 422);
    CHECK(rig.authority.starts == 1);
    rig.complete(fits);
}

TEST_CASE("limits: a body nested deeper than allowed is no JSON to us") {
    auto config = LaneRig::quick();
    config.limits.json_depth = 6;
    LaneRig rig(config);
    const auto nested = [](int depth) {
        const auto more = static_cast<std::size_t>(depth);
        return fmt::format(
            R"({{"deep":{}{},"messages":[{{"id":"u","role":"user","content":"hi"}}]}})",
            std::string(more, '['),
            std::string(more, ']')
        );
    };
    const auto fits = rig.open(rig.post("/api/chats/c1/stream", nested(5)));
    rig.until("the turn", [&] { return fits->has("start-step"); });
    const auto refused = rig.send(rig.post("/api/chats/c2/stream", nested(6)));
    CHECK(refused.status == 400);
    CHECK(refused.body.contains("invalid_json"));
    rig.complete(fits);
}

TEST_CASE("gates: with two Content-Type headers a body is no JSON, whichever comes first") {
    LaneRig rig;
    for (const std::string_view second : {"text/plain", "application/json"}) {
        auto twice = rig.post("/api/chats/c1/stream", user_message("x"));
        twice.headers.add("content-type", std::string(second));
        const auto refused = rig.send(std::move(twice));
        CHECK(refused.status == 415);
    }
    CHECK(rig.authority.starts == 0);
}

TEST_CASE("gates: two Authorization headers are 400, whether tokens are wanted or not") {
    LaneRig rig;
    for (const bool tokens : {false, true}) {
        CAPTURE(tokens);
        if (tokens) {
            rig.give_tokens({{"right", "env"}});
        }
        auto twice = rig.post("/api/chats/c1/stream", user_message("x"));
        twice.headers.add("authorization", "Bearer right");
        twice.headers.add("authorization", "Bearer wrong");
        const auto refused = rig.send(std::move(twice));
        CHECK(refused.status == 400);
        CHECK(refused.body.contains("bad_request"));
    }
    CHECK(rig.authority.starts == 0);
}
