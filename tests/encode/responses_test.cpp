// Turn events as responses: whatever a turn tells, the events keep the contract and the final one
// is the whole answer.
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/encode/responses.hpp"

#include "stream_support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode;

namespace {

ResponseIdentity identity() {
    ResponseIdentity out;
    out.response = Json::parse(
        R"({"id":"resp_1","object":"response","created_at":1700000000,"model":"m","instructions":null,)"
        R"("metadata":{},"tools":[],"tool_choice":"auto","parallel_tool_calls":true})"
    );
    out.reasoning = true;
    return out;
}

struct Encoded {
    std::string bytes;
    std::vector<std::string> types{};
    Json last{};
    std::string faults{};
    std::expected<Json, Failure> whole{};
    int kept = 0;
};

Encoded tell(const std::vector<Event>& events, ResponseIdentity as = identity()) {
    Encoded out;
    as.on_response = [&out](const Json&) { ++out.kept; };
    const auto stream = responses_answer(as, true);
    as.on_response = {};
    const auto whole = responses_answer(as, false);
    std::string nothing;
    for (const Event& event : events) {
        REQUIRE(stream->encode(event, out.bytes));
        REQUIRE(whole->encode(event, nothing));
    }
    CHECK(nothing.empty());
    CHECK(stream->ended());
    out.whole = whole->result();
    contract::Judge judge(contract::Profile::responses);
    judge.on_response_event([&out](const Json& event, std::uint64_t) {
        out.types.push_back(event.at("type").get<std::string>());
        out.last = event.value("response", Json());
        // As OpenAI's: what it says of each token, which the lane does not know.
        const bool text = out.types.back().starts_with("response.output_text.");
        CHECK(event.value("logprobs", Json()) == (text ? Json::array() : Json()));
    });
    judge.feed(out.bytes);
    const auto judgement = judge.finish();
    CHECK(stream->summary().frames == out.types.size());
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const auto& found : *list) {
            out.faults += std::string(found.rule->id) + ": " + found.message + "\n";
        }
    }
    return out;
}

const std::vector<Event> k_everything{
    TurnStarted{"t", "u"},
    PartOpened{"r", PartKind::reasoning},
    PartDelta{"r", "hm"},
    PartOpened{"a"}, // parts interleave
    PartDelta{"a", "on"},
    PartClosed{"r"},
    ToolOpened{"x", "shell"},
    ToolOutput{"x", "hidden"},
    PartDelta{"a", "e\xFF"},
    PartClosed{"a"},
    ClientCall{"c1", "weather", "{\"a\":1}"},
    ClientCall{"c2", "clock", ""},
    TurnEnded{Outcome::completed, Finish::tool_calls, {}, Usage{11, 4, 7, 2}},
};

} // namespace

TEST_CASE("responses: reasoning, text and calls are items, and the end holds them all") {
    const auto told = tell(k_everything);
    CHECK(told.faults == "");
    CHECK(told.types.back() == "response.completed");
    REQUIRE(told.whole);
    CHECK(told.last == *told.whole);
    CHECK(told.kept == 1);
    const Json& output = told.last.at("output");
    REQUIRE(output.size() == 4);
    CHECK(output[0].at("summary")[0].at("text") == "hm");
    CHECK(output[1].at("content")[0].at("text") == "one\xEF\xBF\xBD");
    CHECK(output[2].at("call_id") == "c1");
    CHECK(output[3].at("arguments") == "");
    CHECK(told.last.at("usage").at("total_tokens") == 18);
    auto quiet = identity();
    quiet.reasoning = false;
    CHECK(tell(k_everything, quiet).last.at("output").size() == 3);
    auto one = identity();
    one.demands.one_call = true;
    CHECK(tell(k_everything, one).last.at("output").size() == 3);
}

