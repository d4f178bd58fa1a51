#include "stream_support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;
using encode::UiEncoder;

namespace {

encode::UiEncoderOptions asking() {
    auto out = options();
    out.approvals = true;
    return out;
}

std::string encode_all(UiEncoder& encoder, const std::vector<Event>& events) {
    std::string out;
    for (const Event& event : events) {
        const auto done = encoder.encode(event, out);
        INFO(describe(event) << (done ? "" : ": " + done.error().text()));
        REQUIRE(done.has_value());
    }
    return out;
}

std::string judged_as(
    std::string_view stream,
    contract::Profile profile,
    std::optional<contract::Continues> after = {}
) {
    contract::Judge judge(profile, std::move(after));
    judge.messages_known();
    judge.feed(stream);
    const auto judgement = judge.finish();
    std::string out;
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const auto& found : *list) {
            out += std::string(found.rule->id) + ": " + found.message + "\n";
        }
    }
    return out;
}

using Types = std::vector<std::string>;

const std::vector<Event> k_question{
    TurnStarted{"t", "u", ""},
    ToolOpened{"c1", "shell"},
    ToolInputReady{"c1", Json{{"command", "x"}}},
    ApprovalAsked{"a1", "c1"}
};
const TurnEnded k_end{Outcome::completed, Finish::stop, {}, {}};

} // namespace

TEST_CASE("approvals: an answer ends with the question, the next one goes on with the message") {
    UiEncoder encoder(asking());
    const std::string first = encode_all(encoder, k_question);
    std::string out;
    const auto at = encoder.pause(out);
    REQUIRE(at.has_value());
    REQUIRE(at->has_value());
    const std::string whole = first + out.substr(0, (*at)->end);
    CHECK(
        types_of(whole) ==
        Types{
            "start",
            "start-step",
            "tool-input-start",
            "tool-input-available",
            "tool-approval-request",
            "finish-step",
            "finish",
            "[DONE]"
        }
    );
    CHECK(whole.contains(R"({"type":"tool-approval-request","approvalId":"a1","toolCallId":"c1"})")
    );
    CHECK(whole.contains(R"("status":"waiting-for-approval","finishReason":"tool-calls")"));
    CHECK(judged_as(whole, contract::Profile::ai_sdk_6) == "");
    CHECK_FALSE(encoder.ended());

    std::string next = out.substr((*at)->end);
    next += encode_all(encoder, {ApprovalSettled{"a1", true}, ToolOutput{"c1", Json(1)}, k_end});
    CHECK(
        types_of(next) ==
        Types{"start", "start-step", "tool-output-available", "finish-step", "finish", "[DONE]"}
    );
    CHECK(next.starts_with(R"(data: {"type":"start","messageId":"turn-1")"));
    contract::Continues after{"turn-1", {{"c1", "shell", true, false, true}}};
    CHECK(judged_as(next, contract::Profile::ai_sdk_6, after) == "");
    CHECK(encoder.ended());

    // One stream that tells both leaves out what only ends and begins.
    const std::string both = first + out.substr(0, (*at)->finish) + out.substr((*at)->body) +
                             next.substr(out.size() - (*at)->end);
    CHECK(judged_as(both, contract::Profile::ai_sdk_6) == "");
    CHECK(
        types_of(both) ==
        Types{
            "start",
            "start-step",
            "tool-input-start",
            "tool-input-available",
            "tool-approval-request",
            "finish-step",
            "start-step",
            "tool-output-available",
            "finish-step",
            "finish",
            "[DONE]"
        }
    );
}

TEST_CASE("approvals: a denied call ends as denied, one that failed as failed") {
    for (const bool approved : {true, false}) {
        CAPTURE(approved);
        UiEncoder encoder(asking());
        std::ignore = encode_all(encoder, k_question);
        std::string out;
        REQUIRE(encoder.pause(out).has_value());
        const auto rest =
            encode_all(encoder, {ApprovalSettled{"a1", approved}, ToolFailed{"c1", "no"}, k_end});
        CHECK(types_of(rest).front() == (approved ? "tool-output-error" : "tool-output-denied"));
    }
}

TEST_CASE("approvals: a call may ask again, and the last decision counts") {
    UiEncoder encoder(asking());
    std::ignore = encode_all(encoder, k_question);
    const auto rest = encode_all(
        encoder,
        {ApprovalSettled{"a1", false},
         ApprovalAsked{"a2", "c1"},
         ApprovalSettled{"a2", true},
         ToolFailed{"c1", "broke"},
         k_end}
    );
    CHECK(
        types_of(rest) ==
        Types{"tool-approval-request", "tool-output-error", "finish-step", "finish", "[DONE]"}
    );
}

TEST_CASE("approvals: a turn that ends over a question closes the call") {
    UiEncoder encoder(asking());
    std::string stream = encode_all(encoder, k_question);
    SECTION("stopped") {
        stream += encode_all(encoder, {TurnEnded{Outcome::interrupted, Finish::other, {}, {}}});
        CHECK(stream.contains("tool-output-error"));
    }
    SECTION("failed") {
        encoder.fail_open({FailureCode::authority_lost, true}, stream);
        CHECK(stream.contains("tool-output-error"));
    }
    CHECK(judged_as(stream, contract::Profile::ai_sdk_6) == "");
}

TEST_CASE("approvals: a client that did not ask for the chunks never gets one") {
    UiEncoder encoder(options());
    std::string stream = encode_all(encoder, k_question);
    stream += encode_all(
        encoder,
        {ApprovalSettled{"a1", false}, ToolFailed{"c1", "The command was declined."}, k_end}
    );
    CHECK_FALSE(stream.contains("approval"));
    CHECK_FALSE(stream.contains("denied"));
    CHECK(judged_as(stream, contract::Profile::ai_sdk) == "");
}

TEST_CASE("approvals: a question about an unknown call opens it, one about a finished call is lost"
) {
    encode::Normaliser normaliser;
    std::vector<Event> out;
    normaliser.push(TurnStarted{"t", "u", ""}, out);
    out.clear();
    normaliser.push(ApprovalAsked{"a1", "c1"}, out);
    REQUIRE(out.size() == 3);
    CHECK(std::holds_alternative<ToolOpened>(out[0]));
    CHECK(std::holds_alternative<ToolInputReady>(out[1]));
    CHECK(std::holds_alternative<ApprovalAsked>(out[2]));
    out.clear();
    normaliser.push(ToolOutput{"c1", Json(1)}, out);
    out.clear();
    normaliser.push(ApprovalAsked{"a2", "c1"}, out);
    CHECK(out.empty());
}

TEST_CASE("approvals: an answer that ends at a function of the page says so") {
    UiEncoder encoder(options());
    std::string stream =
        encode_all(encoder, {ToolOpened{"c1", "weather", false, true}, ToolInputReady{"c1", {}}});
    REQUIRE(encoder.pause(stream).has_value());
    CHECK(stream.contains(R"("status":"waiting-for-tool-results")"));
    CHECK_FALSE(stream.contains("providerExecuted"));
    stream += encode_all(encoder, {ToolOutput{"c1", "rain"}, k_end});
    CHECK(stream.contains(R"("type":"tool-output-available","toolCallId":"c1")"));
}
