// The body of POST /v1/responses: what is refused and ignored, and the conversation it tells.
#include "../completions/refusal.hpp"
#include "responses/responses_request.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

constexpr std::string_view k_call =
    R"({"type":"function_call","call_id":"k1","name":"f","arguments":"{}"})";
constexpr std::string_view k_result =
    R"({"type":"function_call_output","call_id":"k1","output":"sunny"})";
constexpr std::string_view k_image =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+k"
    "cQAAAABJRU5ErkJggg==";
constexpr std::string_view k_user = R"({"role":"user","content":"hi"})";

Accepted<CompletionsRequest> read(std::string_view body, const CompletionsContext& context = {}) {
    return read_responses_request(parse_json(body).value(), context);
}

/// A good request with more members.
Accepted<CompletionsRequest>
with(std::string_view members, const CompletionsContext& context = {}) {
    return read(
        fmt::format(R"({{"model":"m","input":"hi"{}{}}})", members.empty() ? "" : ",", members),
        context
    );
}

/// The whole request, for ann.
void resolve(
    Accepted<CompletionsRequest>& request,
    const ResponseStore& store,
    const CompletionsContext& context
) {
    if (!request) {
        return;
    }
    auto whole = find_conversation(store, "ann", context, *request->responses);
    if (whole) {
        whole = resolve_conversation(context, *request);
    }
    if (!whole) {
        request = std::unexpected(std::move(whole).error());
    }
}

/// Every message of these items in order: "user:hi | assistant:hello [f] | > next".
std::string told(
    std::string_view items,
    bool tools = true,
    const ResponseStore& store = ResponseStore(),
    std::string_view members = ""
) {
    const CompletionsContext context{.images = true, .tools = tools};
    auto request = read(fmt::format(R"({{"model":"m","input":{}{}}})", items, members), context);
    resolve(request, store, context);
    if (!request) {
        return refusal(request);
    }
    std::string out;
    for (const auto& message : request->seed) {
        using Role = authority::SeedMessage::Role;
        out += message.role == Role::user        ? "user:"
               : message.role == Role::assistant ? "assistant:"
                                                 : "result:";
        if (const auto phase = turn::to_string(message.phase); !phase.empty()) {
            out += fmt::format("{}:", phase);
        }
        out += message.text;
        for (const auto& call : message.calls) {
            out += fmt::format(" [{} {}]", call.id, call.name);
        }
        out += " | ";
    }
    return out + ">" + input_told(*request);
}

std::string list(std::initializer_list<std::string_view> items) {
    return fmt::format("[{}]", fmt::join(items, ","));
}

struct Row {
    std::string_view members;
    std::string_view refusal;
};

} // namespace

