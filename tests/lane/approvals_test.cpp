#include "lane_rig.hpp"
#include "turns/approvals.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

lane::LaneConfig asking(Millis limit = Millis(60000)) {
    auto config = LaneRig::quick();
    config.approvals = lane::Approvals::ask;
    config.limits.approval = limit;
    config.timings.approval_quiet = Millis(20);
    return config;
}

struct Rig : LaneRig {
    explicit Rig(lane::LaneConfig config = asking()) : LaneRig(std::move(config)) {
        authority.able.approvals = true;
    }
    std::shared_ptr<Stream> start(std::string_view accept = "tool-approval") {
        net::Headers headers;
        headers.set("x-oa-accept", std::string(accept));
        auto stream = open(post("/api/chats/c1/stream", user_message("go"), std::move(headers)));
        until("the stream's beginning", [&] { return stream->has("start-step") || stream->ended; });
        return stream;
    }
    /// A turn that waits for approval `a1` of call `k1`; the answer that asks has ended.
    std::shared_ptr<Stream> waiting() {
        auto stream = start();
        authority.last().ask("k1", "a1");
        await_end(stream);
        return stream;
    }
    std::shared_ptr<Stream> two_waiting() {
        auto stream = start();
        authority.last().ask("k1", "a1");
        authority.last().ask("k2", "a2");
        await_end(stream);
        return stream;
    }
    [[nodiscard]] static std::string
    decision(const std::vector<std::pair<std::string, bool>>& answers) {
        std::string parts;
        for (const auto& [id, approved] : answers) {
            parts += fmt::format(
                R"(,{{"type":"dynamic-tool","toolName":"shell","toolCallId":"k{}",)"
                R"("state":"approval-responded","input":{{}},)"
                R"("approval":{{"id":"{}","approved":{}}}}})",
                id.substr(1),
                id,
                approved
            );
        }
        return fmt::format(
            R"({{"messages":[{{"id":"u1","role":"user","parts":[{{"type":"text","text":"go"}}]}},)"
            R"({{"id":"turn-1","role":"assistant","parts":[{{"type":"step-start"}}{}]}}],)"
            R"("trigger":"submit-message","messageId":"turn-1"}})",
            parts
        );
    }
    std::shared_ptr<Stream> answer(const std::vector<std::pair<std::string, bool>>& answers) {
        auto stream = open(post("/api/chats/c1/stream", decision(answers)));
        until("an answer", [&] { return stream->has("start-step") || stream->ended; });
        return stream;
    }
    net::ClientResponse refused(const std::vector<std::pair<std::string, bool>>& answers) {
        return send(post("/api/chats/c1/stream", decision(answers)));
    }
    std::shared_ptr<Stream> resume(std::string_view accept = "tool-approval") {
        auto request = get("/api/chats/c1/stream");
        request.headers.set("x-oa-accept", std::string(accept));
        auto stream = open(std::move(request));
        until("an answer", [&] { return stream->has("start-step") || stream->ended; });
        return stream;
    }
    const lane::TurnOutcome& outcome() {
        until("the turn's outcome", [&] { return !watcher.turns.empty(); });
        REQUIRE(watcher.turns.size() == 1);
        return watcher.turns.front();
    }
    /// The turn's end with a text.
    void end_turn() {
        authority.last().say("done");
        authority.last().complete();
    }
};

void judge(const Stream& stream) {
    LaneRig::judge(stream, contract::Profile::ai_sdk_6);
}
void judge_next(const Stream& stream, const std::vector<std::string>& calls = {"k1"}) {
    contract::Continues after{"turn-1", {}};
    for (const auto& call : calls) {
        after.calls.push_back({call, "shell", true, false, true});
    }
    LaneRig::judge(stream, contract::Profile::ai_sdk_6, std::move(after));
}

int count(std::string_view text, std::string_view what) {
    int found = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
        ++found;
    }
    return found;
}

