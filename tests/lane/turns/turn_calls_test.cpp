// What the frames of another replica tell of the page's calls.
#include "turns/turn_calls.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

constexpr std::string_view k_asked =
    R"(data: {"type":"tool-input-available","toolCallId":"c1","toolName":"clock","input":{"h":1}})";
constexpr std::string_view k_own =
    R"(data: {"type":"tool-input-available","toolCallId":"x1","toolName":"shell","input":{},"providerExecuted":true})";
constexpr std::string_view k_told =
    R"(data: {"type":"tool-output-available","toolCallId":"c1","output":{"a":2}})";
constexpr std::string_view k_failed =
    R"(data: {"type":"tool-output-error","toolCallId":"c1","errorText":"no network"})";
constexpr std::string_view k_words =
    R"(data: {"type":"text-delta","id":"t","delta":"\"tool-input-available\" {"})";

std::vector<authority::CallResult> result(Json output, bool failed = false) {
    return {{.call = "c1", .output = std::move(output), .failed = failed}};
}
std::string code_of(const Accepted<TurnCalls::Verdict>& verdict) {
    return verdict ? std::string() : verdict.error().code;
}

} // namespace

TEST_CASE("A turn that is read from another replica waits for the calls that it asked") {
    TurnCalls calls;
    for (const auto frame : {k_own, k_words, k_asked, k_asked}) {
        calls.recall(*wire::ui::chunk_in(frame), 0, Clock::now());
    }
    REQUIRE(calls.open() == std::vector<turn::ClientCall>{{"c1", "clock", R"({"h":1})"}});
    CHECK(calls.waiting());
    CHECK_FALSE(calls.unsure(result("x")));

    calls.recall(*wire::ui::chunk_in(k_told), 1, Clock::now());
    CHECK(calls.open().empty());
    CHECK(calls.judge(result(Json{{"a", 2}}))->segment == 1);
    CHECK(code_of(calls.judge(result("other"))) == "already_answered");
    CHECK(code_of(calls.judge(result(Json{{"a", 2}}, true))) == "already_answered");
}

TEST_CASE("A call whose frame says that it failed may have ended with its turn") {
    TurnCalls calls;
    calls.recall(*wire::ui::chunk_in(k_asked), 0, Clock::now());
    calls.recall(*wire::ui::chunk_in(k_failed), 2, Clock::now());
    CHECK_FALSE(calls.waiting());
    CHECK(calls.judge(result("no network", true))->segment == 2);
    CHECK(code_of(calls.judge(result("rain"))) == "tool_call_over");
}

TEST_CASE("Results of other turns' calls count only where no other result came") {
    TurnCalls calls;
    calls.recall(*wire::ui::chunk_in(k_asked), 0, Clock::now());
    auto both = result("noon");
    both.insert(both.begin(), {.call = "earlier", .output = "sun"});
    CHECK(calls.judge(both)->fresh == result("noon"));
    calls.note_answer(both.back(), 1);
    CHECK(calls.judge(both)->segment == 1);
    both.back().output = "midnight";
    CHECK(code_of(calls.judge(both)) == "already_answered");
    both.pop_back();
    CHECK(code_of(calls.judge(both)) == "unknown_tool_call");
    CHECK(calls.judge({}).has_value());
}

TEST_CASE("Results that a turn began with lead to its beginning, and no others of their calls") {
    TurnCalls calls;
    auto both = result("noon");
    both.insert(both.begin(), {.call = "earlier", .output = "sun"});
    calls.begin_with({digest_of_result(both.front())});
    const authority::CallResult named{.call = std::string(1'000, 'x'), .output = "sun"};
    CHECK(digest_of_result(named).call.size() == digest_of_result(both.front()).call.size());
    CHECK(calls.judge({both.front()})->segment == 0);
    CHECK(calls.order().empty());
    CHECK(code_of(calls.judge({{.call = "earlier", .output = "rain"}})) == "already_answered");
    const authority::CallResult failed{.call = "earlier", .output = "sun", .failed = true};
    CHECK(code_of(calls.judge({failed})) == "already_answered");
    CHECK(code_of(calls.judge({{.call = "other", .output = "rain"}})) == "unknown_tool_call");

    calls.recall(*wire::ui::chunk_in(k_asked), 0, Clock::now());
    CHECK(calls.judge(both)->fresh == result("noon"));
    calls.note_answer(both.back(), 1);
    CHECK(calls.judge(both)->segment == 1);
}

TEST_CASE("Of a turn that was taken over the events say whether a call still waits") {
    TurnCalls calls;
    calls.recall(*wire::ui::chunk_in(k_asked), 0, {});
    CHECK_FALSE(calls.waiting());
    CHECK(calls.unsure(result("x")));
    CHECK(code_of(calls.judge(result("x"))) == "unknown_tool_call");

    calls.watch(turn::ClientCall{"c1", "clock", R"({"h":1})"}, Clock::now(), 1);
    CHECK_FALSE(calls.unsure(result("x")));
    CHECK(calls.judge(result("x"))->fresh == result("x"));
    CHECK(calls.open().size() == 1);

    TurnCalls answered;
    answered.recall(*wire::ui::chunk_in(k_asked), 0, {});
    answered.watch(turn::ToolOutput{.call = "c1", .output = "noon"}, Clock::now(), 1);
    CHECK(answered.judge(result("noon"))->segment == 1);
}

namespace {

/// A turn that was stopped while it waited for c1.
authority::PastTurn stopped_turn() {
    authority::PastTurn turn;
    turn.outcome = turn::Outcome::interrupted;
    turn.events = {
        turn::ToolOpened{"c1", "clock", true, true}, turn::ClientCall{"c1", "clock", "{}"}
    };
    return turn;
}

} // namespace

TEST_CASE("Results for a stopped turn may come beside those that it began with itself") {
    const auto stopped = stopped_turn();
    auto both = result("noon");
    both.insert(both.begin(), {.call = "earlier", .output = "sun"});
    CHECK(results_text(stopped, both).value() == results_text(stopped, result("noon")).value());
    both.pop_back();
    const auto refused = results_text(stopped, both);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "unknown_tool_call");
}

TEST_CASE("The notice that a list has in place of a result never goes to the model as one") {
    const auto stopped = stopped_turn();
    const auto notice = result("The answer was stopped before this call ended.", true);
    CHECK(results_ahead(stopped, notice).empty());
    CHECK_FALSE(results_ahead(stopped, result("no clock", true)).empty());
    const auto refused = results_text(stopped, notice); // would begin a turn behind the stop
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == "tool_call_over");
    CHECK(results_text(stopped, result("no clock", true)).has_value());
}
