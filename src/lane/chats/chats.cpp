#include "chats.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"

#include "gates/gates.hpp"
#include "thread_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <unordered_map>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_retired_canonical = "/api/runtime/threads";
/// Codex stores a turn's beginning and end a moment after it told them.
constexpr Millis k_settle_wait{500};
constexpr Millis k_poll{10};

Rejection reject_read(const Error& error) {
    switch (error.code) {
    case Code::not_found:
        return reject(404, "not_found", "there is no such conversation");
    case Code::precondition:
        return reject(501, "not_supported", "this assistant keeps no conversations");
    default:
        return reject_start(error);
    }
}

Json page_json(Json data, std::string cursor) {
    Json body = Json::object();
    body["data"] = std::move(data);
    body["nextCursor"] = cursor.empty() ? Json(nullptr) : Json(std::move(cursor));
    return body;
}

std::string provider_of(const authority::Capabilities& able) {
    const auto* kind = authority::authority_kind(able.name);
    return kind == nullptr ? able.name : std::string(kind->provider);
}

struct Listed {
    std::string id; ///< the client's
    authority::ThreadInfo info;
    std::string newest{}; ///< id of the newest turn or the thread: both begin with their time
};

/// Newest first. The authority's times are whole seconds.
bool before(const Listed& a, const Listed& b) {
    return a.info.updated_at != b.info.updated_at ? a.info.updated_at > b.info.updated_at
                                                  : a.newest > b.newest;
}

std::string list_key(const Listed& item) {
    return std::to_string(item.info.updated_at) + '.' + item.id;
}

/// Where the page after `key` begins. When its last item has moved since (a new turn), whatever is
/// not newer than it was follows: repeated rather than left out.
Accepted<std::size_t> list_start(const std::vector<Listed>& items, const std::string& key) {
    if (key.empty()) {
        return 0;
    }
    std::int64_t updated = 0;
    const char* end = key.data() + key.size();
    const auto [dot, error] = std::from_chars(key.data(), end, updated);
    if (error != std::errc{} || dot == end || *dot != '.') {
        return std::unexpected(reject_cursor());
    }
    const std::string_view id(dot + 1, end);
    const auto anchor = std::ranges::find_if(items, [&](const Listed& item) {
        return item.id == id && item.info.updated_at == updated;
    });
    if (anchor != items.end()) {
        return static_cast<std::size_t>(anchor - items.begin()) + 1;
    }
    const auto rest = std::ranges::find_if(items, [&](const Listed& item) {
        return item.info.updated_at <= updated;
    });
    return static_cast<std::size_t>(rest - items.begin());
}

/// The page of messages after `key`, "<run id>.<role>"; reads no more turns than it needs.
Accepted<Json> message_page(
    const ProjectionContext& context,
    const std::vector<authority::PastTurn>& turns,
    const PageAsked& page
) {
    const auto dot = page.after.rfind('.');
    const auto after_turn = page.after.substr(0, dot);
    const auto after_role = dot == std::string::npos ? "" : page.after.substr(dot + 1);
    auto turn = turns.begin();
    if (!page.after.empty()) {
        turn = std::ranges::find_if(turns, [&](const auto& one) {
            return wire_id(one.id) == after_turn;
        });
        if (turn == turns.end()) {
            return std::unexpected(reject_cursor());
        }
    }
    Json data = Json::array();
    bool skipping = !page.after.empty();
    for (; turn != turns.end(); ++turn) {
        for (Json& message : project_messages(context, *turn)) {
            if (skipping) {
                skipping = after_role != string_member(message, "role").value_or("");
                continue;
            }
            if (data.size() == page.limit) {
                const auto& last = data.back();
                const auto run = last.at("runId").get<std::string>();
                const auto role = last.at("role").get<std::string>();
                return page_json(
                    std::move(data), make_cursor("m", fmt::format("{}.{}", run, role))
                );
            }
            data.push_back(std::move(message));
        }
        skipping = false; // an answer that was there is gone: go on with the next turn
    }
    return page_json(std::move(data), {});
}

