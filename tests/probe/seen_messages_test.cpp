#include "oa_stream/probe/seen_messages.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using oa_stream::probe::drop_blank_parts;
using oa_stream::probe::messages_of;
using oa_stream::probe::SeenMessage;
using oa_stream::probe::SeenParts;
using oa_stream::probe::wrong_with_first_turn;
using oa_stream::probe::wrong_with_list;

namespace {

using Messages = std::vector<SeenMessage>;

Messages page(std::string_view data) {
    return messages_of(R"({"data":)" + std::string(data) + "}").value();
}

const Messages k_said{{"user", "a"}, {"assistant", "b"}};

} // namespace

TEST_CASE("seen messages: a page is read by role, content, id and parts") {
    const auto listed = messages_of(
        R"({"data":[{"id":"1","role":"user","content":"a"},{"role":"assistant","content":[1]}],
            "nextCursor":null})"
    );
    REQUIRE(listed.has_value());
    REQUIRE(listed->size() == 2);
    CHECK(listed->front().role == "user");
    CHECK(listed->front().content == "a");
    CHECK(listed->front().id == "1");
    CHECK_FALSE(listed->front().parts.has_value());
    CHECK(listed->back().role == "assistant");
    CHECK_FALSE(listed->back().content.has_value());
    CHECK(listed->back().id.empty());
    for (const auto* other : {"", "[]", "{}", R"({"data":{}})", "<html>"}) {
        CHECK_FALSE(messages_of(other).has_value());
    }
    const Messages drawn = page(R"([
        {"role":"user","content":null,"parts":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"role":"assistant","parts":[{"type":"step-start"},{"type":"reasoning","text":"r"},
          {"type":"text","text":"x","state":"done"},
          {"type":"tool-search","toolCallId":"c1","state":"output-available","input":{},"output":1},
          {"type":"dynamic-tool","toolName":"run","toolCallId":"c2","errorText":"no"},
          {"type":"text","text":"y"},{"type":"file","mediaType":"image/png","url":"u"}]}
    ])");
    REQUIRE(drawn.size() == 2);
    CHECK(drawn[0].content == std::nullopt);
    CHECK(drawn[0].parts.value().text == "a\nb");
    CHECK(drawn[0].parts->others.empty());
    CHECK(drawn[1].parts.value().text == "xy");
    CHECK_FALSE(drawn[1].parts->blank);
    CHECK(
        drawn[1].parts->others ==
        std::vector<std::string>{
            "tool search c1",
            "input of c1",
            "result of c1",
            "tool run c2",
            "result of c2",
            "file image/png"
        }
    );
}

TEST_CASE("seen messages: content may be a list of text parts, and says nothing in other forms") {
    struct Row {
        std::string_view content;
        std::optional<std::string> text;
    };
    static const std::array k_contents{
        Row{R"("a")", "a"},
        Row{R"("")", ""},
        Row{"null", {}},
        Row{"[]", ""},
        Row{R"([{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}])", "ab"},
        Row{R"([{"type":"image"}])", {}},
        Row{"{}", {}},
        Row{"7", {}},
    };
    for (const Row& row : k_contents) {
        CAPTURE(row.content);
        const Messages seen =
            page(R"([{"role":"assistant","content":)" + std::string(row.content) + "}]");
        CHECK(seen.at(0).content == row.text);
    }
}

