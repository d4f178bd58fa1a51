#include "refusal.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

Accepted<CompletionsRequest> read(std::string_view body, CompletionsContext context = {}) {
    return read_completions_request(parse_json(body).value(), context);
}

/// A good request with more members.
Accepted<CompletionsRequest> with(std::string_view members) {
    return read(fmt::format(
        R"({{"model":"m","messages":[{{"role":"user","content":"hi"}}]{}{}}})",
        members.empty() ? "" : ",",
        members
    ));
}

Accepted<CompletionsRequest> messages(std::string_view list, bool images = true) {
    return read(
        fmt::format(R"({{"model":"m","messages":{}}})", list), CompletionsContext{.images = images}
    );
}

/// Every message in order: "user:hi | assistant:hello | > next".
std::string told(const Accepted<CompletionsRequest>& request) {
    if (!request) {
        return refusal(request);
    }
    std::string out;
    for (const auto& message : request->seed) {
        const bool user = message.role == authority::SeedMessage::Role::user;
        std::string parts;
        for (const auto& part : message.parts) {
            const auto* text = std::get_if<authority::InputText>(&part);
            parts += text == nullptr ? "<image>" : "[" + text->text + "]";
        }
        const auto& said = parts.empty() ? message.text : parts;
        out += fmt::format("{}:{} | ", user ? "user" : "assistant", said);
    }
    return out + ">" + input_told(*request);
}

} // namespace

TEST_CASE("completions request: what is refused, with the code and the parameter named") {
    struct Row {
        std::string_view members;
        std::string_view refusal;
    };
    static const std::array k_rows{
        Row{R"("n":1)", "accepted"},
        Row{R"("n":null)", "accepted"},
        Row{R"("n":2)", "400 unsupported_value n"},
        Row{R"("n":0)", "400 invalid_value n"},
        Row{R"("n":"1")", "400 invalid_type n"},
        Row{R"("n":1.5)", "400 invalid_type n"},
        Row{R"("stream":"yes")", "400 invalid_type stream"},
        Row{R"("stream":1)", "400 invalid_type stream"},
        Row{R"("stream_options":{"include_usage":true})", "400 invalid_value stream_options"},
        Row{R"("stream":false,"stream_options":{})", "400 invalid_value stream_options"},
        Row{R"("stream":true,"stream_options":[])", "400 invalid_type stream_options"},
        Row{R"("stream":true,"stream_options":{"include_usage":1})",
            "400 invalid_type stream_options.include_usage"},
        Row{R"("stream":true,"stream_options":{"other":1})", "accepted"},
        Row{R"("tools":[{"type":"function"}])", "400 unsupported_parameter tools"},
        Row{R"("tools":"x")", "400 unsupported_parameter tools"},
        Row{R"("functions":[{"name":"f"}])", "400 unsupported_parameter functions"},
        Row{R"("tool_choice":"none","function_call":"auto")", "accepted"},
        Row{R"("tool_choice":"required")", "400 unsupported_parameter tool_choice"},
        Row{R"("tool_choice":{"type":"function"})", "400 unsupported_parameter tool_choice"},
        Row{R"("stop":"x")", "400 unsupported_parameter stop"},
        Row{R"("stop":["x"])", "400 unsupported_parameter stop"},
        Row{R"("logit_bias":{"1":1})", "400 unsupported_parameter logit_bias"},
        Row{R"("logprobs":true)", "400 unsupported_parameter logprobs"},
        Row{R"("top_logprobs":2)", "400 unsupported_parameter top_logprobs"},
        Row{R"("moderation":{"model":"m"})", "400 unsupported_parameter moderation"},
        Row{R"("moderation":null)", "accepted"},
        Row{R"("prediction":{"type":"content"})", "400 unsupported_parameter prediction"},
        Row{R"("web_search_options":{"a":1})", "400 unsupported_parameter web_search_options"},
        Row{R"("web_search_options":{})", "400 unsupported_parameter web_search_options"},
        Row{R"("web_search_options":false)", "accepted"},
        Row{R"("store":true)", "400 unsupported_parameter store"},
        Row{R"("audio":{"voice":"a"})", "400 unsupported_parameter audio"},
        Row{R"("modalities":["text","audio"])", "400 unsupported_value modalities"},
        Row{R"("temperature":"hot")", "400 invalid_type temperature"},
        Row{R"("temperature":2.1)", "400 invalid_value temperature"},
        Row{R"("top_p":-0.1)", "400 invalid_value top_p"},
        Row{R"("presence_penalty":3)", "400 invalid_value presence_penalty"},
        Row{R"("frequency_penalty":-3)", "400 invalid_value frequency_penalty"},
        Row{R"("seed":1.5)", "400 invalid_type seed"},
        Row{R"("max_tokens":0)", "400 invalid_value max_tokens"},
        Row{R"("max_tokens":18446744073709551615)", "accepted"},
        Row{R"("max_completion_tokens":1.5)", "400 invalid_type max_completion_tokens"},
        Row{R"("service_tier":1)", "400 invalid_type service_tier"},
        Row{R"("service_tier":"gold")", "400 invalid_value service_tier"},
        Row{R"("service_tier":"fast")", "accepted"},
        Row{R"("service_tier":"ultrafast")", "accepted"},
        Row{R"("verbosity":"loud")", "400 invalid_value verbosity"},
        Row{R"("parallel_tool_calls":"no")", "400 invalid_type parallel_tool_calls"},
        Row{R"("reasoning_effort":5)", "400 invalid_type reasoning_effort"},
        Row{R"("reasoning_effort":"enormous")", "400 invalid_value reasoning_effort"},
        Row{R"("reasoning_effort":"max")", "accepted"},
        Row{R"("response_format":"json")", "400 invalid_type response_format"},
        Row{R"("response_format":{})", "400 invalid_value response_format.type"},
        Row{R"("response_format":{"type":"json_object"})",
            "400 unsupported_value response_format.type"},
        Row{R"("response_format":{"type":"json_schema"})",
            "400 missing_required_parameter response_format.json_schema"},
        Row{R"("response_format":{"type":"json_schema","json_schema":{"name":"a"}})",
            "400 missing_required_parameter response_format.json_schema.schema"},
        Row{R"("response_format":{"type":"json_schema","json_schema":{"schema":1}})",
            "400 invalid_type response_format.json_schema.schema"},
        Row{R"("user":"u","metadata":{"a":"b"},"safety_identifier":"s","prompt_cache_key":"k")",
            "accepted"},
        Row{R"("something_new":1)", "accepted"},
    };
    for (const auto& row : k_rows) {
        DYNAMIC_SECTION(row.members) {
            CHECK(refusal(with(row.members)) == row.refusal);
        }
    }
}

