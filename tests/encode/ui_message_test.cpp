// The message that is made of a turn's events a second time: parts by their ids, in their order.
#include "oa_stream/encode/ui_message.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode;

namespace {

const TurnStarted k_start{"thread", "turn"};

} // namespace

TEST_CASE("message parts: deltas of parts that interleave go to the part of their id") {
    const Json parts = ui_message_parts(
        {k_start,
         PartOpened{"a"},
         PartOpened{"b", PartKind::reasoning},
         PartDelta{"a", "one "},
         PartDelta{"b", "why"},
         PartDelta{"a", "two"},
         PartClosed{"b"},
         PartClosed{"a"}},
        Outcome::completed
    );
    CHECK(
        parts == Json::array(
                     {{{"type", "step-start"}},
                      {{"type", "text"}, {"text", "one two"}, {"state", "done"}},
                      {{"type", "reasoning"}, {"text", "why"}, {"state", "done"}}}
                 )
    );
}

TEST_CASE("message parts: a call has its input, and its output or what went wrong") {
    const Json parts = ui_message_parts(
        {k_start,
         ToolOpened{"c1", "shell", true},
         ToolInputReady{"c1", {{"command", "ls"}}},
         ToolOpened{"c2", "search", false},
         ToolInputReady{"c2", {{"query", "x"}}},
         ToolOutput{"c1", "a.txt"},
         ToolFailed{"c2", "no network"}},
        Outcome::completed
    );
    REQUIRE(parts.size() == 3);
    CHECK(parts[1]["type"] == "dynamic-tool");
    CHECK(parts[1]["toolName"] == "shell");
    CHECK(parts[1]["toolCallId"] == "c1");
    CHECK(parts[1]["state"] == "output-available");
    CHECK(parts[1]["input"]["command"] == "ls");
    CHECK(parts[1]["output"] == "a.txt");
    CHECK(parts[1]["providerExecuted"] == true);
    CHECK(parts[2]["type"] == "tool-search");
    CHECK_FALSE(parts[2].contains("toolName"));
    CHECK(parts[2]["state"] == "output-error");
    CHECK(parts[2]["errorText"] == "no network");
    CHECK_FALSE(parts[2].contains("output"));
}

TEST_CASE("message parts: notes are kept in their place, transient ones are not") {
    const Json parts = ui_message_parts(
        {k_start,
         Note{"plan", "p1", false, {{"steps", 2}}},
         Note{"progress", std::nullopt, true, {{"percent", 5}}},
         PartOpened{"a"},
         PartDelta{"a", "x"},
         PartClosed{"a"},
         Note{"warning", std::nullopt, false, "slow"}},
        Outcome::completed
    );
    REQUIRE(parts.size() == 4);
    CHECK(parts[1] == Json({{"type", "data-plan"}, {"id", "p1"}, {"data", {{"steps", 2}}}}));
    CHECK(parts[2]["type"] == "text");
    CHECK(parts[3] == Json({{"type", "data-warning"}, {"data", "slow"}}));
}

TEST_CASE("message parts: an answer whose words were lost has a sentence, as in the stream") {
    const PartOpened text{"m1"};
    const PartDelta said{"m1", "Look."};
    const ToolOpened call{"c", "t"};
    const std::vector<Event> thought{
        PartOpened{"r1", PartKind::reasoning}, PartDelta{"r1", "Hm."}, PartClosed{"r1"}
    };
    const auto shows = [](std::vector<Event> events, Finish finish, bool withheld) {
        TurnEnded end{Outcome::completed, finish};
        end.withheld = withheld;
        events.emplace_back(std::move(end));
        CHECK(ui_message_parts(events, Outcome::completed).is_array()); // its end is no part
        const auto missing = missing_answer(events);
        CHECK(missing.empty == (withheld && !missing.text.empty()));
        return std::string(missing.text);
    };
    CHECK(shows({}, Finish::stop, true) == k_empty_answer_text);
    CHECK(shows(thought, Finish::stop, true) == k_empty_answer_text);
    CHECK(shows({text, said, call}, Finish::stop, true) == k_empty_answer_text);
    CHECK(shows({call, text, said}, Finish::stop, true) == "");
    CHECK(shows({text, said}, Finish::stop, true) == "");
    CHECK(shows({}, Finish::stop, false) == "");
    CHECK(shows({}, Finish::tool_calls, true) == "");
    CHECK(shows({}, Finish::content_filter, true).contains("content filter"));
    CHECK(shows({}, Finish::length, true).contains("limit of tokens"));
    CHECK(shows({}, Finish::length, false).contains("no more of its text is stored"));
    CHECK(shows({text, said, call}, Finish::content_filter, false)
              .contains("no more of its text is stored"));
    CHECK(shows({text, said}, Finish::length, false) == "");
    CHECK(missing_answer({}).text.empty());
    CHECK(missing_answer({text, said}).text.empty());
}
