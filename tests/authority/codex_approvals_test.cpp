#include "codex/codex_approvals.hpp"
#include "fake_stage.hpp"

#include <map>

using namespace oa_test;

namespace {

const std::string k_asking = R"(model_provider = "fake"
approval_policy = "on-request"
sandbox_mode = "read-only"
)";

struct AskingStage : FakeStage {
    AskingStage() {
        must(write_file_atomic(folder.path / "config.toml", k_asking));
        ::setenv("FAKE_POLICY", "on-request", 1);
        options.env_allow.emplace_back("FAKE_POLICY");
    }
    AskingStage(const AskingStage&) = delete;
    AskingStage& operator=(const AskingStage&) = delete;
    ~AskingStage() { ::unsetenv("FAKE_POLICY"); }

    /// Up to the first question (or the turn's end).
    Transcript begin(std::string prompt, bool asks = true) {
        auto request = ask(std::move(prompt));
        request.ask_approvals = asks;
        last = must(run(io, authority->start(std::move(request))));
        return run(io, drain_until<turn::ApprovalAsked>(last.get()));
    }
    Transcript rest() { return run(io, drain(last.get())); }
    std::vector<turn::ApprovalAsked> questions(std::string prompt, std::size_t count) {
        auto request = ask(std::move(prompt));
        request.ask_approvals = true;
        last = must(run(io, authority->start(std::move(request))));
        std::vector<turn::ApprovalAsked> asked;
        while (asked.size() < count) {
            for (const auto& event : must(run(io, last->next(in_time())))) {
                if (const auto* one = std::get_if<turn::ApprovalAsked>(&event)) {
                    asked.push_back(*one);
                }
            }
        }
        return asked;
    }
};

std::string id_of(const Transcript& transcript) {
    REQUIRE(transcript.first<turn::ApprovalAsked>() != nullptr);
    return transcript.first<turn::ApprovalAsked>()->id;
}

/// The open approvals of a turn with these calls, by id and name.
struct OpenCalls {
    CodexApprovals approvals;
    EventBatch transcript;

    explicit OpenCalls(const std::vector<std::pair<std::string, std::string>>& calls) {
        for (const auto& [id, name] : calls) {
            transcript.emplace_back(turn::ToolOpened{id, name, true});
        }
        approvals.watch(transcript);
        transcript.clear();
    }
    /// The calls that questions of this one are told about.
    std::vector<std::string> ask(ApprovalQuestion::Kind kind, std::string item, int request) {
        transcript.clear();
        approvals.ask({.kind = kind, .item = std::move(item)}, Json(request), "T", transcript);
        return calls();
    }
    std::vector<std::string> calls() const {
        std::vector<std::string> out;
        for (const auto& event : transcript) {
            if (const auto* asked = std::get_if<turn::ApprovalAsked>(&event)) {
                out.push_back(asked->call);
            }
        }
        return out;
    }
    std::string id() const {
        for (const auto& event : transcript) {
            if (const auto* asked = std::get_if<turn::ApprovalAsked>(&event)) {
                return asked->id;
            }
        }
        return {};
    }
};

} // namespace

TEST_CASE("codex approvals: a question is about the call of its item") {
    using Kind = ApprovalQuestion::Kind;
    using Calls = std::vector<std::string>;
    OpenCalls open({{"call-b", "shell"}, {"call-12345", "shell"}, {"call", "shell"}});
    CHECK(open.ask(Kind::command, "call", 1) == Calls{"call"});
    OpenCalls later({{"call-b", "shell"}, {"call-2", "shell"}});
    CHECK(later.ask(Kind::command, "call", 1) == Calls{"call-2"});
    OpenCalls types({{"c", "db__drop"}, {"c-2", "shell"}, {"c-3", "apply_patch"}});
    CHECK(types.ask(Kind::file_change, "c", 1) == Calls{"c-3"});
    CHECK(types.ask(Kind::command, "c", 2) == Calls{"c-2"});
    CHECK(types.ask(Kind::permissions, "c", 3) == Calls{"c"});
}

TEST_CASE("codex approvals: questions about one call are asked one after the other") {
    using Kind = ApprovalQuestion::Kind;
    using Calls = std::vector<std::string>;
    OpenCalls open({{"c", "shell"}});
    CHECK(open.ask(Kind::command, "c", 1) == Calls{"c"});
    const auto first = open.id();
    for (const int request : {2, 3, 4, 2}) { // the last one asks again
        CHECK(open.ask(Kind::command, "c", request).empty());
    }
    const auto reply = must(open.approvals.answer(first, true, open.transcript));
    CHECK(reply.request == Json(1));
    CHECK(open.calls() == Calls{"c"});
    CHECK(open.id() != first);
    SECTION("withdrawn by codex") {
        open.transcript.clear();
        open.approvals.resolved(Json(3), open.transcript);
        CHECK(open.transcript.empty());
        open.approvals.resolved(Json(2), open.transcript);
        CHECK(open.calls() == Calls{"c"});
        CHECK(must(open.approvals.answer(open.id(), false, open.transcript)).request == Json(4));
        CHECK(open.approvals.withdraw().empty());
    }
    SECTION("withdrawn with the turn") {
        std::vector<Json> declined;
        for (const auto& one : open.approvals.withdraw()) {
            declined.push_back(one.request);
        }
        CHECK(declined == std::vector<Json>{2, 3, 4});
    }
    SECTION("over with the call") {
        EventBatch ended;
        ended.emplace_back(turn::ToolFailed{"c", "no"});
        open.approvals.watch(ended);
        CHECK(ended.size() == 2);
        CHECK(open.approvals.withdraw().empty());
        CHECK(open.approvals.take_ended().size() == 3);
        CHECK(open.approvals.take_ended().empty());
    }
}

