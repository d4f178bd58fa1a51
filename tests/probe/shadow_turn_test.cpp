#include "oa_stream/authority/capture.hpp"
#include "oa_stream/base/file.hpp"

#include "shadow/shadow_diff.hpp"
#include "shadow/shadow_turn.hpp"
#include "support/frames.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <functional>

using namespace oa_stream;
using namespace oa_stream::probe;
using probe::test::frame;
using probe::test::k_done;

namespace {

const std::string k_open = frame(R"({"type":"start","messageId":"turn-1","messageMetadata":)"
                                 R"({"threadId":"th-1","turnId":"turn-1"}})") +
                           frame(R"({"type":"start-step"})");
const std::string k_close =
    frame(R"({"type":"finish-step"})") +
    frame(R"({"type":"finish","messageMetadata":{"status":"completed","finishReason":"stop",)"
          R"("usage":{"inputTokens":3,"outputTokens":5}}})") +
    k_done;

std::string part(const std::string& kind, const std::string& id, std::vector<std::string> deltas) {
    std::string out = frame(fmt::format(R"({{"type":"{}-start","id":"{}"}})", kind, id));
    for (const std::string& text : deltas) {
        out +=
            frame(fmt::format(R"({{"type":"{}-delta","id":"{}","delta":"{}"}})", kind, id, text));
    }
    return out + frame(fmt::format(R"({{"type":"{}-end","id":"{}"}})", kind, id));
}

std::string tool(const std::string& call, const std::string& input, const std::string& output) {
    return frame(fmt::format(
               R"({{"type":"tool-input-start","toolCallId":"{}","toolName":"shell",)"
               R"("dynamic":true,"providerExecuted":true}})",
               call
           )) +
           frame(fmt::format(
               R"({{"type":"tool-input-available","toolCallId":"{}","toolName":"shell",)"
               R"("input":{},"dynamic":true,"providerExecuted":true}})",
               call,
               input
           )) +
           frame(fmt::format(
               R"({{"type":"tool-output-available","toolCallId":"{}","output":{},)"
               R"("dynamic":true,"providerExecuted":true}})",
               call,
               output
           ));
}

/// Two calls, then text.
std::string turn_with(const std::string& ids, std::vector<std::string> deltas) {
    return k_open + part("reasoning", ids + "r", {"Hm."}) +
           tool(ids + "a", R"({"command":"ls"})", R"({"output":"one","durationMs":12})") +
           tool(ids + "b", R"({"command":"pwd"})", R"({"output":"two","durationMs":9})") +
           part("text", ids + "t", std::move(deltas)) + k_close;
}

std::vector<Difference>
compare(const std::string& lane, const std::string& reference, Compare compare = Compare::text) {
    const std::vector<std::string> ignored{"durationMs"};
    return differences(
        meaning_of_stream(lane, ignored), meaning_of_stream(reference, ignored), compare
    );
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

/// Every one of them.
std::string without(std::string text, const std::string& piece) {
    REQUIRE(text.contains(piece));
    for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at)) {
        text.erase(at, piece.size());
    }
    return text;
}

const std::string k_turn = turn_with("x", {"Hello ", "big ", "world"});

} // namespace

TEST_CASE("shadow: turns that say the same are equal, however they were cut and numbered") {
    CHECK(compare(k_turn, k_turn).empty());
    CHECK(compare(k_turn, turn_with("item_7_", {"He", "llo big", " w", "orld"})).empty());
    CHECK(compare(k_turn, ": ping\n\n" + k_turn).empty());
    CHECK(compare(k_turn, replaced(k_turn, R"("durationMs":12)", R"("durationMs":99)")).empty());
    SECTION("a part that never got any text is none") {
        CHECK(compare(k_turn, replaced(k_turn, k_open, k_open + part("text", "e", {}))).empty());
    }
    SECTION("ids within payloads are named by their place, too") {
        const auto note = [](const std::string& id, const std::string& thread) {
            return k_open + tool(id, "{}", "{}") +
                   frame(fmt::format(
                       R"({{"type":"data-plan","id":"plan","data":{{"call":"{}","thread":"{}"}}}})",
                       id,
                       thread
                   )) +
                   k_close;
        };
        CHECK(compare(note("c1", "th-1"), replaced(note("c9", "th-2"), "th-1", "th-2")).empty());
        CHECK_FALSE(compare(note("c1", "th-1"), note("c1", "elsewhere")).empty());
    }
}

