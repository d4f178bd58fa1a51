#include "oa_stream/encode/normaliser.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace oa_stream;
using namespace oa_stream::turn;
using encode::Normaliser;
using encode::Repair;

namespace {

struct Row {
    const char* name;
    std::vector<Event> in;
    std::vector<std::string> out; ///< turn::describe() of every event
    std::vector<std::pair<Repair, std::uint64_t>> repairs;
    bool source_ends = false; ///< finish() instead of a TurnEnded
};

const TurnStarted k_started{"th", "tu", ""};
const TurnEnded k_ended{};

std::vector<std::string> described(const std::vector<Event>& events) {
    std::vector<std::string> out;
    for (const Event& event : events) {
        out.push_back(describe(event));
    }
    return out;
}

/// The names of the events alone, for rows in which the details do not matter.
std::vector<std::string> described(std::initializer_list<Event> events) {
    return described(std::vector<Event>(events));
}

Row unchanged(const char* name, std::vector<Event> events) {
    auto out = described(events);
    return {name, std::move(events), std::move(out), {}};
}

const std::vector<Row>& rows() {
    static const std::vector<Row> k_rows{
        unchanged(
            "a legal turn passes unchanged",
            {k_started,
             PartOpened{"m1", PartKind::text, TextPhase::commentary},
             PartDelta{"m1", "hi"},
             PartClosed{"m1"},
             ToolOpened{"c", "shell"},
             ToolInputDelta{"c", "{}"},
             ToolInputReady{"c", Json::object()},
             ToolOutputDelta{"c", "x"},
             ToolOutput{"c", "y"},
             Note{"plan", {}, false, 1},
             UsageKnown{{1, 0, 1, 0}},
             k_ended}
        ),
        unchanged(
            "a call that is handed to the client stays open",
            {k_started,
             ToolOpened{"c", "clock"},
             ToolInputReady{"c", Json::object()},
             ClientCall{"c", "clock", "{}"},
             TurnEnded{Outcome::completed, Finish::tool_calls}}
        ),
        {"a call that its client is told twice is one call",
         {k_started,
          ToolOpened{"c", "clock"},
          ToolInputReady{"c", Json::object()},
          ClientCall{"c", "clock", "{}"},
          ClientCall{"c", "clock", "{}"},
          TurnEnded{Outcome::completed, Finish::tool_calls}},
         described(
             {k_started,
              ToolOpened{"c", "clock"},
              ToolInputReady{"c", Json::object()},
              ClientCall{"c", "clock", "{}"},
              TurnEnded{Outcome::completed, Finish::tool_calls}}
         ),
         {}},
        {"content before the turn starts it",
         {PartOpened{"m1"}, k_started, PartClosed{"m1"}, k_ended},
         described({TurnStarted{}, PartOpened{"m1"}, PartClosed{"m1"}, k_ended}),
         {{Repair::started_missing, 1}, {Repair::started_twice, 1}}},
        {"a delta of an unknown part opens a text part",
         {k_started, PartDelta{"x", "hi"}, PartClosed{"x"}, k_ended},
         described({k_started, PartOpened{"x"}, PartDelta{"x", "hi"}, PartClosed{"x"}, k_ended}),
         {{Repair::part_unopened, 1}}},
        {"a delta after the end of its part goes on in a part of the same kind",
         {k_started,
          PartOpened{"r", PartKind::reasoning},
          PartClosed{"r"},
          PartDelta{"r", "hi"},
          PartClosed{"r"},
          k_ended},
         described(
             {k_started,
              PartOpened{"r", PartKind::reasoning},
              PartClosed{"r"},
              PartOpened{"r-2", PartKind::reasoning},
              PartDelta{"r-2", "hi"},
              PartClosed{"r-2"},
              k_ended}
         ),
         {{Repair::part_unopened, 1}}},
        {"the end of an unknown part is dropped",
         {k_started, PartClosed{"x"}, k_ended},
         described({k_started, k_ended}),
         {{Repair::part_unopened, 1}}},
        {"a part opened again while open is closed first",
         {k_started, PartOpened{"m"}, PartOpened{"m"}, PartDelta{"m", "b"}, PartClosed{"m"}, k_ended
         },
         described(
             {k_started,
              PartOpened{"m"},
              PartClosed{"m"},
              PartOpened{"m-2"},
              PartDelta{"m-2", "b"},
              PartClosed{"m-2"},
              k_ended}
         ),
         {{Repair::part_reopened, 1}}},
        {"an unknown call is opened as tool, with an empty input before its output",
         {k_started, ToolOutput{"c", 1}, k_ended},
         described(
             {k_started,
              ToolOpened{"c", "tool"},
              ToolInputReady{"c", Json::object()},
              ToolOutput{"c", 1},
              k_ended}
         ),
         {{Repair::tool_unopened, 1}, {Repair::tool_input_missing, 1}}},
        {"a call announced twice is one call",
         {k_started,
          ToolOpened{"c", "a"},
          ToolOpened{"c", "a"},
          ToolInputReady{"c", 1},
          ToolOutput{"c", 2},
          k_ended},
         described(
             {k_started, ToolOpened{"c", "a"}, ToolInputReady{"c", 1}, ToolOutput{"c", 2}, k_ended}
         ),
         {{Repair::tool_reopened, 1}}},
        {"a call opened after its end is a new one",
         {k_started,
          ToolOpened{"c", "a"},
          ToolInputReady{"c", 1},
          ToolOutput{"c", 2},
          ToolOpened{"c", "b"},
          ToolInputReady{"c", 3},
          ToolOutput{"c", 4},
          k_ended},
         described(
             {k_started,
              ToolOpened{"c", "a"},
              ToolInputReady{"c", 1},
              ToolOutput{"c", 2},
              ToolOpened{"c-2", "b"},
              ToolInputReady{"c-2", 3},
              ToolOutput{"c-2", 4},
              k_ended}
         ),
         {{Repair::tool_reopened, 1}}},
        {"second inputs and second outputs are dropped",
         {k_started,
          ToolOpened{"c", "a"},
          ToolInputReady{"c", 1},
          ToolInputReady{"c", 2},
          ToolInputDelta{"c", "x"},
          ToolOutput{"c", 3},
          ToolFailed{"c", "x"},
          ToolOutputDelta{"c", "x"},
          k_ended},
         described(
             {k_started, ToolOpened{"c", "a"}, ToolInputReady{"c", 1}, ToolOutput{"c", 3}, k_ended}
         ),
         {{Repair::tool_input_twice, 2}, {Repair::tool_output_twice, 2}}},
        {"what is open at the end is closed before it",
         {k_started, PartOpened{"m"}, ToolOpened{"c", "a"}, k_ended},
         described(
             {k_started,
              PartOpened{"m"},
              ToolOpened{"c", "a"},
              PartClosed{"m"},
              ToolInputReady{"c", Json::object()},
              ToolFailed{"c", "Still running when the answer ended."},
              k_ended}
         ),
         {{Repair::part_left_open, 1}, {Repair::tool_left_open, 1}, {Repair::tool_input_missing, 1}}
        },
        {"a stopped turn says so at its open calls",
         {k_started,
          ToolOpened{"c", "a"},
          ToolInputReady{"c", 1},
          TurnEnded{Outcome::interrupted, Finish::other}},
         described(
             {k_started,
              ToolOpened{"c", "a"},
              ToolInputReady{"c", 1},
              ToolFailed{"c", "The answer was stopped before this call ended."},
              TurnEnded{Outcome::interrupted, Finish::other}}
         ),
         {{Repair::tool_left_open, 1}}},
        {"empty deltas are dropped",
         {k_started,
          PartOpened{"m"},
          PartDelta{"m", ""},
          PartClosed{"m"},
          ToolOpened{"c", "a"},
          ToolInputDelta{"c", ""},
          ToolInputReady{"c", 1},
          ToolOutputDelta{"c", ""},
          ToolOutput{"c", 1},
          k_ended},
         described(
             {k_started,
              PartOpened{"m"},
              PartClosed{"m"},
              ToolOpened{"c", "a"},
              ToolInputReady{"c", 1},
              ToolOutput{"c", 1},
              k_ended}
         ),
         {{Repair::empty_delta, 3}}},
        {"a code point cut over deltas is held back until it is whole",
         {k_started,
          PartOpened{"m"},
          PartDelta{"m", "a\xF0\x9F"},
          PartDelta{"m", "\x98"},
          PartDelta{"m", "\x80z"},
          PartClosed{"m"},
          k_ended},
         described(
             {k_started,
              PartOpened{"m"},
              PartDelta{"m", "a"},
              PartDelta{"m", "\xF0\x9F\x98\x80z"},
              PartClosed{"m"},
              k_ended}
         ),
         {{Repair::split_code_point, 2}}},
        {"a code point never finished becomes U+FFFD",
         {k_started, PartOpened{"m"}, PartDelta{"m", "a\xF0\x9F"}, k_ended},
         described(
             {k_started,
              PartOpened{"m"},
              PartDelta{"m", "a"},
              PartDelta{"m", "\xEF\xBF\xBD"},
              PartClosed{"m"},
              k_ended}
         ),
         {{Repair::split_code_point, 1}, {Repair::part_left_open, 1}}},
        {"events after the end are dropped",
         {k_started, k_ended, PartDelta{"m", "x"}, k_ended},
         described({k_started, k_ended}),
         {{Repair::after_end, 2}}},
        {"a source that stops ends the turn as failed",
         {k_started, PartOpened{"m"}},
         described(
             {k_started,
              PartOpened{"m"},
              PartClosed{"m"},
              TurnEnded{Outcome::failed, Finish::error, Failure{FailureCode::stalled, true, "d"}}}
         ),
         {{Repair::part_left_open, 1}, {Repair::end_missing, 1}},
         true},
        {"a source that says nothing is a failed turn too",
         {},
         described(
             {TurnStarted{},
              TurnEnded{Outcome::failed, Finish::error, Failure{FailureCode::stalled, true, "d"}}}
         ),
         {{Repair::started_missing, 1}, {Repair::end_missing, 1}},
         true},
        {"a failed turn always has a failure, a completed one none",
         {k_started, TurnEnded{Outcome::failed, Finish::error}},
         described({k_started, TurnEnded{Outcome::failed, Finish::error, Failure{}}}),
         {}},
        {"ids and names that may not stand on the wire are replaced, each by its own",
         {k_started,
          PartOpened{"a b"},
          PartDelta{"a b", "1"},
          PartClosed{"a b"},
          PartOpened{""},
          PartDelta{"", "2"},
          PartClosed{""},
          ToolOpened{"\xFF", "\xFF"},
          ToolInputReady{"\xFF", 1},
          ToolOutput{"\xFF", 1},
          Note{"No Name", {}, true, 1},
          k_ended},
         described(
             {k_started,
              PartOpened{"part-1"},
              PartDelta{"part-1", "1"},
              PartClosed{"part-1"},
              PartOpened{"part-2"},
              PartDelta{"part-2", "2"},
              PartClosed{"part-2"},
              ToolOpened{"call-1", "tool"},
              ToolInputReady{"call-1", 1},
              ToolOutput{"call-1", 1},
              Note{"note", {}, true, 1},
              k_ended}
         ),
         {{Repair::bad_id, 5}}},
    };
    return k_rows;
}

} // namespace

