// The retired lane's own goldens and preview keep profile openagents-v1 and break ai-sdk.
#include "oa_stream/base/json.hpp"
#include "oa_stream/wire/sse.hpp"

#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::contract;

namespace {

std::set<std::string> old(std::string_view bytes) {
    const Judgement judgement = judge_bytes(bytes, k_whole, Profile::openagents_v1);
    CHECK(listed(judge_bytes(bytes, 1, Profile::openagents_v1)) == listed(judgement));
    std::set<std::string> out = ids(judgement.violations);
    out.merge(ids(judgement.warnings));
    return out;
}

std::string frames(std::initializer_list<std::string_view> list) {
    std::string out;
    for (const std::string_view json : list) {
        wire::append_sse_data(out, json);
    }
    return out;
}

constexpr std::string_view k_start = R"({"source":"codex","threadId":"h","type":"start"})";
constexpr std::string_view k_step =
    R"({"model":"m","threadId":"h","turnId":"u","type":"start-step"})";
constexpr std::string_view k_text = R"({"id":"i","turnId":"u","type":"text-start"})";
constexpr std::string_view k_delta =
    R"({"channel":"assistant","delta":"x","id":"i","type":"text-delta"})";
constexpr std::string_view k_input =
    R"({"input":{},"toolCallId":"c","toolName":"n","type":"tool-input"})";
constexpr std::string_view k_output = R"({"delta":"x","toolCallId":"c","type":"tool-output"})";
constexpr std::string_view k_closed =
    R"({"status":"completed","toolCallId":"c","type":"tool-output"})";
constexpr std::string_view k_error =
    R"({"code":"c","message":"m","retryable":false,"type":"error"})";
constexpr std::string_view k_end_step =
    R"({"status":"completed","turnId":"u","type":"finish-step"})";
constexpr std::string_view k_end = R"({"status":"completed","type":"finish"})";
constexpr std::string_view k_failed = R"({"status":"error","type":"finish"})";
constexpr std::string_view k_done = "[DONE]";

} // namespace

TEST_CASE("openagents-v1: the goldens pass, in their byte order and in that of their frame lists") {
    const Json goldens =
        Json::parse(slurp(OA_SOURCE_DIR "/fixtures/originals/golden-sse-transcripts.json"));
    REQUIRE(goldens.at("scenarios").size() == 3);
    for (const Json& scenario : goldens.at("scenarios")) {
        CAPTURE(scenario.at("id"));
        // The goldens separate frames by the two characters \ and n: bytes were meant.
        std::string wire = scenario.at("wire").get<std::string>();
        for (std::size_t at = 0; (at = wire.find("\\n\\n", at)) != std::string::npos;) {
            wire.replace(at, 4, "\n\n");
        }
        std::string from_list;
        for (const Json& event : scenario.at("events")) {
            wire::append_sse_data(from_list, dump_json(event));
        }
        wire::append_sse_done(from_list);
        CHECK(old(wire).empty());
        CHECK(old(from_list).empty());
        CHECK_FALSE(judge_bytes(wire).pass());
        CHECK(ids(judge_bytes(wire).violations).contains("J3"));
    }
}

TEST_CASE("openagents-v1: the adapter preview passes, the failed one too") {
    CHECK(old(frames(
                  {k_start,
                   k_step,
                   R"({"status":"accepted","turnId":"u","type":"finish-step"})",
                   R"({"status":"accepted","type":"finish"})",
                   k_done}
              ))
              .empty());
    CHECK(
        old(frames(
                {R"({"code":"adapter_preview_unavailable","message":"m","retryable":false,"type":"error"})",
                 k_failed,
                 k_done}
            ))
            .empty()
    );
    CHECK(old(k_good).contains("A1"));
    CHECK(old(k_good).contains("A2"));
}