TEST_CASE("responses: a message has its phase from the beginning, and JSON is beside commentary") {
    const auto both = [](std::string_view answer, TextPhase phase) {
        return std::vector<Event>{
            PartOpened{"a", PartKind::text, TextPhase::commentary},
            PartDelta{"a", "Working."},
            PartClosed{"a"},
            PartOpened{"b", PartKind::text, phase},
            PartDelta{"b", std::string(answer)},
            PartClosed{"b"},
            TurnEnded{}
        };
    };
    auto json = identity();
    json.demands.json_object = true;
    const auto told = tell(both("{}", TextPhase::final_answer), json);
    CHECK(told.faults == "");
    REQUIRE(told.last.at("status") == "completed");
    const Json& output = told.last.at("output");
    CHECK(output.at(0).at("phase") == "commentary");
    CHECK(output.at(1).at("phase") == "final_answer");
    CHECK(told.bytes.contains(
        R"("status":"in_progress","role":"assistant","phase":"commentary","content":[])"
    ));
    CHECK(tell(both("{}", TextPhase::unknown), json).last.at("status") == "completed");
    CHECK(tell(both("no", TextPhase::final_answer), json).last.at("status") == "failed");
    const auto plain = tell({PartOpened{"a"}, PartDelta{"a", "x"}, PartClosed{"a"}, TurnEnded{}});
    CHECK_FALSE(plain.bytes.contains("phase"));
}

TEST_CASE("responses: how a turn ends is the status") {
    const auto ends = [](TurnEnded ended) {
        return tell({PartOpened{"a"}, PartDelta{"a", "x"}, PartClosed{"a"}, std::move(ended)});
    };
    const auto cut = ends({Outcome::completed, Finish::length});
    CHECK(cut.faults == "");
    CHECK(cut.last.at("status") == "incomplete");
    CHECK(cut.last.at("incomplete_details").at("reason") == "max_output_tokens");
    CHECK(cut.kept == 1);
    Failure failure{FailureCode::turn_failed, false, "SECRET"};
    failure.cause = FailureCause::rate_limited;
    const auto failed = ends({Outcome::failed, Finish::error, failure});
    CHECK(failed.faults == "");
    CHECK(failed.last.at("status") == "failed");
    CHECK(failed.last.at("error").at("code") == "server_error"); // after text: not to be retried
    CHECK(failed.last.at("error").size() == 2);
    CHECK(failed.bytes.contains(R"("error":{"type":"server_error","code":"turn_failed","message":)")
    );
    // The event names the cause; response.failed, where its enum does.
    const auto codes = [&](FailureCause cause) {
        Failure why{FailureCode::turn_failed};
        why.cause = cause;
        const auto told = ends({Outcome::failed, Finish::error, why});
        CHECK(told.faults == "");
        const auto at = told.bytes.find("event: error\n");
        const auto begin = told.bytes.find("data: ", at) + 6;
        const auto event =
            Json::parse(told.bytes.substr(begin, told.bytes.find('\n', begin) - begin));
        return fmt::format(
            "{} {} {}",
            event.at("error").at("code").get<std::string>(),
            dump_json(event.at("error").at("param")),
            told.last.at("error").at("code").get<std::string>()
        );
    };
    CHECK(codes(FailureCause::other) == "turn_failed null server_error");
    CHECK(codes(FailureCause::usage_limit) == "insufficient_quota null rate_limit_exceeded");
    CHECK(codes(FailureCause::context_length) == R"(context_length_exceeded "input" server_error)");
    CHECK(codes(FailureCause::refused) == "content_policy_violation null invalid_prompt");
    CHECK(codes(FailureCause::drained) == "server_draining null server_error");
    CHECK_FALSE(failed.bytes.contains("SECRET"));
    CHECK_FALSE(failed.whole);
    CHECK(failed.kept == 0);
    CHECK(ends({Outcome::interrupted}).last.at("status") == "failed");
}