TEST_CASE("seen messages: blank are parts without anything beside a content that says something") {
    struct Row {
        std::string_view message;
        bool blank;
    };
    static constexpr std::array k_messages{
        Row{R"({"content":"a","parts":[]})", true},
        Row{R"({"content":[{"type":"text","text":"a"}],"parts":[]})", true},
        Row{R"({"content":"a","parts":[{"type":"text","text":""}]})", true},
        Row{R"({"content":"a"})", false},
        Row{R"({"content":"a","parts":null})", false},
        Row{R"({"content":"","parts":[]})", false},
        Row{R"({"content":[],"parts":[]})", false},
        Row{R"({"parts":[]})", false},
        Row{R"({"content":"a","parts":[{"type":"reasoning","text":"r"}]})", false},
        Row{R"({"content":"a","parts":[{"type":"text","text":""},{"type":"reasoning"}]})", false},
        Row{R"({"content":"a","parts":[{"type":"data-plan","data":{}}]})", false},
        Row{R"({"content":"a","parts":[{"type":"source-url","url":"u"}]})", false},
    };
    for (const Row& row : k_messages) {
        CAPTURE(row.message);
        Messages seen = page("[" + std::string(row.message) + "]");
        const bool listed = seen.at(0).parts.has_value();
        CHECK(
            wrong_with_first_turn(seen) ==
            (row.blank ? "message 1 shows nothing of its content in its parts" : "")
        );
        CHECK(drop_blank_parts(seen) == row.blank);
        CHECK(seen[0].parts.has_value() == (listed && !row.blank));
    }
}

TEST_CASE("seen messages: what came before must stand first, and nothing that nobody said behind") {
    CHECK(wrong_with_list(k_said, k_said).empty());
    CHECK(wrong_with_list(k_said, {}) == "2 of 2 messages are missing");
    CHECK(wrong_with_list(k_said, {{"user", "a"}}) == "1 of 2 messages are missing");
    CHECK(
        wrong_with_list(k_said, {{"user", "a"}, {"assistant", "x"}}) ==
        "message 2 of 2 is another one"
    );
    CHECK(
        wrong_with_list(k_said, {{"assistant", "b"}, {"user", "a"}}) ==
        "message 1 of 2 is another one"
    );
    const Messages longer{{"user", "a"}, {"assistant", "b"}, {"user", "a"}, {"assistant", "b"}};
    CHECK(wrong_with_list(k_said, longer) == "it has 1 more message of a user than were sent");
    CHECK(wrong_with_list(k_said, longer, 1).empty());
    // Of answers, rows may be listed late.
    CHECK(wrong_with_list({{"user", "a"}}, k_said).empty());
    CHECK(wrong_with_list(k_said, {{"user", "a"}, {"assistant", "b"}, {"assistant", "c"}}).empty());
    CHECK(
        wrong_with_list(
            {{"user", "a"}, {"assistant", "b", "1"}},
            {{"user", "a"}, {"assistant", "b", "1"}, {"assistant", "b", "1"}}
        ) == "message 3 is message 2 again"
    );
    CHECK(
        wrong_with_list({{"user", "a"}}, longer) == "it has 1 more message of a user than were sent"
    );
}

TEST_CASE("seen messages: parts are compared where both sides list them") {
    struct Row {
        std::string_view expected;
        std::string_view seen;
        std::string_view wrong;
    };
    static constexpr std::string_view k_plain = R"([{"role":"user","content":"a"}])";
    static constexpr std::string_view k_drawn =
        R"([{"role":"user","content":"a","parts":[{"type":"text","text":"a","state":"done"}]}])";
    static constexpr std::string_view k_blank = R"([{"role":"user","content":"a","parts":[]}])";
    static constexpr std::string_view k_parts_only =
        R"([{"role":"user","parts":[{"type":"text","text":"a"}]}])";
    static constexpr std::string_view k_tool =
        R"([{"role":"assistant","content":"","parts":[{"type":"tool-search","toolCallId":"c",
            "state":"output-available","input":{},"output":1}]}])";
    static constexpr std::array k_pairs{
        Row{k_plain, k_drawn, ""}, // an older one leaves them out
        Row{k_drawn, k_plain, ""},
        Row{k_plain, k_parts_only, ""},
        Row{k_parts_only, k_plain, ""},
        Row{k_drawn, k_parts_only, ""},
        Row{k_drawn, k_blank, "message 1 of 1 shows another text in its parts"},
        Row{k_drawn, R"([{"role":"user"}])", "message 1 of 1 is another one"},
        Row{k_drawn,
            R"([{"role":"user","content":"a","parts":[{"type":"text","text":"a"},
                {"type":"text","text":"a"}]}])",
            "message 1 of 1 shows another text in its parts"},
        Row{k_tool,
            R"([{"role":"assistant","content":"","parts":[{"type":"step-start"},
                {"type":"dynamic-tool","toolName":"search","toolCallId":"c","state":"x",
                "input":{"q":1},"output":2}]}])",
            ""},
        Row{k_tool,
            R"([{"role":"assistant","content":"","parts":[{"type":"tool-search","toolCallId":"c",
                "state":"input-available","input":{}}]}])",
            "message 1 of 1 lacks result of c in its parts"},
        Row{k_tool, // a failure is a result, too
            R"([{"role":"assistant","content":"","parts":[{"type":"tool-search","toolCallId":"c",
                "state":"output-error","input":{},"errorText":"no"}]}])",
            ""},
        Row{k_tool,
            R"([{"role":"assistant","content":"","parts":[]}])",
            "message 1 of 1 lacks tool search c in its parts"},
    };
    for (const Row& row : k_pairs) {
        CAPTURE(row.expected, row.seen);
        CHECK(wrong_with_list(page(row.expected), page(row.seen)) == row.wrong);
    }
}

