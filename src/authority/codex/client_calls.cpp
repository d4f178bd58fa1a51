#include "client_calls.hpp"

#include "oa_stream/authority/function_names.hpp"
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex/events/codex_events_items.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_replaced =
    "The assistant gave up this call: another one has the same id.";
constexpr std::string_view k_ended = "The response ended behind this call.";

bool is_client_item(const Json& item) {
    const Json* space = member(item, "namespace");
    return text_view_in(item, "type") == "dynamicToolCall" &&
           (space == nullptr || space->is_null());
}

/// The model receives a result as text, and history reads it back: a string stays as it is, unless
/// it would parse as another value; everything else is JSON.
std::string call_output_text(const Json& output) {
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

/// The text of the answer; nullopt: no answer.
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

Json reply_of(std::string text, bool success) {
    Json part = Json::object({{"type", "inputText"}, {"text", std::move(text)}});
    Json value = Json::object();
    value["contentItems"] = Json::array({std::move(part)});
    value["success"] = success;
    return Json::object({{"result", std::move(value)}});
}

turn::Event result_of(std::string call, const Json& item) {
    auto text = answered_text(item);
    if (!text) {
        const Json* arguments = member(item, "arguments");
        return turn::ClientCall{
            std::move(call),
            name_for_client(text_in(item, "tool")),
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
    if (!is_client_item(item)) {
        return;
    }
    for (turn::Event& event : events) {
        if (const auto* opened = std::get_if<turn::ToolOpened>(&event)) {
            wires_[text_in(item, "id")].push_back(opened->call);
        } else if (!std::holds_alternative<turn::ToolInputReady>(event)) {
            settle_replaced(event);
            note_end(text_in(item, "id"));
        }
    }
}

/// History lists calls that were answered before this connection: they are not requested here.
void ClientCalls::note_end(std::string id) {
    if (opened_unasked(id)) {
        auto wire = next_wire(id);
        asked_.push_back({.id = std::move(id), .wire = std::move(wire), .answered = true});
    }
}

/// A replaced call ended without a result; so does one that still waits.
void ClientCalls::settle_replaced(turn::Event& event) {
    const auto* call = std::get_if<turn::ClientCall>(&event);
    const auto asked =
        call == nullptr ? asked_.end() : std::ranges::find(asked_, call->call, &Asked::wire);
    if (asked != asked_.end() && asked->replaced) {
        asked->answered = true;
        event = turn::ToolFailed{asked->wire, std::string(k_replaced)};
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
        // After its calls are answered, codex may have sent a new request to the model.
        passed_on_ = passed_on_ && !response_whole_ && has_open();
        response_whole_ = taken_as_ended_ = false;
        made_.push_back(
            {.id = std::move(id), .arguments = text_in(*item, "arguments"), .own = is_own(*item)}
        );
    }
}

void ClientCalls::tear() {
    raw_ = false;
    std::erase_if(made_, &Made::own);
}

/// The call is for another tool, has an unknown name, or has arguments that codex cannot parse. A
/// client function may share its name with a tool of codex.
bool ClientCalls::is_own(const Json& item) const {
    const std::string_view name = text_view_in(item, "name");
    const std::string function = name_for_client(name);
    if (text_view_in(item, "type") != "function_call" || name_for_codex(function) != name) {
        return true;
    }
    if (functions_.empty()) {
        return false;
    }
    const Json* space = member(item, "namespace");
    return (space != nullptr && !space->is_null()) || !contains(functions_, function) ||
           !parse_any_json(text_view_in(item, "arguments"));
}

/// The oldest call with this id that is still unmatched.
ClientCalls::Made* ClientCalls::find(std::string_view id) {
    const auto found = std::ranges::find_if(made_, [&](const Made& made) {
        return made.id == id && !made.done && !made.asked;
    });
    return found == made_.end() ? nullptr : &*found;
}

/// Likewise. Codex requests calls in any order; for calls with the same id the arguments identify
/// one.
ClientCalls::Made* ClientCalls::find(std::string_view id, const Json* arguments) {
    const auto found = std::ranges::find_if(made_, [&](const Made& made) {
        const auto own = parse_any_json(made.arguments);
        return made.id == id && !made.done && !made.asked && arguments != nullptr && own &&
               *own == *arguments;
    });
    return found == made_.end() ? find(id) : &*found;
}

bool ClientCalls::opened_unasked(std::string_view id) const {
    const auto wires = wires_.find(id);
    const auto asked = std::ranges::count(asked_, id, &Asked::id);
    return wires != wires_.end() && std::cmp_greater(wires->second.size(), asked);
}

std::string ClientCalls::next_wire(const std::string& id) const {
    const auto at = static_cast<std::size_t>(std::ranges::count(asked_, id, &Asked::id));
    const auto wires = wires_.find(id);
    return wires != wires_.end() && at < wires->second.size()
               ? wires->second[at]
               : codex::call_id(id, static_cast<int>(at) + 1);
}

void ClientCalls::ask(const Json& params, const Json& request) {
    std::string id = text_in(params, "callId");
    const Json* parsed = member(params, "arguments");
    Made* made = find(id, parsed);
    const auto open = std::ranges::find_if(asked_, [&](const Asked& asked) {
        return asked.id == id && !asked.answered && !asked.replaced;
    });
    if (open != asked_.end()) {
        if (made == nullptr && !opened_unasked(id)) {
            open->request = request;
            return;
        }
        open->replaced = waits_;
    }
    turn::ClientCall call;
    call.call = next_wire(id);
    asked_.push_back({.id = id, .wire = call.call, .request = request});
    call.name = name_for_client(text_view_in(params, "tool"));
    call.arguments =
        made != nullptr ? made->arguments : dump_json(parsed == nullptr ? Json::object() : *parsed);
    (made == nullptr ? made_.emplace_back(std::move(id)) : *made).asked = std::move(call);
}

Result<ClientCalls::Reply> ClientCalls::answer(const CallResult& result) {
    const auto asked = std::ranges::find_if(asked_, [&](const Asked& one) {
        return one.wire == result.call && !one.answered;
    });
    if (!waits_ || asked == asked_.end()) {
        return fail(Code::not_found, "no call waits for this result", result.call);
    }
    asked->answered = true;
    if (asked->replaced) { // codex would apply it to the later call with this id
        return Reply{};
    }
    auto text = result.failed && result.output.is_string() ? result.output.get<std::string>()
                                                           : call_output_text(result.output);
    return Reply{asked->request, reply_of(std::move(text), !result.failed), asked->id};
}

bool ClientCalls::has_open() const noexcept {
    return !std::ranges::all_of(asked_, &Asked::answered);
}

bool ClientCalls::end_missing() const noexcept {
    if (response_whole_ || taken_as_ended_) {
        return false;
    }
    const auto waits_for_report = [](const Made& made) { return made.asked.has_value(); };
    return waits_ ? std::ranges::any_of(made_, waits_for_report) : has_open();
}

std::vector<ClientCalls::Reply> ClientCalls::end_response() {
    std::vector<Reply> replies;
    taken_as_ended_ = waits_;
    for (Asked& asked : asked_) {
        if (!waits_ && !std::exchange(asked.answered, true)) {
            replies.push_back({asked.request, reply_of(std::string(k_ended), false), asked.id});
        }
    }
    return replies;
}

bool ClientCalls::opened(std::string_view call) const noexcept {
    return std::ranges::any_of(wires_, [&](const auto& entry) {
        return contains(entry.second, call);
    });
}

/// Codex reports outputs in the order of the calls. So the output of its own call after a client
/// call may arrive only after the client's result, and is not waited for.
bool ClientCalls::more_to_come() const noexcept {
    if (!waits_ || !raw_ || taken_as_ended_) {
        return false;
    }
    if (!response_whole_) {
        return true;
    }
    bool behind = passed_on_;
    return std::ranges::any_of(made_, [&](const Made& made) {
        behind = behind || made.asked;
        return !made.done && !made.asked && !(made.own && behind);
    });
}

std::vector<turn::ClientCall> ClientCalls::take() {
    std::vector<turn::ClientCall> calls;
    if (more_to_come()) {
        return calls;
    }
    bool behind = passed_on_;
    for (auto made = made_.begin(); made != made_.end();) {
        if (auto& asked = made->asked) {
            calls.push_back(*std::move(asked));
            behind = passed_on_ = true;
        } else if (!made->done) {
            if (!made->own || !behind) {
                break;
            }
            ++made;
            continue;
        }
        made = made_.erase(made);
    }
    return calls;
}

} // namespace oa_stream::authority