/// Newest first; the key is the last run's id.
Accepted<Json> run_page(
    const ProjectionContext& context,
    const std::vector<authority::PastTurn>& turns,
    const PageAsked& page
) {
    auto turn = turns.rbegin();
    if (!page.after.empty()) {
        turn = std::ranges::find_if(turns.rbegin(), turns.rend(), [&](const auto& one) {
            return wire_id(one.id) == page.after;
        });
        if (turn == turns.rend()) {
            return std::unexpected(reject_cursor());
        }
        ++turn;
    }
    Json data = Json::array();
    for (; turn != turns.rend() && data.size() < page.limit; ++turn) {
        data.push_back(project_run(context, *turn));
    }
    const bool more = turn != turns.rend();
    auto cursor = more ? make_cursor("r", data.back().at("id").get<std::string>()) : std::string();
    return page_json(std::move(data), std::move(cursor));
}

} // namespace

Task<void> Chats::answer(CallPtr call, net::Response response) {
    // Word for word as the retired lane did; an operator recognises the rollback by them.
    if (lane_->config.mode == LaneMode::retired) {
        response.headers.set("x-oa-legacy-chat-retired", "true");
        response.headers.set("x-oa-legacy-chat-canonical", std::string(k_retired_canonical));
    }
    return answers_->send(std::move(call), std::move(response));
}

Task<void> Chats::refuse(CallPtr call, Rejection rejection) {
    auto response = to_response(rejection, call->record.request_id);
    call->record.error = std::move(rejection.code);
    return answer(std::move(call), std::move(response));
}

/// As the authority keeps them, once it has stored what it told last.
Task<Result<std::vector<authority::PastTurn>>> Chats::read_turns(CallPtr call, std::string thread) {
    const auto until = Clock::now() + k_settle_wait;
    while (true) {
        auto turns = co_await lane_->authority().turns(thread);
        if (!turns || turns->empty() || !turns->back().running || Clock::now() >= until) {
            co_return turns;
        }
        const auto& last = turns->back();
        const auto live = lane_->turns.find(call->record.owner, call->record.thread);
        const bool over = live && live->ended() && live->id() == wire_id(last.id);
        const bool nameless = !last.user_item_id && last.user_text.empty();
        if (!over && !nameless) {
            co_return turns;
        }
        co_await sleep_for(k_poll);
    }
}

/// Whether a resume may repeat the turn depends on what its page has been told here.
void Chats::note_told(const Call& call, const std::vector<authority::PastTurn>& turns) const {
    const auto live = lane_->turns.find(call.record.owner, call.record.thread);
    if (!live) {
        return;
    }
    const auto told = std::ranges::find_if(turns, [&](const authority::PastTurn& turn) {
        return wire_id(turn.id) == live->id();
    });
    live->history_read(told != turns.end() && !told->running);
}

Task<Accepted<Chats::Thread>> Chats::read_thread(CallPtr call, std::string_view list) {
    if (auto passed = owner(*lane_, *call); !passed) {
        co_return std::unexpected(std::move(passed).error());
    }
    auto id = read_path_id(call->match.id.value_or(""));
    if (!id) {
        co_return std::unexpected(std::move(id).error());
    }
    auto page = read_page(call->request().query, list);
    if (!page) {
        co_return std::unexpected(std::move(page).error());
    }
    call->record.thread = *id;
    const auto* row = lane_->ids().find(call->record.owner, *id);
    if (row == nullptr) {
        co_return std::unexpected(reject(404, "not_found", "there is no such conversation"));
    }
    Thread out{.page = *std::move(page)};
    const std::string thread = row->thread;
    std::vector<std::string> ids{thread};
    auto infos = co_await lane_->authority().threads(std::move(ids));
    if (!infos || infos->empty()) {
        co_return std::unexpected(reject_read(
            infos ? Error{.code = Code::not_found, .message = "no such thread"} : infos.error()
        ));
    }
    auto turns = co_await read_turns(call, thread);
    if (!turns) {
        co_return std::unexpected(reject_read(turns.error()));
    }
    out.info = std::move(infos->front());
    out.turns = *std::move(turns);
    out.context = {
        .thread = *std::move(id),
        .provider = provider_of(lane_->authority().capabilities()),
        .model = out.info.model
    };
    co_return out;
}