/// Of the records of so many requests, those of an answer of this size count its frames.
void check_frames(Rig& rig, std::size_t records, std::string_view bytes) {
    rig.until("all records", [&] { return rig.watcher.requests.size() == records; });
    int found = 0;
    for (const auto& record : rig.watcher.requests) {
        if (record.bytes == bytes.size()) {
            ++found;
            CHECK(record.frames == static_cast<std::uint64_t>(count(bytes, "data: ")));
        }
    }
    CHECK(found > 0);
}

} // namespace

TEST_CASE("approvals: the answer ends at the question, the decision's answer tells the rest") {
    Rig rig;
    const auto first = rig.waiting();
    judge(*first);
    CHECK(rig.authority.last().request.ask_approvals);
    CHECK(first->has(R"("type":"tool-approval-request","approvalId":"a1","toolCallId":"k1")"));
    CHECK(first->has(R"("status":"waiting-for-approval")"));
    CHECK(first->bytes.ends_with("data: [DONE]\n\n"));
    CHECK(rig.lane->busy() == 1);
    CHECK(rig.watcher.turns.empty());

    const auto second = rig.answer({{"a1", true}});
    CHECK(second->head.status == 200);
    CHECK(second->head.headers.get("x-oa-turn-id") == "turn-1");
    CHECK(rig.authority.last().decisions == std::vector{std::pair{std::string("a1"), true}});
    rig.authority.last().output("k1");
    rig.end_turn();
    rig.await_end(second);
    judge_next(*second);
    CHECK(second->bytes.starts_with(R"(data: {"type":"start","messageId":"turn-1")"));
    CHECK(second->has(R"("type":"tool-output-available","toolCallId":"k1")"));
    CHECK_FALSE(second->has("tool-input"));
    CHECK(second->has(R"("delta":"done")"));

    CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
    CHECK(rig.watcher.accepted.size() == 1);
    CHECK(rig.authority.starts == 1);
    rig.until("both records", [&] { return rig.watcher.requests.size() == 2; });
    int terminals = 0;
    int contents = 0;
    std::uint64_t frames = 0;
    for (const auto& record : rig.watcher.requests) {
        terminals += record.terminal ? 1 : 0;
        contents += record.first_content_s >= 0 ? 1 : 0;
        frames += record.frames;
    }
    CHECK(terminals == 1);
    CHECK(contents == 1);
    CHECK(frames == static_cast<std::uint64_t>(count(first->bytes + second->bytes, "data: ")));
    CHECK(rig.watcher.readers == 0);
}

TEST_CASE("approvals: nobody is asked without the operator's leave and the client's") {
    struct Row {
        const char* name;
        lane::Approvals approvals;
        const char* accept;
        bool able;
        bool asked;
    };
    const auto row = GENERATE(
        Row{"both", lane::Approvals::ask, "tool-approval", true, true},
        Row{"one word of several", lane::Approvals::ask, "x, Tool-Approval ,y", true, true},
        Row{"no header", lane::Approvals::ask, "", true, false},
        Row{"another word", lane::Approvals::ask, "tool-approvals", true, false},
        Row{"denied by the operator", lane::Approvals::deny, "tool-approval", true, false},
        Row{"an authority that never asks", lane::Approvals::ask, "tool-approval", false, false}
    );
    CAPTURE(row.name);
    auto config = asking();
    config.approvals = row.approvals;
    Rig rig(std::move(config));
    rig.authority.able.approvals = row.able;
    const auto stream = rig.start(row.accept);
    CHECK(rig.authority.last().request.ask_approvals == row.asked);
    rig.complete(stream);
}

TEST_CASE("approvals: calls that ask at once are in one answer, each with its own decision") {
    Rig rig;
    const auto first = rig.two_waiting();
    judge(*first);
    CHECK(count(first->bytes, "tool-approval-request") == 2);
    const auto second = rig.answer({{"a1", true}, {"a2", false}});
    rig.authority.last().output("k1");
    rig.authority.last().push(turn::ToolFailed{"k2", "The command was declined."});
    rig.end_turn();
    rig.await_end(second);
    judge_next(*second, {"k1", "k2"});
    CHECK(second->has(R"("type":"tool-output-available","toolCallId":"k1")"));
    CHECK(second->has(R"("type":"tool-output-denied","toolCallId":"k2")"));
    CHECK(rig.authority.last().decisions.size() == 2);
}