TEST_CASE("responses request: what is refused, with the code and the parameter named") {
    static const std::array k_rows{
        Row{"", "accepted"},
        Row{R"("nonsense":1)", "400 unknown_parameter nonsense"},
        Row{R"("nonsense":null)", "400 unknown_parameter nonsense"},
        Row{R"("background":true)", "400 unsupported_parameter background"},
        Row{R"("background":false)", "accepted"},
        Row{R"("truncation":"auto")", "400 unsupported_value truncation"},
        Row{R"("truncation":"disabled")", "accepted"},
        Row{R"("tools":[{"type":"function","name":"f"}])", "400 unsupported_parameter tools"},
        Row{R"("tool_choice":"auto")", "accepted"},
        Row{R"("instructions":7)", "400 invalid_type instructions"},
        Row{R"("previous_response_id":7)", "400 invalid_type previous_response_id"},
        Row{R"("store":"yes")", "400 invalid_type store"},
        Row{R"("stream_options":{})", "400 invalid_value stream_options"},
        Row{R"("stream":true,"stream_options":{})", "accepted"},
        Row{R"("stream":true,"stream_options":1)", "400 invalid_type stream_options"},
        Row{R"("reasoning":"high")", "400 invalid_type reasoning"},
        Row{R"("reasoning":{"effort":"enormous"})", "400 invalid_value reasoning.effort"},
        Row{R"("reasoning":{"summary":"long"})", "400 invalid_value reasoning.summary"},
        Row{R"("reasoning":{"summary":7})", "400 invalid_value reasoning.summary"},
        Row{R"("reasoning":{"generate_summary":"long"})", "400 invalid_value reasoning.summary"},
        Row{R"("reasoning":{"other":1})", "400 unknown_parameter reasoning.other"},
        Row{R"("text":1)", "400 invalid_type text"},
        Row{R"("text":{"other":1})", "400 unknown_parameter text.other"},
        Row{R"("text":{"format":{"type":"xml"}})", "400 invalid_value text.format.type"},
        Row{R"("text":{"format":{"type":"json_object"}})", "accepted"},
        Row{R"("text":{"verbosity":"loud"})", "400 invalid_value text.verbosity"},
        Row{R"("text":{"verbosity":1})", "400 invalid_type text.verbosity"},
        Row{R"("include":"x")", "400 invalid_type include"},
        Row{R"("include":["reasoning.encrypted_content","x"])", "400 unsupported_value include[1]"},
        Row{R"("metadata":[])", "400 invalid_type metadata"},
        Row{R"("metadata":{"a":1})", "400 invalid_type metadata.a"},
        Row{R"("temperature":3)", "400 invalid_value temperature"},
        Row{R"("max_output_tokens":0)", "400 invalid_value max_output_tokens"},
        Row{R"("service_tier":"gold")", "400 invalid_value service_tier"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.members);
        CHECK(refusal(with(row.members)) == row.refusal);
    }
    CHECK(refusal(read("[]")) == "400 invalid_json -");
    CHECK(refusal(read(R"({"model":"m"})")) == "400 missing_required_parameter input");
    CHECK(refusal(read(R"({"model":"m","previous_response_id":"r"})")) == "accepted");
}

TEST_CASE("responses request: what has no effect is named, and what says nothing is not") {
    const auto ignored = [](std::string_view members, bool tools = true) {
        const auto request = with(members, {.tools = tools});
        return request ? fmt::format("{}", fmt::join(request->ignored.listed(), ","))
                       : refusal(request);
    };
    CHECK(ignored(R"("temperature":1,"top_p":1,"service_tier":"auto")").empty());
    CHECK(ignored(R"("temperature":0.5,"service_tier":"flex")") == "temperature,service_tier");
    CHECK(ignored(R"("max_output_tokens":5)") == "max_output_tokens");
    CHECK(ignored(R"("include":[])").empty());
    CHECK(ignored(R"("include":["reasoning.encrypted_content"])") == "include");
    CHECK(ignored(R"("text":{"verbosity":"medium"})").empty());
    CHECK(ignored(R"("text":{"verbosity":"low"})") == "text.verbosity");
    CHECK(ignored(R"("reasoning":{"mode":"standard","context":"auto"})").empty());
    CHECK(ignored(R"("reasoning":{"mode":"auto"})") == "reasoning.mode");
    CHECK(ignored(R"("reasoning":{"context":"all"})") == "reasoning.context");
    CHECK(ignored(R"("reasoning":{"mode":null,"context":null})").empty());
    CHECK(ignored(R"("reasoning":{"summary":"auto"})").empty());
    CHECK(ignored(R"("reasoning":{"summary":"auto"})", false) == "reasoning.summary");
    CHECK(ignored(R"("reasoning":{"effort":"high"})", false).empty());
}

