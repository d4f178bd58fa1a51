#include "oa_stream/base/json.hpp"

#include "stream_support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;
using encode::UiEncoder;

namespace {

const std::string k_begin =
    "data: "
    "{\"type\":\"start\",\"messageId\":\"turn-1\",\"messageMetadata\":{\"threadId\":\"thread-1\","
    "\"turnId\":\"turn-1\",\"model\":\"model-1\"}}\n\ndata: {\"type\":\"start-step\"}\n\n";

/// What a turn of these events looks like between start-step and the end.
std::string after_begin(const std::vector<Event>& events) {
    const std::string stream = encoded(events);
    CHECK(judged(stream) == "");
    REQUIRE(stream.starts_with(k_begin));
    return stream.substr(k_begin.size());
}

std::string frame(std::string_view json) {
    return "data: " + std::string(json) + "\n\n";
}

std::string
end_frames(std::string_view status, std::string_view reason, std::string_view rest = "") {
    return frame(R"({"type":"finish-step"})") +
           frame(
               R"({"type":"finish","messageMetadata":{"threadId":"thread-1","turnId":"turn-1","status":")" +
               std::string(status) + R"(","finishReason":")" + std::string(reason) + "\"" +
               std::string(rest) + "}}"
           ) +
           "data: [DONE]\n\n";
}

/// In place of an answer that cost tokens and was not told.
std::string empty_answer_frames() {
    return frame(R"({"type":"text-start","id":"model_empty_response"})") +
           frame(
               R"({"type":"text-delta","id":"model_empty_response","delta":"The model ended its answer without a word. It may have refused: ask in other words."})"
           ) +
           frame(R"({"type":"text-end","id":"model_empty_response"})");
}

} // namespace

TEST_CASE("ui encoder: start and start-step stand first, with what is known of the turn") {
    UiEncoder encoder(options());
    std::string out;
    encoder.begin(out);
    CHECK(out == k_begin);
    encoder.begin(out);
    CHECK(out == k_begin);
    CHECK(encoder.summary().frames == 2);
    CHECK_FALSE(encoder.ended());
}

TEST_CASE("ui encoder: an unknown model is left out") {
    UiEncoder encoder({"t", "m", "u", ""});
    std::string out;
    encoder.begin(out);
    CHECK(out.find("model") == std::string::npos);
}

TEST_CASE("ui encoder: text and reasoning are parts of their kind") {
    CHECK(
        after_begin(
            {PartOpened{"r1", PartKind::reasoning},
             PartDelta{"r1", "hm \"x\"\n"},
             PartClosed{"r1"},
             PartOpened{"m1"},
             PartDelta{"m1", "é"},
             PartClosed{"m1"},
             TurnEnded{}}
        ) == frame(R"({"type":"reasoning-start","id":"r1"})") +
                 frame(R"({"type":"reasoning-delta","id":"r1","delta":"hm \"x\"\n"})") +
                 frame(R"({"type":"reasoning-end","id":"r1"})") +
                 frame(R"({"type":"text-start","id":"m1"})") +
                 frame(R"({"type":"text-delta","id":"m1","delta":"é"})") +
                 frame(R"({"type":"text-end","id":"m1"})") + end_frames("completed", "stop")
    );
}

TEST_CASE("ui encoder: every chunk of a call is dynamic and provider-executed") {
    const Json output = {{"output", "x"}, {"exitCode", 0}};
    CHECK(
        after_begin(
            {ToolOpened{"c1", "shell"},
             ToolInputDelta{"c1", "{}"},
             ToolInputReady{"c1", Json::object()},
             ToolOutputDelta{"c1", "x"},
             ToolOutput{"c1", output},
             ToolOpened{"c2", "shell"},
             ToolInputReady{"c2", Json::object()},
             ToolFailed{"c2", "no"},
             TurnEnded{}}
        ) ==
        frame(
            R"({"type":"tool-input-start","toolCallId":"c1","toolName":"shell","dynamic":true,"providerExecuted":true})"
        ) + frame(R"({"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"{}"})") +
            frame(
                R"({"type":"tool-input-available","toolCallId":"c1","toolName":"shell","input":{},"dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"data-tool-output","data":{"toolCallId":"c1","delta":"x"},"transient":true})"
            ) +
            frame(
                R"({"type":"tool-output-available","toolCallId":"c1","output":{"output":"x","exitCode":0},"dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"tool-input-start","toolCallId":"c2","toolName":"shell","dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"tool-input-available","toolCallId":"c2","toolName":"shell","input":{},"dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"tool-output-error","toolCallId":"c2","errorText":"no","dynamic":true,"providerExecuted":true})"
            ) +
            end_frames("completed", "stop")
    );
}