TEST_CASE("approvals: one after the other makes one answer each, all of one message") {
    Rig rig;
    const auto first = rig.waiting();
    const auto second = rig.answer({{"a1", true}});
    rig.authority.last().output("k1");
    rig.authority.last().ask("k2", "a2");
    rig.await_end(second);
    judge_next(*second);
    CHECK(second->has(R"("approvalId":"a2")"));
    const auto third = rig.answer({{"a2", true}});
    rig.authority.last().output("k2");
    rig.end_turn();
    rig.await_end(third);
    judge_next(*third, {"k2"});
    CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
}

TEST_CASE("approvals: the answer goes on while another call runs or a part is open") {
    const bool part = GENERATE(false, true);
    CAPTURE(part);
    auto config = asking();
    config.timings.approval_quiet = Millis(part ? 0 : 300); // it would end at once, or in 3 s
    Rig rig(std::move(config));
    const auto first = rig.start();
    if (part) {
        rig.authority.last().say("half a sen");
    } else {
        rig.authority.last().push(
            {turn::ToolOpened{"busy", "shell"}, turn::ToolInputReady{"busy", Json::object()}}
        );
    }
    rig.authority.last().ask("k1", "a1");
    rig.until("the question", [&] { return first->has("tool-approval-request"); });
    // Decisions that come before the answer has ended are told to come again.
    const auto early = rig.refused({{"a1", true}});
    CHECK(early.status == 409);
    CHECK(early.headers.has("retry-after"));
    CHECK(rig.authority.last().decisions.empty());
    CHECK_FALSE(first->ended);
    if (part) {
        rig.authority.last().push(turn::PartClosed{"m1"});
    } else {
        rig.authority.last().output("busy");
    }
    rig.await_end(first);
    judge(*first);
    CHECK(first->has(part ? "text-end" : R"("toolCallId":"busy","output")"));
    rig.authority.last().push(turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, {}}
    );
}

TEST_CASE("approvals: what nobody waits for is a 422 that says so") {
    Rig rig;
    const auto first = rig.waiting();
    const auto unknown = rig.refused({{"a9", true}});
    CHECK(unknown.status == 422);
    CHECK(unknown.body.contains("is none that this turn asked for"));
    const auto second = rig.answer({{"a1", true}});
    const auto other = rig.refused({{"a1", false}});
    CHECK(other.status == 422);
    CHECK(other.body.contains("was answered before, with another decision"));
    CHECK(rig.authority.last().decisions.size() == 1);
    rig.end_turn();
    rig.await_end(second);
    CHECK(rig.send(rig.post("/api/chats/c2/stream", Rig::decision({{"a1", true}}))).status == 422);
}

TEST_CASE("approvals: the same decision again is answered with the same stream") {
    Rig rig;
    const auto first = rig.waiting();
    const auto second = rig.answer({{"a1", true}});
    rig.authority.last().output("k1");
    rig.until("the output", [&] { return second->has("tool-output-available"); });
    const auto again = rig.answer({{"a1", true}});
    rig.end_turn();
    rig.await_end(second);
    rig.await_end(again);
    CHECK(again->bytes == second->bytes);
    CHECK(rig.authority.last().decisions.size() == 1);
    // Also after the turn's end, as long as it is kept.
    const auto late = rig.answer({{"a1", true}});
    rig.await_end(late);
    CHECK(late->bytes == second->bytes);
}