TEST_CASE("completions request: the model and the messages are required") {
    CHECK(refusal(read("{}")) == "400 missing_required_parameter model");
    CHECK(refusal(read(R"({"model":""})")) == "400 invalid_value model");
    CHECK(refusal(read(R"({"model":5})")) == "400 invalid_type model");
    CHECK(refusal(read(R"({"model":"m"})")) == "400 missing_required_parameter messages");
    CHECK(refusal(read("[]")) == "400 invalid_json -");
}

TEST_CASE("completions request: habits without effect are named, defaults are not") {
    const auto habits = with(
        R"("temperature":0.2,"top_p":0.5,"presence_penalty":1,"frequency_penalty":-1,"seed":7,)"
        R"("max_tokens":5,"max_completion_tokens":5,"service_tier":"flex","verbosity":"low",)"
        R"("parallel_tool_calls":false)"
    );
    REQUIRE(habits.has_value());
    CHECK(
        fmt::format("{}", fmt::join(habits->ignored.listed(), " ")) ==
        "temperature top_p presence_penalty frequency_penalty seed max_tokens "
        "max_completion_tokens service_tier verbosity parallel_tool_calls"
    );
    const auto neutral =
        with(R"("n":1,"temperature":1,"top_p":1.0,"presence_penalty":0,"frequency_penalty":0,)"
             R"("tools":[],"logprobs":false,"store":false,"stop":null,"logit_bias":{},"seed":null,)"
             R"("response_format":{"type":"text"},"modalities":["text"],"service_tier":"auto",)"
             R"("verbosity":"medium","parallel_tool_calls":true,"top_logprobs":0,"max_tokens":null)"
        );
    REQUIRE(neutral.has_value());
    CHECK(neutral->ignored.empty());
}

TEST_CASE("completions request: of a schema's words those are named that Codex cannot pass on") {
    const auto named = [](std::string_view more) {
        const auto request = with(fmt::format(
            R"("response_format":{{"type":"json_schema","json_schema":{{"name":"a",{}"schema":{{"type":"object"}}}}}})",
            more
        ));
        REQUIRE(request.has_value());
        return fmt::format("{}", fmt::join(request->ignored.listed(), " "));
    };
    CHECK(named("") == "");
    CHECK(named(R"("strict":true,"description":"",)") == "");
    CHECK(
        named(R"("strict":false,"description":"x",)") ==
        "response_format.json_schema.strict response_format.json_schema.description"
    );
}

TEST_CASE("completions request: the detail of an image is named, unless it is the usual one") {
    const auto named = [](std::string_view detail) {
        const auto request = messages(fmt::format(
            R"([{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",)"
            R"("detail":{}}}}}]}}])",
            detail
        ));
        REQUIRE(request.has_value());
        return fmt::format("{}", fmt::join(request->ignored.listed(), " "));
    };
    CHECK(named(R"("low")") == "messages.content.image_url.detail");
    CHECK(named(R"("auto")") == "");
    CHECK(named("null") == "");
}

