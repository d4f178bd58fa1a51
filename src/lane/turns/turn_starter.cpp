#include "turn_starter.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/encode/ui_encoder.hpp"

#include "approvals/accept_header.hpp"
#include "chats/chat_list.hpp"
#include "chats/projection.hpp"
#include "chats/thread_pages.hpp"
#include "redact_quotes.hpp"
#include "replace_plan.hpp"
#include "tools/call_results.hpp"
#include "tools/client_tools.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Codes of a start after which the turn may run, or be in the thread's history.
constexpr std::array k_in_doubt{Code::timeout, Code::cancelled, Code::unavailable};

/// No row refers to the thread any more. If it is the source of a copy, the authority keeps what
/// the copy needs.
Task<void> delete_replaced(authority::Authority* authority, std::string thread) {
    (void)co_await authority->delete_thread(std::move(thread));
}

std::string message_digest(const ChatRequest& chat) {
    return sha256_hex(chat.user_message_id + '\n' + chat.words).substr(0, 32);
}

/// Of what the user typed, else of what came with it.
std::string title_of(const ChatRequest& chat) {
    return short_title(chat.text.empty() ? text_in_input(chat.input) : chat.text);
}

} // namespace

/// Only this header distinguishes AI SDK 6 from 5, which refuses the chunk.
bool TurnStarter::asks_approvals(const Call& call) const {
    return lane_->config.approvals == Approvals::ask && accepts_approvals(call.request().headers) &&
           lane_->authority().capabilities().approvals;
}

/// The client sends its newest message again (a retry of a library or a proxy): its turn is
/// replaced, so that the message does not appear twice in the thread. The digest includes the text
/// because some clients give every message the same id.
bool TurnStarter::repeats_newest(const Call& call) const {
    return call.row && !call.chat.user_message_id.empty() && !call.row->last_turn.empty() &&
           call.row->last_message == message_digest(call.chat) &&
           lane_->authority().capabilities().can_revert;
}