TEST_CASE("approvals: a resume replays the answer that asks, later the whole turn as one stream") {
    Rig rig;
    const auto first = rig.waiting();
    const auto paused = rig.resume();
    rig.await_end(paused);
    CHECK(paused->bytes == first->bytes);

    const auto second = rig.answer({{"a1", true}});
    const auto live = rig.resume();
    rig.authority.last().output("k1");
    rig.end_turn();
    rig.await_end(second);
    rig.await_end(live);
    judge(*live);
    CHECK(count(live->bytes, R"("type":"start")") == 1);
    CHECK(count(live->bytes, R"("type":"start-step")") == 2);
    CHECK(count(live->bytes, "[DONE]") == 1);
    CHECK(live->has("tool-approval-request"));
    CHECK(live->has("tool-output-available"));
    CHECK_FALSE(live->has("waiting-for-approval"));
    CHECK(rig.send(rig.get("/api/chats/c1/stream")).status == 204); // everybody has it all
    check_frames(rig, 5, live->bytes);
}

TEST_CASE("approvals: a page that does not know them resumes the turn as if nobody was asked") {
    Rig rig;
    const bool approved = GENERATE(true, false);
    const auto first = rig.waiting();
    const auto old = rig.resume("");
    rig.until("the call", [&] { return old->has("tool-input-available"); });
    const auto second = rig.answer({{"a1", approved}});
    const auto late = rig.resume("");
    if (approved) {
        rig.authority.last().output("k1");
    } else {
        rig.authority.last().push(turn::ToolFailed{"k1", "declined"});
    }
    rig.end_turn();
    for (const auto& stream : {second, old, late}) {
        rig.await_end(stream);
    }
    for (const auto& stream : {old, late}) {
        LaneRig::judge(*stream, contract::Profile::ai_sdk);
        CHECK_FALSE(stream->has("approval"));
        CHECK(count(stream->bytes, R"("type":"start-step")") == 1);
        CHECK(count(stream->bytes, "[DONE]") == 1);
        CHECK(stream->has(
            approved ? R"("tool-output-available","toolCallId":"k1")"
                     : R"("tool-output-error","toolCallId":"k1")"
        ));
        CHECK(stream->has(R"("delta":"done")"));
    }
    CHECK(old->bytes == late->bytes);
    CHECK(second->has("tool-output-denied") != approved);
    check_frames(rig, 4, old->bytes);
}

TEST_CASE("approvals: the next message takes the place of a turn that waits") {
    Rig rig;
    const auto first = rig.waiting();
    const auto next = rig.chat("c1", "something else");
    CHECK(next->head.status == 200);
    CHECK(rig.authority.turns_started.front()->interrupts == 1);
    CHECK(rig.outcome().reason == lane::StopReason::superseded);
    CHECK(rig.outcome().terminal == turn::TerminalClass::turn_interrupted);
    CHECK(rig.refused({{"a1", true}}).status == 422);
    rig.complete(next);
}

TEST_CASE("approvals: the stop endpoint ends a turn that waits") {
    Rig rig;
    const auto first = rig.waiting();
    const auto stopped = rig.send(rig.post("/api/chats/c1/stop", ""));
    CHECK(stopped.status == 200);
    CHECK(stopped.body.contains(R"("status":"stopped")"));
    CHECK(rig.outcome().reason == lane::StopReason::stopped);
    const auto rest = rig.resume();
    rig.await_end(rest);
    judge(*rest);
    CHECK(rest->has(R"("type":"abort")"));
    CHECK(rest->has(R"("type":"tool-output-error","toolCallId":"k1")"));
    CHECK(rig.refused({{"a1", true}}).status == 422);
}

TEST_CASE("approvals: what nobody answers in time is declined and the turn goes on by itself") {
    Rig rig(asking(Millis(60)));
    const auto first = rig.waiting();
    rig.until("the decision", [&] { return !rig.authority.last().decisions.empty(); });
    CHECK(rig.authority.last().decisions == std::vector{std::pair{std::string("a1"), false}});
    CHECK(rig.authority.last().interrupts == 0);
    const auto late = rig.refused({{"a1", true}});
    CHECK(late.status == 422);
    CHECK(late.body.contains("was not answered in time"));
    rig.authority.last().push(turn::ToolFailed{"k1", "The command was declined."});
    const auto rest = rig.resume();
    rig.end_turn();
    rig.await_end(rest);
    judge(*rest);
    CHECK(rest->has("tool-output-denied"));
    CHECK(rest->has(R"("delta":"done")"));
    CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
}