TEST_CASE("normaliser: any sequence becomes the grammar, and every repair is counted") {
    for (const Row& row : rows()) {
        DYNAMIC_SECTION(row.name) {
            Normaliser normaliser;
            std::vector<Event> out;
            for (const Event& event : row.in) {
                normaliser.push(event, out);
            }
            if (row.source_ends) {
                CHECK_FALSE(normaliser.ended());
                normaliser.finish({FailureCode::stalled, true, "d"}, out);
            }
            CHECK(described(out) == row.out);
            CHECK(normaliser.ended());
            auto want = std::array<std::uint64_t, encode::k_repair_kinds>{};
            for (const auto& [repair, count] : row.repairs) {
                want[static_cast<std::size_t>(repair)] = count;
            }
            CHECK(normaliser.repairs() == want);
        }
    }
}

TEST_CASE("normaliser: finish() after the end changes nothing") {
    Normaliser normaliser;
    std::vector<Event> out;
    normaliser.push(k_started, out);
    normaliser.push(k_ended, out);
    normaliser.finish({}, out);
    CHECK(out.size() == 2);
}

TEST_CASE("normaliser: every repair has a word of its own") {
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < encode::k_repair_kinds; ++i) {
        words.push_back(to_string(static_cast<Repair>(i)));
        CHECK_FALSE(words.back().empty());
    }
    std::ranges::sort(words);
    CHECK(std::ranges::adjacent_find(words) == words.end());
}

TEST_CASE("normaliser: a source that stops for the turn's time ends it as the lane's own limit does"
) {
    Normaliser normaliser;
    std::vector<Event> out;
    const Failure failure{FailureCode::turn_aborted, true, "d"};
    normaliser.push(k_started, out);
    normaliser.finish(failure, out);
    CHECK(
        described(out) ==
        described({k_started, TurnEnded{Outcome::aborted, Finish::error, failure}})
    );
}
