#include "live_turns.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_poll{5};

/// One key for (owner, id); an id cannot contain the separator.
std::string row_key(std::string_view owner, std::string_view id) {
    std::string key;
    key.reserve(owner.size() + id.size() + 1);
    key += owner;
    key += '/';
    key += id;
    return key;
}

} // namespace

LiveTurns::LiveTurns(std::shared_ptr<TurnHost> host) : host_(std::move(host)) {
    host_->free_logs = [this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) {
            free_logs();
        }
    };
}

LiveTurns::Lease::Lease(LiveTurns& turns, std::string key, ThreadWish wish)
    : turns_(&turns), alive_(turns.alive_), key_(std::move(key)), owner_(std::move(wish.owner)) {
    auto& slot = turns_->slots_[key_]; // if the next line has no memory, tick() removes the slot
    ++turns_->owners_[owner_];
    ++turns_->busy_; // nothing after this can fail
    slot.starting = true;
    slot.begins_turn = wish.begins_turn();
    slot.starter_gone = std::move(wish.gone);
}

LiveTurns::Lease::Lease(Lease&& other) noexcept
    : turns_(std::exchange(other.turns_, nullptr)), alive_(std::move(other.alive_)),
      key_(std::move(other.key_)), owner_(std::move(other.owner_)), committed_(other.committed_) {
}

LiveTurns::Lease::~Lease() {
    if (turns_ == nullptr || alive_.expired()) {
        return;
    }
    const auto slot = turns_->slots_.find(key_);
    slot->second.starting = false;
    slot->second.starter_gone = nullptr;
    slot->second.stop_asked = false;
    if (!slot->second.turn) {
        turns_->slots_.erase(slot);
    }
    if (!committed_) {
        turns_->turn_ended(owner_);
    }
}

void LiveTurns::Lease::commit(std::shared_ptr<LiveTurn> turn) {
    forget();
    committed_ = true;
    auto& slot = turns_->slots_[key_];
    slot.turn = std::move(turn);
    if (std::exchange(slot.stop_asked, false)) {
        slot.turn->stop(StopReason::stopped);
    }
}

void LiveTurns::Lease::forget() {
    auto& slot = turns_->slots_[key_];
    if (slot.turn && !slot.turn->settled()) {
        turns_->leaving_.push_back(std::move(slot.turn));
    }
    slot.turn.reset();
}

std::optional<Rejection> LiveTurns::admit(const std::string& owner, bool count_owner) const {
    if (busy_ >= std::min(host_->limits.streams, host_->limits.streams_here)) {
        return reject_full();
    }
    const auto own = owners_.find(owner);
    if (count_owner && own != owners_.end() && own->second >= host_->limits.streams_per_owner) {
        return reject_owner_full();
    }
    return std::nullopt;
}

/// A request that starts a turn is waited for briefly while its client is there. One that starts
/// none, as the search for a turn that an earlier lane left, ends by itself; a search that comes
/// second repeats itself.
Task<Accepted<void>> LiveTurns::await_start(std::string key, bool supersedes) {
    const auto began = Clock::now();
    const auto& timings = host_->timings;
    while (true) {
        const auto found = slots_.find(key);
        if (found == slots_.end() || !found->second.starting) {
            co_return Accepted<void>{};
        }
        const auto& slot = found->second;
        const bool ends = supersedes && !slot.begins_turn;
        const auto limit = ends                  ? timings.start_wait
                           : slot.starter_gone() ? timings.supersede_wait
                                                 : timings.reader_leaving;
        if (Clock::now() - began >= limit) {
            co_return ends ? reject_start({Code::unavailable, "the thread is in use"})
                           : reject_busy();
        }
        co_await sleep_for(k_poll);
    }
}

Task<Accepted<LiveTurns::Lease>> LiveTurns::acquire(ThreadWish wish) {
    auto key = row_key(wish.owner, wish.thread);
    OA_CO_CHECK(co_await await_start(key, wish.supersedes));
    const auto slot = slots_.find(key);
    const auto current = slot == slots_.end() ? nullptr : slot->second.turn;
    // A turn that replaces a running one adds none.
    const bool more = wish.limited && (!current || current->ended());
    if (auto refused = more ? admit(wish.owner, wish.count_owner) : std::nullopt) {
        co_return *std::move(refused);
    }
    const bool supersedes = wish.supersedes;
    Lease lease(*this, std::move(key), std::move(wish));
    if (current && !(supersedes ? co_await make_room(current) : current->ended())) {
        co_return reject_busy();
    }
    co_return std::move(lease);
}

