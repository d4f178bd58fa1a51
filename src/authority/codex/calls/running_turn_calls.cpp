// The client's functions in a running turn.
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"

#include "codex/events/token_usage.hpp"
#include "codex/running_turn.hpp"

#include <utility>

namespace oa_stream::authority {

void RunningTurn::call_early() {
    for (const auto& [params, request] : std::exchange(early_calls_, {})) {
        client_call(params, request);
    }
}

void RunningTurn::watch_calls(std::string_view method, const Json& message, EventBatch& events) {
    const Json* params = member(message, "params");
    if (params == nullptr) {
        return;
    }
    const bool whole = method == "item/started" || method == "item/completed";
    const Json* item = whole ? member(*params, "item") : nullptr;
    if (item != nullptr) {
        calls_.mark(*item, events);
        if (method == "item/completed") {
            kept_.ended(string_member(*item, "id").value_or(""));
        }
    } else if (string_member(*params, "turnId") == id_) {
        calls_.watch(method, *params);
        if (method == "error" && answered_itself_ && bool_member(*params, "willRetry") == true) {
            give_up(object_in(*params, "error"));
        }
    }
}

void RunningTurn::client_call(const Json& params, const Json& request) {
    if (id_.empty()) {
        early_calls_.emplace_back(params, request);
        return;
    }
    last_event_ = Clock::now();
    calls_.ask(params, request);
    tell_calls();
}

Result<ClientCalls::Reply> RunningTurn::answer_call(const CallResult& result) {
    if (over()) {
        return oa_stream::fail(Code::not_found, "the turn is over", result.call);
    }
    auto reply = calls_.answer(result);
    if (reply) {
        last_event_ = Clock::now();
        if (!reply->request.is_null()) {
            kept_.keep(reply->request, reply->item, reply->body);
        }
    }
    return reply;
}

Task<bool> RunningTurn::wait_silent(std::shared_ptr<RunningTurn> self, Millis patience) {
    while (self->end_missing()) {
        const auto due = (self->adrift_since_ ? Clock::now() : self->last_event_) + patience;
        if (Clock::now() >= due) {
            co_return true;
        }
        co_await self->changed_.wait_until(due);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            break;
        }
    }
    co_return false;
}

std::vector<ClientCalls::Reply> RunningTurn::end_response() {
    auto replies = calls_.end_response();
    answered_itself_ = answered_itself_ || !replies.empty();
    tell_calls();
    return replies;
}

void RunningTurn::tell_calls() {
    EventBatch events;
    for (turn::ClientCall& call : calls_.take()) {
        if (!calls_.opened(call.call)) { // its start was missed
            events.emplace_back(turn::ToolOpened{call.call, call.name, false, true});
            auto input = parse_any_json(call.arguments).value_or(Json::object());
            events.emplace_back(turn::ToolInputReady{call.call, std::move(input)});
        }
        events.emplace_back(std::move(call));
    }
    if (!events.empty()) {
        queue(std::move(events));
    }
    if (calls_.only_client_left()) {
        hand_over();
    }
}

/// Codex reports a response's usage only after its calls are answered. Sends the same numbers now.
void RunningTurn::spent_so_far(EventBatch& events) {
    const Json& response = calls_.usage();
    if (!response.is_object()) {
        return;
    }
    turn::Usage total = translator_.total_usage();
    total += usage_of(response);
    translator_.notification(usage_report(thread_, id_, total), events);
}

void RunningTurn::hand_over() {
    if (handed_over_ || over()) {
        return;
    }
    EventBatch events;
    spent_so_far(events);
    if (!events.empty()) {
        spent_ = std::get<turn::UsageKnown>(events.back()).usage;
    }
    events.emplace_back(
        turn::TurnEnded{turn::Outcome::completed, turn::Finish::tool_calls, std::nullopt, spent_}
    );
    queue(std::move(events));
    handed_over_ = true;
}

/// Compaction replaces all messages but the user's newest with a summary. Results that the client
/// sent and the model has not read yet would be lost, and it would repeat the same calls.
bool RunningTurn::loses_results(std::string_view method, const Json& message) {
    if (!unread_results || method != "item/started") {
        return false;
    }
    const auto type = text_view_in(object_in(object_in(message, "params"), "item"), "type");
    const bool compacts = type == "contextCompaction";
    unread_results = compacts || type == "userMessage"; // all other items are the model's
    return compacts;
}

/// Codex calls the model again, whose next answer would be based on results that the client never
/// sent.
void RunningTurn::give_up(const Json& error) {
    if (handed_over_ || over()) {
        return;
    }
    EventBatch events;
    events.emplace_back(turn::TurnEnded{
        turn::Outcome::failed, turn::Finish::error, classify_codex_error(error).failure, spent_
    });
    queue(std::move(events));
    handed_over_ = true;
}

} // namespace oa_stream::authority