TEST_CASE("codex approvals: a question about a tool is about the call with its input, asked once") {
    using Calls = std::vector<std::string>;
    OpenCalls open({{"a", "lab__drop"}});
    const auto add = [&](const std::string& call, int input) {
        EventBatch transcript;
        transcript.emplace_back(turn::ToolOpened{call, "lab__drop", true});
        transcript.emplace_back(turn::ToolInputReady{call, Json(input)});
        open.approvals.watch(transcript);
    };
    const auto ask = [&](int input, int request) {
        ApprovalQuestion question{.kind = ApprovalQuestion::Kind::mcp_call, .tool = "lab__drop"};
        question.input = Json(input);
        open.transcript.clear();
        open.approvals.ask(std::move(question), Json(request), "T", open.transcript);
        return open.calls();
    };
    CHECK(ask(1, 1) == Calls{"a"}); // an input that nobody told
    must(open.approvals.answer(open.id(), true, open.transcript));
    add("b", 2);
    add("c", 3);
    CHECK(ask(3, 2) == Calls{"c"});
    CHECK(ask(2, 3) == Calls{"b"});
    CHECK(ask(2, 4).front().starts_with("call-approval-")); // each has its question: one of its own
}

TEST_CASE("codex approvals: a question whose call ends first is declined") {
    AskingStage stage;
    must(stage.open());
    const Transcript asked = stage.begin("approve-late");
    const Transcript rest = stage.rest();
    CHECK(rest.outcome() == "completed");
    CHECK(rest.text() == R"({"decision":"decline"})");
    CHECK_FALSE(stage.last->answer_approval(id_of(asked), true).has_value());
}

TEST_CASE("codex approvals: a question waits for its decision, which codex is told") {
    const bool approved = GENERATE(true, false);
    CAPTURE(approved);
    AskingStage stage;
    must(stage.open());
    CHECK(stage.authority->capabilities().approvals);
    const Transcript asked = stage.begin("approve-item");
    CHECK(asked.first<turn::ApprovalAsked>()->call == "call_1");
    CHECK(asked.first<turn::ToolInputReady>()->call == "call_1");
    must(stage.last->answer_approval(id_of(asked), approved));
    const Transcript rest = stage.rest();
    CHECK(rest.outcome() == "completed");
    CHECK(rest.text() == fmt::format(R"({{"decision":"{}"}})", approved ? "accept" : "decline"));
    REQUIRE(rest.first<turn::ApprovalSettled>() != nullptr);
    CHECK(rest.first<turn::ApprovalSettled>()->approved == approved);
    CHECK((rest.first<turn::ToolOutput>() != nullptr) == approved);
    CHECK((rest.first<turn::ToolFailed>() != nullptr) == !approved);
    CHECK(stage.reading("codex_asked_approvals_total") == 1);
    CHECK(stage.reading("codex_declined_requests_total") == 0);
}

TEST_CASE("codex approvals: a turn that does not take them has them declined at once") {
    AskingStage stage;
    must(stage.open());
    const Transcript transcript = stage.begin("approve-item", false);
    CHECK(transcript.first<turn::ApprovalAsked>() == nullptr);
    CHECK(transcript.text() == R"({"decision":"decline"})");
    CHECK(stage.reading("codex_declined_requests_total") == 1);
}

TEST_CASE("codex approvals: several at once are decided one by one, in any order") {
    AskingStage stage;
    must(stage.open());
    const auto asked = stage.questions("approve-two", 2);
    CHECK(asked[0].id != asked[1].id);
    must(stage.last->answer_approval(asked[1].id, false));
    must(stage.last->answer_approval(asked[0].id, true));
    const Transcript rest = stage.rest();
    CHECK(rest.outcome() == "completed");
    REQUIRE(rest.first<turn::ToolOutput>() != nullptr);
    CHECK(rest.first<turn::ToolOutput>()->call == "call_1");
    REQUIRE(rest.first<turn::ToolFailed>() != nullptr);
    CHECK(rest.first<turn::ToolFailed>()->call == "call_2");
}

