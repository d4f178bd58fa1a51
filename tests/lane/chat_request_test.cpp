#include "oa_stream/base/json_bounds.hpp"

#include "chats/chat_request.hpp"
#include "chats/image_url.hpp"
#include "turns/approval_answers.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

Accepted<ChatRequest>
read(std::string_view body, std::optional<std::string> path = {}, std::string_view query = {}) {
    ChatRequestContext context;
    context.path_id = std::move(path);
    context.query = query;
    context.images = true;
    return read_chat_request(parse_json(body).value(), context);
}

std::string field_of(const Accepted<ChatRequest>& request) {
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().status == 422);
    return request.error().fields.empty() ? "" : request.error().fields.front().first;
}

std::string input_of(const ChatRequest& request) {
    std::string out;
    for (const auto& part : request.input) {
        if (const auto* text = std::get_if<authority::InputText>(&part)) {
            out += "[" + text->text + "]";
        } else {
            out += "<" + std::get<authority::InputImage>(part).url + ">";
        }
    }
    return out;
}

constexpr std::string_view k_hi = R"("messages":[{"role":"user","content":"hi"}])";

} // namespace

TEST_CASE("request: the text of the newest user message, in every form clients send") {
    struct Row {
        const char* name;
        std::string_view body;
        std::string_view text;
    };
    static const std::array k_rows{
        Row{"AI SDK parts",
            R"({"id":"c","messages":[{"parts":[{"type":"text","text":"Hello from parts"}],"id":"m1",)"
            R"("role":"user"}],"trigger":"submit-message"})",
            "Hello from parts"},
        Row{"content string",
            R"({"messages":[{"id":"m1","role":"user","content":"Hello"}]})",
            "Hello"},
        Row{"content object", R"({"messages":[{"role":"user","content":{"text":"hi"}}]})", "hi"},
        Row{"content array",
            R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})",
            "a"},
        Row{"content array with value",
            R"({"messages":[{"role":"user","content":[{"type":"text","value":"v"}]}]})",
            "v"},
        Row{"content array with content",
            R"({"messages":[{"role":"user","content":[{"type":"text","content":"c"}]}]})",
            "c"},
        Row{"content array of untyped parts",
            R"({"messages":[{"role":"user","content":[{"text":"u"}]}]})",
            "u"},
        Row{"content array of strings", R"({"messages":[{"role":"user","content":["s"]}]})", "s"},
        Row{"OpenAI input_text",
            R"({"messages":[{"role":"user","content":[{"type":"input_text","text":"i"}]}]})",
            "i"},
        Row{"text member", R"({"messages":[{"role":"user","text":"t"}]})", "t"},
        Row{"message member", R"({"messages":[{"role":"user","message":"m"}]})", "m"},
        Row{"parts beat the content of before their edit",
            R"({"messages":[{"role":"user","content":"c","parts":[{"type":"text","text":"p"}]}]})",
            "p"},
        Row{"parts without a text leave it to content",
            R"({"messages":[{"role":"user","content":"c","parts":[{"type":"step-start"}]}]})",
            "c"},
        Row{"blank content falls through to parts",
            R"({"messages":[{"role":"user","content":" ","parts":[{"type":"text","text":"p"}]}]})",
            "p"},
        Row{"top-level text", R"({"text":"top"})", "top"},
        Row{"top-level message", R"({"message":"top"})", "top"},
        Row{"top-level message object",
            R"({"message":{"role":"user","id":"m","parts":[{"type":"text","text":"o"}]}})",
            "o"},
        Row{"top-level text after a finished exchange",
            R"({"text":"next","messages":[{"role":"user","content":"a"},)"
            R"({"role":"assistant","content":"b"}]})",
            "next"},
        Row{"the same text twice",
            R"({"text":"hi","message":"hi","messages":[{"role":"user","content":"hi"}]})",
            "hi"},
        Row{"a missing role counts as the user's",
            R"({"messages":[{"content":"no role"}]})",
            "no role"},
        Row{"roles in any case", R"({"messages":[{"role":"USER","content":"up"}]})", "up"},
        Row{"last of several",
            R"({"messages":[{"role":"user","content":"first"},{"role":"assistant","content":"a"},)"
            R"({"role":"user","content":"second"}]})",
            "second"},
        Row{"later blank user messages are stepped over",
            R"({"messages":[{"role":"user","content":"first"},{"role":"assistant","content":"a"},)"
            R"({"id":"m1","role":"user","content":"second"},{"role":"user","content":"   "},)"
            R"({"role":"user","parts":[]}]})",
            "second"},
        Row{"a later system message is stepped over",
            R"({"messages":[{"role":"user","content":"q"},{"role":"system","content":"s"}]})",
            "q"},
        Row{"white space and line ends stay", R"({"text":"  a\n\tb  \n"})", "  a\n\tb  \n"},
        Row{"parts that only the page needs",
            R"({"messages":[{"role":"user","parts":[{"type":"data-ctx","data":{}},)"
            R"({"type":"step-start"},{"type":"text","text":"x"}]}]})",
            "x"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto request = read(row.body);
        REQUIRE(request.has_value());
        CHECK(request->text == row.text);
        CHECK(input_of(*request) == fmt::format("[{}]", row.text));
    }
}