TEST_CASE("responses request: metadata has the API's own limits, in characters") {
    const auto metadata = [](std::size_t count, std::size_t name, std::size_t text) {
        Json out = Json::object();
        for (std::size_t i = 0; i < count; ++i) {
            std::string key = fmt::format("{:02}", i);
            for (std::size_t at = key.size(); at < name; ++at) {
                key += "é";
            }
            std::string value;
            for (std::size_t at = 0; at < text; ++at) {
                value += "é";
            }
            out[key] = value;
        }
        return refusal(with(fmt::format(R"("metadata":{})", dump_json(out)))).substr(0, 17);
    };
    CHECK(metadata(16, 64, 512) == "accepted");
    CHECK(metadata(17, 2, 1) == "400 invalid_value");
    CHECK(metadata(1, 65, 1) == "400 invalid_value");
    std::string numbers; // too many are not looked at
    for (int i = 0; i < 17; ++i) {
        numbers += fmt::format(R"({}"n{}":1)", i > 0 ? "," : "", i);
    }
    CHECK(
        refusal(with(fmt::format(R"("metadata":{{{}}})", numbers))) == "400 invalid_value metadata"
    );
    CHECK(metadata(1, 2, 513) == "400 invalid_value");
}

TEST_CASE("responses request: the response repeats what was asked for") {
    const auto echo = [](std::string_view members, bool tools = true) {
        return with(members, {.tools = tools}).value().responses->echo;
    };
    const auto plain = echo("");
    CHECK(plain.at("model") == "m");
    CHECK(plain.at("instructions").is_null());
    CHECK(plain.at("previous_response_id").is_null());
    CHECK(plain.at("store") == true);
    CHECK(plain.at("reasoning") == Json({{"effort", nullptr}, {"summary", nullptr}}));
    CHECK(plain.at("text") == Json({{"format", {{"type", "text"}}}}));
    CHECK(plain.at("tool_choice") == "auto");
    CHECK(plain.at("tools") == Json::array());
    CHECK(echo(R"("tools":false)", false).at("tools") == Json::array()); // it asks for none
    CHECK(plain.at("parallel_tool_calls") == true);
    CHECK(plain.at("background") == false);
    CHECK(plain.at("metadata") == Json::object());
    CHECK_FALSE(plain.contains("user"));

    const auto asked = echo(
        R"("instructions":"be good","previous_response_id":"r","store":false,"user":"u",)"
        R"("reasoning":{"effort":"high","summary":"auto"},"tool_choice":"required",)"
        R"("parallel_tool_calls":false,"tools":[{"type":"function","name":"f","strict":true}],)"
        R"("text":{"format":{"type":"json_object"}},"metadata":{"a":"b"})"
    );
    CHECK(asked.at("instructions") == "be good");
    CHECK(asked.at("previous_response_id") == "r");
    CHECK(asked.at("store") == false);
    CHECK(asked.at("user") == "u");
    CHECK(asked.at("reasoning") == Json({{"effort", "high"}, {"summary", "auto"}}));
    CHECK(asked.at("tool_choice") == "required");
    CHECK(asked.at("parallel_tool_calls") == false);
    REQUIRE(asked.at("tools").size() == 1);
    CHECK(asked.at("tools")[0].at("name") == "f");
    CHECK(asked.at("tools")[0].at("strict") == true);
    CHECK(asked.at("tools")[0].at("parameters").is_null());
    CHECK(asked.at("text") == Json({{"format", {{"type", "json_object"}}}}));
    CHECK(asked.at("metadata") == Json({{"a", "b"}}));

    const auto request =
        with(R"("store":false,"reasoning":{"generate_summary":"concise"})").value();
    CHECK_FALSE(request.responses->store);
    CHECK(request.responses->summaries);
    CHECK(request.summary == "concise");
    CHECK_FALSE(with("").value().responses->summaries);
    CHECK(with(R"("text":{"format":{"type":"json_object"}})").value().demands.json_object);
    CHECK_FALSE(with(R"("text":{"format":{"type":"text"}})").value().demands.json_object);
}

