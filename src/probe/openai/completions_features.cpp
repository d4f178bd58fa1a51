// Tools, stop sequences, formats, and continuing an earlier response.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {

namespace {

constexpr std::string_view k_function = "report_number";

Json tool_body(const Run& run, bool streamed) {
    auto body = body_of(run, streamed);
    Json function = Json::object({{"name", k_function}, {"description", "Reports one number."}});
    function["parameters"] = *parse_json(
        R"({"type":"object","properties":{"value":{"type":"number"}},"required":["value"]})"
    );
    Json choice = Json::object({{"type", "function"}});
    Json tool = Json::object({{"type", "function"}});
    if (run.responses()) {
        tool.update(function);
        choice["name"] = k_function;
    } else {
        tool["function"] = std::move(function);
        choice["function"]["name"] = k_function;
    }
    body["tools"] = Json::array({std::move(tool)});
    body["tool_choice"] = std::move(choice);
    return body;
}

/// True when the feature is not supported, which is then reported.
bool refused_by_name(const Completion& answer, std::string_view param) {
    return answer.response.status == 400 &&
           refusal_fault(answer.response, 400, "unsupported*", std::string(param) + "*").empty();
}

/// The fault of an answer that must contain the call.
std::string call_fault(const Completion& answer, bool responses) {
    if (answer.error_code == "tool_call_missing") {
        return {}; // the model did not call the tool, and the server reports that
    }
    if (auto wrong = answer.wrong(); !wrong.empty()) {
        return wrong;
    }
    if (answer.calls.empty() || answer.calls.front().name != k_function) {
        return "there is no call of the function that tool_choice demands";
    }
    const auto& call = answer.calls.front();
    const auto arguments = parse_json(call.arguments);
    if (!arguments || !arguments->is_object()) {
        return fmt::format(
            "the arguments are not a JSON object: {}", printable(call.arguments, 60)
        );
    }
    const std::string_view want = responses ? "completed" : "tool_calls";
    return answer.finish == want ? std::string()
                                 : fmt::format("finished with {}, not {}", answer.finish, want);
}

/// The same request again, with the call and its result.
Json with_result(const Run& run, const Completion& called) {
    auto body = tool_body(run, false);
    const auto& call = called.calls.front();
    body["tool_choice"] = "none";
    if (run.responses()) {
        Json input = Json::array({Json::object({{"role", "user"}, {"content", run.prompt}})});
        Json made = Json::object({{"type", "function_call"}, {"call_id", call.id}});
        made["name"] = call.name;
        made["arguments"] = call.arguments;
        Json result = Json::object({{"type", "function_call_output"}, {"call_id", call.id}});
        result["output"] = "reported";
        input.push_back(std::move(made));
        input.push_back(std::move(result));
        body["input"] = std::move(input);
        return body;
    }
    Json made = Json::object({{"id", call.id}, {"type", "function"}});
    made["function"]["name"] = call.name;
    made["function"]["arguments"] = call.arguments;
    Json assistant = Json::object({{"role", "assistant"}, {"content", nullptr}});
    assistant["tool_calls"] = Json::array({std::move(made)});
    Json result = Json::object({{"role", "tool"}, {"tool_call_id", call.id}});
    result["content"] = "reported";
    body["messages"].push_back(std::move(assistant));
    body["messages"].push_back(std::move(result));
    return body;
}

Task<void> check_tools(RunPtr run) {
    const auto whole = co_await ask(run, tool_body(*run, false));
    if (refused_by_name(whole, "tools")) {
        run->skip("tools", "tools are refused by name");
        run->skip("tools.result", "there is no call");
        co_return;
    }
    auto wrong = call_fault(whole, run->responses());
    if (wrong.empty()) {
        const auto stream = co_await ask(run, tool_body(*run, true));
        // A failed response in a stream has one of two codes, whatever the reason.
        const bool none = whole.error_code == "tool_call_missing" && !stream.error_code.empty() &&
                          stream.judgement.violations.empty();
        wrong = none ? std::string() : call_fault(stream, run->responses());
    }
    run->judge("tools", wrong, "the function was called, or its lack reported");
    if (whole.calls.empty()) {
        run->skip("tools.result", "there is no call");
        co_return;
    }
    const auto next = co_await ask(run, with_result(*run, whole));
    auto fault = next.wrong();
    if (fault.empty() && !next.calls.empty()) {
        fault = "tool_choice none, but there is another call";
    }
    run->judge("tools.result", fault, "answered");
}

/// A piece from the middle of an answer, which the next answer to the same prompt should contain,
/// too.
std::string piece_of(const std::string& text) {
    const auto at = whole_utf8_prefix(std::string_view(text).substr(0, text.size() / 2));
    constexpr std::size_t k_length = 6;
    const auto piece = std::string_view(text).substr(at, k_length);
    return std::string(piece.substr(0, whole_utf8_prefix(piece)));
}

Task<void> check_stop(RunPtr run) {
    if (run->responses()) {
        run->skip("stop", "this API has no such parameter");
        co_return;
    }
    const auto stop = piece_of(run->second.text);
    if (stop.empty() || run->first.text != run->second.text) {
        run->skip("stop", "the answers to one prompt differ");
        co_return;
    }
    const auto want = run->second.text.substr(0, run->second.text.find(stop));
    std::string wrong;
    for (const bool streamed : {false, true}) {
        auto body = body_of(*run, streamed);
        body["stop"] = streamed ? Json(stop) : Json::array({stop, "\x01never"});
        const auto answer = co_await ask(run, std::move(body));
        if (refused_by_name(answer, "stop")) {
            run->skip("stop", "stop is refused by name");
            co_return;
        }
        if (wrong.empty()) {
            wrong = answer.wrong();
        }
        if (wrong.empty() && answer.text != want) {
            wrong = fmt::format(
                "expected the text up to \"{}\", saw \"…{}\"",
                printable(stop, 20),
                printable(answer.text.substr(answer.text.size() / 2), 60)
            );
        }
        if (wrong.empty() && answer.finish != "stop") {
            wrong = fmt::format("finished with {}", answer.finish);
        }
    }
    run->judge("stop", wrong, "the text ends before it, whole and streamed");
}

Task<void> check_json(RunPtr run) {
    auto body = body_of(*run, false);
    Json format = Json::object({{"type", "json_object"}});
    if (run->responses()) {
        body["text"]["format"] = std::move(format);
    } else {
        body["response_format"] = std::move(format);
    }
    const auto answer = co_await ask(run, std::move(body));
    if (answer.error_code == "json_missing" || answer.error_code.starts_with("unsupported")) {
        run->report("json", Verdict::pass, "reported as " + answer.error_code);
        co_return;
    }
    const auto value = parse_json(answer.text);
    std::string wrong = answer.wrong();
    if (wrong.empty() && (!value || !value->is_object())) {
        wrong = fmt::format("the answer is not a JSON object: {}", printable(answer.text, 60));
    }
    run->judge("json", wrong, "a JSON object");
}

std::string shown(const net::ClientResponse& response, std::string_view id) {
    const auto body = parse_json(response.body);
    return response.status == 200 && body && text_view_in(*body, "id") == id
               ? std::string()
               : fmt::format("expected {} again, saw {}", id, response.status);
}

/// `next`: a body that continues the response; null where continuing is not supported.
Task<std::string> deleted_fault(RunPtr run, std::string path, Json next) {
    auto wrong = refusal_fault(co_await send(run, {"GET", std::move(path)}), 404);
    if (!wrong.empty() || next.is_null()) {
        co_return wrong;
    }
    const auto answer = co_await ask(run, std::move(next));
    wrong =
        refusal_fault(answer.response, 400, "previous_response_not_found", "previous_response_id");
    co_return wrong.empty() ? wrong : "previous_response_id of a deleted response: " + wrong;
}

Task<void> check_stored(RunPtr run) {
    if (!run->responses()) {
        run->skip("stored", "this API stores nothing");
        co_return;
    }
    if (!run->compares_answers("stored")) {
        co_return;
    }
    const auto id = run->second.id;
    const auto path = "/v1/responses/" + id;
    auto wrong = shown(co_await send(run, {"GET", path}), id);
    auto body = body_of(*run, false);
    body["previous_response_id"] = id;
    bool alone = false; // the model has no history
    if (wrong.empty()) {
        const auto next = co_await ask(run, body);
        alone = refused_by_name(next, "previous_response_id");
        wrong = alone ? std::string() : next.wrong();
        const auto json = parse_json(next.response.body);
        if (wrong.empty() && !alone &&
            (!json || text_view_in(*json, "previous_response_id") != id)) {
            wrong = "the next response does not name the one before";
        }
    }
    if (wrong.empty()) {
        wrong = shown(co_await send(run, {"DELETE", path}), id);
    }
    if (wrong.empty()) {
        wrong = co_await deleted_fault(run, path, alone ? Json() : std::move(body));
    }
    if (wrong.empty()) {
        const auto unstored = co_await ask(run, body_of(*run, false));
        wrong = unstored.wrong();
        if (wrong.empty()) {
            wrong = refusal_fault(co_await send(run, {"GET", "/v1/responses/" + unstored.id}), 404);
        }
    }
    run->judge(
        "stored",
        wrong,
        alone ? "read, deleted; previous_response_id is refused by name"
              : "read, gone on from, deleted"
    );
}

} // namespace

Task<void> check_features(RunPtr run) {
    co_await check_tools(run);
    co_await check_stop(run);
    co_await check_json(run);
    co_await check_stored(run);
}

} // namespace oa_stream::probe