TEST_CASE("request: without a user message that says something it is refused") {
    struct Row {
        const char* name;
        std::string_view body;
    };
    static const std::array k_rows{
        Row{"no messages", R"({})"},
        Row{"null messages", R"({"messages":null})"},
        Row{"empty messages", R"({"messages":[]})"},
        Row{"messages is not an array", R"({"messages":{"role":"user","content":"x"}})"},
        Row{"a message is not an object", R"({"messages":[1,{"content":"no role"}]})"},
        Row{"assistant only", R"({"messages":[{"role":"assistant","content":"no user prompt"}]})"},
        Row{"system only", R"({"messages":[{"role":"system","content":"x"}]})"},
        Row{"blank", R"({"messages":[{"role":"user","content":" \n "}]})"},
        Row{"no text part",
            R"({"messages":[{"id":"m1","role":"user","parts":[{"type":"tool-call","name":"noop"}]}]})"
        },
        Row{"text part without text", R"({"messages":[{"role":"user","parts":[{"type":"text"}]}]})"
        },
        Row{"last message is the assistant's",
            R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})"},
        Row{"nothing new since the assistant's",
            R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
            R"({"role":"user","content":" "}]})"},
        Row{"a lone assistant message object", R"({"message":{"role":"assistant","content":"a"}})"},
        Row{"text beside another newest message",
            R"({"text":"a","messages":[{"role":"user","content":"b"}]})"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto request = read(row.body);
        CHECK(field_of(request) == "messages");
        CHECK(request.error().code == "invalid_request");
    }
}

TEST_CASE("request: text and message must not differ") {
    CHECK(field_of(read(R"({"text":"a","message":"b"})")) == "message");
    CHECK(field_of(read(R"({"text":5})")) == "text");
    CHECK(field_of(read(R"({"text":{"text":"x"}})")) == "text");
}

TEST_CASE("request: the body must be an object") {
    CHECK(field_of(read("[]")) == "body");
    CHECK(field_of(read("\"hi\"")) == "body");
}

TEST_CASE("request: the thread, under each of its names") {
    for (const auto* name : {"conversationId", "conversation_id", "threadId", "thread_id", "id"}) {
        DYNAMIC_SECTION(name) {
            const auto body = fmt::format(R"({{"{}":" abc-1_Z ",{}}})", name, k_hi);
            const auto request = read(body);
            REQUIRE(request.has_value());
            CHECK(request->thread == "abc-1_Z");
            CHECK_FALSE(request->thread_made);
        }
    }
}

TEST_CASE("request: where the thread is named more than once, all must agree") {
    const auto body = [](std::string_view names) { return fmt::format("{{{},{}}}", names, k_hi); };
    CHECK(read(body(R"("id":"a","threadId":"a")"))->thread == "a");
    CHECK(read(body(R"("id":"a","threadId":"","thread_id":null)"))->thread == "a");
    CHECK(field_of(read(body(R"("id":"a","threadId":"b")"))) == "conversation_id");
    CHECK(field_of(read(body(R"("id":7)"))) == "conversation_id");
    CHECK(read(body(R"("id":"a")"), "a")->thread == "a");
    CHECK(read(fmt::format("{{{}}}", k_hi), "from-path")->thread == "from-path");
    CHECK(field_of(read(body(R"("id":"a")"), "b")) == "conversation_id");
    CHECK(read(fmt::format("{{{}}}", k_hi), {}, "x=1&conversationId=q")->thread == "q");
    CHECK(read(fmt::format("{{{}}}", k_hi), "A", "conversationId=B")->thread == "A");
    CHECK(field_of(read(body(R"("id":"a")"), {}, "conversationId=b")) == "conversation_id");
}