/// The turns from the one that the request names up to the newest, in the thread's order; all of
/// them when it names none.
Task<Result<std::vector<authority::PastTurn>>>
TurnStarter::turns_to_replace(CallPtr call, std::string thread) {
    authority::TurnsQuery query{.thread = std::move(thread), .limit = 20, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::question;
    std::vector<authority::PastTurn> read;
    while (true) {
        OA_CO_TRY(auto page, co_await lane_->authority().turns_page(query));
        for (auto& turn : page.turns) {
            drop_results_ahead(turn);
            if (query.from.empty() || turn.id != query.from) {
                read.push_back(std::move(turn));
            }
        }
        const bool fresh = !read.empty() && read.back().id != query.from;
        if (!page.more || !fresh || names_turn(call->chat, read)) {
            break;
        }
        query.from = read.back().id;
        query.limit = 100;
    }
    std::ranges::reverse(read);
    co_return read;
}

Task<Accepted<authority::TurnRequest>> TurnStarter::make_turn_request(CallPtr call, bool unsure) {
    authority::TurnRequest request;
    request.owner = call->record.owner;
    request.probe = !call->record.probe.empty();
    request.traceparent = call->traceparent;
    request.client_message_id = call->chat.user_message_id;
    request.ask_approvals = asks_approvals(*call);
    request.ours = call->ours;
    request.effort = call->chat.extras.effort;
    request.model = call->chat.extras.model;
    if (request.model.empty() && lane_->config.names_model) {
        request.model = lane_->config.model;
    }
    call->row = lane_->ids().find(call->record.owner, call->chat.thread);
    bool same_key = false; // … as a start of which nobody knows whether it took place
    if (const auto& row = call->row) {
        request.thread = row->thread;
        if (const auto doubt = in_doubt_.find(row->thread); doubt != in_doubt_.end()) {
            unsure = true;
            same_key = !call->key.empty() && doubt->second == call->key;
        }
    }
    if (co_await gives_way(call)) {
        call->replaced = *std::exchange(request.thread, std::nullopt);
    }
    auto& chat = call->chat;
    if (chat.answers_calls && chat.regenerate && request.thread) {
        // The page dropped the answer to these results; the thread still has the results.
        chat.answers_calls = false;
        chat.kept_question = true;
        chat.results_at.reset();
    }
    if (request.thread) {
        OA_CO_CHECK(co_await add_unsent(call, *request.thread));
    }
    request.input = chat.input;
    if ((call->key_left || same_key) && request.thread && !chat.answers_calls) {
        OA_CO_CHECK(co_await refuse_answered(call, *request.thread, unsure));
    }
    if (chat.answers_calls && !request.thread) {
        OA_CO_CHECK(co_await begin_with_results(call, &request));
    } else if (chat.answers_calls) {
        OA_CO_CHECK(co_await take_results(call, &request));
    } else if (!request.thread && chat.kept_question) {
        co_return reject_kept_question();
    } else if (!request.thread) {
        OA_CO_CHECK(co_await seed_new_thread(call, &request));
    } else if (asks_to_replace(chat)) {
        OA_CO_CHECK(co_await replace_turns(call, &request));
    } else {
        OA_CO_CHECK(co_await replace_same(call, &request, unsure));
    }
    co_return request;
}

/// Replaces the turn that the same message started before, if there is one.
Task<Accepted<void>>
TurnStarter::replace_same(CallPtr call, authority::TurnRequest* request, bool unsure) {
    const auto& row = call->row;
    // This process does not know which message an earlier process answered last.
    const bool unknown = row && row->last_turn.empty() && !call->chat.user_message_id.empty();
    if ((unsure || unknown) && lane_->authority().capabilities().can_revert) {
        OA_CO_TRY(auto orphan, co_await orphaned_turn(call, request->thread.value_or("")));
        if (auto& turn = orphan) {
            request->revert_from_turn = std::move(turn->id);
            co_return Accepted<void>{};
        }
    }
    if (row && repeats_newest(*call)) {
        request->revert_from_turn = row->last_turn;
    }
    co_return Accepted<void>{};
}

/// Replaces the turns that the request names, with all turns after them.
Task<Accepted<void>> TurnStarter::replace_turns(CallPtr call, authority::TurnRequest* request) {
    const auto turns = co_await turns_to_replace(call, request->thread.value_or(""));
    if (!turns && turns.error().code == Code::not_found) {
        if (call->chat.kept_question) {
            co_return reject_kept_question();
        }
        co_return co_await seed_new_thread(call, request);
    }
    if (!turns) {
        answers_->log_start_failed(*call, turns.error());
        co_return reject_start(turns.error());
    }
    if (call->chat.kept_question) {
        OA_CO_CHECK(take_question(call->chat, *turns));
        request->input = call->chat.input;
        request->client_message_id = call->chat.user_message_id;
    }
    const bool named = names_turn(call->chat, *turns);
    OA_CO_TRY(
        const auto seeded,
        co_await read_seeded(&lane_->authority(), named ? std::nullopt : call->row)
    );
    OA_CO_TRY(const auto plan, plan_replace(call->chat, *turns, seeded));
    const auto able = lane_->authority().capabilities();
    const bool revert = plan.kind == ReplacePlan::Kind::revert;
    const bool reseed = plan.kind == ReplacePlan::Kind::reseed;
    if ((revert && !able.can_revert) || (reseed && !able.can_seed)) {
        co_return reject_regenerate("this assistant cannot replace earlier messages");
    }
    if (reseed) {
        call->replaced = request->thread.value_or("");
        co_return co_await seed_new_thread(call, request);
    }
    if (revert) {
        request->revert_from_turn = plan.from_turn;
    }
    co_return Accepted<void>{};
}

/// Pages send their system prompt with every request. The thread gets it once, and again when it
/// has changed, when another lane may have set another one, or when a revert may have removed it.
void TurnStarter::tell_system(const Call& call, authority::TurnRequest& request) const {
    const auto& system = call.chat.extras.system;
    const auto settled = request.thread ? settled_.find(*request.thread) : settled_.end();
    const bool known = settled != settled_.end() && call.row &&
                       settled->second.turn == wire_id(call.row->last_turn) &&
                       settled->second.system == sha256_hex(system);
    request.developer = known && !request.revert_from_turn ? std::string() : system;
}

Task<Accepted<std::unique_ptr<authority::Turn>>>
TurnStarter::start_turn(CallPtr call, bool unsure) {
    OA_CO_TRY(auto request, co_await make_turn_request(call, unsure));
    OA_CO_CHECK(co_await add_results_ahead(call, &request));
    const bool known = request.thread.has_value();
    if (!known && !co_await lane_->ids().writable()) {
        co_return reject_unstored();
    }
    const bool replaces = request.revert_from_turn.has_value();
    tell_system(*call, request);
    OA_CO_CHECK(co_await offer_tools(call, &request));
    auto turn = co_await lane_->authority().start(request);
    if (!turn && turn.error().code == Code::precondition && !asks_to_replace(call->chat) &&
        request.revert_from_turn) {
        request.revert_from_turn.reset(); // the turn to replace was never stored in the thread
        turn = co_await lane_->authority().start(request);
    }
    if (!turn && turn.error().code == Code::not_found && known &&
        lane_->authority().capabilities().can_seed) {
        // The authority lost the thread (its state was removed): continue with what the client
        // holds.
        answers_->log_event(
            LogLevel::warn,
            "thread_lost",
            Json{{"request_id", call->record.request_id}, {"thread", call->chat.thread}}
        );
        OA_CO_CHECK(co_await seed_new_thread(call, &request));
        OA_CO_CHECK(co_await offer_tools(call, &request));
        tell_system(*call, request);
        turn = co_await lane_->authority().start(request);
    }
    if (turn) {
        in_doubt_.erase((*turn)->thread_id());
        note_settled(*call, **turn);
        if (!request.tools.empty()) {
            note(tools_, (*turn)->thread_id(), digest_of(request.tools));
        }
    }
    if (!turn) {
        answers_->log_start_failed(*call, turn.error());
        if (request.thread && contains(k_in_doubt, turn.error().code)) {
            note(in_doubt_, *request.thread, call->key);
        }
        const bool lost = call->ours && !call->ours();
        auto rejection = lost ? reject_nothing_new() : reject_start(turn.error(), replaces);
        if (turn.error().hint == authority::k_replaced_is_gone) {
            rejection.message += ": the message to replace and its answer are gone, send it again";
        }
        co_return std::move(rejection);
    }
    co_return *std::move(turn);
}

/// A thread that replaces another one keeps its name, also when the other is lost and only its
/// title is known. Empty: it had no name.
Task<std::string>
TurnStarter::keep_name(std::string before, std::string title, std::string thread) {
    // The row's title may be older than the authority's name.
    title = co_await name_of(&lane_->authority(), std::move(before), std::move(title));
    if (title.empty()) {
        co_return title;
    }
    // If this fails, the list shows the title until it reads the name from the authority.
    (void)co_await lane_->authority().name_thread(std::move(thread), title);
    co_return title;
}

/// Stores a new thread on disk before any byte of its first answer is sent: after a crash the lane
/// must still find it. Lanes that share a store receive it with the turn: commit_everywhere().
Task<Accepted<void>> TurnStarter::remember_thread(CallPtr call, const authority::Turn* turn) {
    auto& ids = lane_->ids();
    const auto& owner = call->record.owner;
    const auto& id = call->chat.thread;
    const auto now = unix_now();
    Result<void> stored{};
    const auto& known = call->row;
    if (known && known->thread == turn->thread_id()) {
        if (auto row = *known; row.title.empty()) { // it was made without a title
            row.title = title_of(call->chat);
            ids.describe(row);
        }
        ids.touch(owner, id, now);
        ids.archive(owner, id, false); // a thread that is used is listed again
    } else {
        ThreadRow row{owner, id, turn->thread_id(), call->seeded};
        std::string name;
        if (known) {
            name = co_await keep_name(known->thread, known->title, row.thread);
        }
        row.title = name.empty() ? title_of(call->chat) : short_title(name);
        row.created_at = known && known->created_at != 0 ? known->created_at : call->came_s();
        row.updated_at = now;
        ids.put(row);
        stored = co_await ids.commit();
    }
    if (!stored) {
        ids.undo(owner, id, call->row);
        co_return reject_unstored();
    }
    ids.note_turn(owner, id, message_digest(call->chat), turn->turn_id());
    co_return Accepted<void>{};
}

std::shared_ptr<LiveTurn> TurnStarter::go_live(
    const Call& call,
    TurnIdentity identity,
    std::unique_ptr<authority::Turn> turn,
    std::shared_ptr<TurnJournal> journal,
    const TurnHead& head
) const {
    const auto id = wire_id(turn->turn_id());
    auto style = shared_style(std::move(journal));
    style.encoder = std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{
        .thread = identity.thread,
        .message_id = head.message_id.empty() ? id : head.message_id,
        .turn = id,
        .model = call.chat.extras.model.empty() ? turn->model() : call.chat.extras.model,
        .ignored = call.chat.extras.ignored.listed(),
        .approvals = head.approvals
    });
    style.approvals = head.approvals;
    style.calls = head.calls;
    style.began_with = head.began_with;
    const auto written = style.journal;
    auto live = LiveTurn::begin(
        {lane_->executor, lane_->host, std::move(identity), std::move(turn), std::move(style)}
    );
    if (written) {
        const bool joined = live->identity().taken_over;
        lane_->shared->follow(live, written, joined ? store::KeyRequest() : key_use_of(call));
    }
    return live;
}

Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::begin_turn(CallPtr call) {
    OA_CO_CHECK(co_await join_waiting(call));
    OA_CO_TRY(auto place, co_await take_thread(lane_, wish_of(*lane_, *call, call->chat.thread)));
    if (lane_->shared) {
        call->ours = [store = &lane_->shared->store(), before = lane_->shared->store().sign_ons] {
            return store->leased() && store->sign_ons == before;
        };
    }
    if (call->exchange->peer_gone()) {
        co_return reject_left();
    }
    if (!call->key_attempt.empty()) {
        OA_CO_CHECK(co_await lane_->shared->keep_key(call));
    }
    auto* const hold = place.shared_hold();
    OA_CO_TRY(auto turn, co_await start_turn(call, hold != nullptr && hold->unsure()));
    // If one of these steps fails, dropping `turn` ends it.
    OA_CO_CHECK(co_await remember_thread(call, turn.get()));
    const auto head = head_of(*call, *turn);
    OA_CO_TRY(auto shared, co_await commit_everywhere(call->key, hold, turn.get(), head));
    // A thread that the authority lost is not deleted: it may come back
    if (!call->replaced.empty()) {
        spawn(
            lane_->executor, "replaced thread", delete_replaced(&lane_->authority(), call->replaced)
        );
    }
    call->record.accepted_s = call->now_s();
    lane_->observer().turn_accepted(call->record.route, head.probe);
    auto live = go_live(
        *call,
        {call->record.route,
         call->record.request_id,
         call->record.owner,
         call->chat.thread,
         call->received,
         end_of_body(call->request().body),
         head.probe},
        std::move(turn),
        std::move(shared.journal),
        head
    );
    place.lease.commit(live);
    if (!shared.stop.empty()) { // the stop arrived before the turn was accepted
        live->stop(stop_reason_of(shared.stop));
    }
    co_return live;
}

} // namespace oa_stream::lane
