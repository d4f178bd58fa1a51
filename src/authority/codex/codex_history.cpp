#include "codex_history.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "client_calls.hpp"
#include "codex/events/codex_events.hpp"
#include "codex/events/codex_events_items.hpp"
#include "codex_requests.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

namespace oa_stream::authority {

namespace {

/// The member's text, which leaves the object; empty unless it is a string.
std::string text_out_of(Json& object, std::string_view key) {
    const auto found = object.find(key);
    auto* text = found == object.end() ? nullptr : found->get_ptr<std::string*>();
    return text == nullptr ? std::string() : std::move(*text);
}

/// A steered turn has several user messages; they are joined in order. Images leave the item.
void add_user_message(PastTurn& past, Json& item) {
    if (!past.user_item_id) {
        past.user_item_id = text_view_in(item, "id");
        if (const auto client = string_member(item, "clientId")) {
            const auto tagged = untag_message(*client);
            past.model = tagged.model;
            if (!tagged.id.empty()) {
                past.client_message_id = tagged.id;
            }
        }
    }
    const auto content = item.find("content");
    if (content == item.end() || !content->is_array()) {
        return;
    }
    for (Json& part : *content) {
        const std::string_view type = text_view_in(part, "type");
        if (type == "text") {
            if (!past.user_text.empty()) {
                past.user_text += '\n';
            }
            past.user_text += text_view_in(part, "text");
            past.user_parts.emplace_back(InputText{std::string(text_view_in(part, "text"))});
        } else if (type == "image") {
            past.user_parts.emplace_back(InputImage{text_out_of(part, "url")});
        }
    }
}

/// Events that open a part or a call get the item's start time, the others its end time.
std::int64_t time_of(const turn::Event& event, const Json& item) {
    const bool opens = std::holds_alternative<turn::PartOpened>(event) ||
                       std::holds_alternative<turn::ToolOpened>(event) ||
                       std::holds_alternative<turn::ToolInputReady>(event);
    return int_member(item, opens ? "startedAtMs" : "completedAtMs").value_or(0);
}

/// The TurnEnded event, if codex stores more than the outcome.
std::optional<turn::TurnEnded> add_outcome(PastTurn& past, const Json& turn) {
    const std::string_view status = text_view_in(turn, "status");
    past.outcome = status == "interrupted" ? turn::Outcome::interrupted
                   : status == "failed"    ? turn::Outcome::failed
                                           : turn::Outcome::completed;
    // Codex stores a truncated turn as failed. Live, the client received a completed turn with
    // finish length.
    const Json* error = member(turn, "error");
    if (status != "failed" || error == nullptr || !error->is_object()) {
        return std::nullopt;
    }
    CodexFailure failure = classify_codex_error(*error);
    if (failure.truncated || failure.filtered) {
        past.outcome = turn::Outcome::completed;
        return turn::TurnEnded{past.outcome, failure.finish};
    }
    return turn::TurnEnded{past.outcome, failure.finish, std::move(failure.failure)};
}

/// Codex lists items in the order of their ends. The stream sent them in the order of their starts:
/// parallel calls end in any order.
std::vector<Json*> as_begun(Json& turn) {
    const auto found = turn.find("items");
    if (found == turn.end() || !found->is_array()) {
        return {};
    }
    Json& items = *found;
    std::vector<std::pair<std::int64_t, std::size_t>> begun;
    for (const Json& item : items) {
        const auto before = begun.empty() ? 0 : begun.back().first;
        begun.emplace_back(int_member(item, "startedAtMs").value_or(before), begun.size());
    }
    std::ranges::sort(begun);
    return mapped(begun, [&](const auto& one) { return &items[one.second]; });
}

} // namespace

Json turns_query_params(const TurnsQuery& query, const std::string& cursor, std::size_t limit) {
    using Detail = TurnsQuery::Detail;
    const auto* view = query.detail == Detail::all    ? "full"
                       : query.detail == Detail::none ? "notLoaded"
                                                      : "summary";
    Json params = Json::object(
        {{"threadId", query.thread},
         {"sortDirection", query.newest_first ? "desc" : "asc"},
         {"itemsView", view},
         {"limit", std::min<std::size_t>(limit, k_history_page)}}
    );
    if (!cursor.empty()) {
        params["cursor"] = cursor;
    }
    return params;
}

Json latest_turns_params(const std::string& thread) {
    return Json::object(
        {{"threadId", thread}, {"sortDirection", "desc"}, {"itemsView", "summary"}, {"limit", 3}}
    );
}

PastTurn past_turn(Json turn, std::string_view cwd) {
    PastTurn past;
    past.id = text_view_in(turn, "id");
    past.running = text_view_in(turn, "status") == "inProgress";
    auto end = add_outcome(past, turn);
    past.started_at = int_member(turn, "startedAt").value_or(0);
    past.completed_at = int_member(turn, "completedAt");
    std::map<std::pair<std::string_view, std::string_view>, int> seen; // providers reuse ids
    for (Json* raw : as_begun(turn)) {
        Json& item = *raw;
        const std::string_view type = text_view_in(item, "type");
        if (type == "userMessage") {
            add_user_message(past, item);
            continue;
        }
        // tool calls of all types share one id space
        const bool call = codex::kind_of(type) == codex::ItemKind::tool;
        const int occurrence = ++seen[{call ? "" : type, text_view_in(item, "id")}];
        auto events = events_of_item(item, occurrence, cwd);
        tell_as_client(item, events);
        for (turn::Event& event : events) {
            past.times_ms.push_back(time_of(event, item));
            past.events.push_back(std::move(event));
        }
    }
    if (end) {
        past.events.emplace_back(*std::move(end));
    }
    return past;
}

ThreadInfo thread_info(const Json& thread) {
    ThreadInfo info{.id = std::string(text_view_in(thread, "id"))};
    info.title = text_view_in(thread, "name");
    info.named = !info.title.empty() && info.title != k_unnamed;
    if (!info.named) {
        info.title = text_view_in(thread, "preview");
    }
    info.created_at = int_member(thread, "createdAt").value_or(0);
    info.updated_at = int_member(thread, "updatedAt").value_or(info.created_at);
    info.model = text_view_in(thread, "model");
    return info;
}

Result<ListedTurns> listed_turns(Json result, std::string_view cwd) {
    const auto data = result.find("data");
    if (data == result.end() || !data->is_array()) {
        return fail(Code::protocol, "codex answered thread/turns/list without data");
    }
    ListedTurns page;
    for (Json& turn : *data) {
        page.turns.push_back(past_turn(std::move(turn), cwd));
    }
    page.next_cursor = text_view_in(result, "nextCursor");
    return page;
}

const Json* turn_with_id(const Json& turns, std::string_view id) {
    return find_if_or_null(turns, [&](const Json& turn) { return text_view_in(turn, "id") == id; });
}

const Json* ended_turn(const Json& result, std::string_view id) {
    const Json* turn = turn_with_id(list_in(result, "data"), id);
    return turn == nullptr || text_view_in(*turn, "status") == "inProgress" ? nullptr : turn;
}

} // namespace oa_stream::authority