TEST_CASE("ui encoder: notes are data parts with their id, or transient") {
    CHECK(
        after_begin(
            {Note{"plan", "plan", false, Json{{"a", 1}}}, Note{"notice", {}, true, 2}, TurnEnded{}}
        ) == frame(R"({"type":"data-plan","id":"plan","data":{"a":1}})") +
                 frame(R"({"type":"data-notice","data":2,"transient":true})") +
                 end_frames("completed", "stop")
    );
}

TEST_CASE("ui encoder: keys that kill clients are renamed in inputs, outputs and notes") {
    const Json evil = Json::parse(R"({"__proto__":1})");
    const std::string stream = encoded(
        {ToolOpened{"c", "t"},
         ToolInputReady{"c", evil},
         ToolOutput{"c", evil},
         Note{"plan", {}, false, evil},
         TurnEnded{}}
    );
    CHECK(judged(stream) == "");
    CHECK(stream.find("\"__proto__\"") == std::string::npos);
    CHECK(stream.find("__proto__ (renamed)") != std::string::npos);
}

TEST_CASE("ui encoder: the finish carries reason and usage") {
    CHECK(
        after_begin({UsageKnown{{1, 2, 3, 4}}, TurnEnded{Outcome::completed, Finish::other}}) ==
        empty_answer_frames() +
            end_frames(
                "completed",
                "other",
                R"(,"usage":{"inputTokens":1,"cachedInputTokens":2,"outputTokens":3,"reasoningOutputTokens":4},"notice":"model_empty_response")"
            )
    );
    CHECK(
        after_begin(
            {UsageKnown{{1, 0, 1, 0}},
             TurnEnded{Outcome::completed, Finish::stop, {}, Usage{9, 0, 9, 0}}}
        ) ==
        empty_answer_frames() +
            end_frames(
                "completed",
                "stop",
                R"(,"usage":{"inputTokens":9,"cachedInputTokens":0,"outputTokens":9,"reasoningOutputTokens":0},"notice":"model_empty_response")"
            )
    );
}

