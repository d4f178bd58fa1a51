// What becomes of a message of Codex.
#include "../codex_events_transcript.hpp"
#include "codex/codex_history.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::authority::test;
using authority::CodexTranslator;
using authority::events_of_item;

TEST_CASE("codex events: a message is one text part, opened by its first text") {
    Transcript transcript;
    transcript.started(k_message);
    CHECK(transcript.lines().empty());
    transcript.delta("agentMessage/delta", "i1", "Hel").delta("agentMessage/delta", "i1", "lo");
    transcript.completed(R"({"type":"agentMessage","id":"i1","text":"Hello"})");
    CHECK(
        transcript.lines() ==
        want(PartOpened{"m1"}, PartDelta{"m1", "Hel"}, PartDelta{"m1", "lo"}, PartClosed{"m1"})
    );
}

TEST_CASE("codex events: text that only the completed item has is told") {
    SECTION("all of it") {
        Transcript transcript;
        transcript.started(k_message).completed(R"({"type":"agentMessage","id":"i1","text":"all"})"
        );
        CHECK(
            transcript.lines() == want(PartOpened{"m1"}, PartDelta{"m1", "all"}, PartClosed{"m1"})
        );
    }
    SECTION("its rest") {
        Transcript transcript;
        transcript.started(k_message).delta("agentMessage/delta", "i1", "al");
        transcript.completed(R"({"type":"agentMessage","id":"i1","text":"all"})");
        CHECK(
            transcript.lines() ==
            want(PartOpened{"m1"}, PartDelta{"m1", "al"}, PartDelta{"m1", "l"}, PartClosed{"m1"})
        );
    }
    SECTION("without any item/started") {
        Transcript transcript;
        transcript.completed(R"({"type":"agentMessage","id":"i1","text":"all"})");
        CHECK(
            transcript.lines() == want(PartOpened{"m1"}, PartDelta{"m1", "all"}, PartClosed{"m1"})
        );
    }
    SECTION("of the turn's summary, when there was nothing else") {
        Transcript transcript;
        transcript(
            "turn/completed",
            R"({"turn":{"id":"u","status":"completed","items":[{"type":"agentMessage","id":"x","text":"last"}]}})"
        );
        CHECK(
            transcript.lines() ==
            want(PartOpened{"m1"}, PartDelta{"m1", "last"}, PartClosed{"m1"}, TurnEnded{})
        );
    }
    SECTION("but not of the summary after other text") {
        Transcript transcript;
        transcript.completed(R"({"type":"agentMessage","id":"i1","text":"all"})");
        transcript(
            "turn/completed",
            R"({"turn":{"id":"u","status":"completed","items":[{"type":"agentMessage","id":"i1","text":"all"}]}})"
        );
        CHECK(transcript.lines().size() == 4);
    }
}

TEST_CASE("codex events: deltas win over a completed text that does not begin with them") {
    Transcript transcript;
    transcript.delta("agentMessage/delta", "i1", "abc");
    transcript.completed(R"({"type":"agentMessage","id":"i1","text":"xyz"})");
    CHECK(transcript.lines() == want(PartOpened{"m1"}, PartDelta{"m1", "abc"}, PartClosed{"m1"}));
    CHECK(transcript.translator().text_mismatches() == 1);
}

TEST_CASE("codex events: empty messages and refusals leave no part") {
    Transcript transcript;
    transcript.started(k_message).completed(k_message).started(
        R"({"type":"agentMessage","id":"i2","text":""})"
    );
    transcript.started(R"({"type":"reasoning","id":"r","summary":[],"content":[]})");
    transcript.completed(R"({"type":"reasoning","id":"r","summary":[],"content":[]})").ended();
    TurnEnded withheld;
    withheld.withheld = true;
    CHECK(transcript.lines() == want(withheld));
}

