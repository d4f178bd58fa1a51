// Captured and random turns: whatever an authority says, both forms break no rule and agree.
#include "oa_stream/authority/capture.hpp"

#include "completions_support.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;

namespace {

const std::vector<std::string> k_ids{"a", "b", "", "\xFF"};
const auto k_texts = hard_texts({"data: [DONE]\n\n", "\"\\"});

Event any_event(Dice& dice) {
    const std::string& id = dice.pick(k_ids);
    switch (dice.below(12)) {
    case 0:
        return PartOpened{id, dice.below(3) == 0 ? PartKind::reasoning : PartKind::text};
    case 1:
        return PartClosed{id, dice.below(8) == 0};
    case 2:
        return UsageKnown{
            {static_cast<std::int64_t>(dice.below(4)) - 1,
             0,
             static_cast<std::int64_t>(dice.below(3)),
             0}
        };
    case 3:
        return ToolOpened{id, "shell"};
    case 4:
        return ToolOutput{id, "x"};
    case 5:
        return Note{"plan", id, false, Json::object()};
    case 6: {
        if (dice.below(3) != 0) {
            return PartDelta{id, dice.pick(k_texts)};
        }
        Failure failure{static_cast<FailureCode>(dice.below(8)), false, "SECRET"};
        failure.clean_eof = dice.below(2) == 0;
        return TurnEnded{
            static_cast<Outcome>(dice.below(4)),
            static_cast<Finish>(dice.below(6)),
            dice.below(2) == 0 ? std::optional<Failure>() : failure,
            dice.below(2) == 0 ? std::optional<Usage>() : Usage{1, 1, 3, 0}
        };
    }
    default:
        return PartDelta{id, dice.pick(k_texts)};
    }
}

/// Fewer than `most` events, normalised.
std::vector<Event> any_turn(Dice& dice, std::size_t most) {
    std::vector<Event> events;
    for (std::size_t i = dice.below(most); i > 0; --i) {
        events.push_back(any_event(dice));
    }
    return normalised(std::move(events));
}

/// What is wrong with a turn's two forms; empty when nothing is.
std::string faults_of(const std::vector<Event>& events) {
    const std::string stream = completion_stream(events, true);
    const auto whole = completion_whole(events);
    std::string faults = completion_faults(stream);
    const ReadCompletion read = read_completion(stream);
    if (whole.has_value() == stream.contains("\"error\":")) {
        faults += "one failed, the other did not\n";
    }
    if (whole) {
        faults += completion_faults(dump_json(*whole));
        const Json& choice = whole->at("choices").at(0);
        if (choice.at("message").at("content") != read.text ||
            choice.at("finish_reason") != read.finish ||
            (whole->contains("usage") ? Json(*read.usage) != whole->at("usage")
                                      : read.usage.has_value())) {
            faults += "the whole answer is another one\n" + dump_json(*whole);
        }
    }
    if (stream.contains("SECRET")) {
        faults += "the authority's words leaked\n";
    }
    return faults.empty() ? faults : faults + stream;
}

} // namespace

TEST_CASE("property: any turn gives completions that break no rule and agree") {
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        Dice dice(seed);
        const std::string faults = faults_of(any_turn(dice, 40));
        if (!faults.empty()) {
            FAIL("seed " << seed << "\n" << faults);
        }
    }
    SUCCEED();
}

TEST_CASE("property: a completion cut anywhere and failed open breaks no rule") {
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        Dice dice(seed);
        auto events = any_turn(dice, 30);
        events.resize(dice.below(events.size() + 1));
        const auto encoder = encode::completions_stream(identity(), true);
        std::string stream;
        for (const Event& event : events) {
            REQUIRE((encoder->ended() || encoder->encode(event, stream)));
        }
        encoder->fail_open(Failure{static_cast<FailureCode>(dice.below(8))}, stream);
        if (const std::string faults = completion_faults(stream); !faults.empty()) {
            FAIL("seed " << seed << "\n" << faults << stream);
        }
    }
    SUCCEED();
}

TEST_CASE("captures: every recorded turn gives completions that break no rule and agree") {
    std::size_t turns = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(OA_SOURCE_DIR "/fixtures/captures")) {
        if (entry.path().extension() != ".jsonl") {
            continue;
        }
        const auto capture = authority::read_capture(entry.path());
        if (!capture) {
            continue; // no turn was started in it
        }
        CAPTURE(entry.path());
        std::vector<Event> events;
        for (const authority::TimedEvent& timed : capture->events) {
            events.push_back(timed.event);
        }
        CHECK(faults_of(normalised(std::move(events))).empty());
        ++turns;
    }
    CHECK(turns > 50);
}

TEST_CASE("completions: a response that broke behind text fails the answer, however it goes on") {
    const auto capture =
        authority::read_capture(OA_SOURCE_DIR "/fixtures/captures/39-drop-mid-retry-recovers.jsonl"
        );
    REQUIRE(capture);
    std::vector<Event> events;
    for (const authority::TimedEvent& timed : capture->events) {
        events.push_back(timed.event);
    }
    events = normalised(std::move(events));
    CHECK(read_completion(completion_stream(events)).error == "turn_failed");
    CHECK_FALSE(completion_whole(events).has_value());
    const auto told = [](std::vector<Event> broken) {
        broken.insert(
            broken.end(), {PartOpened{"b"}, PartDelta{"b", "whole"}, PartClosed{"b"}, TurnEnded{}}
        );
        const auto read = read_completion(completion_stream(broken));
        CHECK(completion_whole(broken).has_value() == read.error.empty());
        return read.error.empty() ? read.text : read.error;
    };
    const auto reasoning = PartKind::reasoning;
    CHECK(told({PartOpened{"a"}, PartDelta{"a", "who"}, PartClosed{"a", true}}) == "turn_failed");
    CHECK(told({PartOpened{"a"}, PartClosed{"a", true}}) == "whole"); // nothing is said twice
    CHECK(
        told({PartOpened{"a", reasoning}, PartDelta{"a", "x"}, PartClosed{"a", true}}) == "whole"
    );
}

TEST_CASE("completions: a truncated capture ends with length, and with the counts it told") {
    const auto capture =
        authority::read_capture(OA_SOURCE_DIR "/fixtures/captures/37-incomplete-max-tokens.jsonl");
    REQUIRE(capture);
    std::vector<Event> events;
    for (const authority::TimedEvent& timed : capture->events) {
        events.push_back(timed.event);
    }
    const ReadCompletion read = read_completion(completion_stream(normalised(std::move(events))));
    CHECK(read.finish == "length");
    CHECK(read.order.ends_with("CFUD"));
    REQUIRE(read.usage);
    CHECK(read.usage->at("total_tokens") == 105);
}