TEST_CASE("ui encoder: an answer whose words were lost is a sentence") {
    const auto shows = [](std::vector<Event> events, Finish finish = Finish::stop) {
        events.emplace_back(TurnEnded{Outcome::completed, finish});
        return joined_deltas(encoded(events), "text-delta");
    };
    constexpr std::string_view k_filtered =
        "The provider's content filter withheld this answer: ask in other words.";
    const std::string k_silent =
        "The model ended its answer without a word. It may have refused: ask in other words.";
    const Note shown{"plan", "plan", false, Json::object()};
    const Note passing{"notice", {}, true, Json::object()};
    CHECK(
        after_begin({TurnEnded{Outcome::completed, Finish::stop, {}, Usage{0, 0, 7, 0}}}) ==
        empty_answer_frames() +
            end_frames(
                "completed",
                "stop",
                R"(,"usage":{"inputTokens":0,"cachedInputTokens":0,"outputTokens":7,"reasoningOutputTokens":0},"notice":"model_empty_response")"
            )
    );
    CHECK(shows({UsageKnown{{5, 0, 7, 0}}}) == k_silent);
    // A message was begun and never told: a refusal, though the usage says none.
    CHECK(shows({UsageKnown{{5, 0, 0, 0}}, PartOpened{"m1"}}) == k_silent);
    TurnEnded withheld;
    withheld.withheld = true;
    CHECK(joined_deltas(encoded({withheld}), "text-delta") == k_silent);
    CHECK(
        joined_deltas(
            encoded({PartOpened{"m1"}, PartDelta{"m1", "Hi"}, PartClosed{"m1"}, withheld}),
            "text-delta"
        ) == "Hi"
    );
    // Thoughts and calls are no answer; a text before a call is none behind it.
    const PartOpened thinks{"r1", PartKind::reasoning};
    const PartDelta thought{"r1", "Hm."};
    const std::vector<Event> called{
        ToolOpened{"c", "t"}, ToolInputReady{"c", {}}, ToolOutput{"c", 1}
    };
    const auto behind = [&](std::vector<Event> before, Event end) {
        before.push_back(std::move(end));
        return joined_deltas(encoded(before), "text-delta");
    };
    const TurnEnded cut{Outcome::completed, Finish::content_filter};
    CHECK(behind({thinks, thought, PartClosed{"r1"}}, withheld) == k_silent);
    CHECK(behind({thinks, thought, PartClosed{"r1"}}, cut) == k_filtered);
    CHECK(behind(called, withheld) == k_silent);
    std::vector<Event> announced{PartOpened{"m1"}, PartDelta{"m1", "Look. "}, PartClosed{"m1"}};
    announced.insert(announced.end(), called.begin(), called.end());
    CHECK(behind(announced, withheld) == "Look. " + k_silent);
    CHECK(behind(announced, TurnEnded{}) == "Look. ");
    CHECK(shows({UsageKnown{{5, 0, 0, 0}}}, Finish::content_filter) == k_filtered);
    // Nothing says that there were words.
    CHECK(shows({}) == "");
    CHECK(shows({passing}) == "");
    CHECK(shows({UsageKnown{{5, 0, 0, 0}}}) == "");
    CHECK(shows({UsageKnown{{5, 0, 0, 0}}, PartOpened{"r", PartKind::reasoning}}) == "");
    CHECK(shows({passing, UsageKnown{{5, 0, 7, 0}}}) == k_silent);
    CHECK(shows({PartOpened{"m1"}, PartClosed{"m1"}}) == k_silent);
    CHECK(
        shows({}, Finish::length) ==
        "The answer reached its limit of tokens before its first word: ask for less at once."
    );
    CHECK(shows({}, Finish::content_filter) == k_filtered);
    CHECK(shows({UsageKnown{{5, 0, 7, 0}}}, Finish::content_filter) == k_filtered);
    // Something was shown, or is still to come.
    CHECK(shows({shown}) == "");
    CHECK(shows({shown, UsageKnown{{5, 0, 7, 0}}}) == "");
    CHECK(shows({PartOpened{"r", PartKind::reasoning}, PartDelta{"r", "x"}}) == "");
    CHECK(shows({ToolOpened{"c", "t"}}) == "");
    CHECK(shows({}, Finish::tool_calls) == "");
    CHECK(shows({PartOpened{"m1"}, PartDelta{"m1", "x"}}) == "x");
    for (const auto outcome : {Outcome::interrupted, Outcome::failed, Outcome::aborted}) {
        CHECK(joined_deltas(encoded({TurnEnded{outcome}}), "text-delta") == "");
    }
}

TEST_CASE("ui encoder: a failure closes everything and names code, sentence and retryable first") {
    const FailureWords& words = words_of(FailureCode::turn_failed);
    CHECK(
        after_begin(
            {PartOpened{"m1"},
             PartDelta{"m1", "x"},
             ToolOpened{"c", "t"},
             TurnEnded{
                 Outcome::failed, Finish::error, Failure{FailureCode::turn_failed, true, "secret"}
             }}
        ) ==
        frame(R"({"type":"text-start","id":"m1"})") +
            frame(R"({"type":"text-delta","id":"m1","delta":"x"})") +
            frame(
                R"({"type":"tool-input-start","toolCallId":"c","toolName":"t","dynamic":true,"providerExecuted":true})"
            ) +
            frame(R"({"type":"text-end","id":"m1"})") +
            frame(
                R"({"type":"tool-input-available","toolCallId":"c","toolName":"t","input":{},"dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"tool-output-error","toolCallId":"c","errorText":"The answer ended before this call did.","dynamic":true,"providerExecuted":true})"
            ) +
            frame(
                R"({"type":"data-error","data":{"code":"turn_failed","message":")" +
                std::string(words.sentence) + R"(","retryable":true}})"
            ) +
            frame(R"({"type":"error","errorText":")" + std::string(words.sentence) + "\"}") +
            end_frames("failed", "error")
    );
}