TEST_CASE("codex approvals: nothing waits under an unknown id, twice, or after the end") {
    AskingStage stage;
    must(stage.open());
    const Transcript asked = stage.begin("approve-item");
    const auto code = [&](const std::string& id) {
        const auto transcript = stage.last->answer_approval(id, true);
        return transcript ? std::string("taken") : std::string(to_string(transcript.error().code));
    };
    CHECK(code("approval-none") == "not_found");
    CHECK(code(id_of(asked)) == "taken");
    CHECK(code(id_of(asked)) == "not_found");
    CHECK(stage.rest().outcome() == "completed");
    CHECK(code(id_of(asked)) == "not_found");
}

TEST_CASE("codex approvals: a call of an MCP server is the one its question means") {
    AskingStage stage;
    must(stage.open());
    const Transcript asked = stage.begin("approve-mcp");
    CHECK(asked.first<turn::ApprovalAsked>()->call == "call_1");
    CHECK(asked.first<turn::ToolOpened>()->name == "lab__danger");
    must(stage.last->answer_approval(id_of(asked), true));
    CHECK(stage.rest().text() == R"({"action":"accept","content":null,"_meta":null})");
}

TEST_CASE("codex approvals: permissions have a call of their own, and are granted as asked") {
    const bool approved = GENERATE(true, false);
    CAPTURE(approved);
    AskingStage stage;
    must(stage.open());
    const Transcript asked = stage.begin("approve-permissions");
    REQUIRE(asked.first<turn::ToolOpened>() != nullptr);
    CHECK(asked.first<turn::ToolOpened>()->name == "request_permissions");
    CHECK(
        dump_json(asked.first<turn::ToolInputReady>()->input) ==
        R"({"reason":"to fetch","permissions":{"network":{"enabled":true}}})"
    );
    must(stage.last->answer_approval(id_of(asked), approved));
    const Transcript rest = stage.rest();
    CHECK(
        rest.text() == (approved ? R"({"permissions":{"network":{"enabled":true}},"scope":"turn"})"
                                 : R"({"permissions":{},"scope":"turn"})")
    );
    CHECK((rest.first<turn::ToolOutput>() != nullptr) == approved);
    CHECK((rest.first<turn::ToolFailed>() != nullptr) == !approved);
}

TEST_CASE("codex approvals: one that codex takes back is settled without a decision") {
    AskingStage stage;
    must(stage.open());
    const auto asked = stage.questions("approve-elsewhere", 2);
    must(stage.last->answer_approval(asked[1].id, true));
    const Transcript rest = stage.rest();
    CHECK(rest.text() == "somebody else decided");
    std::map<std::string, bool> settled;
    for (const auto& event : rest.events) {
        if (const auto* one = std::get_if<turn::ApprovalSettled>(&event)) {
            settled[one->id] = one->approved;
        }
    }
    CHECK(settled == std::map<std::string, bool>{{asked[0].id, false}, {asked[1].id, true}});
    CHECK_FALSE(stage.last->answer_approval(asked[0].id, true).has_value());
}

TEST_CASE("codex approvals: an interrupt ends a turn that waits") {
    AskingStage stage;
    must(stage.open());
    const Transcript asked = stage.begin("approve-item");
    stage.last->interrupt();
    CHECK(stage.rest().outcome() == "interrupted");
    CHECK_FALSE(stage.last->answer_approval(id_of(asked), true).has_value());
}

TEST_CASE("codex approvals: a configuration that never asks says so") {
    FakeStage stage;
    must(stage.open());
    CHECK_FALSE(stage.authority->capabilities().approvals);
}

TEST_CASE("codex approvals: a question nobody can answer is told as a note") {
    const Json params =
        must(parse_json(R"({"questions":[{"id":"q","header":"Colour","question":"Which?",)"
                        R"("options":[{"label":"Red","description":"warm"},{"label":"Blue"}]}]})"));
    const auto asked = unanswered_note("item/tool/requestUserInput", params);
    REQUIRE(asked.has_value());
    CHECK(asked->name == "question");
    CHECK_FALSE(asked->transient);
    CHECK(
        dump_json(asked->payload) ==
        R"({"kind":"user-input","questions":[{"header":"Colour","question":"Which?","options":["Red","Blue"]}]})"
    );
    const Json form = must(parse_json(R"({"serverName":"lab","message":"Name?"})"));
    const auto elicited = unanswered_note("mcpServer/elicitation/request", form);
    REQUIRE(elicited.has_value());
    CHECK(
        dump_json(elicited->payload) ==
        R"({"kind":"elicitation","questions":[{"question":"Name?","serverName":"lab"}]})"
    );
    const Json approval = must(parse_json(R"({"_meta":{"codex_approval_kind":"mcp_tool_call"}})"));
    CHECK_FALSE(unanswered_note("mcpServer/elicitation/request", approval).has_value());
    CHECK_FALSE(unanswered_note("item/tool/call", params).has_value());
}
