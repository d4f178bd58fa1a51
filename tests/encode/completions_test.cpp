// A turn as a stream of chat completion chunks and as a whole answer: the same text, ending and
// usage in both.
#include "completions_support.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode;
using namespace oa_stream::encode::test;

namespace {

const Usage k_spent{.input = 11, .cached_input = 4, .output = 7, .reasoning_output = 2};

TurnEnded failed(Failure failure, std::optional<Usage> usage = {}) {
    return {Outcome::failed, Finish::error, std::move(failure), usage};
}
Failure clean_eof() {
    Failure failure{FailureCode::codex_error};
    failure.clean_eof = true;
    return failure;
}
struct Row {
    std::string_view name;
    std::vector<Event> events;
    std::string_view order, text, finish, error;
};

const std::vector<Row> k_rows{
    {"a text", words({"w1 ", "w2"}, {TurnEnded{}}), "RCCFD", "w1 w2", "stop", ""},
    {"nothing", {k_start, TurnEnded{}}, "RFD", "", "stop", ""},
    {"an empty delta", words({"", "x"}, {TurnEnded{}}), "RCFD", "x", "stop", ""},
    {"text that looks like frames",
     words({"data: [DONE]\n\n", "\r\n: x\u2028"}, {TurnEnded{}}),
     "RCCFD",
     "data: [DONE]\n\n\r\n: x\u2028",
     "stop",
     ""},
    {"two messages are joined as they are",
     {k_start,
      PartOpened{"a"},
      PartDelta{"a", "one"},
      PartClosed{"a"},
      PartOpened{"b"},
      PartDelta{"b", "two"},
      PartClosed{"b"},
      TurnEnded{}},
     "RCCFD",
     "onetwo",
     "stop",
     ""},
    {"tools and notes are nothing to these clients",
     {k_start,
      ToolOpened{"c", "shell"},
      ToolInputDelta{"c", "{}"},
      ToolInputReady{"c", Json::object()},
      ToolOutputDelta{"c", "x"},
      ToolOutput{"c", "hidden"},
      Note{"plan", {}, false, Json::object()},
      ApprovalAsked{"p", "c"},
      ApprovalSettled{"p", true},
      TurnEnded{}},
     "RFD",
     "",
     "stop",
     ""},
    {"halves of a character in two messages make none",
     {k_start,
      PartOpened{"a"},
      PartDelta{"a", "\xC3"},
      PartClosed{"a"},
      PartOpened{"b"},
      PartDelta{"b", "\xA9"},
      TurnEnded{}},
     "RCCFD",
     "\uFFFD\uFFFD",
     "stop",
     ""},
    {"cut at the model's limit",
     words({"x"}, {TurnEnded{Outcome::completed, Finish::length, {}, Usage{}}}),
     "RCFD",
     "x",
     "length",
     ""},
    {"filtered",
     words({"x"}, {TurnEnded{Outcome::completed, Finish::content_filter}}),
     "RCFD",
     "x",
     "content_filter",
     ""},
    {"other reasons are stop",
     words({"x"}, {TurnEnded{Outcome::completed, Finish::tool_calls}}),
     "RCFD",
     "x",
     "stop",
     ""},
    {"calls of the client's functions",
     {k_start,
      PartOpened{"a"},
      PartDelta{"a", "x"},
      PartClosed{"a"},
      ToolOpened{"c1", "weather", false, true},
      ToolInputReady{"c1", Json::object()},
      ClientCall{"c1", "weather", R"({"city":"Oslo"})"},
      ToolOpened{"c2", "clock", false, true},
      ToolInputReady{"c2", Json::object()},
      ClientCall{"c2", "clock", ""},
      UsageKnown{k_spent},
      TurnEnded{Outcome::completed, Finish::tool_calls}},
     "RCTTTFUD",
     "x",
     "tool_calls",
     ""},
    {"a call alone",
     {k_start,
      ToolOpened{"c1", "clock", false, true},
      ClientCall{"c1", "clock", "{}"},
      UsageKnown{{}},
      TurnEnded{Outcome::completed, Finish::tool_calls}},
     "RTTFD",
     "",
     "tool_calls",
     ""},
    {"a call that was cut at the model's limit",
     {k_start, ClientCall{"c1", "clock", "{}"}, TurnEnded{Outcome::completed, Finish::length}},
     "RTTFD",
     "",
     "tool_calls",
     ""},
    {"usage told on the way",
     words({"x"}, {UsageKnown{k_spent}, TurnEnded{}}),
     "RCFUD",
     "x",
     "stop",
     ""},
    {"usage told at the end",
     words({"x"}, {TurnEnded{Outcome::completed, Finish::stop, {}, k_spent}}),
     "RCFUD",
     "x",
     "stop",
     ""},
    {"a report of nothing does not undo the usage",
     words(
         {"x"}, {UsageKnown{k_spent}, TurnEnded{Outcome::completed, Finish::length, {}, Usage{}}}
     ),
     "RCFUD",
     "x",
     "length",
     ""},
    {"counts that are none",
     words({"x"}, {UsageKnown{{-1, 0, 1, 0}}, TurnEnded{}}),
     "RCFD",
     "x",
     "stop",
     ""},
    {"more cached than there is",
     words({"x"}, {UsageKnown{{1, 2, 1, 0}}, TurnEnded{}}),
     "RCFD",
     "x",
     "stop",
     ""},
    {"zero counts of an empty answer",
     {k_start, UsageKnown{{}}, TurnEnded{}},
     "RFUD",
     "",
     "stop",
     ""},
    {"zero counts of a failed turn",
     {k_start, UsageKnown{{}}, failed(Failure{FailureCode::stalled})},
     "RE",
     "",
     "",
     "stalled"},
    {"events end cleanly after text",
     words({"x"}, {UsageKnown{k_spent}, failed(clean_eof())}),
     "RCFUD",
     "x",
     "length",
     ""},
    {"events end cleanly without text",
     {k_start, failed(clean_eof())},
     "RE",
     "",
     "",
     "authority_lost"},
    {"a failed turn",
     words({"x"}, {failed(Failure{FailureCode::turn_failed})}),
     "RCE",
     "x",
     "",
     "turn_failed"},
    {"a failed turn with usage",
     words({"x"}, {UsageKnown{k_spent}, failed(Failure{FailureCode::turn_failed})}),
     "RCUE",
     "x",
     "",
     "turn_failed"},
    {"a failed turn without words of why",
     words({"x"}, {TurnEnded{Outcome::failed, Finish::error}}),
     "RCE",
     "x",
     "",
     "codex_error"},
    {"an aborted turn",
     words({"x"}, {TurnEnded{Outcome::aborted, Finish::error, Failure{FailureCode::overloaded}}}),
     "RCE",
     "x",
     "",
     "overloaded"},
    {"an aborted turn without words of why",
     words({"x"}, {TurnEnded{Outcome::aborted}}),
     "RCE",
     "x",
     "",
     "turn_aborted"},
    {"an interrupted turn",
     words({"x"}, {TurnEnded{Outcome::interrupted}}),
     "RCE",
     "x",
     "",
     "turn_aborted"},
};

/// The whole answer that says the same as a stream.
Json whole_of(const ReadCompletion& read) {
    Json out = Json::parse(
        R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"model-1",)"
        R"("choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":""}]})"
    );
    out["choices"][0]["message"]["content"] = read.text;
    out["choices"][0]["finish_reason"] = read.finish;
    if (!read.calls.empty()) {
        Json& message = out["choices"][0]["message"];
        message["content"] = read.text.empty() ? Json(nullptr) : Json(read.text);
        message["tool_calls"] = read.calls;
    }
    if (read.usage) {
        out["usage"] = *read.usage;
    }
    return out;
}