/// False: the old turn is being read, or it does not end in time.
Task<bool> LiveTurns::make_room(std::shared_ptr<LiveTurn> turn) {
    if (turn->ended()) {
        co_return true;
    }
    // stop() in a page closes the socket; the page's next message can arrive before the lane
    // notices that.
    const auto leaving = Clock::now() + host_->timings.reader_leaving;
    const auto read = [&turn] { return turn->readers() > 0 && !turn->waiting(); };
    while (!turn->ended() && read() && Clock::now() < leaving) {
        co_await turn->wait_change(leaving);
    }
    if (turn->ended() || read()) {
        co_return false;
    }
    turn->stop(StopReason::superseded);
    const auto ending = Clock::now() + host_->timings.supersede_wait;
    while (!turn->ended() && Clock::now() < ending) {
        co_await turn->wait_change(ending);
    }
    co_return turn->ended();
}

std::shared_ptr<LiveTurn> LiveTurns::find(std::string_view owner, std::string_view thread) const {
    const auto slot = slots_.find(row_key(owner, thread));
    return slot == slots_.end() ? nullptr : slot->second.turn;
}

bool LiveTurns::starting(std::string_view owner, std::string_view thread) const {
    const auto slot = slots_.find(row_key(owner, thread));
    return slot != slots_.end() && slot->second.starting;
}

bool LiveTurns::stop_start(std::string_view owner, std::string_view thread) {
    const auto slot = slots_.find(row_key(owner, thread));
    const bool starting = slot != slots_.end() && slot->second.starting;
    if (starting) {
        slot->second.stop_asked = true;
    }
    return starting;
}

void LiveTurns::turn_ended(const std::string& owner) {
    --busy_;
    const auto own = owners_.find(owner);
    if (own != owners_.end() && --own->second == 0) {
        owners_.erase(own);
    }
}

void LiveTurns::tick(Clock::time_point now) {
    for (const auto& turn : leaving_) {
        turn->tick(now);
    }
    std::erase_if(leaving_, [](const auto& turn) { return turn->settled(); });
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        auto& turn = slot->second.turn;
        if (turn) {
            turn->tick(now);
            if (turn->expired(now)) {
                turn.reset();
            }
        }
        slot = !turn && !slot->second.starting ? slots_.erase(slot) : std::next(slot);
    }
}

/// tick() may be iterating over the slots: no slot is erased, and running turns stay.
void LiveTurns::free_logs() {
    const auto now = Clock::now();
    for (const auto& turn : leaving_) {
        turn->cut_lagging(now);
    }
    std::vector<Slot*> ended;
    for (auto& [key, slot] : slots_) {
        if (!slot.turn) {
            continue;
        }
        slot.turn->cut_lagging(now);
        if (slot.turn->settled()) {
            ended.push_back(&slot);
        }
    }
    std::ranges::sort(ended, {}, [](const Slot* slot) { return slot->turn->ended_at(); });
    for (auto* slot : ended) {
        if (!host_->beyond_total()) {
            return;
        }
        slot->turn.reset();
    }
}

std::size_t LiveTurns::open_readers() const noexcept {
    std::size_t count = 0;
    for (const auto& turn : leaving_) {
        count += turn->readers();
    }
    for (const auto& [key, slot] : slots_) {
        count += slot.turn ? slot.turn->readers() : 0;
    }
    return count;
}

void LiveTurns::end_all(StopReason reason) {
    for (auto& [key, slot] : slots_) {
        if (slot.turn) {
            slot.turn->end_now(reason);
        }
    }
}

std::size_t LiveTurns::leave_all() {
    std::size_t count = 0;
    for (auto& [key, slot] : slots_) {
        if (slot.turn && slot.turn->leave()) {
            turn_ended(slot.turn->identity().owner);
            ++count;
        }
    }
    return count;
}

std::size_t LiveTurns::waiting() const {
    return static_cast<std::size_t>(std::ranges::count_if(slots_, [](const auto& slot) {
        return slot.second.turn && slot.second.turn->waiting();
    }));
}

std::size_t LiveTurns::end_waiting(StopReason reason) {
    std::size_t count = 0;
    for (auto& [key, slot] : slots_) {
        if (slot.turn && slot.turn->waiting()) {
            slot.turn->end_now(reason);
            ++count;
        }
    }
    return count;
}

void LiveTurns::cut_all() {
    for (const auto& turn : leaving_) {
        turn->cut_readers();
    }
    for (auto& [key, slot] : slots_) {
        if (slot.turn) {
            slot.turn->cut_readers();
        }
    }
}

} // namespace oa_stream::lane
