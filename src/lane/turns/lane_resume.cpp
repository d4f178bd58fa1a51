// Routes that touch a live turn without starting one.
#include "chats/thread_name.hpp"
#include "gates/call.hpp"

namespace oa_stream::lane {

namespace {

/// How long stop() waits for a turn that is being started, or for one to end.
constexpr Millis k_stop_wait{2000};
constexpr Millis k_poll{10};

Rejection no_such_conversation() {
    return reject(404, "not_found", "there is no such conversation");
}

net::Response nothing_to_resume() {
    net::Response nothing;
    nothing.status = 204;
    nothing.headers.set("cache-control", "no-store");
    return nothing;
}

} // namespace

Accepted<void> Lane::find_thread(Call& call) const {
    if (auto owner = check_owner(call); !owner) {
        return owner;
    }
    auto id = read_path_id(call.match.id.value_or(""));
    if (!id) {
        return std::unexpected(std::move(id).error());
    }
    const auto& owner = call.record.owner;
    if (parts_.ids->find(owner, *id) == nullptr && !turns_.starting(owner, *id)) {
        return std::unexpected(no_such_conversation());
    }
    call.record.thread = *std::move(id);
    return {};
}

Task<void> Lane::resume(CallPtr call) {
    if (auto found = find_thread(*call); !found) {
        // A page asks as soon as it opens a chat, also one that it has only just named: to useChat
        // everything but 200 and 204 is an error, which a new chat would begin with.
        if (found.error().status == 404) {
            co_return co_await answer(std::move(call), nothing_to_resume());
        }
        co_return co_await refuse(std::move(call), std::move(found).error());
    }
    auto turn = turns_.find(call->record.owner, call->record.thread);
    // Six of the nine client releases we test append what a resume tells to a message they have
    // already, so that its text stands there twice (the latest ones begin it anew). So an ended
    // turn is told again only while somebody may lack its end: docs/chats.md.
    const bool told = turn && turn->ended() && !turn->owed();
    if (!turn || told || !turn->resumable(Clock::now())) {
        co_return co_await answer(std::move(call), nothing_to_resume());
    }
    if (turn->readers() >= config_.limits.readers_per_turn) {
        co_return co_await refuse(
            std::move(call),
            with_retry_after(reject(429, "rate_limited", "this turn has too many readers"), 5)
        );
    }
    co_await send_stream(std::move(call), std::move(turn), false);
}

Task<void> Lane::stop(CallPtr call) {
    if (auto found = find_thread(*call); !found) {
        co_return co_await refuse(std::move(call), std::move(found).error());
    }
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    const auto until = Clock::now() + k_stop_wait;
    // A stop that comes before its turn was accepted must not be lost.
    while (turns_.starting(owner, thread) && Clock::now() < until) {
        co_await sleep_for(k_poll);
    }
    const auto turn = turns_.find(owner, thread);
    const bool live = turn && !turn->ended();
    if (live) {
        turn->stop(StopReason::stopped);
        while (!turn->ended() && Clock::now() < until) {
            co_await turn->wait_change(until);
        }
        call->record.turn = turn->id();
    }
    Json data = Json::object();
    data["id"] = thread;
    data["turnId"] = live ? Json(turn->id()) : Json(nullptr);
    data["status"] = !live ? "idle" : turn->ended() ? "stopped" : "stopping";
    co_await answer(std::move(call), json_response(200, Json{{"data", std::move(data)}}));
}

} // namespace oa_stream::lane