TEST_CASE("seen messages: ids show another order and repeats, and may be of another kind") {
    const Messages turns{{"user", "a", "1"}, {"user", "a", "2"}};
    CHECK(
        wrong_with_list(turns, {{"user", "a", "2"}, {"user", "a", "1"}}) ==
        "its messages are in another order"
    );
    CHECK(wrong_with_list(turns, {{"user", "a", "x"}, {"user", "a", "y"}}).empty());
    CHECK(wrong_with_list(turns, {{"user", "a", "2"}, {"user", "a", "3"}}).empty());
    CHECK(wrong_with_list(turns, {{"user", "a"}, {"user", "a"}}).empty());
    CHECK(
        wrong_with_list(turns, {{"user", "a", "1"}, {"user", "a", "2"}, {"user", "a", "2"}}, 1) ==
        "message 3 is message 2 again"
    );
}

TEST_CASE("seen messages: the list of one turn has the user's message once, with what is drawn") {
    CHECK(wrong_with_first_turn(k_said).empty());
    // Rows of one turn may have its id.
    CHECK(wrong_with_first_turn({{"user", "a", "1"}, {"assistant", "b", "1"}}).empty());
    CHECK(
        wrong_with_first_turn({{"user", "a"}, {"user", "a"}, {"assistant", "b"}}) ==
        "message 2 is message 1 again"
    );
    CHECK(
        wrong_with_first_turn({{"user", "a", "1"}, {"assistant", "b", "2"}, {"assistant", "b", "2"}}
        ) == "message 3 is message 2 again"
    );
    // An answer has an id of its own when it is stored twice.
    const Messages stored_twice{
        {"user", "a", "1"}, {"assistant", "b", "2"}, {"assistant", "b", "3"}
    };
    CHECK(wrong_with_first_turn(stored_twice) == "message 3 is message 2 again");
    CHECK(wrong_with_list({{"user", "a", "1"}}, stored_twice) == "message 3 is message 2 again");
    const Messages other_text{{"user", "a"}, {"assistant", "b", "2"}, {"assistant", "c", "3"}};
    const Messages no_text{{"user", "a"}, {"assistant", "", "2"}, {"assistant", "", "3"}};
    const Messages other_call{
        {"assistant", "b", "2", SeenParts{"b", {"tool t 1"}}},
        {"assistant", "b", "3", SeenParts{"b", {"tool t 2"}}}
    };
    const Messages new_call{
        {"assistant", "b", "2", SeenParts{"b"}},
        {"assistant", "b", "3", SeenParts{"b", {"tool t 1"}}}
    };
    for (const Messages& rows : {other_text, no_text, other_call, new_call}) {
        CHECK(wrong_with_first_turn(rows).empty());
    }
    CHECK(
        wrong_with_first_turn(
            {{"user", "a", "1", SeenParts{"a"}}, {"assistant", "b", "2", SeenParts{.blank = true}}}
        ) == "message 2 shows nothing of its content in its parts"
    );
}