TEST_CASE("request: a thread id keeps to the wire's alphabet after percent-decoding") {
    struct Row {
        const char* name;
        std::string_view path;
        std::string_view want; ///< empty: refused
    };
    static const std::string k_long(129, 'a');
    static const std::array k_rows{
        Row{"plain", "thread_1-A", "thread_1-A"},
        Row{"escaped letter", "%61b", "ab"},
        Row{"longest", std::string_view(k_long).substr(1), std::string_view(k_long).substr(1)},
        Row{"one too long", k_long, ""},
        Row{"slash", "a%2Fb", ""},
        Row{"dots", "..", ""},
        Row{"blank", "", ""},
        Row{"escaped blank", "%20", ""},
        Row{"broken escape", "a%2", ""},
        Row{"nul", "a%00", ""},
        Row{"decoded once only", "%2561", ""},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto request = read(fmt::format("{{{}}}", k_hi), std::string(row.path));
        if (row.want.empty()) {
            CHECK(field_of(request) == "conversation_id");
        } else {
            REQUIRE(request.has_value());
            CHECK(request->thread == row.want);
        }
    }
}

TEST_CASE("request: without a thread one is made up, each time another") {
    const auto one = read(fmt::format("{{{}}}", k_hi)).value();
    const auto two = read(fmt::format("{{{}}}", k_hi)).value();
    CHECK(one.thread_made);
    CHECK(one.thread.starts_with("thread_"));
    CHECK(one.thread.size() == 39);
    CHECK(one.thread != two.thread);
}

TEST_CASE("request: the worker, under both of its names") {
    CHECK(read(fmt::format("{{{}}}", k_hi))->worker == "desktopw:shared");
    CHECK(read(fmt::format(R"({{"workerId":"w",{}}})", k_hi))->worker == "w");
    CHECK(read(fmt::format(R"({{"worker_id":"w",{}}})", k_hi))->worker == "w");
    CHECK(
        field_of(read(fmt::format(R"({{"worker_id":"v","workerId":"w",{}}})", k_hi))) == "worker_id"
    );
}

TEST_CASE("request: a worker other than the lane's own is refused, in both of its names") {
    ChatRequestContext context;
    context.worker = "desktopw:own";
    const auto asked = [&](std::string_view member) {
        const auto body = parse_json(fmt::format("{{{}{}}}", member, k_hi)).value();
        return read_chat_request(body, context);
    };
    CHECK(asked(R"("workerId":"desktopw:own",)"));
    CHECK(asked("").value().worker == "desktopw:own");
    CHECK(field_of(asked(R"("workerId":"desktopw:else",)")) == "worker_id");
    CHECK(field_of(asked(R"("worker_id":"desktopw:else",)")) == "worker_id");
}

TEST_CASE("request: at most 200,000 characters, counted as code points") {
    const auto body = [](std::size_t n) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) {
            text += "\u00e9";
        }
        return fmt::format(R"({{"text":"{}"}})", text);
    };
    CHECK(read(body(200000)).has_value());
    CHECK(field_of(read(body(200001))) == "request.params.text");
}

