// An answer that waits for its page: what the list of messages and a resume have of it.
#include "../lane_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

lane::LaneConfig with_functions() {
    auto config = LaneRig::quick();
    config.approvals = lane::Approvals::ask;
    config.allowed.tools = true;
    config.timings.approval_quiet = Millis(20);
    return config;
}

/// The conversation "c1" with one turn.
struct WaitingRig : LaneRig {
    explicit WaitingRig(lane::LaneConfig config = with_functions()) : LaneRig(std::move(config)) {
        authority.able.approvals = true;
        authority.able.client_tools = true;
    }
    std::shared_ptr<Stream> started(net::ClientRequest request) {
        request.headers.set("x-oa-accept", "tool-approval");
        auto stream = open(std::move(request));
        until("an answer", [&] { return stream->has("start-step") || stream->ended; });
        return stream;
    }
    std::shared_ptr<Stream> begin() {
        auto body = parse_json(user_message("go")).value();
        body["tools"] = Json{{"weather", Json::object()}};
        auto stream = started(post("/api/chats/c1/stream", dump_json(body)));
        authority::PastTurn past{.id = "turn-1", .user_text = "go"};
        past.running = true;
        authority.past = {past};
        return stream;
    }
    void call(const std::string& id) {
        authority.last().push(
            {turn::ToolOpened{id, "weather", false, true},
             turn::ToolInputReady{id, Json::object()},
             turn::ClientCall{id, "weather", "{}"}}
        );
    }
    [[nodiscard]] net::ClientRequest result(std::string_view more_parts = {}) const {
        return post(
            "/api/chats/c1/stream",
            fmt::format(
                R"({{"messages":[{{"id":"turn-1","role":"assistant","parts":[{{"type":)"
                R"("tool-weather","toolCallId":"k1","state":"output-available","input":{{}},)"
                R"("output":"sun"}}{}]}}],"messageId":"turn-1"}})",
                more_parts
            )
        );
    }
    std::shared_ptr<Stream> give_result(std::string_view more_parts = {}) {
        return started(result(more_parts));
    }
    /// The turn is stored as stopped while it waited for k1.
    void store_stopped() {
        auto& past = authority.past.front();
        past.running = false;
        past.outcome = turn::Outcome::interrupted;
        past.events = {
            turn::ToolOpened{"k1", "weather", false, true},
            turn::ToolInputReady{"k1", Json::object()},
            turn::ClientCall{"k1", "weather", "{}"}
        };
    }
    /// A list that is to have the messages after release().
    std::shared_ptr<Stream> hold_list() {
        authority.late_history = authority.history_reads + 2; // the first one names the newest turn
        auto list = open(get("/api/chats/c1/messages"));
        until("its reading", [&] { return authority.history_reads == authority.late_history; });
        return list;
    }
    std::shared_ptr<Stream> resume() { return started(get("/api/chats/c1/stream")); }
};

} // namespace

TEST_CASE("waiting: a page has an answer with its calls from the list, one with a question from a "
          "resume") {
    const bool asks = GENERATE(false, true);
    CAPTURE(asks);
    WaitingRig rig;
    const auto stream = rig.begin();
    rig.call("k1");
    if (asks) {
        rig.authority.last().ask("k2", "a1");
    }
    rig.await_end(stream);
    REQUIRE(stream->has("tool-approval-request") == asks);
    const auto list = rig.send(rig.get("/api/chats/c1/messages"));
    CHECK(list.body.contains(R"("toolCallId":"k1")") == !asks);
    const auto resumed = rig.resume();
    rig.await_end(resumed);
    CHECK(resumed->head.status == (asks ? 200 : 204));
    CHECK(resumed->bytes == (asks ? stream->bytes : ""));
}

TEST_CASE("waiting: a conversation that is refused as its id is taken ends no answer") {
    WaitingRig rig;
    const auto stream = rig.begin();
    rig.call("k1");
    rig.await_end(stream);
    CHECK(rig.send(rig.post("/api/chats", R"({"id":"c1"})")).status == 409);
    CHECK(rig.authority.last().interrupts == 0);
}

TEST_CASE("waiting: a page that resumes lacks no call that its list came too early for") {
    WaitingRig rig;
    auto stream = rig.begin();
    int status = 200;
    std::shared_ptr<Stream> list;
    SECTION("of an answer that had not ended") {
        list = rig.hold_list();
        rig.call("k1");
        rig.await_end(stream);
    }
    SECTION("of a later answer") {
        rig.call("k1");
        rig.await_end(stream);
        list = rig.hold_list();
        stream = rig.give_result();
        rig.authority.last().push(turn::ToolOutput{"k1", "sun"});
        rig.call("k2");
        rig.await_end(stream);
        REQUIRE(stream->has("k2"));
    }
    SECTION("but one that its result's answer is to have") {
        rig.call("k1");
        rig.await_end(stream);
        list = rig.hold_list();
        rig.call("k2");
        rig.until("it arrived", [&] { return rig.authority.last().queue.empty(); });
        status = 204;
    }
    rig.authority.release();
    rig.await_end(list);
    const auto resumed = rig.resume();
    rig.await_end(resumed);
    CHECK(resumed->head.status == status);
}