TEST_CASE("codex events: a message begun and never completed is one whose words are withheld") {
    constexpr std::string_view k_end = R"({"turn":{"id":"u","status":"completed","items":[]}})";
    constexpr std::string_view k_other = R"({"type":"agentMessage","id":"i0","text":"Wait."})";
    TurnEnded withheld;
    withheld.withheld = true;
    const auto last = [&](Transcript& transcript) {
        return transcript("turn/completed", k_end).lines().back();
    };
    Transcript refused;
    CHECK(last(refused.started(k_message)) == describe(withheld));
    Transcript after_words;
    CHECK(last(after_words.completed(k_other).started(k_message)) == describe(withheld));
    Transcript empty;
    CHECK(last(empty) == describe(TurnEnded{}));
    Transcript spent;
    spent(
        "thread/tokenUsage/updated",
        R"({"turnId":"u","tokenUsage":{"total":{"inputTokens":5,"outputTokens":3}}})"
    );
    CHECK(last(spent).ends_with(" withheld"));
    Transcript completed;
    completed.started(k_message).completed(R"({"type":"agentMessage","id":"i1","text":""})");
    CHECK(last(completed) == describe(TurnEnded{}));
    Transcript cut;
    cut.started(k_message).delta("agentMessage/delta", "i1", "Hel");
    CHECK(last(cut) == describe(TurnEnded{}));
}

TEST_CASE("codex events: an id that comes again is another part") {
    Transcript transcript;
    for (int i = 0; i < 2; ++i) {
        transcript.started(k_message).completed(R"({"type":"agentMessage","id":"i1","text":"x"})");
    }
    CHECK(
        transcript.lines() == want(
                                  PartOpened{"m1"},
                                  PartDelta{"m1", "x"},
                                  PartClosed{"m1"},
                                  PartOpened{"m2"},
                                  PartDelta{"m2", "x"},
                                  PartClosed{"m2"}
                              )
    );
}

TEST_CASE("codex events: an item completed twice is told once") {
    Transcript transcript;
    transcript.started(k_message);
    transcript.completed(R"({"type":"agentMessage","id":"i1","text":"x"})");
    transcript.completed(R"({"type":"agentMessage","id":"i1","text":"x"})");
    CHECK(transcript.lines().size() == 3);
}

TEST_CASE("codex events: a message cut off by the next is closed, and late text of it is kept") {
    Transcript transcript;
    transcript.delta("agentMessage/delta", "i1", "cut")
        .started(R"({"type":"agentMessage","id":"i2","text":""})");
    transcript.delta("agentMessage/delta", "i2", "new").delta("agentMessage/delta", "i1", "late");
    CHECK(
        transcript.lines() == want(
                                  PartOpened{"m1"},
                                  PartDelta{"m1", "cut"},
                                  PartClosed{"m1"},
                                  PartOpened{"m2"},
                                  PartDelta{"m2", "new"},
                                  PartOpened{"m3"},
                                  PartDelta{"m3", "late"}
                              )
    );
}

TEST_CASE("codex events: a message has the phase of its item, live and stored") {
    const auto phase = [](const turn::Event& event) {
        return std::get<turn::PartOpened>(event).phase;
    };
    const auto item = [](std::string_view text, std::string_view phase) {
        return Json::object(
            {{"type", "agentMessage"}, {"id", "i"}, {"text", text}, {"phase", phase}}
        );
    };
    CHECK(phase(events_of_item(item("a", "commentary"), 1).at(0)) == turn::TextPhase::commentary);
    const auto transcript = [&](std::vector<std::pair<std::string_view, Json>> notes) {
        CodexTranslator translator("t", "u");
        std::vector<turn::Event> events;
        for (auto& [method, raw] : notes) {
            Json params = Json::object({{"threadId", "t"}, {"turnId", "u"}});
            params["item"] = std::move(raw);
            Json note = Json::object({{"method", method}});
            note["params"] = std::move(params);
            translator.notification(note, events);
        }
        const auto opened = std::ranges::find_if(events, [](const turn::Event& event) {
            return std::holds_alternative<turn::PartOpened>(event);
        });
        return phase(*opened);
    };
    const auto started = item("", "commentary");
    auto without = started; // a model says it only at the end
    without["phase"] = nullptr;
    const auto whole = item("a", "final_answer");
    CHECK(transcript({{"item/completed", whole}}) == turn::TextPhase::final_answer);
    CHECK(
        transcript({{"item/started", started}, {"item/completed", whole}}) ==
        turn::TextPhase::commentary
    );
    CHECK(
        transcript({{"item/started", without}, {"item/completed", whole}}) ==
        turn::TextPhase::final_answer
    );
}