TEST_CASE("responses request: the items of its input") {
    struct Item {
        std::string_view items;
        std::string_view told;
    };
    static const std::array k_rows{
        Item{R"("hello")", "> hello"},
        Item{R"([])", "400 invalid_value input"},
        Item{R"(7)", "400 invalid_type input"},
        Item{R"([7])", "400 invalid_type input[0]"},
        Item{R"([{"role":"user","content":"hi"}])", "> hi"},
        Item{
            R"([{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},)"
            R"({"type":"text","text":"b"}]}])",
            "> a b"
        },
        Item{
            R"([{"role":"user","content":[{"type":"input_image","image_url":"x"}]}])",
            "400 invalid_value input[0].content[0].image_url"
        },
        Item{R"([{"role":"tool","content":"hi"}])", "400 invalid_value input[0].role"},
        Item{R"([{"role":"function","content":"hi"}])", "400 invalid_value input[0].role"},
        Item{R"([{"role":"nobody","content":"hi"}])", "400 invalid_value input[0].role"},
        Item{R"([{"role":"user"}])", "400 invalid_type input[0].content"},
        Item{R"([{"role":"user","content":[]}])", "400 invalid_type input[0].content"},
        Item{R"([{"role":"user","content":[]},{"role":"user","content":"hi"}])", "> hi"},
        Item{
            R"([{"role":"user","content":"hi"},{"role":"assistant","content":[]},)"
            R"({"role":"user","content":[]}])",
            "400 invalid_type input[2].content"
        },
        Item{R"([{"role":"user","content":""}])", "> "},
        Item{R"([{"role":"user","content":[7]}])", "400 invalid_type input[0].content[0]"},
        Item{
            R"([{"role":"user","content":[{"type":"input_text"}]}])",
            "400 invalid_type input[0].content[0].text"
        },
        Item{
            R"([{"role":"user","content":[{"type":"output_text","text":"a"}]}])",
            "400 unsupported_value input[0].content[0].type"
        },
        Item{
            R"([{"role":"user","content":[{"type":"refusal","refusal":"a"}]}])",
            "400 unsupported_value input[0].content[0].type"
        },
        Item{
            R"([{"role":"assistant","content":[{"type":"output_text","text":"a"},)"
            R"({"type":"refusal","refusal":"b"}]},{"role":"user","content":"hi"}])",
            "assistant:ab | > hi"
        },
        Item{
            R"([{"role":"assistant","content":[{"type":"refusal","text":"b"}]}])",
            "400 invalid_type input[0].content[0].refusal"
        },
        Item{
            R"([{"type":"function_call","name":"f","arguments":"{}"}])",
            "400 invalid_type input[0].call_id"
        },
        Item{
            R"([{"type":"function_call","call_id":"k","arguments":"{}"}])",
            "400 invalid_type input[0].name"
        },
        Item{
            R"([{"type":"function_call","call_id":"k","name":"f"}])",
            "400 invalid_type input[0].arguments"
        },
        Item{
            R"([{"type":"function_call_output","output":"x"}])", "400 invalid_type input[0].call_id"
        },
        Item{R"([{"type":"web_search_call"}])", "400 unsupported_value input[0].type"},
        Item{R"([{"type":"web_search_call","id":"x"}])", "400 unsupported_value input[0].type"},
        Item{R"([{"type":"item_reference"}])", "400 invalid_type input[0].id"},
        Item{R"([{}])", "400 unsupported_value input[0].type"},
        Item{R"([{"type":"item_reference","id":"x"}])", "400 item_not_found input[0].id"},
        Item{R"([{"id":"x"}])", "400 item_not_found input[0].id"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.items);
        CHECK(told(row.items) == row.told);
    }
    CHECK(
        told(fmt::format(
            R"([{{"role":"user","content":[{{"type":"input_image","image_url":"{}"}},)"
            R"({{"type":"input_text","text":"look"}}]}}])",
            k_image
        )) == fmt::format("> <{}> look", k_image)
    );
    CHECK(
        refusal(read(R"({"model":"m","input":[{},{},{}]})", {.messages = 2})) ==
        "400 invalid_value input"
    );
    CHECK(
        refusal(read(
            fmt::format(R"({{"model":"m","input":{}}})", list({k_user, k_user})), {.messages = 2}
        )) == "accepted"
    );
}