/// In both forms; as a stream.
ReadCompletion in_both_forms(const CompletionIdentity& as, const std::vector<Event>& events) {
    const auto stream = completions_stream(as, false);
    const auto whole = completions_whole(as);
    std::string out;
    for (const Event& event : events) {
        REQUIRE(stream->encode(event, out));
        REQUIRE(whole->encode(event, out));
    }
    auto read = read_completion(out);
    CHECK(whole->result().has_value() == read.error.empty());
    return read;
}

} // namespace

TEST_CASE("completions: a turn's text and ending are the documented ones, in both forms alike") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            const std::string stream = completion_stream(row.events);
            CAPTURE(stream);
            const ReadCompletion read = read_completion(stream);
            CHECK(read.order == row.order);
            CHECK(read.text == row.text);
            CHECK(read.finish == row.finish);
            CHECK(read.error == row.error);
            CHECK(completion_faults(stream).empty());

            const auto whole = completion_whole(row.events);
            CHECK(whole.has_value() == row.error.empty());
            if (whole) {
                CHECK(*whole == whole_of(read));
                CHECK(completion_faults(dump_json(*whole)).empty());
            } else {
                CHECK(words_of(whole.error().code).word == row.error);
            }
        }
    }
}

TEST_CASE("completions: one call at a time, and a call that was demanded") {
    const std::vector<Event> calls{
        k_start,
        ClientCall{"c1", "weather", "{}"},
        ClientCall{"c2", "clock", "{}"},
        TurnEnded{Outcome::completed, Finish::tool_calls},
    };
    auto one = identity();
    one.demands.one_call = true;
    CHECK(in_both_forms(identity(), calls).calls.size() == 2);
    REQUIRE(in_both_forms(one, calls).calls.size() == 1);
    CHECK(in_both_forms(one, calls).calls[0].at("id") == "c1");
    CHECK(in_both_forms(one, calls).finish == "tool_calls");

    auto must = identity();
    must.demands.must_call = true;
    CHECK(in_both_forms(must, calls).error.empty());
    CHECK(in_both_forms(must, words({"x"}, {TurnEnded{}})).error == "tool_call_missing");
    const auto cut = words({"x"}, {TurnEnded{Outcome::completed, Finish::length}});
    CHECK(in_both_forms(must, cut).finish == "length");
}