TEST_CASE("shadow: what a lane can get wrong is found and named") {
    struct Row {
        const char* name;
        const char* what; ///< the first difference
        std::function<std::string(std::string)> change;
        bool structural = false; ///< found without looking at contents
    };
    const auto swap = [](const std::string& from, const std::string& to) {
        return [from, to](std::string text) { return replaced(std::move(text), from, to); };
    };
    const std::string big = R"(data: {"type":"text-delta","id":"xt","delta":"big "})";
    const std::vector<Row> rows{
        {"a dropped delta", "text", swap(big + "\n\n", "")},
        {"a delta told twice", "text", swap(big, big + "\n\n" + big)},
        {"other reasoning", "reasoning", swap("Hm.", "Ah.")},
        {"another tool input", "tool input", swap(R"("command":"ls")", R"("command":"rm")")},
        {"an input of another shape",
         "tool input",
         swap(R"("command":"ls")", R"("command":["ls"])"),
         true},
        {"another tool output", "tool output", swap(R"("output":"one")", R"("output":"1")")},
        {"a tool that failed",
         "tool outcome",
         swap(
             R"("tool-output-available","toolCallId":"xb","output":{"output":"two","durationMs":9})",
             R"("tool-output-error","toolCallId":"xb","errorText":"no")"
         ),
         true},
        {"a call that the server is not said to run",
         "providerExecuted",
         [](std::string text) { return without(std::move(text), R"(,"providerExecuted":true)"); },
         true},
        {"a call of a tool that the page has to know",
         "dynamic",
         [](std::string text) { return without(std::move(text), R"(,"dynamic":true)"); },
         true},
        {"another tool",
         "order",
         [](std::string text) {
             const std::string from = R"("toolCallId":"xa","toolName":"shell")";
             const std::string to = R"("toolCallId":"xa","toolName":"exec")";
             return replaced(replaced(std::move(text), from, to), from, to);
         },
         true},
        {"another ending",
         "ending",
         swap(R"("status":"completed")", R"("status":"interrupted")"),
         true},
        {"another finish reason", "finish reason", swap(R"(:"stop")", R"(:"length")"), true},
        {"other usage", "usage", swap(R"("outputTokens":5)", R"("outputTokens":6)")},
        {"no usage", "usage", swap(R"(,"usage":{"inputTokens":3,"outputTokens":5})", ""), true},
        {"no end at all",
         "ending",
         [](const std::string& text) {
             return text.substr(0, text.find(R"(data: {"type":"finish",)"));
         },
         true},
        {"text before the tools",
         "order",
         [](std::string text) {
             const std::string last = part("text", "xt", {"Hello ", "big ", "world"});
             return replaced(replaced(std::move(text), last, ""), k_open, k_open + last);
         },
         true},
        {"a failure told besides",
         "failure code",
         swap(
             "data: {\"type\":\"finish-step\"}",
             "data: {\"type\":\"data-error\",\"data\":{\"code\":\"turn_failed\"}}\n\n"
             "data: {\"type\":\"finish-step\"}"
         ),
         true},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.name) {
            const auto found = compare(row.change(k_turn), k_turn);
            REQUIRE_FALSE(found.empty());
            CAPTURE(found.front().sentence());
            CHECK(found.front().what == row.what);
            CHECK(
                compare(row.change(k_turn), k_turn, Compare::structure).empty() != row.structural
            );
        }
    }
}

TEST_CASE("shadow: two calls with each other's output are called swapped") {
    const std::string swapped = replaced(
        replaced(
            replaced(k_turn, R"("output":"one")", R"("output":"@")"),
            R"("output":"two")",
            R"("output":"one")"
        ),
        R"("output":"@")",
        R"("output":"two")"
    );
    const auto found = compare(swapped, k_turn);
    REQUIRE(found.size() == 3);
    CHECK(found[0].what == "tool output");
    CHECK(found[2].what == "swapped outputs");
    CHECK(found[2].where == "parts 2 and 3");
}

