// A turn that its authority runs, and that no lane of this process began: a reader joins it.
#include "../lane_rig.hpp"
#include "tools/call_results.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// The thread "c" and its turn, which began with this.
std::shared_ptr<PlayedTurn>
joinable(LaneRig& rig, std::string_view user_id, std::string_view text) {
    rig.authority.able.joins = true;
    rig.ids->put({"", "c", "auth-c"});
    authority::PastTurn past{.id = "turn-1", .user_text = std::string(text)};
    past.client_message_id = std::string(user_id);
    past.running = true;
    rig.authority.past = {past};
    const auto played = std::make_shared<PlayedTurn>(rig.context.get_executor());
    played->thread = "auth-c";
    played->turn = "turn-1";
    rig.authority.running["auth-c"] = played;
    return played;
}

constexpr std::string_view k_results_text =
    R"(Results of the functions that were called above:
[{"id":"k1","name":"weather","output":"sunny"}])";

lane::LaneConfig allowing_tools() {
    auto config = LaneRig::quick();
    config.allowed.tools = true;
    return config;
}

} // namespace

TEST_CASE("rejoin: only results that go on with a page's message keep that message's id") {
    struct Row {
        std::string_view user_id, text, message;
    };
    static constexpr std::array k_rows{
        Row{"oa-tool-results:page-1", k_results_text, "page-1"},
        Row{lane::k_results_id, k_results_text, "turn-1"}, // of a message without an id
        Row{"oa-tool-results:page-1", "hi", "turn-1"}, // somebody's own words
        Row{"0b2d7c1e-84a5-4f0e-9d0c-8c4b1f6a2e11", "hi", "turn-1"},
        Row{"u1", "hi", "turn-1"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.user_id, row.text);
        LaneRig rig;
        const auto played = joinable(rig, row.user_id, row.text);
        const auto stream = rig.open(rig.get("/api/chats/c/stream"));
        played->say("hello");
        rig.until("the text", [&] { return stream->has("hello") || stream->ended; });
        CHECK(stream->head.status == 200);
        const auto start = fmt::format(R"(data: {{"type":"start","messageId":"{}")", row.message);
        CHECK(stream->bytes.substr(0, start.size()) == start);
        played->complete();
        rig.await_end(stream);
    }
}

TEST_CASE("rejoin: the results that began the turn get its answer, and no others do") {
    LaneRig rig(allowing_tools());
    const auto played = joinable(
        rig,
        lane::k_results_id,
        "Results of the functions that were called above:\n"
        R"([{"id":"k1","name":"weather","output":{"sky":"sun"}},)"
        R"({"id":"k2","name":"clock","error":"broken"}])"
    );
    const auto stream = rig.open(rig.get("/api/chats/c/stream"));
    played->say("hello");
    rig.until("the text", [&] { return stream->has("hello"); });
    const auto post = [&](std::string_view sky, std::string_view why) {
        const auto body = fmt::format(
            R"({{"id":"c","messages":[{{"id":"m","role":"assistant","parts":[)"
            R"({{"type":"tool-weather","toolCallId":"k1","state":"output-available",)"
            R"("input":{{}},"output":{{"sky":"{}"}}}},)"
            R"({{"type":"tool-clock","toolCallId":"k2","state":"output-error",)"
            R"("input":{{}},"errorText":"{}"}}]}}]}})",
            sky,
            why
        );
        return rig.open(rig.post("/api/chat", body));
    };
    const auto same = post("sun", "broken");
    for (const auto& other : {post("rain", "broken"), post("sun", "gone")}) {
        rig.await_end(other);
        CHECK(other->head.status == 409);
    }
    played->complete();
    rig.await_end(stream);
    rig.await_end(same);
    CHECK(same->head.status == 200);
    CHECK(same->bytes == stream->bytes);
}

TEST_CASE("rejoin: the answer to a message that ends the turn has an id of its own") {
    LaneRig rig(allowing_tools());
    const auto played = joinable(rig, "oa-tool-results:page-1", k_results_text);
    const auto stream = rig.open(rig.post(
        "/api/chat",
        R"({"id":"c","messages":[{"id":"page-1","role":"assistant","parts":[)"
        R"({"type":"tool-weather","toolCallId":"k2","state":"output-available","input":{},)"
        R"("output":"rain"}]},)"
        R"({"id":"u2","role":"user","parts":[{"type":"text","text":"hi"}]}]})"
    ));
    rig.until("its beginning", [&] { return stream->has("start-step") || stream->ended; });
    CHECK(played->interrupts == 1);
    CHECK(stream->has(R"("type":"start")"));
    CHECK_FALSE(stream->has("page-1"));
    rig.complete(stream);
}

TEST_CASE("rejoin: pages that come for a turn at the same moment all read it") {
    LaneRig rig;
    const auto played = joinable(rig, "u1", "hi");
    rig.authority.hold = true;
    const auto first = rig.open(rig.get("/api/chats/c/stream"));
    const auto second = rig.open(rig.get("/api/chats/c/stream"));
    rig.until("both to look", [&] { return rig.authority.looks == 2; });
    rig.authority.release();
    rig.until("a join", [&] { return rig.authority.joins > 0; });
    played->say("hello");
    for (const auto& stream : {first, second}) {
        rig.until("the text", [&] { return stream->has("hello") || stream->ended; });
        CHECK(stream->head.status == 200);
    }
    CHECK(rig.authority.joins == 1);
    played->complete();
    rig.await_end(first);
    rig.await_end(second);
    CHECK(second->bytes == first->bytes);
}

TEST_CASE("rejoin: a message waits while a page looks for a turn") {
    const bool too_long = GENERATE(false, true);
    CAPTURE(too_long);
    auto config = LaneRig::quick();
    config.timings.start_wait = too_long ? Millis(100) : config.timings.start_wait;
    LaneRig rig(config);
    (void)joinable(rig, "u1", "hi");
    rig.authority.hanging = "";
    const auto page = rig.open(rig.get("/api/chats/c/stream"));
    rig.until("a look", [&] { return rig.authority.joins == 1; });
    rig.authority.running.clear(); // it has ended
    const auto message = rig.open(rig.post("/api/chats/c/stream", user_message("again", "u2")));
    rig.context.restart();
    rig.context.run_for(Millis(60)); // longer than a start with a client is waited for
    CHECK_FALSE(message->ended);
    if (too_long) {
        rig.await_end(message);
        CHECK(message->head.status == 503);
        CHECK(message->head.headers.get("retry-after") == "5");
        CHECK(message->has("authority_unavailable"));
    }
    rig.authority.answer_again();
    rig.await_end(page);
    CHECK(page->head.status == 204);
    if (!too_long) {
        rig.until("its beginning", [&] { return message->has("start-step") || message->ended; });
        CHECK(message->head.status == 200);
        rig.complete(message);
    }
}
