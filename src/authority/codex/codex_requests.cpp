#include "codex_requests.hpp"

#include "oa_stream/authority/function_names.hpp"
#include "oa_stream/base/json_members.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_model_tag = " oa-model=";

struct SandboxWord {
    std::string_view config;
    std::string_view reported;
};
constexpr std::array k_sandboxes{
    SandboxWord{"read-only", "readOnly"},
    SandboxWord{"workspace-write", "workspaceWrite"},
    SandboxWord{"danger-full-access", "dangerFullAccess"},
};

std::string reported_sandbox(std::string_view config) {
    const auto* const word = std::ranges::find(k_sandboxes, config, &SandboxWord::config);
    return std::string(word == k_sandboxes.end() ? config : word->reported);
}

std::string setting_text(const Json* value) {
    if (value == nullptr) {
        return "nothing";
    }
    return value->is_string() ? value->get<std::string>() : dump_json(*value);
}

Result<void> same(std::string_view what, const std::optional<std::string>& want, const Json* got) {
    if (!want ||
        (got != nullptr && got->is_string() && got->get_ref<const std::string&>() == *want)) {
        return {};
    }
    return fail(
        Code::precondition,
        fmt::format("codex runs with {} {}, configured is {}", what, setting_text(got), *want)
    );
}

Json input_of(const InputPart& part) {
    if (const auto* text = std::get_if<InputText>(&part)) {
        return Json::object({{"type", "text"}, {"text", text->text}});
    }
    return Json::object({{"type", "image"}, {"url", std::get<InputImage>(part).url}});
}

/// A message's content or a function's output in Responses API form.
Json content_of(const SeedMessage& message) {
    const char* kind = message.role == SeedMessage::Role::assistant ? "output_text" : "input_text";
    Json content = Json::array();
    if (message.parts.empty()) {
        content.push_back(Json::object({{"type", kind}, {"text", message.text}}));
    }
    for (const InputPart& part : message.parts) {
        if (const auto* text = std::get_if<InputText>(&part)) {
            content.push_back(Json::object({{"type", kind}, {"text", text->text}}));
        } else {
            Json image = Json::object({{"type", "input_image"}});
            image["image_url"] = std::get<InputImage>(part).url;
            content.push_back(std::move(image));
        }
    }
    return content;
}

} // namespace

Json initialize_params() {
    Json info = Json::object({{"name", "oa_stream"}, {"title", "oa-stream"}, {"version", "1"}});
    Json params = Json::object({{"clientInfo", std::move(info)}});
    // Needed for dynamicTools and experimentalRawEvents of thread/start; no other experimental
    // feature is used.
    params["capabilities"] = Json::object({{"experimentalApi", true}});
    return params;
}

Json thread_start_params(const std::string& cwd, bool ephemeral, const std::string& instructions) {
    Json params = Json::object();
    if (!cwd.empty()) {
        params["cwd"] = cwd;
    }
    if (ephemeral) {
        params["ephemeral"] = true;
    }
    if (!instructions.empty()) {
        params["baseInstructions"] = instructions;
    }
    return params;
}

void add_tools(Json& thread_start, const std::vector<ClientTool>& tools) {
    if (tools.empty()) {
        return;
    }
    thread_start["dynamicTools"] = json_list(tools, [](const ClientTool& tool) {
        Json one = Json::object({{"type", "function"}, {"name", name_for_codex(tool.name)}});
        one["description"] = tool.description;
        one["inputSchema"] = tool.parameters;
        return one;
    });
    thread_start["experimentalRawEvents"] = true; // reports when a response is complete
}

Json thread_resume_params(const std::string& thread) {
    return Json::object({{"threadId", thread}, {"excludeTurns", true}});
}

Json thread_resume_newest_params(const std::string& thread) {
    Json params = thread_resume_params(thread);
    params["initialTurnsPage"] =
        Json::object({{"limit", 1}, {"sortDirection", "desc"}, {"itemsView", "full"}});
    return params;
}

Json thread_revert_params(const std::string& thread, const std::string& turn) {
    return Json::object({{"threadId", thread}, {"beforeTurnId", turn}});
}

Json thread_fork_params(
    const std::string& thread, const std::string& last_turn, const std::string& cwd
) {
    Json params = Json::object({{"threadId", thread}, {"excludeTurns", true}, {"cwd", cwd}});
    if (!last_turn.empty()) {
        params["lastTurnId"] = last_turn;
    }
    return params;
}

Json thread_params(const std::string& thread) {
    return Json::object({{"threadId", thread}});
}