TEST_CASE("openagents-v1: each rule of the dialect is found, and nothing else") {
    struct Row {
        std::string_view name;
        std::string bytes;
        std::set<std::string> want;
    };
    const std::vector<Row> rows{
        {"whole",
         frames(
             {k_start,
              k_step,
              k_text,
              k_delta,
              k_input,
              k_output,
              k_closed,
              k_end_step,
              k_end,
              k_done}
         ),
         {}},
        {"usage on the endings",
         frames(
             {k_start,
              k_step,
              R"({"status":"s","turnId":"u","type":"finish-step","usage":{}})",
              R"({"status":"s","type":"finish","usage":{"input":1}})",
              k_done}
         ),
         {}},
        {"text-start without a turn",
         frames(
             {k_start,
              k_step,
              R"({"id":"i","turnId":"","type":"text-start"})",
              k_delta,
              k_end_step,
              k_end,
              k_done}
         ),
         {}},
        {"unknown type",
         frames({k_start, k_step, R"({"type":"text-end","id":"i"})", k_end_step, k_end, k_done}),
         {"A1"}},
        {"no type", frames({k_start, k_step, "{}", k_end_step, k_end, k_done}), {"A1"}},
        {"member missing",
         frames({R"({"threadId":"h","type":"start"})", k_step, k_end_step, k_end, k_done}),
         {"A2"}},
        {"member unknown",
         frames({k_start, k_step, k_end_step, R"({"status":"s","type":"finish","x":1})", k_done}),
         {"A2"}},
        {"member of the wrong type",
         frames(
             {k_start,
              k_step,
              R"({"code":"c","message":"m","retryable":"no","type":"error"})",
              k_failed,
              k_done}
         ),
         {"A2"}},
        {"other source",
         frames(
             {R"({"source":"gpt","threadId":"h","type":"start"})", k_step, k_end_step, k_end, k_done
             }
         ),
         {"A2"}},
        {"other channel",
         frames(
             {k_start,
              k_step,
              k_text,
              R"({"channel":"x","delta":"x","id":"i","type":"text-delta"})",
              k_end_step,
              k_end,
              k_done}
         ),
         {"A2"}},
        {"empty tool-output",
         frames(
             {k_start,
              k_step,
              k_input,
              R"({"toolCallId":"c","type":"tool-output"})",
              k_closed,
              k_end_step,
              k_end,
              k_done}
         ),
         {"A2"}},
        {"no start", frames({k_step, k_end_step, k_end, k_done}), {"A3"}},
        {"two starts", frames({k_start, k_start, k_step, k_end_step, k_end, k_done}), {"A3"}},
        {"nothing", "", {"A3", "A9", "O6"}},
        {"error alone, of another code", frames({k_error, k_failed, k_done}), {"A3", "A4"}},
        {"text before the step",
         frames({k_start, k_text, k_step, k_end_step, k_end, k_done}),
         {"A4"}},
        {"two steps", frames({k_start, k_step, k_step, k_end_step, k_end, k_done}), {"A4"}},
        {"delta without start",
         frames({k_start, k_step, k_delta, k_end_step, k_end, k_done}),
         {"A5"}},
        {"text-start twice",
         frames({k_start, k_step, k_text, k_text, k_end_step, k_end, k_done}),
         {"A5"}},
        {"output without input",
         frames({k_start, k_step, k_closed, k_end_step, k_end, k_done}),
         {"A6"}},
        {"input twice",
         frames({k_start, k_step, k_input, k_input, k_closed, k_end_step, k_end, k_done}),
         {"A6"}},
        {"call without status",
         frames({k_start, k_step, k_input, k_output, k_end_step, k_end, k_done}),
         {"A7"}},
        {"call without status in a failed turn",
         frames({k_start, k_step, k_input, k_output, k_error, k_failed, k_done}),
         {}},
        {"no finish-step", frames({k_start, k_step, k_end, k_done}), {"A8"}},
        {"finish-step twice",
         frames({k_start, k_step, k_end_step, k_end_step, k_end, k_done}),
         {"A8"}},
        {"finish-step first", frames({k_start, k_end_step, k_step, k_end, k_done}), {"A8"}},
        {"text after finish-step",
         frames({k_start, k_step, k_end_step, k_text, k_end, k_done}),
         {"A8"}},
        {"no finish", frames({k_start, k_step, k_end_step, k_done}), {"A9"}},
        {"finish twice", frames({k_start, k_step, k_end_step, k_end, k_end, k_done}), {"A9"}},
        {"frame after finish", frames({k_start, k_step, k_end_step, k_end, k_error, k_done}), {"A9"}
        },
        {"failed turn that completes",
         frames({k_start, k_step, k_error, k_end_step, k_end, k_done}),
         {"A10", "A9"}},
        {"two errors", frames({k_start, k_step, k_error, k_error, k_failed, k_done}), {"A10"}},
        {"text after error", frames({k_start, k_step, k_error, k_text, k_failed, k_done}), {"A10"}},
        {"another turn's frame",
         frames(
             {k_start, k_step, R"({"status":"s","turnId":"v","type":"finish-step"})", k_end, k_done}
         ),
         {"A11"}},
        {"no [DONE]", frames({k_start, k_step, k_end_step, k_end}), {"O6"}},
        {"two [DONE]", frames({k_start, k_step, k_end_step, k_end, k_done, k_done}), {"O6", "O7"}},
        {"frame after [DONE]",
         frames({k_start, k_step, k_end_step, k_end, k_done, k_delta}),
         {"A5", "A8", "A9", "O7"}},
        {"no JSON", frames({k_start, k_step, "x", k_end_step, k_end, k_done}), {"J1"}},
        {"key twice",
         frames(
             {k_start,
              k_step,
              R"({"status":"s","turnId":"u","turnId":"u","type":"finish-step"})",
              k_end,
              k_done}
         ),
         {"J6"}},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.name) {
            CHECK(old(row.bytes) == row.want);
        }
    }
}
