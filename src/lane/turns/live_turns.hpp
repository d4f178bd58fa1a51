// Every live turn of the lane, by owner and thread, and the right to start another one.
#pragma once

#include "gates/rejection.hpp"
#include "live_turn.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace oa_stream::lane {

/// Interval between two checks of a turn of this process that is about to start, end or wait.
inline constexpr Millis k_turn_poll{10};

/// What a request needs of a thread on which it starts a turn, or which it makes or changes.
struct ThreadWish {
    std::string owner;
    std::string thread;
    bool count_owner = false;
    bool limited = true; ///< false: skip the limits, for a turn that runs already, or for no turn
    std::function<bool()> gone = [] { return true; }; ///< see LiveTurns::Gone
    /// It brings results: a turn that began meanwhile may have begun with them
    bool answers = false;
    bool supersedes = true; ///< a turn without readers is ended for it

    [[nodiscard]] bool begins_turn() const noexcept { return limited && supersedes; }
};

class LiveTurns {
public:
    /// Sets TurnHost::free_logs.
    explicit LiveTurns(std::shared_ptr<TurnHost> host);
    LiveTurns(const LiveTurns&) = delete;
    LiveTurns& operator=(const LiveTurns&) = delete;
    ~LiveTurns() = default;

    /// True once the client of a request has left.
    using Gone = std::function<bool()>;

    /// The right to start a turn on one thread: no other request can until it is committed or
    /// dropped.
    class Lease {
    public:
        Lease(LiveTurns& turns, std::string key, ThreadWish wish);
        Lease(Lease&& other) noexcept;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Lease& operator=(Lease&&) = delete;
        ~Lease();
        /// The turn was accepted.
        void commit(std::shared_ptr<LiveTurn> turn);
        /// The thread was deleted: its last turn can no longer be resumed.
        void forget();

    private:
        LiveTurns* turns_;
        std::weak_ptr<bool> alive_;
        std::string key_;
        std::string owner_;
        bool committed_ = false;
    };

    /// Interrupts a running turn without readers and waits for its end (LaneTimings), unless the
    /// wish does not supersede it. Also waits for a turn that is being started for a client that
    /// has left, and for a request that starts none. Errors: 409 turn_in_progress, 429 too many
    /// turns of this owner (`count_owner`), 503 too many in all, or such a request takes too long.
    /// The limits do not apply with `limited` false.
    [[nodiscard]] Task<Accepted<Lease>> acquire(ThreadWish wish);

    /// The thread's live or just ended turn; null when there is none.
    [[nodiscard]] std::shared_ptr<LiveTurn>
    find(std::string_view owner, std::string_view thread) const;
    /// True between acquire() and commit().
    [[nodiscard]] bool starting(std::string_view owner, std::string_view thread) const;
    /// Stops a turn that is being started, as soon as it is accepted. False: none is being started.
    [[nodiscard]] bool stop_start(std::string_view owner, std::string_view thread);

    /// Call it for each TurnHost::on_ended.
    void turn_ended(const std::string& owner);
    void tick(Clock::time_point now);
    /// Turns that have not ended, and those that are being started.
    [[nodiscard]] std::size_t busy() const noexcept { return busy_; }
    /// Answers that have not been sent completely.
    [[nodiscard]] std::size_t open_readers() const noexcept;
    void end_all(StopReason reason);
    /// Calls LiveTurn::leave() on all turns. Returns how many were left running.
    std::size_t leave_all();
    [[nodiscard]] std::size_t waiting() const; ///< for a client's decision
    /// Ends the waiting turns. Returns how many.
    std::size_t end_waiting(StopReason reason);
    void cut_all();

private:
    struct Slot {
        std::shared_ptr<LiveTurn> turn;
        bool starting = false;
        bool begins_turn = false; ///< the wish of the request that has the lease
        bool stop_asked = false; ///< while starting
        Gone starter_gone{}; ///< set while starting
    };
    void free_logs();
    [[nodiscard]] Task<Accepted<void>> await_start(std::string key, bool supersedes);
    [[nodiscard]] Task<bool> make_room(std::shared_ptr<LiveTurn> turn);
    [[nodiscard]] std::optional<Rejection> admit(const std::string& owner, bool count_owner) const;

    std::shared_ptr<TurnHost> host_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< leases may outlive us
    std::unordered_map<std::string, Slot> slots_;
    std::vector<std::shared_ptr<LiveTurn>>
        leaving_; ///< replaced turns whose last bytes are still being sent
    std::unordered_map<std::string, std::size_t> owners_; ///< of busy turns
    std::size_t busy_ = 0;
};

} // namespace oa_stream::lane