TEST_CASE("responses request: what the model said and called between two results is one answer") {
    const std::string message = R"({"role":"assistant","content":"wait"})";
    const std::string system = R"({"role":"system","content":"s"})";
    const std::string reasoning = R"({"type":"reasoning","summary":[]})";
    CHECK(
        told(list({k_user, message, k_call, k_result})) ==
        "user:hi | assistant:wait [k1 f] | result:sunny | >"
    );
    CHECK(
        told(list({k_user, k_call, message, k_result})) ==
        "user:hi | assistant:wait [k1 f] | result:sunny | >"
    );
    CHECK(
        told(list({k_user, reasoning, message, system, reasoning, k_call, k_result})) ==
        "user:hi | assistant:wait [k1 f] | result:sunny | >"
    );
    // Two texts are two answers.
    CHECK(
        told(list({k_user, message, message, k_user})) ==
        "user:hi | assistant:wait | assistant:wait | > hi"
    );
    CHECK(told(list({k_user, k_call, k_user})).starts_with("400 invalid_value"));
    CHECK(told(list({k_user, k_result, k_user})).starts_with("400 invalid_value"));
}

TEST_CASE("responses request: messages of the assistant keep their phase, sent and stored") {
    const auto message = [](std::string_view phase, std::string_view text) {
        return fmt::format(
            R"({{"type":"message","id":"msg_{0}","role":"assistant","phase":"{0}","content":[{{"type":"output_text","text":"{1}"}}]}})",
            phase,
            text
        );
    };
    const auto early = message("commentary", "a");
    const auto last = message("final_answer", "b");
    const std::string_view want =
        "user:hi | assistant:commentary:a | assistant:final_answer:b | > hi";
    CHECK(told(list({k_user, early, last, k_user})) == want);
    CHECK(told(list({k_user, message("other", "a"), k_user})) == "user:hi | assistant:a | > hi");
    // A call that comes first is part of the same answer.
    CHECK(
        told(list({k_user, k_call, early, k_result})) ==
        "user:hi | assistant:commentary:a [k1 f] | result:sunny | >"
    );
    // Texts around a call are one; of different phases it has none.
    CHECK(
        told(list({k_user, early, k_call, early, k_result})) ==
        "user:hi | assistant:commentary:aa [k1 f] | result:sunny | >"
    );
    CHECK(
        told(list({k_user, early, k_call, last, k_result})) ==
        "user:hi | assistant:ab [k1 f] | result:sunny | >"
    );
    ResponseStore store;
    store.keep(
        "ann",
        parse_json(fmt::format(R"({{"id":"r","output":{}}})", list({early, last}))).value(),
        {}
    );
    const auto stored = told(R"("hi")", true, store, R"(,"previous_response_id":"r")");
    CHECK("user:hi | " + stored == want);
}

TEST_CASE("responses request: it goes on from a stored response of its owner") {
    ResponseStore store;
    StoredItem hello;
    add_text(hello.message.parts, "hello");
    Json part = Json::object({{"type", "output_text"}, {"text", "hi there"}});
    Json item = Json::object({{"type", "message"}, {"id", "msg_1"}, {"role", "assistant"}});
    item["content"] = Json::array({std::move(part)});
    Json response = Json::object({{"id", "resp_1"}});
    response["output"] = Json::array({std::move(item)});
    store.keep("ann", std::move(response), {std::make_shared<StoredItem>(std::move(hello))});

    const std::string_view previous = R"(,"previous_response_id":"resp_1")";
    CHECK(told(R"("next")", true, store, previous) == "user:hello | assistant:hi there | > next");
    CHECK(
        told(R"([{"id":"msg_1"},{"role":"user","content":"next"}])", true, store, previous) ==
        "user:hello | assistant:hi there | > next"
    );
    CHECK(
        told(
            R"([{"type":"item_reference","id":"msg_1"},{"role":"user","content":"next"}])",
            true,
            store
        ) == "assistant:hi there | > next"
    );
    CHECK(
        told(R"("next")", true, store, R"(,"previous_response_id":"resp_2")") ==
        "400 previous_response_not_found previous_response_id"
    );
}

