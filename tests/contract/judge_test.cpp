#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream::contract;

namespace {

using Strings = std::vector<std::string>;

ResponseHead head_with(std::string_view name, std::string value) {
    ResponseHead head{
        .status = 200,
        .headers =
            {
                {"Content-Type", "text/event-stream; charset=utf-8"},
                {"Cache-Control", "no-cache, no-transform"},
                {"X-Vercel-AI-UI-Message-Stream", "v1"},
                {"X-Accel-Buffering", "no"},
            },
    };
    for (auto& [key, old] : head.headers) {
        if (key == name) {
            old = value;
            return head;
        }
    }
    if (!name.empty()) {
        head.headers.emplace_back(name, value);
    }
    return head;
}

Strings judge_head(const ResponseHead& head) {
    Judge judge(Profile::ai_sdk);
    judge.head(head);
    judge.feed(k_good);
    Strings out;
    const Judgement judgement = judge.finish();
    for (const auto* list : {&judgement.violations, &judgement.warnings}) {
        for (const Violation& found : *list) {
            CHECK(found.frame == k_in_head);
            out.emplace_back(found.rule->id);
        }
    }
    return out;
}

} // namespace

TEST_CASE("judge: a finding names its frame and the byte where the frame begins") {
    std::string bytes(k_good);
    const std::string delta = "data: {\"type\":\"text-delta\",\"id\":\"t9\",\"delta\":\"x\"}\n\n";
    const std::size_t at = bytes.find("data: {\"type\":\"text-end\"");
    bytes.insert(at, ": ping\n\n" + delta);
    for (const std::size_t cut : {k_whole, std::size_t{1}, std::size_t{9}}) {
        const Judgement judgement = judge_bytes(bytes, cut);
        REQUIRE(judgement.violations.size() == 1);
        CHECK(judgement.violations[0].rule == find_rule("P1"));
        CHECK(judgement.violations[0].frame == 4);
        CHECK(judgement.violations[0].offset == at + 8);
        CHECK(judgement.frames == 9);
        CHECK(judgement.bytes == bytes.size());
    }
}

TEST_CASE("judge: what is missing at the end stands at the end") {
    const std::string_view cut = k_good.substr(0, k_good.find("data: {\"type\":\"finish\"}"));
    CHECK(
        listed(judge_bytes(cut)) ==
        Strings{
            "O5@" + std::to_string(k_at_end) + ':' + std::to_string(cut.size()) + " no finish",
            "O6@" + std::to_string(k_at_end) + ':' + std::to_string(cut.size()) + " no [DONE]",
        }
    );
}

TEST_CASE("judge: an empty body lacks everything") {
    CHECK(ids(judge_bytes("").violations) == std::set<std::string>{"O1", "O5", "O6"});
    CHECK(ids(judge_bytes(": ping\n\n").violations) == std::set<std::string>{"O1", "O5", "O6"});
    // Something stood there, if nothing readable: its own fault is named instead.
    CHECK(ids(judge_bytes("data: x\n\n").violations) == std::set<std::string>{"J1", "O5", "O6"});
}

TEST_CASE("judge: after [DONE] comes nothing, not even a comment") {
    const std::string done(k_good);
    CHECK(judge_bytes(": a\n\n" + done).pass());
    CHECK(ids(judge_bytes(done + ": ping\n\n").violations) == std::set<std::string>{"O7"});
    CHECK(listed(judge_bytes(done + ": ping\n\n: ping\n\n")).size() == 1);
    CHECK(
        ids(judge_bytes(done + "data: [DONE]\n\n").violations) == std::set<std::string>{"O6", "O7"}
    );
    CHECK(ids(judge_bytes(done + "data: x\n\n").violations) == std::set<std::string>{"J1", "O7"});
    CHECK(judge_bytes(done + "\n\n").pass());
}

