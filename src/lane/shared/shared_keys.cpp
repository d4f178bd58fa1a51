// Idempotency-Key among all replicas.
#include "oa_stream/base/ids.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most_stale = 10'000;

} // namespace

store::KeyRequest key_use_of(const Call& call) {
    return {
        .owner = call.record.owner,
        .key = call.key,
        .attempt = call.key_attempt,
        .request = call.request_digest,
        .thread = call.chat.thread
    };
}

Task<Accepted<std::optional<std::string>>> SharedLane::find_key(CallPtr call) {
    const auto until = Clock::now() + lane_->config.timings.start_wait;
    auto request = key_use_of(*call);
    request.attempt = random_hex(8);
    if (!co_await forget_stale_keys(&request)) {
        co_return reject_nothing_new();
    }
    while (true) {
        const auto use = co_await store_->use_key(request);
        if (!use) {
            forget_key_later(request); // the store may have given us the key nevertheless
            co_return reject_nothing_new();
        }
        if (use->fresh) {
            call->key_attempt = request.attempt;
            call->key_left = use->left;
            call->key_before = use->before;
            co_return std::nullopt;
        }
        if (use->request != call->request_digest) {
            co_return reject_other_request();
        }
        if (!use->turn.empty()) {
            call->chat.thread = use->thread;
            call->record.thread = use->thread;
            co_return use->turn;
        }
        if (Clock::now() >= until) {
            co_return reject_still_starting();
        }
        if (call->exchange->peer_gone()) {
            co_return reject_left();
        }
        co_await sleep_for(k_store_poll);
    }
}

/// If this lane's lease ended after find_key(), another lane may have taken the key and even run
/// its turn. The same use again shows who has it.
Task<Accepted<void>> SharedLane::keep_key(CallPtr call) {
    const auto row = lane_->ids().find(call->record.owner, call->chat.thread);
    auto request = key_use_of(*call);
    request.before = row ? row->last_turn : std::string();
    const auto use = co_await store_->use_key(std::move(request));
    if (!use) {
        co_return reject_nothing_new();
    }
    if (!use->fresh) {
        co_return reject_still_starting();
    }
    call->key_left = use->left; // the lane that took it meanwhile died
    call->key_before = use->before;
    co_return Accepted<void>{};
}

Task<void> SharedLane::forget_key(store::KeyRequest request) {
    if (!co_await store_->forget_key(request)) {
        forget_key_later(std::move(request));
    }
}

void SharedLane::forget_key_later(store::KeyRequest request) noexcept {
    try {
        if (stale_keys_.size() < k_most_stale) {
            stale_keys_.push_back(std::move(request));
        }
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): the key expires by itself
    }
}

/// `of`: only earlier uses of this key, because a request must not wait for the uses of others.
/// False: the store does not answer.
Task<bool> SharedLane::forget_stale_keys(const store::KeyRequest* of) {
    while (true) {
        const auto stale = std::ranges::find_if(stale_keys_, [of](const auto& one) {
            return of == nullptr || (one.owner == of->owner && one.key == of->key);
        });
        if (stale == stale_keys_.end()) {
            co_return true;
        }
        // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it may go meanwhile
        const auto request = *stale;
        if (!co_await store_->forget_key(request)) {
            co_return false;
        }
        std::erase_if(stale_keys_, [&](const auto& one) { return one.attempt == request.attempt; });
    }
}

} // namespace oa_stream::lane
