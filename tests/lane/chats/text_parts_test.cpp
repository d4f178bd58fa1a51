// A user's message of several texts: each reaches the authority by itself, and the message is known
// again.
#include "oa_stream/base/digest.hpp"

#include "../lane_rig.hpp"
#include "bodies/resend_sieve.hpp"
#include "chats/chat_request.hpp"
#include "turns/replace_plan.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

Accepted<ChatRequest> read(std::string_view body) {
    return read_chat_request(parse_json(body).value(), ChatRequestContext{});
}

std::vector<authority::InputPart> texts(std::initializer_list<std::string_view> words) {
    std::vector<authority::InputPart> parts;
    for (const auto word : words) {
        parts.emplace_back(authority::InputText{std::string(word)});
    }
    return parts;
}

/// "[one][two]"
std::string told(const std::vector<authority::InputPart>& parts) {
    std::string out;
    for (const auto& part : parts) {
        const auto* text = std::get_if<authority::InputText>(&part);
        out += text == nullptr ? "<image>" : "[" + text->text + "]";
    }
    return out;
}

} // namespace

TEST_CASE("text parts: each is a part of the input, and a line of what the user typed") {
    struct Row {
        std::string_view message, input, text;
    };
    static constexpr std::array k_rows{
        Row{R"("content":[{"type":"text","text":"a"},{"type":"text","text":"b"}])", "[a][b]", "a\nb"
        },
        Row{R"("content":["a","","b"])", "[a][b]", "a\nb"},
        Row{R"("parts":[{"type":"text","text":"ab "},{"type":"file"},{"type":"text","text":"\n"},)"
            R"({"type":"text","text":" cd"}])",
            "[ab ][\n][ cd]",
            "ab \n\n\n cd"},
        Row{R"("parts":[{"type":"text","text":"a"},{"type":"file","mediaType":"text/plain",)"
            R"("filename":"f","url":"data:text/plain,x"},{"type":"text","text":"b"}])",
            "[a][<file name=\"f\" type=\"text/plain\">\nx\n</file>\n][b]",
            "a\nb"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.message);
        const auto request =
            read(fmt::format(R"({{"messages":[{{"role":"user",{}}}]}})", row.message));
        REQUIRE(request.has_value());
        CHECK(told(request->input) == row.input);
        CHECK(request->text == row.text);
    }
}

TEST_CASE("text parts: a text beside them may be joined with line ends or without") {
    const auto beside = [](std::string_view text) {
        return read(fmt::format(
            R"({{"text":"{}","messages":[{{"role":"user","content":["a","b"]}}]}})", text
        ));
    };
    for (const std::string_view text : {"ab", "a\\nb"}) {
        const auto request = beside(text);
        REQUIRE(request.has_value());
        CHECK(told(request->input) == "[a][b]");
    }
    CHECK_FALSE(beside("a b").has_value());
}

TEST_CASE("text parts: earlier ones of a user are lines, an answer's are one text") {
    const auto request = read(R"({"messages":[{"role":"user","content":["a","b"]},)"
                              R"({"role":"assistant","content":["c","d"]},)"
                              R"({"role":"user","content":"e"}]})");
    REQUIRE(request.has_value());
    REQUIRE(request->earlier.size() == 2);
    CHECK(request->earlier[0].text == "a\nb");
    CHECK(request->earlier[1].text == "cd");
}

TEST_CASE("text parts: a stored question is known again, also one that was stored as one text") {
    struct Row {
        std::string_view name;
        std::vector<authority::InputPart> parts;
        std::string text;
        bool same;
    };
    ChatRequest request;
    request.input = texts({"a", "b", "<file>"});
    request.text = "a\nb";
    const std::array rows{
        Row{"part by part", texts({"a", "b", "<file>"}), "a\nb\n<file>", true},
        Row{"by an earlier release", texts({"ab", "<file>"}), "ab\n<file>", true},
        Row{"other words", texts({"a", "c", "<file>"}), "a\nc\n<file>", false},
        Row{"another file", texts({"a", "b", "<f>"}), "a\nb\n<f>", false},
        Row{"the text is all that is known", {}, "a\nb", true},
        Row{"which is another one", {}, "ac", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        authority::PastTurn turn{.id = "t", .user_text = row.text};
        turn.user_parts = row.parts;
        CHECK(says_the_same(request, turn) == row.same);
    }
}

TEST_CASE("text parts: the authority gets them one by one, and the title has a blank between them"
) {
    LaneRig rig;
    const auto stream = rig.open(rig.post(
        "/api/chats/c/stream",
        R"({"messages":[{"id":"u1","role":"user","content":["Summarise this:","Document"]}]})"
    ));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    CHECK(told(rig.authority.last().request.input) == "[Summarise this:][Document]");
    CHECK(rig.ids->find("", "c")->title == "Summarise this: Document");
}

TEST_CASE("text parts: a lane before them knows the message again, and so does one behind it") {
    LaneRig rig;
    const auto post = [&rig] {
        const auto stream = rig.open(rig.post(
            "/api/chats/c/stream",
            R"({"messages":[{"id":"u1","role":"user","content":["Summarise this:","Document"]}]})"
        ));
        rig.until("the stream", [&] { return stream->has("start-step"); });
        rig.complete(stream);
        return rig.authority.last().request.revert_from_turn;
    };
    CHECK(post() == std::nullopt);
    const auto first = rig.ids->find("", "c")->last_turn;
    CHECK(
        rig.ids->find("", "c")->last_message ==
        sha256_hex("u1\nSummarise this:Document").substr(0, 32)
    );
    CHECK(post() == first);
}

TEST_CASE("text parts: a kept question has the words of the message that asked it") {
    authority::PastTurn turn{.id = "t", .user_text = "a\nb"};
    turn.user_parts = texts({"a", "b"});
    ChatRequest request;
    request.kept_question = true;
    REQUIRE(take_question(request, {turn}));
    CHECK(request.text == "a\nb");
    CHECK(request.words == "ab");
}

TEST_CASE("text parts: a file that was too large is refused also as a text, and no user's words are"
) {
    const auto why = [](std::string_view part, std::string_view value) {
        const auto request = read(
            fmt::format(R"({{"messages":[{{"role":"user","parts":[{{{}:"{}"}}]}}]}})", part, value)
        );
        return request ? std::string() : request.error().message;
    };
    const std::string_view file = R"("type":"file","mediaType":"image/png","url")";
    const std::string_view text = R"("type":"text","text")";
    CHECK(why(file, k_file_too_large).ends_with("send a smaller file, or fewer in one message"));
    CHECK(why(text, k_file_too_large).ends_with("send a smaller file or text"));
    CHECK(why(text, "(a file too large for its request)").empty());
}