TEST_CASE("responses request: calls are told as text where the authority takes none") {
    const auto text = told(list({k_user, k_call, k_result}), false);
    CHECK(text.contains(R"(<tool_call id="k1" name="f">{}</tool_call>)"));
    CHECK(text.contains(R"(<tool_result id="k1">sunny</tool_result>)"));
}

TEST_CASE("responses request: what a model without history and instructions does not take") {
    const CompletionsContext context{.worker = "w", .history = false, .instructions = false};
    const auto asked = [&](std::string_view input, std::string_view members = "") {
        ResponseStore store;
        auto response = Json::object({{"id", "resp_1"}, {"output", Json::array()}});
        StoredItem hello{{}, ModelMessage{.path = "input"}};
        add_text(hello.message.parts, "hello");
        store.keep("ann", std::move(response), {std::make_shared<StoredItem>(std::move(hello))});
        auto request =
            read(fmt::format(R"({{"model":"m","input":{}{}}})", input, members), context);
        resolve(request, store, context);
        return request ? std::string("taken") : refusal(request);
    };
    CHECK(asked(R"("hi")") == "taken");
    CHECK(asked(R"("hi")", R"(,"instructions":"")") == "taken");
    CHECK(asked(R"("hi")", R"(,"instructions":"x")") == "400 unsupported_value instructions");
    CHECK(
        asked(R"("hi")", R"(,"previous_response_id":"resp_1")") ==
        "400 unsupported_value previous_response_id"
    );
    // Whether it is stored or not: what helps elsewhere, a worker refuses as well.
    CHECK(
        asked(R"("hi")", R"(,"previous_response_id":"resp_2")") ==
        "400 unsupported_value previous_response_id"
    );
    CHECK(
        asked(R"([{"type":"item_reference","id":"msg_2"},{"role":"user","content":"hi"}])") ==
        "400 unsupported_value input[0]"
    );
    CHECK(asked(R"("")") == "400 invalid_value input");
    CHECK(asked(R"([{"role":"user","content":" \n"}])") == "400 invalid_value input[0].content");
    CHECK(asked(R"([{"role":"user","content":[]}])") == "400 invalid_type input[0].content");
    CHECK(
        asked(R"([{"role":"developer","content":"x"},{"role":"user","content":"hi"}])") ==
        "400 unsupported_value input[0].role"
    );
    CHECK(
        asked(R"([{"role":"user","content":"a"},{"role":"user","content":"hi"}])") ==
        "400 unsupported_value input[0]"
    );
    CHECK(
        asked(R"("hi")", R"(,"text":{"format":{"type":"json_object"}})") ==
        "400 unsupported_value text.format.type"
    );
}

TEST_CASE("responses request: a conversation that grows is bounded like one that is sent whole") {
    ResponseStore store;
    std::vector<StoredItemPtr> before;
    for (int i = 0; i < 3; ++i) {
        StoredItem item{{}, ModelMessage{.path = "input"}};
        add_text(item.message.parts, "hello");
        before.push_back(std::make_shared<StoredItem>(std::move(item)));
    }
    store.keep("ann", Json::object({{"id", "resp_1"}, {"output", Json::array()}}), before);
    const auto asked = [&](std::size_t messages) {
        const CompletionsContext context{.messages = messages};
        auto request = with(R"("previous_response_id":"resp_1")", context);
        REQUIRE(request.has_value());
        resolve(request, store, context);
        return refusal(request);
    };
    CHECK(asked(4) == "accepted");
    CHECK(asked(3) == "400 invalid_value previous_response_id");
}