TEST_CASE("ui encoder: a stopped turn ends with abort and no error") {
    CHECK(
        after_begin(
            {PartOpened{"m1"}, PartDelta{"m1", "x"}, TurnEnded{Outcome::interrupted, Finish::other}}
        ) == frame(R"({"type":"text-start","id":"m1"})") +
                 frame(R"({"type":"text-delta","id":"m1","delta":"x"})") +
                 frame(R"({"type":"text-end","id":"m1"})") + frame(R"({"type":"abort"})") +
                 end_frames("interrupted", "other")
    );
}

TEST_CASE("ui encoder: the summary says whether there was content and an error") {
    UiEncoder encoder(options());
    std::string out;
    encoder.begin(out);
    REQUIRE(encoder.encode(PartOpened{"m"}, out));
    CHECK_FALSE(encoder.summary().content);
    REQUIRE(encoder.encode(PartDelta{"m", "x"}, out));
    CHECK(encoder.summary().content);
    CHECK_FALSE(encoder.summary().failure.has_value());
    encoder.fail_open({FailureCode::stalled, true, ""}, out);
    CHECK(encoder.summary().failure.has_value());
    CHECK(encoder.ended());
    CHECK(encoder.summary().frames == frames_of(out).size());
}

TEST_CASE("ui encoder: what the contract forbids is refused without a byte") {
    const std::vector<Event> bad{
        PartDelta{"x", "y"},
        PartClosed{"x"},
        PartOpened{"m"}, // is open
        ToolInputDelta{"x", "y"},
        ToolInputReady{"x", 1},
        ToolOutputDelta{"x", "y"},
        ToolOutput{"x", 1},
        ToolFailed{"x", "y"},
        ToolOpened{"c", "t"}, // is open
        ToolOutput{"c", 1}, // has no input
        ToolOpened{"d", "t"}, // was used
        TurnStarted{"a", "b", "c"},
    };
    for (const Event& event : bad) {
        UiEncoder encoder(options());
        std::string out;
        for (const Event& before : std::vector<Event>{
                 PartOpened{"m"},
                 PartDelta{"m", "x"},
                 ToolOpened{"c", "t"},
                 ToolOpened{"d", "t"},
                 ToolInputReady{"d", 1},
                 ToolOutput{"d", 1}
             }) {
            REQUIRE(encoder.encode(before, out));
        }
        const std::string before = out;
        const std::uint64_t frames = encoder.summary().frames;
        CAPTURE(describe(event));
        const auto done = encoder.encode(event, out);
        CHECK(out == before);
        if (!std::holds_alternative<TurnStarted>(event)) {
            REQUIRE_FALSE(done.has_value());
            CHECK(done.error().code == Code::internal);
        }
        CHECK(encoder.summary().frames == frames);
        encoder.fail_open({FailureCode::adapter_preview_unavailable, false, ""}, out);
        CHECK(judged(out, Warnings::ignored) == "");
    }
}

TEST_CASE("ui encoder: fail_open ends a stream from any state, once") {
    const std::vector<Event> events{
        PartOpened{"m"},
        PartDelta{"m", "x"},
        ToolOpened{"c", "t"},
        ToolInputDelta{"c", "{"},
        ToolInputReady{"c", 1},
        ToolOutputDelta{"c", "x"},
        TurnEnded{}
    };
    for (std::size_t n = 0; n <= events.size(); ++n) {
        UiEncoder encoder(options());
        std::string out;
        for (std::size_t i = 0; i < n; ++i) {
            REQUIRE(encoder.encode(events[i], out));
        }
        encoder.fail_open({FailureCode::authority_lost, true, ""}, out);
        CAPTURE(n, out);
        CHECK(judged(out, Warnings::ignored) == "");
        CHECK(encoder.ended());
        const std::string ended = out;
        encoder.fail_open({FailureCode::authority_lost, true, ""}, out);
        CHECK(out == ended);
        CHECK_FALSE(encoder.encode(PartOpened{"z"}, out).has_value());
        CHECK(out == ended);
    }
}

TEST_CASE("ui encoder: fail_open of the server's own ending says aborted") {
    UiEncoder encoder(options());
    std::string out;
    encoder.fail_open({FailureCode::turn_aborted, true, ""}, out);
    CHECK(out.find(R"("status":"aborted")") != std::string::npos);
}