TEST_CASE("approvals: a turn that waits is neither stalled nor lost, one that was declined can be"
) {
    auto config = asking(Millis(150));
    config.limits.idle = Millis(40);
    config.timings.detach_grace = Millis(40);
    Rig rig(std::move(config));
    const auto first = rig.waiting();
    rig.until("the decision", [&] { return !rig.authority.last().decisions.empty(); });
    CHECK(rig.watcher.turns.empty());
    CHECK(rig.authority.last().interrupts == 0);
    rig.until("its end", [&] { return !rig.watcher.turns.empty(); });
    const auto reason = rig.outcome().reason;
    CHECK((reason == lane::StopReason::client_gone || reason == lane::StopReason::stalled));
}

TEST_CASE("approvals: an authority that settles one by itself takes the question back") {
    Rig rig;
    const auto first = rig.waiting();
    rig.authority.last().waiting.clear();
    rig.authority.last().push(turn::ApprovalSettled{"a1", false});
    rig.until("it arrived", [&] { return rig.authority.last().queue.empty(); });
    const auto late = rig.refused({{"a1", true}});
    CHECK(late.status == 422);
    CHECK(late.body.contains("not waited for any more"));
    rig.authority.last().complete();
    CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
}

TEST_CASE("approvals: an answer may leave others open") {
    Rig rig;
    rig.two_waiting();
    const auto second = rig.answer({{"a1", true}});
    rig.authority.last().output("k1");
    rig.await_end(second);
    judge_next(*second, {"k1", "k2"});
    CHECK(second->has(R"("status":"waiting-for-approval")"));
    CHECK_FALSE(second->has("tool-approval-request"));
    // The page sends the decision it sent before along with the new one.
    const auto third = rig.answer({{"a1", true}, {"a2", true}});
    rig.authority.last().output("k2");
    rig.end_turn();
    rig.await_end(third);
    judge_next(*third, {"k2"});
    CHECK(rig.authority.last().decisions.size() == 2);
}

TEST_CASE("approvals: the end of an allowed call that is not told holds up nothing still asked") {
    Rig rig;
    rig.two_waiting();
    const auto second = rig.answer({{"a1", true}});
    rig.await_end(second); // Codex tells no end of a1's call while a2 waits
    judge_next(*second, {"k1", "k2"});
    CHECK(second->has(R"("status":"waiting-for-approval")"));
    const auto third = rig.answer({{"a1", true}, {"a2", true}});
    rig.authority.last().output("k1");
    rig.authority.last().output("k2");
    rig.end_turn();
    rig.await_end(third);
    judge_next(*third, {"k1", "k2"});
    CHECK(rig.authority.last().decisions.size() == 2);
}

TEST_CASE("approvals: a call that nobody was asked about ends with the answer that asks") {
    Rig rig;
    const auto first = rig.start();
    auto& turn = rig.authority.last();
    turn.push({turn::ToolOpened{"bg", "shell"}, turn::ToolInputReady{"bg", Json::object()}});
    turn.ask("k1", "a1");
    auto next = Clock::now();
    rig.until("the answer's end, whatever the call says", [&] {
        if (Clock::now() >= next) { // more often than the answer waits for an end
            turn.push(turn::ToolOutputDelta{"bg", "busy\n"});
            next += Millis(50);
        }
        return first->ended;
    });
    judge(*first);
    CHECK(first->has(R"("status":"waiting-for-approval")"));
    CHECK(first->has(R"("type":"tool-output-error","toolCallId":"bg")"));
    CHECK(first->has("Still running when the answer ended."));
    const auto second = rig.answer({{"a1", true}});
    turn.output("k1");
    SECTION("what comes of it later only the history tells") {
        turn.push(turn::ToolOutputDelta{"bg", "more"});
        turn.output("bg");
        rig.end_turn();
        rig.await_end(second);
        judge_next(*second);
        CHECK_FALSE(second->has(R"("bg")"));
        CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
        const auto twice = static_cast<std::size_t>(encode::Repair::tool_output_twice);
        CHECK(rig.outcome().repairs.at(twice) == 0);
    }
    SECTION("a later question about it has a call of its own") {
        turn.waiting.insert("a2");
        turn.push(turn::ApprovalAsked{"a2", "bg"});
        rig.await_end(second);
        judge_next(*second);
        CHECK(second->has(R"("approvalId":"a2","toolCallId":"bg-2")"));
        turn.output("bg");
        turn.complete();
        CHECK(rig.outcome().terminal == turn::TerminalClass::completed);
    }
}

