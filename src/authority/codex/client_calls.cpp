#include "client_calls.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex/events/codex_events_items.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

void ClientCalls::mark(const Json& item, std::vector<turn::Event>& events) {
    if (!enabled_ || text_view_in(item, "type") != "dynamicToolCall") {
        return;
    }
    for (turn::Event& event : events) {
        if (auto* opened = std::get_if<turn::ToolOpened>(&event)) {
            opened->dynamic = false;
            opened->client = true;
            wire_.insert_or_assign(text_in(item, "id"), opened->call);
        }
    }
}

void ClientCalls::watch(std::string_view method, const Json& params) {
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

void ClientCalls::ask(const Json& params) {
    std::string id = text_in(params, "callId");
    if (!asked_.insert(id).second) {
        return;
    }
    const auto wire = wire_.find(id);
    const auto arguments = arguments_.find(id);
    const Json* parsed = member(params, "arguments");
    turn::ClientCall call;
    call.call = wire == wire_.end() ? codex::call_id(id, 1) : wire->second;
    call.name = text_in(params, "tool");
    call.arguments = arguments != arguments_.end()
                         ? arguments->second
                         : dump_json(parsed == nullptr ? Json::object() : *parsed);
    Made* made = find(id);
    (made == nullptr ? made_.emplace_back(std::move(id)) : *made).asked = std::move(call);
}

std::vector<turn::ClientCall> ClientCalls::take() {
    std::vector<turn::ClientCall> calls;
    while (!made_.empty() && (made_.front().done || made_.front().asked)) {
        if (auto& asked = made_.front().asked) {
            calls.push_back(*std::move(asked));
        }
        made_.pop_front();
    }
    return calls;
}

} // namespace oa_stream::authority
