#include "codex_approvals.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex/events/codex_events_items.hpp"
#include "codex_approval_details.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

namespace oa_stream::authority {

namespace {

using Kind = ApprovalQuestion::Kind;

void copy_text(Json& to, const Json& from, std::string_view key) {
    if (std::string text = text_in(from, key); !text.empty()) {
        to[std::string(key)] = std::move(text);
    }
}

ApprovalQuestion of_item(Kind kind, const Json& params) {
    ApprovalQuestion question{.kind = kind, .item = text_in(params, "itemId")};
    question.input = Json::object();
    copy_text(question.input, params, "reason");
    return question;
}

/// An MCP call is approved through an elicitation with this kind that requests no content.
std::optional<ApprovalQuestion> of_elicitation(const Json& params) {
    const Json* meta = member(params, "_meta");
    if (meta == nullptr || string_member(*meta, "codex_approval_kind") != "mcp_tool_call") {
        return std::nullopt;
    }
    ApprovalQuestion question{.kind = Kind::mcp_call};
    Json item = Json::object({{"type", "mcpToolCall"}});
    item["server"] = text_in(params, "serverName");
    item["tool"] = text_in(*meta, "tool_name");
    question.tool = codex::tool_name(item);
    const Json* arguments = member(*meta, "tool_params");
    question.input = arguments == nullptr ? Json::object() : *arguments;
    return question;
}

turn::Note question_note(std::string_view kind, Json questions) {
    Json payload = Json::object({{"kind", kind}});
    payload["questions"] = std::move(questions);
    return turn::Note{"question", std::nullopt, false, std::move(payload)};
}

std::string approval_id(std::string_view turn, std::string_view item, const Json& request) {
    constexpr std::size_t k_digits = 16;
    const auto named = fmt::format("{}\n{}\n{}", turn, item, dump_json(request));
    return "approval-" + sha256_hex(named).substr(0, k_digits);
}

Json user_questions(const Json& params) {
    Json out = Json::array();
    for (const Json& one : list_in(params, "questions")) {
        Json question = Json::object();
        copy_text(question, one, "header");
        copy_text(question, one, "question");
        if (const Json* options = member(one, "options"); options && options->is_array()) {
            question["options"] =
                json_list(*options, [](const Json& option) { return text_in(option, "label"); });
        }
        out.push_back(std::move(question));
    }
    return out;
}

/// The call's name on the wire; empty: any item type.
std::string_view call_name(Kind kind) {
    return kind == Kind::command ? "shell" : kind == Kind::file_change ? "apply_patch" : "";
}

} // namespace

std::optional<ApprovalQuestion> approval_of(std::string_view method, const Json& params) {
    if (method == "item/commandExecution/requestApproval") {
        ApprovalQuestion question = of_item(Kind::command, params);
        question.input["command"] = codex::bare_command(params);
        return question;
    }
    if (method == "item/fileChange/requestApproval") {
        return of_item(Kind::file_change, params);
    }
    if (method == "item/permissions/requestApproval") {
        ApprovalQuestion question = of_item(Kind::permissions, params);
        question.wanted = Json::object();
        const Json& wanted = object_in(params, "permissions");
        copy_member(question.wanted, wanted, "fileSystem");
        copy_member(question.wanted, wanted, "network");
        question.input["permissions"] = question.wanted;
        return question;
    }
    return method == "mcpServer/elicitation/request" ? of_elicitation(params) : std::nullopt;
}

Json approval_answer(const ApprovalQuestion& question, bool approved) {
    Json result = Json::object();
    switch (question.kind) {
    case Kind::command:
    case Kind::file_change:
        result["decision"] = approved ? "accept" : "decline";
        break;
    case Kind::permissions:
        result["permissions"] = approved ? question.wanted : Json::object();
        result["scope"] = "turn";
        break;
    case Kind::mcp_call:
        result["action"] = approved ? "accept" : "decline";
        result["content"] = nullptr;
        result["_meta"] = nullptr;
        break;
    }
    return Json::object({{"result", std::move(result)}});
}

std::optional<turn::Note> unanswered_note(std::string_view method, const Json& params) {
    if (method == "item/tool/requestUserInput") {
        return question_note("user-input", user_questions(params));
    }
    if (method == "mcpServer/elicitation/request" && !of_elicitation(params)) {
        Json question = Json::object({{"question", text_in(params, "message")}});
        copy_text(question, params, "serverName");
        return question_note("elicitation", Json::array({std::move(question)}));
    }
    return std::nullopt;
}

bool CodexApprovals::is_asked(std::string_view call) const {
    return contains(pending_, call, &Pending::call);
}

/// A question without an item names a tool and its arguments. Calls of one tool may run in
/// parallel, and each gets one question.
CodexApprovals::Call* CodexApprovals::call_of(const ApprovalQuestion& question) {
    const std::string own = question.item.empty() ? "" : codex::call_id(question.item, 1);
    const auto fits = [&](const Call& call) {
        if (!question.tool.empty()) {
            return call.name == question.tool && !call.asked;
        }
        return !own.empty() && codex::is_occurrence_of(call.id, own);
    };
    Call* found = nullptr;
    for (Call& call : calls_ | std::views::filter(fits)) {
        if (question.tool.empty() ? call.name == call_name(question.kind)
                                  : call.input == question.input) {
            return &call;
        }
        found = found == nullptr ? &call : found; // its item's type or input is unknown
    }
    return found;
}

void CodexApprovals::watch(EventBatch& events) {
    EventBatch before;
    for (std::size_t at = 0; at < events.size(); ++at, before.clear()) {
        watch(events[at], before);
        const auto place = events.begin() + static_cast<std::ptrdiff_t>(at);
        at += before.size();
        events.insert(place, std::move_iterator(before.begin()), std::move_iterator(before.end()));
    }
}

void CodexApprovals::watch(const turn::Event& event, EventBatch& before) {
    if (const auto* opened = std::get_if<turn::ToolOpened>(&event)) {
        calls_.push_back({opened->call, opened->name});
        return;
    }
    if (const auto* ready = std::get_if<turn::ToolInputReady>(&event)) {
        if (Call* call = find_or_null(calls_, ready->call, &Call::id)) {
            call->input = ready->input;
        }
        return;
    }
    const auto* output = std::get_if<turn::ToolOutput>(&event);
    const auto* failed = std::get_if<turn::ToolFailed>(&event);
    if (output == nullptr && failed == nullptr) {
        return;
    }
    const std::string& call = output != nullptr ? output->call : failed->call;
    std::erase_if(calls_, [&](const Call& known) { return known.id == call; });
    for (auto* waiting : {&pending_, &behind_}) {
        std::erase_if(*waiting, [&](const Pending& one) {
            if (one.call != call) {
                return false;
            }
            if (waiting == &pending_) {
                before.emplace_back(turn::ApprovalSettled{one.id, output != nullptr});
            }
            ended_.push_back({one.request, approval_answer(one.question, false)});
            return true;
        });
    }
}

void CodexApprovals::watch_item(const Json& item, bool ended) {
    const Json* changes = member(item, "changes");
    if (changes == nullptr || string_member(item, "type") != "fileChange") {
        return;
    }
    if (ended) {
        changes_.erase(text_in(item, "id"));
    } else {
        changes_.insert_or_assign(text_in(item, "id"), *changes);
    }
}

/// The note's id is the approval's, so that a later answer of the turn does not show it twice.
turn::Note CodexApprovals::note_of(const Pending& pending) const {
    Json payload = Json::object({{"approvalId", pending.id}, {"toolCallId", pending.call}});
    for (const auto& [key, value] : pending.question.details.items()) {
        payload[key] = value;
    }
    if (const auto found = changes_.find(pending.question.item); found != changes_.end()) {
        add_files(payload, found->second, place_);
    }
    return turn::Note{"approval", pending.id, false, std::move(payload)};
}

void CodexApprovals::ask(
    ApprovalQuestion question, const Json& request, std::string_view turn, EventBatch& out
) {
    Pending pending{
        .id = approval_id(turn, question.item, request), .question = std::move(question)
    };
    if (contains(pending_, pending.id, &Pending::id) ||
        contains(behind_, pending.id, &Pending::id)) {
        return;
    }
    pending.request = request;
    Call* call = call_of(pending.question);
    if (call == nullptr) {
        // Permissions have no item, but a client can only decide about a call.
        const bool permissions = pending.question.kind == Kind::permissions;
        std::string name = permissions ? "request_permissions" : pending.question.tool;
        pending.stands_in = true;
        pending.call = "call-" + pending.id;
        out.emplace_back(turn::ToolOpened{pending.call, name.empty() ? "approval" : name, true});
        out.emplace_back(turn::ToolInputReady{pending.call, pending.question.input});
    } else {
        pending.call = call->id;
        call->asked = !pending.question.tool.empty();
    }
    if (is_asked(pending.call)) {
        behind_.push_back(std::move(pending));
    } else {
        show(std::move(pending), out);
    }
}

void CodexApprovals::show(Pending pending, EventBatch& out) {
    out.emplace_back(note_of(pending));
    out.emplace_back(turn::ApprovalAsked{pending.id, pending.call});
    pending_.push_back(std::move(pending));
}

void CodexApprovals::settle(const Pending& pending, bool approved, EventBatch& out) {
    out.emplace_back(turn::ApprovalSettled{pending.id, approved});
    if (!pending.stands_in) {
        const auto next = std::ranges::find(behind_, pending.call, &Pending::call);
        if (next != behind_.end()) {
            Pending held = std::move(*next);
            behind_.erase(next);
            show(std::move(held), out);
        }
        return;
    }
    if (approved) {
        out.emplace_back(turn::ToolOutput{pending.call, Json::object({{"status", "approved"}})});
    } else {
        out.emplace_back(turn::ToolFailed{pending.call, "This was declined."});
    }
}

Result<CodexApprovals::Reply>
CodexApprovals::answer(std::string_view id, bool approved, EventBatch& out) {
    const auto found = std::ranges::find(pending_, id, &Pending::id);
    if (found == pending_.end()) {
        return fail(Code::not_found, "no approval of this id is waited for", std::string(id));
    }
    Pending pending = std::move(*found);
    pending_.erase(found);
    settle(pending, approved, out);
    return Reply{std::move(pending.request), approval_answer(pending.question, approved)};
}

void CodexApprovals::resolved(const Json& request, EventBatch& out) {
    std::erase_if(behind_, [&](const Pending& held) { return held.request == request; });
    const auto found = std::ranges::find(pending_, request, &Pending::request);
    if (found != pending_.end()) {
        const Pending pending = std::move(*found);
        pending_.erase(found);
        settle(pending, false, out);
    }
}

std::vector<CodexApprovals::Reply> CodexApprovals::withdraw() {
    std::vector<Reply> replies;
    replies.reserve(pending_.size() + behind_.size());
    for (auto* waiting : {&pending_, &behind_}) {
        for (Pending& one : *waiting) {
            replies.push_back({std::move(one.request), approval_answer(one.question, false)});
        }
        waiting->clear();
    }
    return replies;
}

} // namespace oa_stream::authority