TEST_CASE("approvals: the time to decide counts from the end of the answer that asks") {
    lane::TurnApprovals approvals;
    const Clock::time_point asked{};
    const Millis limit(1000);
    approvals.watch(turn::ToolOpened{"k1", "shell"}, asked);
    approvals.watch(turn::ApprovalAsked{"a1", "k1"}, asked);
    approvals.begin_wait(asked + Millis(900));
    CHECK(approvals.expire(asked + Millis(1800), limit).empty());
    CHECK(approvals.expire(asked + Millis(1900), limit) == std::vector<std::string>{"a1"});
}

TEST_CASE("approvals: a draining lane does not wait for decisions it would refuse") {
    Rig rig;
    const auto first = rig.waiting();
    CHECK(rig.run(rig.lane->drain(Millis(60000))) == 1);
    CHECK(rig.outcome().reason == lane::StopReason::drain);
    CHECK(rig.outcome().terminal == turn::TerminalClass::turn_aborted);
    CHECK(rig.refused({{"a1", true}}).status == 503);
}

TEST_CASE("approvals: of a turn that another lane began, each decision leads to what came of it") {
    const auto asked = [](std::string_view digit) {
        return fmt::format(
            "data: {{\"type\":\"tool-approval-request\",\"approvalId\":\"a{0}\","
            "\"toolCallId\":\"k{0}\"}}\n\n",
            digit
        );
    };
    const auto told = [](std::string_view digit, std::string_view how) {
        return fmt::format(
            "data: {{\"type\":\"tool-output-{}\",\"toolCallId\":\"k{}\"}}\n\n", how, digit
        );
    };
    lane::TurnApprovals approvals;
    const auto recall = [&](std::string_view frame, std::size_t segment) {
        approvals.recall(*wire::ui::chunk_in(frame), segment);
    };
    recall(asked("1"), 1);
    recall(asked("2"), 1);
    recall(told("1", "denied"), 2);
    CHECK_FALSE(approvals.unsure({{"a1", false}}, 2));
    CHECK(approvals.unsure({{"a1", false}, {"a2", true}}, 2)); // the authority may ask for a2 again
    CHECK(approvals.asks(true));
    CHECK_FALSE(approvals.asks(false));
    recall(told("2", "available"), 3);
    CHECK_FALSE(approvals.unsure({{"a2", true}}, 3));
    CHECK_FALSE(approvals.asks(true));
    CHECK(approvals.judge({{"a1", false}})->segment == 1);
    CHECK(approvals.judge({{"a2", true}})->segment == 2);
    CHECK(approvals.judge({{"a1", false}, {"a2", true}})->segment == 2);
}

TEST_CASE("approvals: a decision that is sent again is one more reader of its turn") {
    auto config = asking();
    config.limits.readers_per_turn = 2;
    Rig rig(std::move(config));
    (void)rig.waiting();
    const auto first = rig.answer({{"a1", true}});
    const auto second = rig.answer({{"a1", true}});
    CHECK(second->head.status == 200);
    CHECK(rig.refused({{"a1", true}}).status == 429);
    rig.end_turn();
    rig.await_end(first);
    rig.await_end(second);
    CHECK(rig.authority.last().decisions.size() == 1);
}
