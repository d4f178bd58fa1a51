// PATCH and DELETE /api/chats/{id}: changes the title or the archive mark, or deletes the
// conversation.
#include "oa_stream/base/text.hpp"

#include "chat_title.hpp"
#include "chats.hpp"
#include "gates/gates.hpp"

#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_stop_wait{2000}; ///< for a turn's end before its thread is deleted
constexpr std::array<Gate, 4> k_change_gates{body_size, owner, optional_type, known_thread};

Accepted<std::optional<bool>> read_archived(const Json& body) {
    const auto* value = member(body, "archived");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_boolean()) {
        return invalid_field("archived", "archived must be true or false");
    }
    return value->get<bool>();
}

Accepted<Chats::Change> read_change(const Json& body) {
    if (!body.is_object()) {
        return invalid_field("body", "the body must be one JSON object");
    }
    for (const auto& [name, value] : body.items()) {
        if (name != "title" && name != "archived") {
            return invalid_field(name, "only title and archived can be changed");
        }
    }
    OA_TRY(auto title, read_title(body));
    if (title.empty() && body.contains("title")) {
        return invalid_field("title", "title must not be empty");
    }
    OA_TRY(const auto archived, read_archived(body));
    Chats::Change out{.archived = archived};
    if (!title.empty()) {
        out.title = std::move(title);
    }
    return out;
}

constexpr std::string_view k_unable = "this assistant does not do that with conversations";

} // namespace

/// Passes the gates of a route that changes a thread, then reads its body.
Task<Accepted<void>> Chats::read_fields(CallPtr call, BodyUse use) {
    OA_CO_CHECK(co_await admit(*lane_, call, k_change_gates));
    if (trim(call->request().body).empty()) {
        co_return use(Json::object());
    }
    co_return co_await read_body(lane_, call, {}, std::move(use));
}

/// The conversation as lists show it from now on. If the authority does not answer, only the row's
/// fields: the change itself has been made.
Task<Json> Chats::summary_of(ThreadRow row) {
    std::vector<std::string> asked{row.thread};
    const auto infos = co_await lane_->authority().threads(std::move(asked));
    authority::ThreadInfo info{.id = row.thread};
    if (infos && !infos->empty()) {
        info = infos->front();
        if (auto& ids = lane_->ids(); ids.find(row.owner, row.id) == row) {
            ids.describe(described(row, info));
        }
    }
    co_return project_thread(row.id, completed(std::move(info), row), row.archived);
}

/// Stores the change before the authority gets it: a change that cannot be stored must not happen.
/// The row here gets its title only after the authority's answer.
Task<Accepted<void>> Chats::store_change(ThreadRow row, Change what) {
    auto& ids = lane_->ids();
    if (what.archived) {
        ids.archive(row.owner, row.id, *what.archived);
        if (!co_await ids.commit()) {
            ids.archive(row.owner, row.id, row.archived);
            co_return reject_unstored("that");
        }
    }
    if (!lane_->shared) {
        co_return Accepted<void>{};
    }
    store::RowChange change{.archived = what.archived};
    if (what.title) {
        change.title = short_title(*what.title);
    }
    if (!co_await lane_->shared->change_row(row.owner, row.id, std::move(change))) {
        if (what.archived) {
            ids.archive(row.owner, row.id, row.archived);
        }
        co_return reject_store_away();
    }
    co_return Accepted<void>{};
}

Task<Accepted<void>> Chats::apply_change(ThreadRow row, Change asked) {
    OA_CO_CHECK(co_await store_change(row, asked));
    auto& ids = lane_->ids();
    if (!asked.title || !ids.contains(row.owner, row.id)) {
        co_return Accepted<void>{};
    }
    auto named = co_await lane_->authority().name_thread(row.thread, *asked.title);
    if (!named) {
        const Change back{
            .title = row.title,
            .archived = asked.archived ? std::optional(row.archived) : std::nullopt
        };
        (void)co_await store_change(row, back);
        co_return reject_unable(named.error(), k_unable);
    }
    if (auto now = ids.find(row.owner, row.id)) { // it may have been deleted meanwhile
        now->title = short_title(*asked.title);
        ids.describe(*now);
    }
    co_return Accepted<void>{};
}