TEST_CASE("waiting: results for a stopped turn begin the next one, also beside a decision") {
    auto config = with_functions();
    config.timings.ended_kept = Millis(0);
    WaitingRig rig(std::move(config));
    const auto stream = rig.begin();
    rig.call("k1");
    rig.authority.last().ask("k2", "a1");
    rig.await_end(stream);
    REQUIRE(rig.send(rig.post("/api/chats/c1/stop", "")).status == 200);
    rig.store_stopped();
    const auto next =
        rig.give_result(R"(,{"type":"dynamic-tool","toolName":"shell","toolCallId":"k2",)"
                        R"("providerExecuted":true,"state":"approval-responded","input":{},)"
                        R"("approval":{"id":"a1","approved":true}})");
    CHECK(next->head.status == 200);
    REQUIRE(rig.authority.starts == 2);
    const auto& input = rig.authority.last().request.input;
    CHECK(authority::text_in_input(input).contains(R"("output":"sun")"));
    CHECK(rig.authority.turns_started.front()->decisions.empty());
    rig.complete(next);
}

TEST_CASE("waiting: results ahead of a message whose calls died with their process are named") {
    for (const bool lost : {true, false}) {
        CAPTURE(lost);
        WaitingRig rig;
        const auto stream = rig.begin();
        rig.call("k1");
        rig.await_end(stream);
        REQUIRE(rig.send(rig.post("/api/chats/c1/stop", "")).status == 200);
        rig.store_stopped();
        if (lost) {
            rig.authority.past.front().events.clear();
        }
        const auto next = rig.started(rig.post(
            "/api/chats/c1/stream",
            R"({"messages":[{"id":"u1","role":"user","parts":[{"type":"text","text":"go"}]},)"
            R"({"id":"turn-1","role":"assistant","parts":[{"type":"tool-weather",)"
            R"("toolCallId":"k1","state":"output-available","input":{},"output":"sun"}]},)"
            R"({"id":"u2","role":"user","parts":[{"type":"text","text":"new"}]}]})"
        ));
        CHECK(next->head.headers.get("x-oa-ignored").value_or("") == (lost ? "messages[1]" : ""));
        const auto& input = rig.authority.last().request.input;
        CHECK(authority::text_in_input(input).contains(R"("output":"sun")") != lost);
        rig.complete(next);
    }
}

TEST_CASE("waiting: results that come while the turn is being stopped begin the next one") {
    WaitingRig rig;
    rig.authority.prepare = [](PlayedTurn& turn) { turn.answers_interrupt = false; };
    const auto stream = rig.begin();
    rig.call("k1");
    rig.await_end(stream);
    const auto stop = rig.open(rig.post("/api/chats/c1/stop", ""));
    rig.until("the stop", [&] { return rig.authority.last().interrupts == 1; });
    const auto next = rig.open(rig.result());
    rig.context.restart();
    rig.context.run_for(Millis(60));
    CHECK_FALSE(next->ended);
    rig.store_stopped();
    rig.authority.last().push(
        turn::TurnEnded{turn::Outcome::interrupted, turn::Finish::other, {}, {}}
    );
    rig.until("the next turn", [&] { return next->has("start-step") || next->ended; });
    CHECK(next->head.status == 200);
    REQUIRE(rig.authority.starts == 2);
    CHECK(authority::text_in_input(rig.authority.last().request.input).contains(R"("output":"sun")")
    );
    rig.complete(next);
    rig.await_end(stop);
}

TEST_CASE("waiting: another answer to results that a turn began with goes on with the same message"
) {
    const std::string results = "Results of the functions that were called above:\n"
                                R"([{"id":"k1","name":"weather","output":"sun"}])";
    WaitingRig rig;
    rig.ids->put({"", "c1", "auth-c"});
    authority::PastTurn stopped{.id = "turn-1", .user_text = "go"};
    stopped.client_message_id = "u1";
    authority::PastTurn next{.id = "turn-2", .user_text = results};
    next.client_message_id = "oa-tool-results:turn-1";
    rig.authority.past = {stopped, next};
    const auto ask = [&](std::string_view more) {
        return rig.started(rig.post(
            "/api/chats/c1/stream",
            fmt::format(
                R"({{"messages":[{{"id":"u1","role":"user","parts":[{{"type":"text","text":"go"}}]}},)"
                R"({{"id":"turn-1","role":"assistant","parts":[{{"type":"tool-weather",)"
                R"("toolCallId":"k1","state":"output-available","input":{{}},"output":"sun"}}]}}],)"
                R"("trigger":"regenerate-message"{}}})",
                more
            )
        ));
    };
    SECTION("by its id, or as the newest") {
        const auto* const more = GENERATE("", R"(,"messageId":"turn-2")");
        CAPTURE(more);
        const auto stream = ask(more);
        CHECK(stream->has(R"("type":"start","messageId":"turn-1")"));
        REQUIRE(rig.authority.starts == 1);
        const auto& request = rig.authority.last().request;
        CHECK(request.revert_from_turn == "turn-2");
        CHECK(request.client_message_id == "oa-tool-results:turn-1");
        CHECK(authority::text_in_input(request.input) == results);
        rig.complete(stream);
    }
    SECTION("but none to what somebody said since, nor to later results") {
        auto& newest = rig.authority.past.back().user_text;
        if (GENERATE(true, false)) {
            newest = "hi";
        } else {
            newest.replace(newest.find("k1"), 2, "k2");
        }
        const auto stream = ask("");
        rig.await_end(stream);
        CHECK(stream->head.status == 422);
        CHECK(rig.authority.starts == 0);
    }
}