TEST_CASE("completions: commentary beside JSON is reasoning, and a part of any other text") {
    const std::vector<Event> events{
        k_start,
        PartOpened{"a", PartKind::text, TextPhase::commentary},
        PartDelta{"a", "Working."},
        PartClosed{"a"},
        PartOpened{"b", PartKind::text, TextPhase::final_answer},
        PartDelta{"b", "{}"},
        PartClosed{"b"},
        TurnEnded{}
    };
    CHECK(in_both_forms(identity(), events).text == "Working.{}");
    for (const auto member : {&AnswerDemands::json, &AnswerDemands::json_object}) {
        auto as = identity();
        as.demands.*member = true;
        const auto read = in_both_forms(as, events);
        CHECK(read.text == "{}");
        CHECK(read.reasoning == "Working.");
        CHECK(read.finish == "stop");
    }
}

TEST_CASE("completions: usage is told in OpenAI's words, only when it was asked for") {
    const auto events = words({"x"}, {UsageKnown{k_spent}, TurnEnded{}});
    CHECK(
        *read_completion(completion_stream(events)).usage ==
        Json::parse(R"({"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,)"
                    R"("prompt_tokens_details":{"cached_tokens":4},)"
                    R"("completion_tokens_details":{"reasoning_tokens":2}})")
    );
    CHECK_FALSE(completion_stream(events, false).contains("usage"));
    const auto lost = words({"x"}, {UsageKnown{k_spent}, failed(Failure{})});
    CHECK_FALSE(completion_stream(lost, false).contains("usage"));
}

TEST_CASE("completions: a stream's error has the code, type and param of its cause") {
    struct Cause {
        FailureCause cause;
        std::string_view type, code, param;
        bool text = false; ///< before it
    };
    const std::array causes{
        Cause{FailureCause::other, "server_error", "turn_failed", "null"},
        Cause{FailureCause::rate_limited, "rate_limit_error", "rate_limit_exceeded", "null"},
        Cause{FailureCause::rate_limited, "server_error", "turn_failed", "null", true},
        Cause{FailureCause::usage_limit, "rate_limit_error", "insufficient_quota", "null"},
        Cause{FailureCause::usage_limit, "rate_limit_error", "insufficient_quota", "null", true},
        Cause{
            FailureCause::context_length,
            "invalid_request_error",
            "context_length_exceeded",
            R"("messages")"
        },
        Cause{FailureCause::bad_key, "server_error", "turn_failed", "null"},
        Cause{
            FailureCause::unknown_model, "invalid_request_error", "model_not_found", R"("model")"
        },
        Cause{FailureCause::overloaded, "server_error", "overloaded", "null"},
        Cause{FailureCause::overloaded, "server_error", "turn_failed", "null", true},
        Cause{FailureCause::refused, "invalid_request_error", "content_policy_violation", "null"},
        Cause{FailureCause::schema_refused, "invalid_request_error", "invalid_json_schema", "null"},
    };
    for (const auto& row : causes) {
        Failure failure{FailureCode::turn_failed};
        failure.cause = row.cause;
        const auto bytes = completion_stream(
            row.text ? words({"x"}, {failed(failure)})
                     : std::vector<Event>{k_start, failed(failure)}
        );
        CAPTURE(bytes);
        CHECK(bytes.contains(
            fmt::format(R"("type":"{}","param":{},"code":"{}"}})", row.type, row.param, row.code)
        ));
        CHECK(bytes.contains(sentence_of(failure)));
    }
}

