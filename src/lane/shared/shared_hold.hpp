// The right to change a thread or to run its turn, in this lane and over all replicas.
#pragma once

#include "oa_stream/store/rows.hpp"
#include "oa_stream/store/store.hpp"

#include "turns/live_turns.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace oa_stream::lane {

/// Between two looks at a row that another lane has to change.
inline constexpr Millis k_store_poll{20};

struct Call;
struct LaneState;

/// The rows that somebody in this lane looks after: one that the store has as ours and that is not
/// among them is given up.
class RowUses {
public:
    /// Among them until the last of these is dropped.
    [[nodiscard]] std::shared_ptr<void> add(const store::ThreadKey& key);
    [[nodiscard]] bool has(const store::ThreadKey& key) const;
    [[nodiscard]] std::size_t size() const noexcept { return counts_->size(); } ///< of their rows

private:
    using Counts = std::unordered_map<std::string, std::size_t>;
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

/// The right to run one thread's turn, over all replicas: given back unless it was committed.
class SharedHold {
public:
    SharedHold(
        asio::any_io_executor executor,
        store::Store& store,
        store::ThreadKey key,
        std::shared_ptr<void> use,
        store::Acquired got
    );
    SharedHold(SharedHold&& other) noexcept;
    SharedHold(const SharedHold&) = delete;
    SharedHold& operator=(const SharedHold&) = delete;
    SharedHold& operator=(SharedHold&&) = delete;
    ~SharedHold();

    [[nodiscard]] const store::ThreadKey& key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return fence_; }
    /// Nobody else can have taken it yet.
    [[nodiscard]] bool ours() const noexcept {
        return store_->leased() && store_->sign_ons == sign_ons_;
    }
    /// The authority may have a turn of a start before this one, whose replica died over it.
    [[nodiscard]] bool unsure() const noexcept { return unsure_; }
    /// The conversation as it was when it was taken; none: there was none.
    [[nodiscard]] const std::optional<store::ThreadFields>& before() const noexcept {
        return before_;
    }
    void keep() noexcept { store_ = nullptr; }

private:
    asio::any_io_executor executor_;
    store::Store* store_;
    store::ThreadKey key_;
    std::uint64_t fence_;
    std::shared_ptr<void> use_;
    std::optional<store::ThreadFields> before_;
    bool unsure_;
    std::uint64_t sign_ons_; ///< of the store when it was taken
};

/// Of a request that makes or changes the thread.
[[nodiscard]] ThreadWish wish_of(const LaneState& lane, const Call& call, std::string thread);

struct ThreadPlace {
    LiveTurns::Lease lease;
    std::optional<SharedHold> hold; ///< none: this lane shares nothing
    [[nodiscard]] SharedHold* shared_hold() noexcept { return hold ? &*hold : nullptr; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return hold ? hold->fence() : 0; }
};

/// A turn of a dead replica is settled first. The lane's map then has the thread as all replicas
/// know it.
[[nodiscard]] Task<Accepted<ThreadPlace>> take_thread(LaneState* lane, ThreadWish wish);

} // namespace oa_stream::lane