TEST_CASE("request: images go where they stood") {
    struct Row {
        const char* name;
        std::string_view parts;
        std::string_view input;
    };
    static const std::array k_rows{
        Row{"AI SDK file part",
            R"([{"type":"file","mediaType":"image/png","filename":"a.png",)"
            R"("url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="},{"type":"text","text":"what?"}])",
            "<data:image/"
            "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+"
            "kcQAAAABJRU5ErkJggg==>[what?]"},
        Row{"image part",
            R"([{"type":"image","image":"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"}])",
            "<data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7>"},
        Row{"OpenAI image_url",
            R"([{"type":"text","text":"a"},{"type":"image_url","image_url":)"
            R"({"url":"data:image/jpeg;base64,/9j/wAALCAABAAEBAREA/9oACAEBAAA/AAD/2Q=="}},{"type":"text","text":"b"}])",
            "[a]<data:image/jpeg;base64,/9j/wAALCAABAAEBAREA/9oACAEBAAA/AAD/2Q==>[b]"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto request =
            read(fmt::format(R"({{"messages":[{{"role":"user","parts":{}}}]}})", row.parts));
        REQUIRE(request.has_value());
        CHECK(input_of(*request) == row.input);
    }
}

TEST_CASE("request: half an image, one without pixels and one of absurd size are named") {
    struct Row {
        const char* type;
        std::string_view data;
    };
    static const std::array k_rows{
        Row{"png",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+"
            "kcQAAAABJRU5ErkJggg=="},
        Row{"jpeg", "/9j/wAALCAABAAEBAREA/9oACAEBAAA/AAD/2Q=="},
        Row{"gif", "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"},
        Row{"webp", "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="},
        Row{"webp", "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"},
        Row{"webp",
            "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/"
            "Q9ERP8DAABWUDggGAAAABQBAJ0BKgEA"
            "AQAAAP4AAA3AAP7mtQAAAA=="},
    };
    const auto fault = [](std::string_view type, std::string_view data) {
        return std::string(lane::image_fault(fmt::format("data:image/{};base64,{}", type, data)));
    };
    for (const Row& row : k_rows) {
        CAPTURE(row.type, row.data);
        CHECK(fault(row.type, row.data).empty());
        CHECK(fault("jpeg", row.data).empty()); // a name of a file may lie
        CHECK(fault("x-unknown", row.data).empty());
        for (std::size_t size = 8; size + 4 < row.data.size(); size += 4) {
            CAPTURE(size);
            CHECK_FALSE(fault(row.type, row.data.substr(0, size)).empty());
        }
    }
    const std::string_view gif = k_rows[2].data;
    CHECK(fault("gif", fmt::format("{}AAAAAAAA", gif)).empty()); // what a camera appends
    CHECK(
        fault(
            "png",
            "iVBORw0KGgoAAAANSUhEUgAA//8AAP//"
            "CAAAAACTboaMAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
        ) == "an image must have at most 134 million pixels"
    );
    std::string zeros(k_rows[0].data);
    zeros.replace(56, 12, 12, 'A');
    CHECK(fault("png", zeros) == "an image must be whole");
}

TEST_CASE("request: a part that cannot be carried is named, never dropped") {
    struct Row {
        const char* name;
        std::string_view message;
        std::string_view path;
    };
    static const std::array k_rows{
        Row{"a PDF",
            R"("parts":[{"type":"text","text":"x"},{"type":"file","mediaType":"application/pdf",)"
            R"("url":"data:application/pdf;base64,AA=="}])",
            "messages[0].parts[1]"},
        Row{"an image by http",
            R"("parts":[{"type":"file","mediaType":"image/png","url":"http://x/y.png"}])",
            "messages[0].parts[0]"},
        Row{"an image by https, which nobody fetches",
            R"("parts":[{"type":"file","mediaType":"image/png","url":"https://x/y.png"}])",
            "messages[0].parts[0]"},
        Row{"an SVG image",
            R"("parts":[{"type":"text","text":"x"},{"type":"file","mediaType":"image/svg+xml",)"
            R"("url":"data:image/svg+xml;base64,PHN2Zy8+"}])",
            "messages[0].parts[1]"},
        Row{"an image that is no base64",
            R"("parts":[{"type":"file","mediaType":"image/png","url":"data:image/png;base64,iVBORw0KGgo!"}])",
            "messages[0].parts[0]"},
        Row{"an image of another type than its URL says",
            R"("parts":[{"type":"file","mediaType":"image/png","url":"data:image/png;base64,R0lGODlh"}])",
            "messages[0].parts[0]"},
        Row{"an image from a local file",
            R"("parts":[{"type":"image","image":"file:///etc/passwd"}])",
            "messages[0].parts[0]"},
        Row{"a data URL that only claims to be an image",
            R"("parts":[{"type":"file","mediaType":"image/png","url":"data:text/html,x"}])",
            "messages[0].parts[0]"},
        Row{"a tool call beside text",
            R"("content":[{"type":"text","text":"x"},{"type":"tool-call","name":"noop"}])",
            "messages[0].content[1]"},
        Row{"a file beside a content string",
            R"("content":"x","parts":[{"type":"file","mediaType":"application/zip","url":"data:application/zip,1"}])",
            "messages[0].parts[0]"},
        Row{"a text file that is not UTF-8",
            R"("parts":[{"type":"file","mediaType":"text/plain","url":"data:text/plain;base64,/w=="}])",
            "messages[0].parts[0]"},
        Row{"an attachment of AI SDK 4",
            R"("content":"x","experimental_attachments":[{"contentType":"application/zip",)"
            R"("url":"data:application/zip,1"}])",
            "messages[0].experimental_attachments[0]"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto request =
            read(fmt::format(R"({{"messages":[{{"role":"user",{}}}]}})", row.message));
        CHECK(field_of(request) == row.path);
        CHECK(request.error().code == "unsupported_part");
        CHECK(request.error().message.find(row.path) != std::string::npos);
        CHECK(request.error().details.at("part").at("path") == row.path);
    }
}

TEST_CASE("request: a text file is told as text, between the texts beside it") {
    const auto request =
        read(R"({"messages":[{"role":"user","parts":[{"type":"text","text":"Read"},)"
             R"({"type":"file","mediaType":"text/csv","filename":"a\"b.csv",)"
             R"("url":"data:text/csv;base64,YSxiCjEsMg=="},{"type":"text","text":"this"}]}]})");
    REQUIRE(request.has_value());
    REQUIRE(request->input.size() == 3);
    CHECK(
        std::get<authority::InputText>(request->input[1]).text ==
        "<file name=\"a'b.csv\" type=\"text/csv\">\na,b\n1,2\n</file>\n"
    );
    CHECK(request->text == "Read\nthis");
}

TEST_CASE("request: images are refused by name when the assistant takes none") {
    const auto body =
        parse_json(R"({"messages":[{"role":"user","parts":[{"type":"text","text":"x"},)"
                   R"({"type":"file","mediaType":"image/png","url":"https://x/y.png"}]}]})")
            .value();
    const auto request = read_chat_request(body, ChatRequestContext{});
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == "unsupported_part");
    CHECK(request.error().fields.front().first == "messages[0].parts[1]");
}

TEST_CASE("request: what came before the newest user message is kept in order") {
    const auto request = read(
        R"({"messages":[{"id":"s","role":"system","content":"sys"},)"
        R"({"id":"u1","role":"user","content":"q1"},)"
        R"({"id":"T1","role":"assistant","parts":[{"type":"step-start"},{"type":"reasoning","text":"r"},)"
        R"({"type":"text","text":"a"},{"type":"dynamic-tool","toolName":"t","toolCallId":"c"},)"
        R"({"type":"text","text":"b"}]},)"
        R"({"id":"u2","role":"user","content":"q2"}],"trigger":"submit-message"})"
    );
    REQUIRE(request.has_value());
    CHECK(request->whole_list);
    CHECK(request->user_message_id == "u2");
    REQUIRE(request->earlier.size() == 2);
    CHECK(request->earlier[0].role == Role::user);
    CHECK(request->earlier[0].text == "q1");
    CHECK(request->earlier[1].role == Role::assistant);
    CHECK(request->earlier[1].id == "T1");
    CHECK(request->earlier[1].text == "ab");
}

TEST_CASE("request: trigger and messageId") {
    const auto plain = read(fmt::format(R"({{"trigger":"submit-message",{}}})", k_hi)).value();
    CHECK_FALSE(plain.regenerate);
    CHECK(plain.message_id.empty());
    const auto again =
        read(fmt::format(R"({{"trigger":"regenerate-message","messageId":"T2",{}}})", k_hi))
            .value();
    CHECK(again.regenerate);
    CHECK(again.message_id == "T2");
    CHECK(read(fmt::format(R"({{"messageId":null,{}}})", k_hi))->message_id.empty());
    CHECK(field_of(read(fmt::format(R"({{"messageId":3,{}}})", k_hi))) == "messageId");
}

TEST_CASE("request: members nobody defined are ignored") {
    const auto request = read(fmt::format(R"({{"model":"x","tools":[],"foo":{{}},{}}})", k_hi));
    CHECK(request.has_value());
}

TEST_CASE("request: decisions on approvals are the input when the last message has them") {
    const auto part = [](std::string_view id, std::string_view state, std::string_view approved) {
        return fmt::format(
            R"({{"type":"dynamic-tool","toolName":"shell","toolCallId":"c{0}","state":"{1}",)"
            R"("input":{{}},"approval":{{"id":"{0}"{2}}}}})",
            id,
            state,
            approved
        );
    };
    const auto body = [](const std::string& parts, std::string_view rest = "") {
        return fmt::format(
            R"({{"id":"t","messages":[{{"role":"user","content":"hi"}},)"
            R"({{"role":"assistant","id":"m","parts":[{{"type":"step-start"}},{}]}}{}]}})",
            parts,
            rest
        );
    };
    const auto yes = part("a", "approval-responded", R"(,"approved":true,"reason":"fine")");
    const auto no = part("b", "approval-responded", R"(,"approved":false)");
    const auto open = part("d", "approval-requested", "");
    const auto done = part("e", "output-available", R"(,"approved":true)");
    const auto request = read(body(yes + "," + no + "," + open + "," + done));
    REQUIRE(request.has_value());
    CHECK(request->approvals == std::vector<ApprovalAnswer>{{"a", true}, {"b", false}});
    CHECK(request->input.empty());
    // A page may send the last message alone.
    const auto single = read(
        fmt::format(R"({{"id":"t","message":{{"role":"assistant","id":"m","parts":[{}]}}}})", yes)
    );
    REQUIRE(single.has_value());
    CHECK(single->approvals.size() == 1);
    // Without a decision, or with a user message behind it, it is a request like any other.
    CHECK(field_of(read(body(open + "," + done))) == "messages");
    CHECK(field_of(read(body(part("a", "approval-responded", "")))) == "messages");
    const auto next = read(body(yes, R"(,{"role":"user","content":"next"})"));
    REQUIRE(next.has_value());
    CHECK(next->approvals.empty());
    CHECK(next->text == "next");
}

TEST_CASE("wire id: other characters become hyphens") {
    CHECK(wire_id("019c-a_Z") == "019c-a_Z");
    CHECK(wire_id("turn:7/x") == "turn-7-x");
    CHECK(wire_id("") == "x");
    CHECK(wire_id(std::string(200, 'a')).size() == 128);
}

namespace {

/// The message of a person who answered so many approvals, `again` of them twice.
Json answered(int approvals, int again = 0) {
    std::string text = R"({"role":"assistant","parts":[)";
    for (int i = 0; i < approvals + again; ++i) {
        text += fmt::format(
            R"({{"state":"approval-responded","approval":{{"id":"p{}","approved":{}}}}},)",
            i % approvals,
            i >= approvals
        );
    }
    text.back() = ']';
    return parse_json(text + "}").value();
}

/// CPU of the cheapest of five, as other programs take caches and pages away.
std::clock_t cost_of_reading(const Json& message) {
    auto least = std::numeric_limits<std::clock_t>::max();
    for (int i = 0; i < 5; ++i) {
        const auto began = std::clock();
        CHECK_FALSE(read_approval_answers(message).empty());
        least = std::min(least, std::clock() - began);
    }
    return least;
}

} // namespace

TEST_CASE("request: of two answers to one approval the last counts, at its place") {
    const auto answers = read_approval_answers(answered(50, 10));
    REQUIRE(answers.size() == 50);
    CHECK(answers.front() == ApprovalAnswer{"p10", false});
    CHECK(answers.back() == ApprovalAnswer{"p9", true});
}

TEST_CASE("request: four times the approvals cost about four times as much, not sixteen") {
    const auto few = answered(10'000);
    const auto many = answered(40'000);
    CHECK(cost_of_reading(many) < 9 * cost_of_reading(few));
}

TEST_CASE("request: nothing else is looked at than the names that are kept") {
    constexpr std::string_view k_body =
        R"({"threadId":"t","workerId":"w","trigger":"regenerate-message","messageId":"m",)"
        R"("messages":[{"id":"a","role":"assistant","parts":[{"type":"text","text":"yes"}]},)"
        R"({"id":"u","role":"user","content":"hi","experimental_attachments":)"
        R"([{"contentType":"image/png","url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==","other":[1,2]}],)"
        R"("meta":{"a":{}}}]})";
    const auto whole = read(k_body).value();
    const auto names = chat_request_names();
    const auto json = parse_json_within(k_body, {.wanted = names}).value();
    CHECK_FALSE(dump_json(json).contains("other"));
    CHECK_FALSE(dump_json(json).contains("meta"));
    const auto kept = read_chat_request(json, ChatRequestContext{.images = true}).value();
    CHECK(kept.thread == "t");
    CHECK(kept.message_id == "m");
    CHECK(kept.regenerate);
    CHECK(input_of(kept) == input_of(whole));
    CHECK(
        input_of(kept) ==
        "<data:image/"
        "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+"
        "kcQAAAABJRU5ErkJggg==>[hi]"
    );
    CHECK(kept.earlier.size() == 1);
}
