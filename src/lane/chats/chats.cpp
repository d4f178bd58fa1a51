#include "chats.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "chat_title.hpp"
#include "gates/gates.hpp"
#include "thread_name.hpp"
#include "tools/call_results.hpp"

#include <algorithm>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_retired_canonical = "/api/runtime/threads";
/// Codex stores a turn's beginning and end a moment after it reports them.
constexpr Millis k_settle_wait{500};
/// How long to wait for a turn that is being started: its question is part of the messages.
constexpr Millis k_begin_wait{2'000};
/// How long to wait until a turn that was just joined waits for its client.
constexpr Millis k_join_wait{1'000};
constexpr std::size_t k_most_words = 200; ///< longest search text, in bytes
/// Bytes; a smaller answer is never refused because of the memory of all answers
constexpr std::size_t k_small_answer = 64U << 10U;

/// A cursor is valid only for its own list and order.
std::string_view list_of(Chats::Reading reading, bool newest_first) {
    switch (reading) {
    case Chats::Reading::messages:
        return newest_first ? "d" : "m";
    case Chats::Reading::runs:
        return "r";
    case Chats::Reading::events:
        break;
    }
    return "e";
}

std::string provider_of(const authority::Capabilities& able) {
    const auto* kind = authority::authority_kind(able.name);
    return kind == nullptr ? able.name : std::string(kind->provider);
}

/// The key is the number of events that the client has.
Accepted<Json> event_page(const ThreadPage& page, const authority::PastTurn& turn) {
    auto events = project_events(page.context, turn);
    const auto& after = page.asked.after;
    const auto start = number_of<std::size_t>(after.empty() ? "0" : after);
    if (!start) {
        return reject_cursor();
    }
    const auto bounds = bounds_of(*start, events.size(), page.asked.limit);
    Json data = Json::object();
    data["run"] = project_run(page.context, turn);
    data["events"] = Json::array();
    for (auto at = bounds.first; at < bounds.last; ++at) {
        data["events"].push_back(std::move(events[at]));
    }
    const auto cursor = bounds.more ? make_cursor("e", std::to_string(bounds.last)) : std::string();
    return page_json(std::move(data), cursor);
}

} // namespace

Accepted<void> AnswerRoom::add(std::size_t bytes) {
    const bool others = *all_ > own_;
    if (own_ + bytes > k_small_answer && others && *all_ + bytes > most_) {
        return with_retry_after(
            reject(503, "service_unavailable", "too many large answers wait for their clients"), 1
        );
    }
    *all_ += bytes;
    own_ += bytes;
    return {};
}

Task<void> Chats::answer(CallPtr call, net::Response response) {
    AnswerRoom room(*lane_);
    const bool empty = call->request().method == "HEAD";
    if (auto fits = room.add(empty ? 0 : response.body.size()); !fits) {
        response = to_response(fits.error(), call->record.request_id);
        call->record.error = std::move(fits.error().code);
    }
    // The retired lane's headers, word for word: an operator recognises the rollback by them.
    if (lane_->config.mode == LaneMode::retired) {
        response.headers.set(net::k_retired_header, "true");
        response.headers.set(net::k_canonical_header, std::string(k_retired_canonical));
    }
    co_await answers_->send(std::move(call), std::move(response));
}

/// The control service's answer since it has no guests any more: clients need a token, and guests
/// get none.
Task<Accepted<net::Response>> Chats::guest_session(CallPtr call) {
    OA_CO_CHECK(owner(*lane_, *call));
    const Json data{
        {"retired", true},
        {"status", "codex_auth_required"},
        {"canonical", k_retired_canonical},
        {"message", "There are no guest sessions any more. Send requests with a token."}
    };
    call->record.error = "gone";
    auto response = json_response(410, Json::object({{"data", data}}));
    response.headers.set("x-oa-chat-auth-policy", "codex-auth-required");
    co_return response;
}

Task<void> Chats::serve(CallPtr call, Handler handler) {
    auto response = co_await (this->*handler)(call);
    if (!response) {
        co_return co_await refuse(std::move(call), std::move(response).error());
    }
    co_await answer(std::move(call), *std::move(response));
}

Task<void> Chats::refuse(CallPtr call, Rejection rejection) {
    const auto& record = call->record;
    if (rejection.status == 502 && call->match.id &&
        !lane_->ids().contains(record.owner, record.thread)) { // the row was deleted meanwhile
        rejection = reject_unknown_thread();
    }
    if (rejection.status >= 500 && !rejection.cause.empty()) {
        answers_->log_failed("read_failed", *call, rejection.code, rejection.cause);
    }
    auto response = to_response(rejection, call->record.request_id);
    call->record.error = std::move(rejection.code);
    return answer(std::move(call), std::move(response));
}

/// The thread's turn, of this lane or relayed; null: none is known. A turn that an earlier lane
/// left waiting for results is joined, so that its calls are known. Not for a client that does not
/// support approvals: a join for it would decline them.
Task<std::shared_ptr<LiveTurn>> Chats::join_waiting(CallPtr call) {
    const auto& record = call->record;
    auto own = lane_->turns.find(record.owner, record.thread);
    const bool decides = lane_->config.approvals != Approvals::ask || starter_->asks(*call);
    // Although k_begin_wait is over
    const bool starts = lane_->turns.starting(record.owner, record.thread);
    if (!lane_->config.allowed.tools || !decides || starts || (own && !lane_->shared)) {
        co_return own;
    }
    const auto joined = co_await starter_->find(call, FoundFor::reading, k_begin_wait);
    if (!joined || !*joined) {
        co_return own;
    }
    const auto& turn = *joined;
    const auto until = Clock::now() + k_join_wait;
    while (turn != own && !turn->ended() && !turn->waiting() && Clock::now() < until) {
        co_await sleep_for(k_turn_poll);
    }
    co_return turn;
}

/// Waits until the authority has stored the newest turn's last report. Returns that turn's id.
Task<Result<std::string>> Chats::settle(CallPtr call, std::string thread) {
    const auto until = Clock::now() + k_settle_wait;
    authority::TurnsQuery query{.thread = std::move(thread), .limit = 1, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::question;
    while (true) {
        OA_CO_TRY(auto page, co_await lane_->authority().turns_page(query));
        if (page.turns.empty()) {
            co_return std::string();
        }
        if (!page.turns.front().running || Clock::now() >= until) {
            co_return std::move(page.turns.front().id);
        }
        const auto& last = page.turns.front();
        const auto live = lane_->turns.find(call->record.owner, call->record.thread);
        const bool over = live && live->ended() && live->id() == wire_id(last.id);
        const bool nameless = !last.user_item_id && last.user_text.empty();
        if (!over && !nameless) {
            co_return last.id;
        }
        co_await sleep_for(k_turn_poll);
    }
}

/// Notes which turns the client has received here, because this decides whether a resume may replay
/// them. A page of messages that does not reach the newest turn notes nothing.
Task<void> Chats::note_read(CallPtr call, const MessagesRead* read, const Thread* thread) {
    if (!read->reached_newest) {
        co_return;
    }
    const auto& live = thread->live;
    const auto& context = thread->page.context;
    std::vector<std::string> whole;
    bool runs = false;
    for (const auto& turn : read->turns) {
        if (!turn.running) {
            whole.push_back(wire_id(turn.id));
        }
        runs = runs || (turn.running && turn.id == context.newest);
    }
    // The list has the calls that waited when the read began. By now other calls may wait: those of
    // a later answer, after one of these got its result.
    const bool waits = runs && !context.calls.empty() && live->waiting() &&
                       std::ranges::all_of(context.calls, [&](const turn::ClientCall& listed) {
                           return contains(live->open_calls(), listed);
                       });
    if (waits) {
        whole.push_back(live->id()); // complete up to the point where it waits for its page
    }
    if (lane_->shared) {
        const auto& record = call->record;
        co_await lane_->shared->note_read(record.owner, record.thread, std::move(whole), waits);
    } else if (live) {
        live->history_read(contains(whole, live->id()));
    }
}

Task<Accepted<Chats::Thread>> Chats::read_thread(CallPtr call, Reading reading) {
    OA_CO_CHECK(owner(*lane_, *call));
    OA_CO_TRY(auto id, read_path_id(call->match.id.value_or("")));
    const auto& query = call->request().query;
    OA_CO_TRY(
        const auto newest_first,
        reading == Reading::messages ? read_newest_first(query) : Accepted<bool>(false)
    );
    OA_CO_TRY(auto page, read_page(query, list_of(reading, newest_first)));
    call->record.thread = id;
    if (reading == Reading::messages) {
        OA_CO_CHECK(co_await starter_->await_start(call, k_begin_wait));
        (void)co_await starter_->await_first_turn(call, id, k_begin_wait);
    }
    const auto row = lane_->ids().find(call->record.owner, id);
    if (!row) {
        co_return reject_unknown_thread();
    }
    Thread out{.page = {.thread = row->thread, .asked = std::move(page)}};
    out.page.newest_first = newest_first;
    out.page.reader = {call->record.owner, [exchange = call->exchange] {
                           return exchange->peer_gone();
                       }};
    std::vector<std::string> ids{row->thread};
    auto infos = co_await lane_->authority().threads(std::move(ids));
    if (!infos) {
        co_return reject_read(infos.error());
    }
    if (infos->empty()) {
        if (lane_->ids().find(row->owner, row->id) == row) {
            lane_->ids().hide(*row); // lists do not show it any more, either
        }
        co_return reject_read({.code = Code::not_found, .message = "no such thread"});
    }
    if (reading == Reading::messages) {
        out.live = co_await join_waiting(call);
    }
    auto newest = co_await settle(call, row->thread);
    if (!newest) {
        co_return reject_read(newest.error());
    }
    out.info = completed(std::move(infos->front()), *row);
    out.archived = row->archived;
    out.page.context = {
        .thread = std::move(id),
        .provider = provider_of(lane_->authority().capabilities()),
        .model = out.info.model,
        .newest = *std::move(newest)
    };
    const auto& live = out.live;
    // Not while approvals wait: a list cannot show them, and the resume that sends one replays the
    // whole answer, which most clients append to the part that they have.
    const bool listed = live && live->waiting() && !live->asks();
    if (listed && live->id() == wire_id(out.page.context.newest)) {
        out.page.context.calls = live->open_calls();
        out.page.context.call_order = live->call_order();
    }
    out.page.seeded = row->seeded > 0;
    co_return out;
}

Task<Accepted<net::Response>> Chats::list(CallPtr call) {
    OA_CO_CHECK(owner(*lane_, *call));
    const auto& query = call->request().query;
    OA_CO_TRY(const bool archived, read_archived(query));
    if (query_parameter(query, "order").value_or("desc") != "desc") {
        co_return invalid_field("order", "order must be desc: this list is newest first");
    }
    ChatList::Rows rows{call->record.owner, archived};
    rows.title = folded(trim(query_parameter(query, "q").value_or("")));
    rows.words = trim(query_parameter(query, "text").value_or(""));
    if (rows.words.size() > k_most_words) {
        co_return invalid_field("text", "text is longer than 200 bytes");
    }
    OA_CO_TRY(auto page, read_page(query, ChatList::name_of(rows)));
    OA_CO_TRY(const auto body, co_await list_.page(std::move(rows), std::move(page)));
    co_return json_response(200, body);
}

Task<Accepted<net::Response>> Chats::conversation(CallPtr call) {
    OA_CO_TRY(const auto thread, co_await read_thread(call, Reading::messages));
    ThreadPage newest = thread.page;
    newest.asked.after.clear();
    // Runs first: if they show that a run has ended, the messages must contain its answer.
    OA_CO_TRY(auto runs, co_await read_runs(&lane_->authority(), std::move(newest)));
    OA_CO_TRY(auto messages, co_await read_messages(&lane_->authority(), thread.page));
    co_await note_read(call, &messages, &thread);
    auto summary = project_thread(thread.page.context.thread, thread.info, thread.archived);
    messages.body.at("data") = Json::object(
        {{"conversation", std::move(summary)},
         {"messages", std::move(messages.body.at("data"))},
         {"runs", std::move(runs.at("data"))}}
    );
    co_return json_response(200, messages.body);
}

Task<Accepted<net::Response>> Chats::messages(CallPtr call) {
    OA_CO_TRY(const auto thread, co_await read_thread(call, Reading::messages));
    OA_CO_TRY(const auto messages, co_await read_messages(&lane_->authority(), thread.page));
    co_await note_read(call, &messages, &thread);
    co_return json_response(200, messages.body);
}

Task<Accepted<net::Response>> Chats::runs(CallPtr call) {
    OA_CO_TRY(auto thread, co_await read_thread(call, Reading::runs));
    OA_CO_TRY(const auto body, co_await read_runs(&lane_->authority(), std::move(thread.page)));
    co_return json_response(200, body);
}

Task<Accepted<net::Response>> Chats::run_events(CallPtr call) {
    OA_CO_TRY(const auto thread, co_await read_thread(call, Reading::events));
    std::string run(trim(percent_decode(call->match.run.value_or("")).value_or("")));
    if (run.empty()) {
        co_return invalid_field("run_id", "a run id is needed");
    }
    authority::TurnsQuery query{.thread = thread.page.thread, .limit = 1};
    query.newest_first = true; // clients mostly read new runs
    query.from = std::move(run);
    query.failures = true;
    auto turns = co_await lane_->authority().turns_page(std::move(query));
    if (!turns && turns.error().code != Code::precondition) {
        co_return reject_read(turns.error());
    }
    if (!turns || turns->turns.empty()) {
        co_return reject(404, "not_found", "this conversation has no such run");
    }
    drop_results_ahead(turns->turns.front());
    OA_CO_TRY(const auto body, event_page(thread.page, turns->turns.front()));
    co_return json_response(200, body);
}

} // namespace oa_stream::lane