TEST_CASE("responses: a message that the end cut is incomplete, one that was whole before is not") {
    const auto status = [](std::vector<Event> between, TurnEnded ended) {
        std::vector<Event> events{PartOpened{"a"}, PartDelta{"a", "x"}, PartClosed{"a"}};
        std::ranges::move(between, std::back_inserter(events));
        events.emplace_back(std::move(ended));
        const auto told = tell(events);
        CHECK(told.faults == "");
        const auto at = told.bytes.rfind("response.output_item.done\"");
        const auto item = told.last.at("output").at(0).at("status").get<std::string>();
        CHECK(told.bytes.find("\"status\":\"" + item, at) < told.bytes.find('\n', at));
        return item;
    };
    const TurnEnded cut{Outcome::completed, Finish::length};
    const TurnEnded failed{Outcome::failed, Finish::error, Failure{FailureCode::turn_failed}};
    CHECK(status({}, cut) == "incomplete");
    CHECK(status({}, failed) == "incomplete");
    CHECK(status({UsageKnown{{11, 4, 7, 2}}}, failed) == "incomplete");
    CHECK(status({}, {Outcome::completed}) == "completed");
    CHECK(status({ToolOpened{"x", "shell"}}, failed) == "completed");
}

TEST_CASE("responses: a turn that breaks off, or says too much, fails from wherever it is") {
    std::string out;
    const auto stream = responses_answer(identity(), true);
    REQUIRE(stream->encode(PartOpened{"a"}, out));
    REQUIRE(stream->encode(PartDelta{"a", "x"}, out));
    stream->fail_open(Failure{FailureCode::authority_lost}, out);
    CHECK(stream->ended());
    contract::Judge judge(contract::Profile::responses);
    judge.feed(out);
    CHECK(judge.finish().pass());
    CHECK(out.contains("response.failed"));
    // In front of it, and in the members that clients read.
    const auto error = out.find("event: error\n");
    REQUIRE(error < out.find("event: response.failed\n"));
    CHECK(out.substr(error).contains(
        R"("error":{"type":"server_error","code":"authority_lost","message":)"
    ));
    CHECK(out.substr(error).contains(R"(,"param":null}})"));

    const auto small = responses_answer(identity(), false, {.most = 4});
    REQUIRE(small->encode(PartOpened{"a"}, out));
    REQUIRE(small->encode(PartDelta{"a", "12345"}, out));
    REQUIRE(small->ended());
    CHECK(small->result().error().code == FailureCode::overloaded);
}

TEST_CASE("responses, completions: what an answer gathers counts as long as its encoder lives") {
    const auto all = std::make_shared<std::size_t>(100);
    std::string out;
    {
        const auto response = responses_answer(identity(), true, {.most = 9, .all = all});
        const auto whole = completions_whole({"c", 1, "m"}, {.most = 9, .all = all});
        const auto text = completions_stream({"c", 1, "m"}, false, {.most = 9, .all = all});
        CompletionIdentity as{"c", 1, "m"};
        as.demands.json_object = true;
        const auto object = completions_stream(as, false, {.most = 9, .all = all});
        const std::array<TurnEncoder*, 4> every{
            response.get(), whole.get(), text.get(), object.get()
        };
        for (auto* encoder : every) {
            REQUIRE(encoder->encode(PartOpened{"a"}, out));
            REQUIRE(encoder->encode(PartDelta{"a", R"({"a":)"}, out));
        }
        CHECK(*all == 115); // a stream of mere text gathers nothing
        for (auto* encoder : every) {
            REQUIRE(encoder->encode(PartDelta{"a", "[1,2]"}, out));
            CHECK(encoder->ended() == (encoder != text.get()));
        }
        CHECK(object->summary().failure.value().code == FailureCode::overloaded);
        CHECK(*all == 115);
    }
    CHECK(*all == 100);
}

TEST_CASE("responses: one that broke behind text is failed and is not kept") {
    const auto told =
        tell({TurnStarted{"t", "u"}, PartOpened{"a"}, PartDelta{"a", "who"}, PartClosed{"a", true}}
        );
    CHECK(told.faults == "");
    CHECK(told.types.back() == "response.failed");
    REQUIRE_FALSE(told.whole.has_value());
    CHECK(told.whole.error().code == FailureCode::turn_failed);
    CHECK(told.kept == 0);
}

TEST_CASE("responses: what is out of order is refused and leaves no bytes") {
    const auto stream = responses_answer(identity(), true);
    std::string out;
    stream->begin(out);
    const auto before = out;
    CHECK_FALSE(stream->encode(PartDelta{"b", "x"}, out));
    CHECK(out == before);
}