Task<Accepted<net::Response>> Chats::change(CallPtr call) {
    Change asked;
    BodyUse use = [&asked](const Json& body) -> Accepted<void> {
        OA_TRY(asked, read_change(body));
        return {};
    };
    OA_CO_CHECK(co_await read_fields(call, std::move(use)));
    const std::string owner = call->record.owner;
    const std::string id = call->record.thread;
    auto row = lane_->ids().find(owner, id);
    if (row) {
        OA_CO_CHECK(co_await apply_change(*row, asked));
        row = lane_->ids().find(owner, id);
    }
    if (!row) {
        co_return reject_unknown_thread();
    }
    const auto now = co_await summary_of(*std::move(row));
    row = lane_->ids().find(owner, id);
    // Other lanes may have listed it without the new title
    if (row && asked.title && lane_->shared) {
        lane_->shared->touch_later(owner, id, row->updated_at);
    }
    co_return json_response(200, Json::object({{"data", now}}));
}

/// Stops the running turn, as POST …/stop does, and one that is being started once it is accepted.
Task<Accepted<void>> Chats::end_turn(CallPtr call) {
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    const auto accepted_by = Clock::now() + lane_->config.timings.start_wait;
    if (lane_->shared) {
        (void)co_await lane_->shared->stop_start(owner, thread, accepted_by, {});
    }
    while (lane_->turns.stop_start(owner, thread) && Clock::now() < accepted_by) {
        co_await sleep_for(k_turn_poll);
    }
    const auto until = Clock::now() + k_stop_wait;
    auto turn = lane_->turns.find(owner, thread);
    if (lane_->shared) {
        OA_CO_TRY(
            turn,
            co_await lane_->shared->find(
                owner, thread, [] { return false; }, FoundFor::stopping, k_stop_wait
            )
        );
    }
    if (turn && !turn->ended()) {
        turn->stop(StopReason::stopped);
        while (!turn->ended() && Clock::now() < until) {
            co_await turn->wait_change(until);
        }
    }
    co_return Accepted<void>{};
}

Task<Accepted<net::Response>> Chats::remove(CallPtr call) {
    OA_CO_CHECK(co_await admit(*lane_, call, k_change_gates));
    OA_CO_CHECK(co_await end_turn(call));
    const std::string owner = call->record.owner;
    const std::string id = call->record.thread;
    // No turn may begin on the thread meanwhile.
    auto wish = wish_of(*lane_, *call, id);
    wish.count_owner = false;
    wish.limited = false;
    OA_CO_TRY(auto place, co_await take_thread(lane_, std::move(wish)));
    auto& ids = lane_->ids();
    const auto row = ids.find(owner, id);
    if (!row) {
        co_return reject_unknown_thread();
    }
    if (const auto* hold = place.shared_hold(); hold != nullptr && !hold->ours()) {
        co_return reject_store_away(); // another lane may continue the conversation
    }
    const auto gone = co_await lane_->authority().delete_thread(row->thread);
    if (!gone && gone.error().code != Code::not_found) {
        co_return reject_unable(gone.error(), k_unable);
    }
    ids.erase(owner, id);
    place.lease.forget();
    // On a full disk the line is written later. If this process dies before, the old row leads to a
    // thread that the authority does not have: it is not listed and answers 404.
    (void)co_await ids.commit();
    const auto stored = lane_->shared ? co_await lane_->shared->store_row(owner, id, place.fence())
                                      : Result<void>{};
    if (!stored) {
        if (stored.error().code == Code::conflict) { // use the row of the lane that has it now
            (void)co_await lane_->shared->refresh(owner, id);
        }
        co_return with_retry_after(
            reject(503, "store_unavailable", "this service cannot delete it right now"), 1
        );
    }
    if (lane_->shared) { // the other lanes' files contain its title
        lane_->shared->tell_deleted_later(row->thread);
    }
    net::Response nothing;
    nothing.status = 204;
    nothing.headers.set("cache-control", "no-store");
    co_return nothing;
}

/// Rows that cannot be removed from the store now are not listed either, because their threads are
/// gone.
Task<void> Chats::forget(std::vector<std::string> threads) {
    if (lane_->shared) {
        co_return co_await lane_->shared->forget_deleted(std::move(threads));
    }
    (void)co_await lane_->ids().erase_threads({threads.begin(), threads.end()});
}

} // namespace oa_stream::lane