TEST_CASE("completions: what the authority says of a failure reaches no client") {
    Failure failure{FailureCode::turn_failed, false, "SECRET of the upstream"};
    failure.cause = FailureCause::rate_limited;
    const auto events = words({"x"}, {failed(failure)});
    CHECK_FALSE(completion_stream(events).contains("SECRET"));
    const auto whole = completion_whole(events);
    REQUIRE_FALSE(whole);
    CHECK(whole.error() == failure); // for the log, and for the status
}

TEST_CASE("completions: the role is written at once, and once") {
    const auto encoder = completions_stream(identity(), false);
    std::string out;
    encoder->begin(out);
    CHECK(
        out ==
        R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
        R"("model":"model-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
        R"("finish_reason":null}]})"
        "\n\n"
    );
    encoder->begin(out);
    REQUIRE(encoder->encode(TurnEnded{}, out));
    CHECK(read_completion(out).order == "RFD");
}

TEST_CASE("completions: the summary counts what the client saw") {
    const auto stream = completions_stream(identity(), true);
    const auto whole = completions_whole(identity());
    std::string out;
    for (const Event& event : std::vector<Event>{
             k_start,
             PartOpened{"a"},
         }) {
        REQUIRE(stream->encode(event, out));
        REQUIRE(whole->encode(event, out));
    }
    CHECK_FALSE(stream->summary().content);
    CHECK_FALSE(whole->summary().content);
    REQUIRE(stream->encode(PartDelta{"a", "x"}, out));
    REQUIRE(whole->encode(PartDelta{"a", "x"}, out));
    CHECK(stream->summary().content);
    CHECK(whole->summary().content);
    CHECK(stream->summary().frames == 2);
    REQUIRE(stream->encode(failed(Failure{}), out));
    REQUIRE(whole->encode(failed(Failure{}), out));
    CHECK(stream->summary().failure.has_value());
    CHECK(whole->summary().failure.has_value());
    CHECK(stream->ended());
    CHECK(whole->ended());
}

TEST_CASE("completions: what is out of order is refused and leaves no bytes") {
    for (const Event& bad :
         std::vector<Event>{PartDelta{"b", "x"}, PartClosed{"b"}, PartOpened{"a"}}) {
        const auto stream = completions_stream(identity(), true);
        const auto whole = completions_whole(identity());
        std::string out;
        REQUIRE(stream->encode(PartOpened{"a"}, out));
        REQUIRE(whole->encode(PartOpened{"a"}, out));
        const std::string before = out;
        CAPTURE(describe(bad));
        const auto refused = stream->encode(bad, out);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::internal);
        CHECK_FALSE(whole->encode(bad, out));
        CHECK(out == before);
        stream->fail_open(Failure{FailureCode::adapter_preview_unavailable}, out);
        whole->fail_open(Failure{FailureCode::adapter_preview_unavailable}, out);
        CHECK(read_completion(out).order == "RE");
        CHECK(read_completion(out).error == "adapter_preview_unavailable");
        REQUIRE_FALSE(whole->result());
        CHECK(whole->result().error().code == FailureCode::adapter_preview_unavailable);
        CHECK_FALSE(stream->encode(PartDelta{"a", "x"}, out));
        CHECK_FALSE(whole->encode(PartDelta{"a", "x"}, out));
        const std::string end = out;
        stream->fail_open(Failure{}, out);
        CHECK(out == end);
    }
}

TEST_CASE("completions: what cannot be an identity is refused by the contract, and still ends") {
    const auto encoder = completions_stream({.id = "", .created = -1, .model = ""}, true);
    std::string out;
    encoder->begin(out);
    encoder->fail_open(Failure{}, out);
    CHECK(read_completion(out).order == "RE");
}

TEST_CASE("completions: a whole answer that outgrows its cap fails as overloaded") {
    const auto encoder = completions_whole(identity(), {.most = 4});
    std::string out;
    REQUIRE(encoder->encode(PartOpened{"a"}, out));
    REQUIRE(encoder->encode(PartDelta{"a", "four"}, out));
    CHECK_FALSE(encoder->ended());
    REQUIRE(encoder->encode(PartDelta{"a", "x"}, out));
    REQUIRE(encoder->ended()); // the rest of the turn is of no use
    REQUIRE_FALSE(encoder->result());
    CHECK(encoder->result().error().code == FailureCode::overloaded);
    CHECK(encoder->result().error().detail == "the answer is larger than turn-log");
}

