#include "client_calls.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex/events/codex_events_items.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

bool is_client_item(const Json& item) {
    const Json* space = member(item, "namespace");
    return text_view_in(item, "type") == "dynamicToolCall" &&
           (space == nullptr || space->is_null());
}

/// A result is told to the model as text, and read back from it: a string as it is, unless that
/// would read as another value, and everything else as JSON.
std::string text_of(const Json& output) {
    if (output.is_string()) {
        const auto& text = output.get_ref<const std::string&>();
        return parse_json(text) ? dump_json(output) : text;
    }
    return dump_json(output);
}

Json output_of(std::string text) {
    auto value = parse_json(text);
    return value ? *std::move(value) : Json(std::move(text));
}

/// The text that was answered; nullopt: there was no answer.
std::optional<std::string> answered_text(const Json& item) {
    const Json* content = member(item, "contentItems");
    if (content == nullptr || !content->is_array() || content->empty()) {
        return std::nullopt;
    }
    std::string text;
    for (const Json& part : *content) {
        text += text_view_in(part, "text");
    }
    return text;
}

turn::Event result_of(std::string call, const Json& item) {
    auto text = answered_text(item);
    if (!text) {
        const Json* arguments = member(item, "arguments");
        return turn::ClientCall{
            std::move(call),
            text_in(item, "tool"),
            dump_json(arguments == nullptr ? Json::object() : *arguments)
        };
    }
    if (!bool_member(item, "success").value_or(true)) {
        return turn::ToolFailed{std::move(call), *std::move(text)};
    }
    return turn::ToolOutput{std::move(call), output_of(*std::move(text))};
}

} // namespace

void tell_as_client(const Json& item, std::vector<turn::Event>& events) {
    if (!is_client_item(item)) {
        return;
    }
    for (turn::Event& event : events) {
        if (auto* opened = std::get_if<turn::ToolOpened>(&event)) {
            opened->dynamic = false;
            opened->client = true;
        } else if (auto* output = std::get_if<turn::ToolOutput>(&event)) {
            event = result_of(std::move(output->call), item);
        } else if (auto* failed = std::get_if<turn::ToolFailed>(&event)) {
            event = result_of(std::move(failed->call), item);
        }
    }
}

void ClientCalls::mark(const Json& item, std::vector<turn::Event>& events) {
    if (!enabled_) {
        return;
    }
    tell_as_client(item, events);
    for (const turn::Event& event : events) {
        const auto* opened = std::get_if<turn::ToolOpened>(&event);
        if (opened != nullptr && opened->client) {
            wire_.insert_or_assign(text_in(item, "id"), opened->call);
        }
    }
}

void ClientCalls::watch(std::string_view method, const Json& params) {
    raw_ = raw_ || method.starts_with("rawResponse");
    if (method == "rawResponse/completed") {
        const Json* usage = member(params, "usage");
        usage_ = usage == nullptr ? Json() : *usage;
        response_whole_ = true;
        return;
    }
    const Json* item = method == "rawResponseItem/completed" ? member(params, "item") : nullptr;
    if (item == nullptr) {
        return;
    }
    const std::string_view type = text_view_in(*item, "type");
    std::string id = text_in(*item, "call_id");
    if (type.ends_with("_output")) {
        if (Made* made = find(id)) {
            made->done = true;
        }
    } else if (type.ends_with("_call") && !id.empty()) {
        response_whole_ = false;
        arguments_.insert_or_assign(id, text_in(*item, "arguments"));
        made_.push_back({.id = std::move(id)});
    }
}

ClientCalls::Made* ClientCalls::find(std::string_view id) {
    const auto found = std::ranges::find(made_, id, &Made::id);
    return found == made_.end() ? nullptr : &*found;
}

void ClientCalls::ask(const Json& params, const Json& request) {
    std::string id = text_in(params, "callId");
    const auto [asked, fresh] = asked_.try_emplace(id);
    asked->second.request = request;
    if (!fresh) {
        return;
    }
    const auto wire = wire_.find(id);
    const auto arguments = arguments_.find(id);
    const Json* parsed = member(params, "arguments");
    turn::ClientCall call;
    call.call = wire == wire_.end() ? codex::call_id(id, 1) : wire->second;
    asked->second.wire = call.call;
    call.name = text_in(params, "tool");
    call.arguments = arguments != arguments_.end()
                         ? arguments->second
                         : dump_json(parsed == nullptr ? Json::object() : *parsed);
    Made* made = find(id);
    (made == nullptr ? made_.emplace_back(std::move(id)) : *made).asked = std::move(call);
}

Result<ClientCalls::Reply> ClientCalls::answer(const CallResult& result) {
    const auto asked = std::ranges::find_if(asked_, [&](const auto& entry) {
        return entry.second.wire == result.call && !entry.second.answered;
    });
    if (!waits_ || asked == asked_.end()) {
        return fail(Code::not_found, "no call waits for this result", result.call);
    }
    asked->second.answered = true;
    Json part = Json::object({{"type", "inputText"}});
    part["text"] = result.failed && result.output.is_string() ? result.output.get<std::string>()
                                                              : text_of(result.output);
    Json value = Json::object();
    value["contentItems"] = Json::array({std::move(part)});
    value["success"] = !result.failed;
    return Reply{asked->second.request, Json::object({{"result", std::move(value)}})};
}

bool ClientCalls::waiting() const noexcept {
    return waits_ &&
           std::ranges::any_of(asked_, [](const auto& entry) { return !entry.second.answered; });
}

bool ClientCalls::opened(std::string_view call) const noexcept {
    return std::ranges::any_of(wire_, [&](const auto& entry) { return entry.second == call; });
}

bool ClientCalls::more_to_come() const noexcept {
    return waits_ && raw_ && (!response_whole_ || std::ranges::any_of(made_, [](const Made& made) {
               return !made.done && !made.asked;
           }));
}

std::vector<turn::ClientCall> ClientCalls::take() {
    std::vector<turn::ClientCall> calls;
    if (more_to_come()) {
        return calls;
    }
    while (!made_.empty() && (made_.front().done || made_.front().asked)) {
        if (auto& asked = made_.front().asked) {
            calls.push_back(*std::move(asked));
        }
        made_.pop_front();
    }
    return calls;
}

} // namespace oa_stream::authority