TEST_CASE("completions request: what is honoured arrives") {
    const auto request = with(
        R"("stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low",)"
        R"("response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}})"
    );
    REQUIRE(request.has_value());
    CHECK(request->model == "m");
    CHECK(request->stream);
    CHECK(request->include_usage);
    CHECK(request->effort == "low");
    CHECK(request->output_schema == Json{{"type", "object"}});
}

TEST_CASE("completions request: a model that tells its efforts takes no others") {
    const std::vector<std::string> efforts{"low", "huge"};
    const auto ask = [&](std::string_view effort) {
        return refusal(read(
            fmt::format(
                R"({{"model":"m","messages":[{{"role":"user","content":""}}],"reasoning_effort":"{}"}})",
                effort
            ),
            CompletionsContext{.efforts = efforts}
        ));
    };
    CHECK(ask("huge") == "accepted");
    CHECK(ask("high") == "400 invalid_value reasoning_effort");
}

TEST_CASE("completions request: every message reaches the authority, in order, with its role") {
    struct Row {
        std::string_view list;
        std::string_view told;
    };
    static const std::array k_rows{
        Row{R"([{"role":"user","content":"a"}])", "> a"},
        Row{R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
            R"({"role":"user","content":"c"}])",
            "user:a | assistant:b | > c"},
        Row{R"([{"role":"user","content":"a"},{"role":"user","content":"b"}])", "user:a | > b"},
        Row{R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])",
            "> a b"},
        Row{R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":""},)"
            R"({"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"text",)"
            R"("text":"c"},{"type":"text","text":"d"}]},{"role":"user","content":"e"}])",
            "user:[a][b] | assistant:cd | > e"},
        Row{R"([{"role":"user","name":"Ann","content":"a"}])", "> Ann: a"},
        Row{R"([{"role":"user","name":"Ann","content":[{"type":"image_url","image_url":{"url":)"
            R"("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="}}]}])",
            "> Ann:  "
            "<data:image/"
            "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+"
            "kcQAAAABJRU5ErkJggg==>"},
        // Tools: the call follows the assistant's text, the result names its call.
        Row{R"([{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":)"
            R"([{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},)"
            R"({"role":"tool","tool_call_id":"c1","content":"r"}])",
            "user:a | assistant:b\n<tool_call id=\"c1\" name=\"f\">{\"x\":1}</tool_call> | "
            "> <tool_result id=\"c1\">r</tool_result>"},
        Row{R"([{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},)"
            R"({"role":"function","name":"f","content":"r"},{"role":"user","content":"z"}])",
            "assistant:<tool_call id=\"\" name=\"f\">{}</tool_call> | "
            "user:<function_result name=\"f\">r</function_result> | > z"},
        // An end that asks nothing is continued.
        Row{R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])",
            "user:a | assistant:b | > Continue."},
        Row{R"([{"role":"system","content":"s"}])", "> Continue."},
        Row{R"([{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]},)"
            R"({"role":"user","content":"z"}])",
            "assistant:no | > z"},
        Row{R"([{"role":"assistant"},{"role":"user","content":"z"}])", "> z"},
        Row{R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url",)"
            R"("image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="}}]}])",
            "> a "
            "<data:image/"
            "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+"
            "kcQAAAABJRU5ErkJggg==>"},
    };
    for (const auto& row : k_rows) {
        DYNAMIC_SECTION(row.list) {
            CHECK(told(messages(row.list)) == row.told);
        }
    }
}

TEST_CASE("completions request: system and developer text become instructions wherever they stand"
) {
    const auto request =
        messages(R"([{"role":"system","content":"s"},{"role":"user","content":"a"},)"
                 R"({"role":"developer","content":[{"type":"text","text":"d"},)"
                 R"({"type":"text","text":"e"}]},)"
                 R"({"role":"user","content":"b"}])");
    CHECK(told(request) == "user:a | > b");
    REQUIRE(request.has_value());
    CHECK(request->instructions == "s\n\nd\ne");
}

