#include "codex_answers.hpp"

#include "oa_stream/base/json_members.hpp"

namespace oa_stream::authority {

namespace {

ServerAnswer result(Json value) {
    Json body = Json::object();
    body["result"] = std::move(value);
    return {.body = std::move(body)};
}

ServerAnswer error(int code, std::string_view message, bool known) {
    Json body = Json::object();
    body["error"] = Json::object({{"code", code}, {"message", message}});
    return {.body = std::move(body), .known = known};
}

/// Answers every question with an empty list: the model learns that nothing was chosen.
ServerAnswer no_answers(const Json& params) {
    Json answers = Json::object();
    for (const Json& question : list_in(params, "questions")) {
        if (const auto id = string_member(question, "id")) {
            answers[std::string(*id)] = Json::object({{"answers", Json::array()}});
        }
    }
    return result(Json::object({{"answers", std::move(answers)}}));
}

ServerAnswer no_such_tool() {
    Json text = Json::object({{"type", "inputText"}, {"text", "This tool is not available."}});
    Json value = Json::object();
    value["contentItems"] = Json::array({std::move(text)});
    value["success"] = false;
    return result(std::move(value));
}

} // namespace

ServerAnswer answer_server_request(std::string_view method, const Json& params) {
    // `decline` lets the turn go on; `cancel` would end it.
    if (method == "item/commandExecution/requestApproval" ||
        method == "item/fileChange/requestApproval") {
        return result(Json::object({{"decision", "decline"}}));
    }
    if (method == "item/permissions/requestApproval") {
        return result(Json::object({{"permissions", Json::object()}, {"scope", "turn"}}));
    }
    if (method == "item/tool/requestUserInput") {
        return no_answers(params);
    }
    if (method == "mcpServer/elicitation/request") {
        return result(Json::object({{"action", "decline"}, {"content", nullptr}, {"_meta", nullptr}}
        ));
    }
    if (method == "item/tool/call") {
        return no_such_tool();
    }
    // the deprecated methods
    if (method == "applyPatchApproval" || method == "execCommandApproval") {
        Json denied = Json::object({{"rejection", "not allowed here"}});
        return result(Json::object({{"decision", Json::object({{"denied", std::move(denied)}})}}));
    }
    if (method == "account/chatgptAuthTokens/refresh" || method == "attestation/generate" ||
        method == "currentTime/read") {
        return error(-32'000, "not supported by this client", true);
    }
    return error(-32'601, "unknown method", false);
}

} // namespace oa_stream::authority