Json inject_params(const std::string& thread, const std::vector<SeedMessage>& seed) {
    Json items = Json::array();
    for (const SeedMessage& message : seed) {
        if (message.role == SeedMessage::Role::tool) {
            Json item = Json::object({{"type", "function_call_output"}});
            item["call_id"] = message.answers;
            item["output"] = message.parts.empty() ? Json(message.text) : content_of(message);
            items.push_back(std::move(item));
            continue;
        }
        const bool user = message.role == SeedMessage::Role::user;
        if (user || !message.text.empty() || !message.parts.empty()) {
            Json item = Json::object({{"type", "message"}, {"role", user ? "user" : "assistant"}});
            item["content"] = content_of(message);
            if (const auto phase = turn::to_string(message.phase); !phase.empty()) {
                item["phase"] = phase;
            }
            items.push_back(std::move(item));
        }
        for (const SeedCall& call : message.calls) {
            Json item = Json::object({{"type", "function_call"}});
            const std::string name = name_for_codex(call.name);
            // The length was checked only for functions that are offered.
            item["name"] = name.size() <= k_longest_function_name ? name : call.name;
            item["arguments"] = call.arguments;
            item["call_id"] = call.id;
            items.push_back(std::move(item));
        }
    }
    return Json::object({{"threadId", thread}, {"items", std::move(items)}});
}

Json developer_params(const std::string& thread, const std::string& text) {
    Json part = Json::object({{"type", "input_text"}, {"text", text}});
    Json item = Json::object({{"type", "message"}, {"role", "developer"}});
    item["content"] = Json::array({std::move(part)});
    return Json::object({{"threadId", thread}, {"items", Json::array({std::move(item)})}});
}

Json list_models_params() {
    return Json::object({{"includeHidden", true}});
}

Json turn_start_params(const std::string& thread, const TurnRequest& request) {
    Json params =
        Json::object({{"threadId", thread}, {"input", json_list(request.input, input_of)}});
    if (!request.client_message_id.empty()) {
        params["clientUserMessageId"] = request.client_message_id;
    }
    if (!request.effort.empty()) {
        params["effort"] = request.effort;
    }
    if (!request.summary.empty()) {
        params["summary"] = request.summary;
    }
    if (!request.model.empty()) {
        params["model"] = request.model;
    }
    if (request.output_schema) {
        params["outputSchema"] = *request.output_schema;
    }
    return params;
}

std::string tag_message(std::string_view id, std::string_view model) {
    return fmt::format("{}{}{}", id, k_model_tag, model);
}

TaggedMessage untag_message(std::string_view tagged) {
    const auto at = tagged.rfind(k_model_tag);
    if (at == std::string_view::npos) {
        return {tagged, {}};
    }
    return {tagged.substr(0, at), tagged.substr(at + k_model_tag.size())};
}

Json no_effort(std::string_view model) {
    Json settings = Json::object({{"model", model}, {"reasoning_effort", nullptr}});
    settings["developer_instructions"] = nullptr;
    return Json::object({{"mode", "default"}, {"settings", std::move(settings)}});
}

Json interrupt_params(const std::string& thread, const std::string& turn) {
    return Json::object({{"threadId", thread}, {"turnId", turn}});
}

Result<ThreadFacts> check_thread(const Json& result, const ConfigFacts& facts) {
    const std::string_view id = text_view_in(object_in(result, "thread"), "id");
    if (id.empty()) {
        return fail(Code::protocol, "codex answered without a thread");
    }
    OA_CHECK(same("model provider", facts.provider, member(result, "modelProvider")));
    OA_CHECK(same("approval policy", facts.approval_policy, member(result, "approvalPolicy")));
    std::optional<std::string> sandbox;
    if (facts.sandbox_mode) {
        sandbox = reported_sandbox(*facts.sandbox_mode);
    }
    OA_CHECK(same("sandbox", sandbox, member(object_in(result, "sandbox"), "type")));
    const Json& profile = object_in(result, "activePermissionProfile");
    OA_CHECK(same("permission profile", facts.permissions, member(profile, "id")));
    return ThreadFacts{
        .id = std::string(id),
        .model = text_in(result, "model"),
        .effort = text_in(result, "reasoningEffort")
    };
}

std::string cursor_behind(const Json& page, std::string_view cursor) {
    auto next = text_in(page, "nextCursor");
    return next == cursor ? std::string() : next;
}

bool runs_turn(const Json& result) {
    const Json& status = object_in(object_in(result, "thread"), "status");
    return text_view_in(status, "type") == "active";
}

std::string version_of_user_agent(std::string_view user_agent) {
    const std::size_t slash = user_agent.find('/');
    if (slash == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = user_agent.substr(slash + 1);
    const std::string_view version = rest.substr(0, rest.find(' '));
    const bool plain =
        version.find_first_not_of("0123456789.") == std::string_view::npos || version.contains('-');
    return plain && version.size() <= 40 ? std::string(version) : std::string{};
}

} // namespace oa_stream::authority
