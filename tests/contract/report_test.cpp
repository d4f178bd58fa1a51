#include "oa_stream/contract/report.hpp"

#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::contract;

TEST_CASE("report: the JSON document has verdict, findings with place, and what was not judged") {
    Judge judge(Profile::ai_sdk);
    judge.head({.status = 200, .headers = {{"content-length", "9"}}});
    feed(judge, std::string(k_good.substr(0, k_good.find("data: [DONE]"))) + "data:x\n\n");
    const Json document = to_json(judge.finish(End::unknown), Profile::ai_sdk);
    CHECK(document.at("verdict") == "fail");
    CHECK(document.at("profile") == "ai-sdk");
    CHECK(document.at("frames") == 8);
    CHECK(document.at("not_judged") == Json::parse(R"(["O10","R1","R2","R3","R4","W3"])"));
    const Json& violations = document.at("violations");
    CHECK(
        violations.at(0) == Json::parse(R"({"rule":"H2","level":"must","frame":null,"offset":null,)"
                                        R"("message":"content-type is missing"})")
    );
    const Json& found = violations.at(4);
    CHECK(found.at("rule") == "J1");
    CHECK(found.at("frame") == 7);
    CHECK(found.at("offset") == k_good.find("data: [DONE]"));
    CHECK(violations.back().at("rule") == "O6");
    CHECK(violations.back().at("frame").is_null());
    CHECK(violations.back().at("offset") == document.at("bytes"));
    CHECK(document.at("warnings").at(0).at("level") == "should");
}

TEST_CASE("report: a pass says so and how much was read") {
    Judge judge(Profile::ai_sdk);
    judge.feed(k_good);
    const Judgement judgement = judge.finish();
    CHECK(to_json(judgement, Profile::ai_sdk).at("verdict") == "pass");
    const std::string text = to_text(judgement, Profile::ai_sdk, "a.sse");
    CHECK(text.starts_with("PASS  a.sse: 0 violations, 0 warnings in 8 frames ("));
    CHECK(text.contains("not judged: O10 (give --messages FILE)\n"));
    CHECK(text.contains("not judged: R1 R2 (give --recording FILE and --headers FILE)\n"));
    CHECK(text.contains("not judged: R3 R4 (give --recording FILE)\n"));
    CHECK_FALSE(text.contains("next:"));
}

TEST_CASE("report: the messages help where a call may be of theirs, in a left stream too") {
    for (const auto end : {End::clean, End::left}) {
        Judge judge(Profile::ai_sdk);
        judge.feed(k_output_alone);
        const std::string text = to_text(judge.finish(end), Profile::ai_sdk, "a.sse");
        CHECK(text.starts_with("PASS  "));
        CHECK(text.contains(" T1 (give --messages FILE)\n"));
        CHECK(text.contains("not judged: R1 R2 (give --recording FILE and --headers FILE)\n"));
        CHECK_FALSE(text.contains("there is no stream"));
    }
}

TEST_CASE("report: a failure shows each finding, its rule, and what to type next") {
    std::string bytes(k_good);
    bytes.replace(bytes.find("\"id\":\"t1\",\"delta\""), 9, "\"id\":\"t\x1b\"");
    const std::string text = to_text(judge_bytes(bytes), Profile::ai_sdk, "a.sse");
    CHECK(text.starts_with("FAIL  a.sse: "));
    CHECK(text.contains("  S3    must         3"));
    CHECK(text.contains("rule: no raw control bytes except line ends\n"));
    CHECK(text.ends_with("next: oa-stream check --explain S3\n"));
    CHECK_FALSE(text.contains('\x1b')); // foreign bytes never reach the terminal
}

TEST_CASE("report: many findings of one rule are cut short in the text") {
    std::string bytes;
    for (int i = 0; i < 120; ++i) {
        bytes += "data: x\n\n";
    }
    const std::string text = to_text(judge_bytes(bytes), Profile::ai_sdk, "a.sse");
    CHECK(text.contains("  J1    and 90 more\n"));
    CHECK(text.contains("  20 more are counted, not listed\n"));
}

TEST_CASE("report: without a stream nothing else is said to be missing") {
    Judge judge(Profile::ai_sdk);
    judge.head({.status = 503, .headers = {}});
    const std::string text = to_text(judge.finish(), Profile::ai_sdk, "a.sse");
    CHECK(text.contains("H1    must      head"));
    CHECK(text.contains("not judged: H2 H3 "));
    CHECK(text.contains(" (there is no stream)\nnext: "));
    CHECK_FALSE(text.contains("--messages"));
}

TEST_CASE("report: a rule is explained with its reason and source") {
    const std::string text = explain(*find_rule("O5"));
    CHECK(text.starts_with("O5  must  finish is there once"));
    CHECK(text.contains(find_rule("O5")->why));
    CHECK(text.contains("needs     the stream's bytes\n"));
    CHECK(text.contains("profiles  ai-sdk, ai-sdk-6\n"));
    CHECK(
        to_json(*find_rule("S1")).at("profiles") ==
        Json::parse(R"(["ai-sdk","ai-sdk-6","openagents-v1","chat-completions","responses"])")
    );
    CHECK(to_json(*find_rule("C7")).at("profiles") == Json::parse(R"(["chat-completions"])"));
}

TEST_CASE("report: the rule list has one line a rule, of one profile or of all") {
    const std::string all = rules_text();
    const auto count = static_cast<std::size_t>(std::ranges::count(all, '\n'));
    CHECK(count == all_rules().size());
    CHECK(all.contains("\nO6   must   [DONE] is there once\n"));
    CHECK(all.contains("[profile openagents-v1]"));
    CHECK_FALSE(rules_text(Profile::ai_sdk).contains("A1 "));
    CHECK_FALSE(rules_text(Profile::ai_sdk).contains("C1 "));
    CHECK(rules_text(Profile::chat_completions).contains("\nC20  must"));
    CHECK_FALSE(rules_text(Profile::chat_completions).contains("H4 "));
    CHECK_FALSE(rules_text(Profile::openagents_v1).contains("O5 "));
}

TEST_CASE("docs/contract.md is the page made from the rule table") {
    // Made by: oa-stream check --rules --markdown > docs/contract.md
    CHECK(slurp(OA_SOURCE_DIR "/docs/contract.md") == rules_page());
}