TEST_CASE("judge: H2-H6, by their own header alone") {
    CHECK(judge_head(head_with("", "")).empty());
    CHECK(judge_head(head_with("Content-Type", "application/json")) == Strings{"H2"});
    CHECK(judge_head(head_with("Content-Type", "text/event-streams")) == Strings{"H2"});
    CHECK(judge_head(head_with("Content-Type", "Text/Event-Stream")).empty());
    CHECK(judge_head(head_with("Content-Type", "text/event-stream ; x=y")).empty());
    CHECK(judge_head(head_with("Cache-Control", "no-cache")) == Strings{"H3"});
    CHECK(judge_head(head_with("Cache-Control", "no-cache,no-transforms")) == Strings{"H3"});
    CHECK(judge_head(head_with("Cache-Control", "No-Transform , private, No-Cache")).empty());
    CHECK(judge_head(head_with("X-Vercel-AI-UI-Message-Stream", "v2")) == Strings{"H4"});
    CHECK(judge_head(head_with("X-Vercel-AI-UI-Message-Stream", "V1")) == Strings{"H4"});
    CHECK(judge_head(head_with("X-Accel-Buffering", "yes")) == Strings{"H5"});
    CHECK(judge_head(head_with("X-Accel-Buffering", "NO")).empty());
    CHECK(judge_head(head_with("Content-Length", "12")) == Strings{"H6"});
    CHECK(judge_head(head_with("content-encoding", "gzip")) == Strings{"H6"});
    CHECK(judge_head(ResponseHead{}) == Strings{"H2", "H3", "H4", "H5"});
}

TEST_CASE("judge: two headers of one name count as one list") {
    ResponseHead head = head_with("Cache-Control", "no-cache");
    head.headers.emplace_back("cache-control", "no-transform");
    CHECK(judge_head(head).empty());
    head.headers.emplace_back("x-accel-buffering", "no");
    CHECK(judge_head(head) == Strings{"H5"});
}

TEST_CASE("judge: another status than 200 is one violation, and its body is no stream") {
    Judge judge(Profile::ai_sdk);
    judge.head({.status = 500, .headers = {}});
    judge.feed("{\"error\":1}");
    const Judgement judgement = judge.finish();
    CHECK(ids(judgement.violations) == std::set<std::string>{"H1"});
    CHECK(judgement.warnings.empty());
    CHECK(judgement.bytes == 11);
    CHECK(std::ranges::find(judgement.not_judged, "O1") != judgement.not_judged.end());
    CHECK(std::ranges::find(judgement.not_judged, "H1") == judgement.not_judged.end());
}

TEST_CASE("judge: rules without input are reported as not judged, never as kept") {
    using Ids = std::vector<std::string_view>;
    const auto not_judged = [](auto&& set_up, End end = End::clean) {
        Judge judge(Profile::ai_sdk);
        set_up(judge);
        judge.feed(k_good);
        return judge.finish(end).not_judged;
    };
    CHECK(not_judged([](Judge&) {
          }) == Ids{"H1", "H2", "H3", "H4", "H5", "H6", "O10", "R1", "R2", "R3", "R4"});
    CHECK(
        not_judged([](Judge& judge) { judge.head(head_with("", "")); }, End::unknown) ==
        Ids{"O10", "R1", "R2", "R3", "R4", "W3"}
    );
    CHECK(not_judged([](Judge& judge) {
              judge.messages_known();
              judge.replays(k_good);
              judge.head(head_with("", ""));
          }).empty());
    Judge continuing(Profile::ai_sdk, Continues{.message_id = "m1"});
    continuing.feed(k_good);
    const auto left = continuing.finish().not_judged;
    CHECK(std::ranges::find(left, "O10") == left.end());
}

TEST_CASE("judge: a broken connection is a violation of its own, after [DONE] too") {
    Judge judge(Profile::ai_sdk);
    judge.feed(k_good);
    CHECK(judge.done());
    CHECK(ids(judge.finish(false).violations) == std::set<std::string>{"W3"});
    Judge cut(Profile::ai_sdk);
    cut.feed(k_good.substr(0, 60));
    CHECK_FALSE(cut.done());
    CHECK(ids(cut.finish(false).violations) == std::set<std::string>{"O5", "O6", "S5", "W3"});
}

TEST_CASE("judge: O10 and the calls of an earlier message") {
    const auto judged = [](Continues continues, std::string_view bytes) {
        Judge judge(Profile::ai_sdk, std::move(continues));
        judge.feed(bytes);
        return ids(judge.finish().violations);
    };
    CHECK(judged({.message_id = "m1"}, k_good).empty());
    CHECK(judged({.message_id = "m0"}, k_good) == std::set<std::string>{"O10"});
    const std::string output(k_output_alone);
    CHECK(judged({.message_id = "m1"}, output) == std::set<std::string>{"T1"});
    CHECK(judged({"m1", {{.call = "c", .name = "n", .dynamic = true}}}, output).empty());
    CHECK(
        judged({"m1", {{.call = "c", .name = "n", .dynamic = false}}}, output) ==
        std::set<std::string>{"T5"}
    );
    CHECK(
        judged(
            {"m1", {{.call = "c", .name = "n", .dynamic = true, .input_streaming = true}}}, output
        ) == std::set<std::string>{"T1"}
    );
}

