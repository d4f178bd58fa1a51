// Random turns, legal and not: whatever an authority says, the stream breaks no rule.
#include "oa_stream/base/json.hpp"

#include "stream_support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;
using encode::Normaliser;
using encode::UiEncoder;

namespace {

// Few ids, so that events meet; some that may not stand on the wire.
const std::vector<std::string> k_ids{
    "a", "b", "c", "a-2", "", "x y", "\xFF", "\xFE", std::string(200, 'q')
};
const auto k_texts =
    hard_texts({"\n\"\\", "data: [DONE]\n\n", std::string("\0", 1), "\xE2\x80\xA8"});
const std::vector<std::string> k_names{"shell", "", "\xFF", "a b"};

Json any_json(Dice& dice, int depth = 0) {
    switch (dice.below(depth > 4 ? 4 : 7)) {
    case 0:
        return nullptr;
    case 1:
        return dice.below(1000);
    case 2:
        return dice.pick(k_texts);
    case 3:
        return 1.5;
    case 4: {
        Json list = Json::array();
        for (std::size_t i = dice.below(3); i > 0; --i) {
            list.push_back(any_json(dice, depth + 1));
        }
        return list;
    }
    case 5: {
        Json deep = 1;
        for (std::size_t i = dice.below(80); i > 0; --i) {
            deep = Json::array({std::move(deep)});
        }
        return deep;
    }
    default: {
        static const std::vector<std::string> k_keys{
            "__proto__", "constructor", "prototype", "a", "__proto__ (renamed)", "\xFF", "\xFE"
        };
        Json object = Json::object();
        for (std::size_t i = dice.below(4); i > 0; --i) {
            object[dice.pick(k_keys)] = any_json(dice, depth + 1);
        }
        return object;
    }
    }
}

Event any_event(Dice& dice) {
    const std::string& id = dice.pick(k_ids);
    const std::string& text = dice.pick(k_texts);
    switch (dice.below(40)) {
    case 0:
        return TurnEnded{
            static_cast<Outcome>(dice.below(4)),
            static_cast<Finish>(dice.below(6)),
            dice.below(2) == 0 ? std::optional<Failure>() : Failure{},
            dice.below(2) == 0 ? std::optional<Usage>() : Usage{1, 2, 3, 4}
        };
    case 1:
        return TurnStarted{"t", "u", "m"};
    case 2:
        return UsageKnown{{5, 0, 5, 0}};
    case 3:
        return Note{dice.pick(k_names), id, dice.below(2) == 0, any_json(dice)};
    default:
        break;
    }
    switch (dice.below(10)) {
    case 0:
        return PartOpened{id, dice.below(2) == 0 ? PartKind::text : PartKind::reasoning};
    case 1:
        return PartClosed{id};
    case 2:
        return ToolOpened{id, dice.pick(k_names), dice.below(4) != 0};
    case 3:
        return ToolInputDelta{id, text};
    case 4:
        return ToolInputReady{id, any_json(dice)};
    case 5:
        return ToolOutputDelta{id, text};
    case 6:
        return ToolOutput{id, any_json(dice)};
    case 7:
        return ToolFailed{id, text};
    default:
        return PartDelta{id, text};
    }
}

std::string told(const std::vector<Event>& events) {
    std::string out;
    for (const Event& event : events) {
        out += describe(event) + "\n";
    }
    return out;
}

constexpr std::uint64_t k_runs = 1500;

} // namespace

TEST_CASE("property: any sequence of events gives a stream that breaks no must-rule") {
    for (std::uint64_t seed = 0; seed < k_runs; ++seed) {
        Dice dice(seed);
        std::vector<Event> events;
        for (std::size_t i = dice.below(40); i > 0; --i) {
            events.push_back(any_event(dice));
        }
        const std::string stream = encoded(normalised(events));
        const std::string faults = judged(stream, Warnings::ignored);
        if (!faults.empty()) {
            FAIL("seed " << seed << "\n" << faults << told(events) << stream);
        }
    }
    SUCCEED();
}

TEST_CASE("property: a stream cut anywhere and failed open breaks no must-rule") {
    for (std::uint64_t seed = 0; seed < k_runs; ++seed) {
        Dice dice(seed);
        Normaliser normaliser;
        UiEncoder encoder(options());
        std::vector<Event> events;
        for (std::size_t i = dice.below(30); i > 0; --i) {
            normaliser.push(any_event(dice), events);
        }
        events.resize(events.empty() ? 0 : dice.below(events.size() + 1));
        std::string stream;
        for (const Event& event : events) {
            if (!encoder.encode(event, stream)) {
                FAIL("seed " << seed << " refused " << describe(event));
            }
        }
        encoder.fail_open(Failure{static_cast<FailureCode>(dice.below(8))}, stream);
        if (const std::string faults = judged(stream, Warnings::ignored); !faults.empty()) {
            FAIL("seed " << seed << "\n" << faults << told(events) << stream);
        }
    }
    SUCCEED();
}

TEST_CASE("property: events that skip the normaliser are refused or legal, never a bad stream") {
    for (std::uint64_t seed = 0; seed < k_runs; ++seed) {
        Dice dice(seed);
        UiEncoder encoder(options());
        std::string stream;
        encoder.begin(stream);
        std::vector<Event> events;
        for (std::size_t i = dice.below(30); i > 0; --i) {
            events.push_back(any_event(dice));
            const std::string before = stream;
            if (!encoder.encode(events.back(), stream) && stream != before) {
                FAIL("seed " << seed << ": bytes of a refused " << describe(events.back()));
            }
        }
        encoder.fail_open(Failure{}, stream);
        // Ids and names are the normaliser's business; the order of chunks is the encoder's too.
        std::string faults;
        for (const auto& violation : [&] {
                 contract::Judge judge(contract::Profile::ai_sdk);
                 judge.feed(stream);
                 return judge.finish().violations;
             }()) {
            if (violation.rule->id.starts_with("O") || violation.rule->id.starts_with("E")) {
                faults += std::string(violation.rule->id) + ": " + violation.message + "\n";
            }
        }
        if (!faults.empty()) {
            FAIL("seed " << seed << "\n" << faults << told(events) << stream);
        }
    }
    SUCCEED();
}

TEST_CASE("property: text cut anywhere into deltas arrives verbatim, in whole code points") {
    const std::string text =
        "plain é ß 漢字 🙂👩‍👩‍👧 \xF4\x8F\xBF\xBF end\n\"quoted\" \\ \x7F";
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Dice dice(seed);
        std::vector<Event> events{TurnStarted{"t", "u", ""}, PartOpened{"m1"}};
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t n = 1 + dice.below(5);
            events.emplace_back(PartDelta{"m1", text.substr(at, n)});
            at += n;
        }
        events.emplace_back(PartClosed{"m1"});
        events.emplace_back(TurnEnded{});
        const std::string stream = encoded(normalised(events));
        if (joined_deltas(stream, "text-delta") != text || !judged(stream).empty()) {
            FAIL("seed " << seed << "\n" << judged(stream) << stream);
        }
    }
    SUCCEED();
}