TEST_CASE("completions: a whole answer of exactly its cap is one") {
    const auto encoder = completions_whole(identity(), {.most = 4});
    std::string out;
    REQUIRE(encoder->encode(PartOpened{"a"}, out));
    REQUIRE(encoder->encode(PartDelta{"a", "fo"}, out));
    REQUIRE(encoder->encode(PartDelta{"a", "ur"}, out));
    REQUIRE(encoder->encode(TurnEnded{}, out));
    CHECK(encoder->result().has_value());
}

TEST_CASE("completions: the calls of a whole answer count towards its cap") {
    for (const std::size_t calls : {2U, 3U}) {
        const auto encoder = completions_whole(identity(), {.most = 14}); // two calls of 7
        std::string out;
        for (std::size_t i = 0; i < calls; ++i) {
            const auto call = std::to_string(i);
            REQUIRE(encoder->encode(ToolOpened{call, "f"}, out));
            REQUIRE(encoder->encode(ClientCall{call, "f", R"({"a":1})"}, out));
        }
        CHECK(encoder->ended() == (calls == 3));
        const TurnEnded end{Outcome::completed, Finish::tool_calls, {}, {}};
        CHECK(encoder->encode(end, out).has_value() == (calls == 2));
        CHECK(encoder->result().has_value() == (calls == 2));
    }
}

TEST_CASE("completions: an error object has all four members") {
    CHECK(
        dump_json(
            completions_error("invalid_request_error", "unsupported_parameter", "No.", "tools")
        ) ==
        R"({"error":{"message":"No.","type":"invalid_request_error","param":"tools","code":"unsupported_parameter"}})"
    );
    CHECK(
        dump_json(completions_error("server_error", "stalled", "It stalled.")) ==
        R"({"error":{"message":"It stalled.","type":"server_error","param":null,"code":"stalled"}})"
    );
}

TEST_CASE("completions: reasoning is reasoning_content, and no content") {
    const std::vector<Event> events{
        k_start,
        PartOpened{"r", PartKind::reasoning},
        PartDelta{"r", "hm"},
        PartClosed{"r"},
        PartOpened{"a"},
        PartDelta{"a", "yes"},
        PartClosed{"a"},
        TurnEnded{},
    };
    const auto stream = completion_stream(events);
    const auto read = read_completion(stream);
    CHECK(read.reasoning == "hm");
    CHECK(read.text == "yes");
    CHECK(completion_faults(stream).empty());
    const auto whole = completion_whole(events);
    REQUIRE(whole);
    CHECK(whole->at("choices")[0].at("message").at("reasoning_content") == "hm");
    CHECK(whole->at("choices")[0].at("message").at("content") == "yes");
}

TEST_CASE("completions: a stop sequence cuts at every border, and asks for the turn's end") {
    const std::string text = "alpha beta gamma";
    for (const std::string_view stop : {"beta", "a b", "gamma", "alpha", "ma!", "zzz"}) {
        const std::string want = text.substr(0, text.find(stop));
        for (std::size_t size = 1; size <= text.size(); ++size) {
            auto as = identity();
            as.demands.stop = {std::string(stop), "never"};
            const auto stream = completions_stream(as, false);
            const auto whole = completions_whole(as);
            std::string out;
            const auto both = [&](const Event& event) {
                REQUIRE(stream->encode(event, out));
                REQUIRE(whole->encode(event, out));
                CHECK(stream->satisfied() == whole->satisfied());
            };
            both(PartOpened{"a"});
            for (std::size_t at = 0; at < text.size(); at += size) {
                both(PartDelta{"a", text.substr(at, size)});
            }
            CAPTURE(stop, size);
            CHECK(stream->satisfied() == text.contains(stop));
            both(PartClosed{"a"});
            both(TurnEnded{});
            CHECK(read_completion(out).text == want);
            CHECK(read_completion(out).finish == "stop");
            CHECK(whole->result()->at("choices")[0].at("message").at("content") == want);
        }
    }
}

TEST_CASE("completions: a JSON object that is demanded is one, or the answer failed") {
    const auto told = [](std::string_view text, Finish finish = Finish::stop) {
        auto as = identity();
        as.demands.json_object = true;
        const auto stream = completions_stream(as, false);
        std::string out;
        for (const Event& event :
             words({std::string(text)}, {TurnEnded{Outcome::completed, finish}})) {
            REQUIRE(stream->encode(event, out));
        }
        return read_completion(out).error;
    };
    CHECK(told(R"( {"a":1} )").empty());
    CHECK(told("[1]") == "json_missing");
    CHECK(told("yes") == "json_missing");
    CHECK(told(R"({"a":)") == "json_missing");
    CHECK(told(R"({"a":)", Finish::length).empty()); // the client is told that it was cut
}