Task<void> Chats::list(CallPtr call) {
    if (auto passed = owner(*lane_, *call); !passed) {
        co_return co_await refuse(std::move(call), std::move(passed).error());
    }
    auto page = read_page(call->request().query, "c");
    if (!page) {
        co_return co_await refuse(std::move(call), std::move(page).error());
    }
    std::unordered_map<std::string, ThreadRow> rows;
    std::vector<std::string> ids;
    for (auto& row : lane_->ids().rows_of(call->record.owner)) {
        ids.push_back(row.thread);
        rows.insert_or_assign(row.thread, std::move(row));
    }
    auto infos = co_await lane_->authority().threads(std::move(ids));
    if (!infos) {
        co_return co_await refuse(std::move(call), reject_read(infos.error()));
    }
    std::vector<Listed> items;
    for (auto& info : *infos) {
        if (const auto row = rows.find(info.id); row != rows.end()) {
            auto newest = std::max(row->second.last_turn, info.id);
            items.push_back({row->second.id, std::move(info), std::move(newest)});
        }
    }
    std::ranges::sort(items, before);
    const auto start = list_start(items, page->after);
    if (!start) {
        co_return co_await refuse(std::move(call), start.error());
    }
    const auto bounds = bounds_of(*start, items.size(), page->limit);
    Json data = Json::array();
    for (auto at = bounds.first; at < bounds.last; ++at) {
        data.push_back(project_thread(items[at].id, items[at].info));
    }
    auto cursor = bounds.more ? make_cursor("c", list_key(items[bounds.last - 1])) : std::string();
    const auto body = page_json(std::move(data), std::move(cursor));
    co_await answer(std::move(call), json_response(200, body));
}

Task<void> Chats::conversation(CallPtr call) {
    auto thread = co_await read_thread(call, "m");
    if (!thread) {
        co_return co_await refuse(std::move(call), std::move(thread).error());
    }
    auto messages = message_page(thread->context, thread->turns, thread->page);
    if (!messages) {
        co_return co_await refuse(std::move(call), std::move(messages).error());
    }
    note_told(*call, thread->turns);
    const PageAsked newest{.limit = thread->page.limit};
    Json data = Json::object();
    data["conversation"] = project_thread(thread->context.thread, thread->info);
    data["messages"] = std::move(messages->at("data"));
    data["runs"] = run_page(thread->context, thread->turns, newest).value().at("data");
    messages->at("data") = std::move(data);
    co_await answer(std::move(call), json_response(200, *messages));
}

Task<void> Chats::messages(CallPtr call) {
    auto thread = co_await read_thread(call, "m");
    if (!thread) {
        co_return co_await refuse(std::move(call), std::move(thread).error());
    }
    const auto body = message_page(thread->context, thread->turns, thread->page);
    if (!body) {
        co_return co_await refuse(std::move(call), body.error());
    }
    note_told(*call, thread->turns);
    co_await answer(std::move(call), json_response(200, *body));
}

Task<void> Chats::runs(CallPtr call) {
    auto thread = co_await read_thread(call, "r");
    if (!thread) {
        co_return co_await refuse(std::move(call), std::move(thread).error());
    }
    const auto body = run_page(thread->context, thread->turns, thread->page);
    if (!body) {
        co_return co_await refuse(std::move(call), body.error());
    }
    co_await answer(std::move(call), json_response(200, *body));
}

Task<void> Chats::run_events(CallPtr call) {
    auto thread = co_await read_thread(call, "e");
    if (!thread) {
        co_return co_await refuse(std::move(call), std::move(thread).error());
    }
    const std::string run(trim(percent_decode(call->match.run.value_or("")).value_or("")));
    if (run.empty()) {
        auto rejection = invalid_field("run_id", "a run id is needed");
        co_return co_await refuse(std::move(call), std::move(rejection));
    }
    const auto turn = std::ranges::find_if(thread->turns, [&](const auto& one) {
        return wire_id(one.id) == run;
    });
    if (turn == thread->turns.end()) {
        auto rejection = reject(404, "not_found", "this conversation has no such run");
        co_return co_await refuse(std::move(call), std::move(rejection));
    }
    auto events = project_events(thread->context, *turn);
    std::size_t start = 0;
    const auto& after = thread->page.after;
    const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), start);
    if (!after.empty() && (error != std::errc{} || end != after.data() + after.size())) {
        co_return co_await refuse(std::move(call), reject_cursor());
    }
    const auto bounds = bounds_of(start, events.size(), thread->page.limit);
    Json data = Json::object();
    data["run"] = project_run(thread->context, *turn);
    data["events"] = Json::array();
    for (auto at = bounds.first; at < bounds.last; ++at) {
        data["events"].push_back(std::move(events[at]));
    }
    auto cursor = bounds.more ? make_cursor("e", std::to_string(bounds.last)) : std::string();
    const auto body = page_json(std::move(data), std::move(cursor));
    co_await answer(std::move(call), json_response(200, body));
}

} // namespace oa_stream::lane