TEST_CASE("shadow: a missing flag of a call is reported with what a client makes of it") {
    const auto found = compare(without(k_turn, R"(,"providerExecuted":true)"), k_turn);
    REQUIRE(found.size() == 2);
    CHECK(
        found[0].sentence() ==
        "providerExecuted of part 2 (tool shell): lane absent, so a page may run the call and may "
        "ask again; reference set"
    );
    // A lane and a reference that both leave it out are equal: smoke stream fails both.
    const std::string both = without(k_turn, R"(,"providerExecuted":true)");
    CHECK(compare(both, both).empty());
}

TEST_CASE("shadow: of providerExecuted the chunk with the input counts, as clients look at it") {
    constexpr std::string_view k_set = R"(,"providerExecuted":true)";
    for (const std::string_view chunk :
         {"tool-input-start", "tool-input-available", "tool-output-available"}) {
        CAPTURE(chunk);
        std::string lane = k_turn;
        lane.erase(lane.find(k_set, lane.find(chunk)), k_set.size());
        const auto found = compare(lane, k_turn);
        CHECK(found.empty() == (chunk != "tool-input-available"));
        CHECK(std::ranges::all_of(found, [](const Difference& one) {
            return one.what == "providerExecuted";
        }));
    }
}

TEST_CASE("shadow: the flags of a call are not compared where they are ignored") {
    for (const std::string flag : {"dynamic", "providerExecuted"}) {
        CAPTURE(flag);
        const std::string lane = without(k_turn, fmt::format(R"(,"{}":true)", flag));
        const std::array ignored{flag};
        const auto found = differences(
            meaning_of_stream(lane, ignored),
            meaning_of_stream(k_turn, ignored),
            Compare::text,
            Excerpts::shown
        );
        CHECK(found.empty());
    }
}

TEST_CASE("shadow: structure does not mind how often a model speaks or what it says") {
    const std::string once = k_open + part("text", "t", {"Hello"}) + k_close;
    const std::string twice =
        k_open + part("text", "t", {"Good"}) + part("text", "u", {"day"}) + k_close;
    CHECK(compare(once, twice, Compare::structure).empty());
    CHECK_FALSE(compare(once, twice, Compare::text).empty());
}

TEST_CASE("shadow: differences are listed up to a limit, excerpts never cut a code point") {
    std::string a = k_open;
    std::string b = k_open;
    for (int i = 0; i < 30; ++i) {
        a += part("text", fmt::format("t{}", i), {"äöüäöüäöüäöüäöüX"});
        b += part("text", fmt::format("t{}", i), {"äöüäöüäöüäöüäöüY"});
    }
    const auto found = compare(a + k_close, b + k_close);
    CHECK(found.size() == k_listed_differences);
    CHECK(found.front().lane.find("\\x") == std::string::npos);
    CHECK(found.front().lane.find("X") != std::string::npos);
}

// The goldens are what the lane makes of each recording, reviewed by eye; the recordings are what
// Codex said. Two ways to the same meaning that share no code but the translator.
TEST_CASE("shadow: every recording means what its golden stream means") {
    const std::filesystem::path root = std::filesystem::path(OA_SOURCE_DIR) / "fixtures";
    int compared = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root / "captures")) {
        const auto capture = authority::read_capture(entry.path());
        if (entry.path().extension() != ".jsonl" || !capture) {
            continue;
        }
        const auto golden = root / "goldens/ui" / (capture->name + ".sse");
        if (!std::filesystem::exists(golden)) {
            continue;
        }
        std::vector<turn::Event> events;
        for (const auto& timed : capture->events) {
            events.push_back(timed.event);
        }
        const auto found = differences(
            meaning_of_stream(read_file(golden).value(), {}),
            meaning_of_events(std::move(events), {}),
            Compare::text
        );
        INFO(capture->name << ": " << (found.empty() ? "" : found.front().sentence()));
        CHECK(found.empty());
        ++compared;
    }
    CHECK(compared > 55);
}