TEST_CASE("judge: without the messages, the output of a call that only they can have is not judged"
) {
    const auto judged = [](std::string_view bytes, bool known) {
        Judge judge(Profile::ai_sdk);
        if (known) {
            judge.messages_known();
        }
        judge.feed(bytes);
        return judge.finish();
    };
    const auto undecided = [](const Judgement& judgement) {
        return std::ranges::find(judgement.not_judged, "T1") != judgement.not_judged.end();
    };
    const Judgement open = judged(k_output_alone, false);
    CHECK((open.pass() && open.warnings.empty() && undecided(open)));
    const Judgement first = judged(k_output_alone, true);
    CHECK((ids(first.violations) == std::set<std::string>{"T1"} && !undecided(first)));
    CHECK_FALSE(undecided(judged(k_good, false)));

    // What no messages could make right stays proven.
    const auto with = [&](std::string_view chunk) {
        std::string bytes(k_output_alone);
        bytes.insert(bytes.find("data: {\"type\":\"finish-step\""), chunk);
        return judged(bytes, false);
    };
    const std::string_view again =
        "data: {\"type\":\"tool-output-error\",\"toolCallId\":\"c\",\"errorText\":\"e\"}\n\n";
    CHECK(ids(with(again).violations) == std::set<std::string>{"T2"});
    const std::string_view late = "data: {\"type\":\"tool-input-available\",\"toolCallId\":\"c\","
                                  "\"toolName\":\"n\",\"input\":{}}\n\n";
    CHECK(ids(with(late).violations) == std::set<std::string>{"T2"});
    const std::string_view delta = "data: {\"type\":\"tool-input-delta\",\"toolCallId\":\"d\","
                                   "\"inputTextDelta\":\"{}\"}\n\n";
    const Judgement both = with(delta);
    CHECK((ids(both.violations) == std::set<std::string>{"T1"} && !undecided(both)));
}

TEST_CASE("judge: the findings of one rule are listed up to a cap and counted beyond it") {
    std::string bytes;
    for (int i = 0; i < 250; ++i) {
        bytes += "data: x\n\n";
    }
    const Judgement judgement = judge_bytes(bytes);
    CHECK(judgement.violations.size() == k_listed + 2); // O5 and O6 too
    CHECK(judgement.unlisted == 150);
    CHECK(judgement.frames == 250);
}

TEST_CASE("judge: beyond the line limit nothing more is claimed") {
    const std::string endless(17U << 20U, 'x');
    for (const std::size_t cut : {k_whole, std::size_t{1} << 20U}) {
        const Judgement judgement =
            judge_bytes(std::string(k_good.substr(0, 60)) + "data: " + endless, cut);
        CHECK(ids(judgement.violations) == std::set<std::string>{"W1"});
        CHECK(judgement.bytes == 66 + endless.size());
    }
}

TEST_CASE("judge: chunks and comments are told as they are read") {
    std::vector<std::string> told;
    Judge judge(Profile::ai_sdk);
    judge.on_chunk([&](const oa_stream::wire::ui::Chunk& chunk, std::uint64_t offset) {
        told.push_back(oa_stream::wire::ui::type_of(chunk) + '@' + std::to_string(offset));
    });
    judge.on_comment([&] { told.emplace_back("comment"); });
    judge.feed("data: {\"type\":\"start\",\"messageId\":\"m\"}\n\n: ping\n\ndata: {\"type\":\"st");
    CHECK(told == Strings{"start@0", "comment"});
    judge.feed("art-step\"}\n\n");
    CHECK(told == Strings{"start@0", "comment", "start-step@48"});
}

TEST_CASE("judge: it can be moved while it reads") {
    Judge first(Profile::ai_sdk);
    first.feed(k_good.substr(0, 50));
    Judge second(std::move(first));
    second.feed(k_good.substr(50));
    CHECK(second.finish().pass());
}

TEST_CASE("judge: what is wrong with a frame's JSON is named alike under each profile") {
    const std::string deep(600, '[');
    std::string first;
    for (const auto profile :
         {Profile::ai_sdk, Profile::chat_completions, Profile::responses, Profile::openagents_v1}) {
        Judge judge(profile);
        judge.feed("data: {\"type\":\"a\",\"x\":\n\ndata: [1]\n\ndata: " + deep + "\n\n");
        std::string messages;
        for (const Violation& found : judge.finish().violations) {
            if (found.rule == find_rule("J1") || found.rule == find_rule("W2")) {
                messages += std::string(found.rule->id) + " " + found.message + "\n";
            }
        }
        first = first.empty() ? messages : first;
        CHECK(messages == first);
        CHECK(messages.contains("character"));
    }
}