TEST_CASE("completions request: an ill-formed message is refused with its place") {
    struct Row {
        std::string_view list;
        std::string_view refusal;
    };
    static const std::array k_rows{
        Row{"[]", "400 invalid_value messages"},
        Row{R"("hi")", "400 invalid_type messages"},
        Row{R"(["x"])", "400 invalid_type messages[0]"},
        Row{R"([{"content":"x"}])", "400 missing_required_parameter messages[0].role"},
        Row{R"([{"role":"wizard","content":"x"}])", "400 invalid_value messages[0].role"},
        Row{R"([{"role":"user","content":null}])", "400 invalid_type messages[0].content"},
        Row{R"([{"role":"user","content":5}])", "400 invalid_type messages[0].content"},
        Row{R"([{"role":"user","content":[]}])", "400 invalid_type messages[0].content"},
        Row{R"([{"role":"user","content":"x"},{"role":"tool","content":"y"}])",
            "400 missing_required_parameter messages[1].tool_call_id"},
        Row{R"([{"role":"user","content":["x"]}])", "400 invalid_type messages[0].content[0]"},
        Row{R"([{"role":"user","content":[{"type":"text","text":1}]}])",
            "400 invalid_type messages[0].content[0].text"},
        Row{R"([{"role":"user","content":[{"type":"refusal","refusal":"x"}]}])",
            "400 unsupported_value messages[0].content[0].type"},
        Row{R"([{"role":"user","content":[{"type":"text","text":"x"},{"type":"input_audio"}]}])",
            "400 unsupported_value messages[0].content[1].type"},
        Row{R"([{"role":"user","content":[{"type":"file"}]}])",
            "400 unsupported_value messages[0].content[0].type"},
        Row{R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///x"}}]}])",
            "400 invalid_value messages[0].content[0].image_url.url"},
        Row{R"([{"role":"user","content":[{"type":"image_url",)"
            R"("image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="}}]},)"
            R"({"role":"user","content":"z"}])",
            "400 unsupported_value messages[0].content"},
        Row{R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])",
            "400 invalid_value messages[0].content[0].image_url.url"},
        Row{R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":5}}]}])",
            "400 invalid_type messages[0].content[0].image_url.url"},
        Row{R"([{"role":"assistant","audio":{"id":"a1"}},{"role":"user","content":"z"}])",
            "400 unsupported_value messages[0].audio"},
        Row{R"([{"role":"assistant","tool_calls":5}])", "400 invalid_type messages[0].tool_calls"},
        Row{R"([{"role":"assistant","tool_calls":[5]}])",
            "400 invalid_type messages[0].tool_calls[0]"},
    };
    for (const auto& row : k_rows) {
        DYNAMIC_SECTION(row.list) {
            CHECK(refusal(messages(row.list)) == row.refusal);
        }
    }
    CHECK(
        refusal(messages(
            R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}])",
            false
        )) == "400 unsupported_value messages[0].content[0].type"
    );
}

TEST_CASE("completions request: the last message has a limit, earlier ones have none") {
    const auto limited = [](std::string_view list) {
        return told(read(
            fmt::format(R"({{"model":"m","messages":{}}})", list), {.images = true, .text_chars = 5}
        ));
    };
    CHECK(limited(R"([{"role":"user","content":"пять5"}])") == "> пять5");
    CHECK(
        limited(R"([{"role":"user","content":"longer"},{"role":"user","content":"next"}])") ==
        "user:longer | > next"
    );
    CHECK(
        limited(R"([{"role":"user","content":"shoot!"}])") ==
        "400 string_above_max_length messages[0]"
    );
    CHECK(
        limited(
            R"([{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}])"
        ) == "400 string_above_max_length messages[0]"
    );
    CHECK(
        limited(R"([{"role":"system","content":"longer"},{"role":"assistant","content":"hello!"}])"
        ) == "assistant:hello! | > Continue."
    );
}

TEST_CASE("completions request: what a model without history and instructions does not take") {
    const auto bare = [](std::string_view list, std::string_view members = "") {
        return told(read(
            fmt::format(R"({{"model":"m","messages":{}{}}})", list, members),
            {.worker = "w", .history = false, .instructions = false}
        ));
    };
    constexpr std::string_view k_hi = R"([{"role":"user","content":"hi"}])";
    CHECK(bare(k_hi) == "> hi");
    for (const std::string_view blank : {R"("")", R"(" \t\n")", R"([{"type":"text","text":""}])"}) {
        CHECK(
            bare(fmt::format(R"([{{"role":"user","content":{}}}])", blank)) ==
            "400 invalid_value messages[0].content"
        );
    }
    for (const std::string_view role : {"system", "developer"}) {
        CHECK(
            bare(fmt::format(
                R"([{{"role":"user","content":"hi"}},{{"role":"{}","content":"be brief"}}])", role
            )) == "400 unsupported_value messages[1].role"
        );
    }
    CHECK(
        bare(R"([{"role":"user","content":"hi"},{"role":"user","content":"next"}])") ==
        "400 unsupported_value messages[0]"
    );
    CHECK(bare(R"([{"role":"assistant","content":"hi"}])") == "400 unsupported_value messages[0]");
    CHECK(bare(k_hi, R"(,"response_format":{"type":"text"})") == "> hi");
    CHECK(
        bare(k_hi, R"(,"response_format":{"type":"json_object"})") ==
        "400 unsupported_value response_format.type"
    );
    CHECK(
        bare(
            k_hi,
            R"(,"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}})"
        ) == "400 unsupported_value response_format.type"
    );
}
