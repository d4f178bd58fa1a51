#include "shared_hold.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_settle_wait{5'000}; ///< how long to wait until a dead replica's turn is settled

/// The separator cannot be part of an id.
std::string name_of(const store::ThreadKey& key) {
    return key.owner + '/' + key.id;
}

} // namespace

std::shared_ptr<void> RowUses::add(const store::ThreadKey& key) {
    auto name = name_of(key);
    ++(*counts_)[name];
    return {nullptr, [counts = counts_, name = std::move(name)](std::nullptr_t) {
                const auto found = counts->find(name);
                if (--found->second == 0) {
                    counts->erase(found);
                }
            }};
}

bool RowUses::has(const store::ThreadKey& key) const {
    return counts_->contains(name_of(key));
}

SharedHold::SharedHold(
    asio::any_io_executor executor,
    store::Store& store,
    store::ThreadKey key,
    std::shared_ptr<void> use,
    store::Acquired got
)
    : executor_(std::move(executor)), store_(&store), key_(std::move(key)),
      fence_(got.holding.fence), use_(std::move(use)), before_(std::move(got.fields)),
      unsure_(got.unsure), sign_ons_(store.sign_ons) {
}

SharedHold::SharedHold(SharedHold&& other) noexcept
    : executor_(std::move(other.executor_)), store_(std::exchange(other.store_, nullptr)),
      key_(std::move(other.key_)), fence_(other.fence_), use_(std::move(other.use_)),
      before_(std::move(other.before_)), unsure_(other.unsure_), sign_ons_(other.sign_ons_) {
}

SharedHold::~SharedHold() {
    if (store_ == nullptr) {
        return;
    }
    spawn(
        executor_,
        "shared hold",
        [](store::Store* store, store::ThreadKey key, std::uint64_t fence) -> Task<void> {
            (void)co_await store->forget(std::move(key), fence);
        }(store_, key_, fence_)
    );
}

ThreadWish wish_of(const LaneState& lane, const Call& call, std::string thread) {
    return {
        .owner = call.record.owner,
        .thread = std::move(thread),
        .count_owner = lane.tokens.has_value(),
        .gone = [exchange = call.exchange] { return exchange->peer_gone(); },
        .answers = call.chat.answers_calls
    };
}

namespace {

/// Whether the thread's next message may end its turn on this lane. Not while a client reads the
/// turn on another replica, nor when the store cannot answer.
Task<Accepted<void>>
may_supersede(LaneState* lane, std::string owner, std::string thread, bool limited) {
    const auto until = Clock::now() + lane->config.timings.reader_leaving;
    while (true) {
        const auto turn = lane->turns.find(owner, thread);
        if (!turn || turn->ended()) {
            co_return Accepted<void>{};
        }
        const auto all = co_await lane->shared->store().readers(turn->id());
        if (!all || (limited && lane->shared->full())) {
            co_return limited ? reject_nothing_new() : reject_store_away();
        }
        if (turn->ended() || turn->waiting() || *all <= turn->readers()) {
            co_return Accepted<void>{};
        }
        if (Clock::now() >= until) {
            co_return reject_busy();
        }
        co_await sleep_for(k_store_poll);
    }
}

} // namespace

/// To continue a dead replica's turn, settle() needs the lane's lease of the thread: the own lease
/// is dropped before.
Task<Accepted<ThreadPlace>> take_thread(LaneState* lane, ThreadWish wish) {
    const auto until = Clock::now() + k_settle_wait;
    while (true) {
        {
            if (lane->shared && wish.supersedes) {
                OA_CO_CHECK(co_await may_supersede(lane, wish.owner, wish.thread, wish.limited));
            }
            OA_CO_TRY(auto lease, co_await lane->turns.acquire(wish));
            if (!lane->shared) {
                co_return ThreadPlace{std::move(lease), std::nullopt};
            }
            OA_CO_TRY(auto hold, co_await lane->shared->acquire(wish));
            if (hold) {
                co_return ThreadPlace{std::move(lease), std::move(hold)};
            }
        }
        (void)co_await lane->shared->settle({wish.owner, wish.thread});
        if (Clock::now() >= until) {
            co_return reject_busy();
        }
        co_await sleep_for(k_store_poll);
    }
}

} // namespace oa_stream::lane
