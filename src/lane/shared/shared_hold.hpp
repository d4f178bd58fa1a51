// The right to change a thread or to run its turn, in this lane and among all replicas.
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

/// Interval between two reads of a row that another lane has to change.
inline constexpr Millis k_store_poll{20};

struct Call;
struct LaneState;

/// The rows that this lane is using. A row that the store assigns to this lane and that is not
/// among them is released.
class RowUses {
public:
    /// Adds the row until the last of these pointers is dropped.
    [[nodiscard]] std::shared_ptr<void> add(const store::ThreadKey& key);
    [[nodiscard]] bool has(const store::ThreadKey& key) const;
    [[nodiscard]] std::size_t size() const noexcept { return counts_->size(); } ///< number of rows

private:
    using Counts = std::unordered_map<std::string, std::size_t>;
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

/// The right to run one thread's turn, among all replicas. It is given back unless it was
/// committed.
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
    /// No other replica can have taken it yet.
    [[nodiscard]] bool ours() const noexcept {
        return store_->leased() && store_->sign_ons == sign_ons_;
    }
    /// The authority may have a turn from an earlier start whose replica died.
    [[nodiscard]] bool unsure() const noexcept { return unsure_; }
    /// The conversation's row at the time of the hold; none: it did not exist.
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
    std::uint64_t sign_ons_; ///< value of the store's sign_ons when the hold was taken
};

/// The wish of a request that makes or changes the thread.
[[nodiscard]] ThreadWish wish_of(const LaneState& lane, const Call& call, std::string thread);

struct ThreadPlace {
    LiveTurns::Lease lease;
    std::optional<SharedHold> hold; ///< none: this lane shares no store
    [[nodiscard]] SharedHold* shared_hold() noexcept { return hold ? &*hold : nullptr; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return hold ? hold->fence() : 0; }
};

/// Settles a dead replica's turn first. Afterwards the lane's map has the thread's row from the
/// store.
[[nodiscard]] Task<Accepted<ThreadPlace>> take_thread(LaneState* lane, ThreadWish wish);

} // namespace oa_stream::lane
