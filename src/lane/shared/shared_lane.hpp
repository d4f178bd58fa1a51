// What this lane shares with others through the store: it takes turns over and releases them, reads
// turns that other replicas run, and settles turns of dead replicas.
#pragma once

#include "oa_stream/lane/id_map.hpp"
#include "oa_stream/store/store.hpp"

#include "gates/call.hpp"
#include "gates/rejection.hpp"
#include "shared_hold.hpp"
#include "turn_journal.hpp"
#include "turns/live_turn.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace oa_stream::lane {

struct LaneState;

/// The route of a turn whose request is not known here: it is counted under the most common one.
inline constexpr std::string_view k_usual_route = telemetry::k_turn_routes.front().pattern;

/// What a successor needs to know about a turn; stored at the beginning of the turn's log.
struct TurnHead {
    std::string route{};
    std::string request_id{};
    std::string model{};
    bool approvals = false;
    bool calls = false; ///< the turn waits for results of the page's functions
    bool probe = false;
    std::string message_id{}; ///< the answer's id on the wire; empty: the turn's
    std::vector<ResultDigest> began_with{}; ///< see TurnCalls::begin_with()
};

/// The purpose of a search for a turn. A turn is found for stopping even when this lane reads no
/// more turns.
enum class FoundFor { reading, stopping, deciding };

class SharedLane {
public:
    SharedLane(LaneState& lane, store::Store& store);
    SharedLane(const SharedLane&) = delete;
    SharedLane& operator=(const SharedLane&) = delete;
    ~SharedLane();

    /// Starts the background loops.
    void start();
    void stop();
    [[nodiscard]] store::Store& store() const noexcept { return *store_; }
    /// The store's free memory is needed by running turns: no new turn may begin.
    [[nodiscard]] bool full() const;

    // Threads: the lane's own map is its copy of the store's rows. shared_rows.cpp
    /// False: the store does not answer, or it lost its rows and waits for those of other lanes.
    Task<bool> refresh(std::string owner, std::string id);
    /// False: the store lost its rows and waits for those of other lanes.
    [[nodiscard]] Task<bool> refresh_all(std::string owner);
    /// Stores the row of the lane's map, or that the map has no such row (any more). `fence`: that
    /// of the hold under which it was changed, 0: none. Code::conflict: another replica has taken
    /// it since.
    [[nodiscard]] Task<Result<void>>
    store_row(std::string owner, std::string id, std::uint64_t fence = 0);
    /// The authority has deleted these threads: all lanes forget their conversations.
    [[nodiscard]] Task<void> forget_deleted(std::vector<std::string> threads);
    /// … only the other lanes, when this lane's row is erased already.
    void tell_deleted_later(std::string thread);
    /// Stores this change of the row; a store that lacks the row gets it from this lane. The lane's
    /// map has a new mark already, but not a new title. The map forgets a row that was deleted.
    [[nodiscard]] Task<Result<void>>
    change_row(std::string owner, std::string id, store::RowChange what);
    /// A client has read the thread's messages: these turns completely. `waits`: one of them only
    /// up to the point where it waits for its page.
    [[nodiscard]] Task<void>
    note_read(std::string owner, std::string id, std::vector<std::string> whole, bool waits);
    /// Stores the time of a turn's end. Other lanes may have changed the rest of the row meanwhile.
    void touch_later(const std::string& owner, const std::string& id, std::int64_t at);

    // Turns. shared_turns.cpp
    /// nullopt: a dead replica holds it; call settle() first.
    [[nodiscard]] Task<Accepted<std::optional<SharedHold>>> acquire(ThreadWish wish);
    /// False: the turn's authority does not answer. shared_settle.cpp
    [[nodiscard]] Task<bool> settle(store::ThreadKey key);
    void settle_soon(store::ThreadKey key); ///< shared_lane.cpp
    /// The accepted turn's journal. `stop`: the reason if a stop arrived meanwhile.
    struct Committed {
        std::shared_ptr<TurnJournal> journal;
        std::string stop{};
    };
    [[nodiscard]] Task<Accepted<Committed>>
    commit(SharedHold* hold, std::string turn, TurnHead head, std::string idempotency);
    /// Connects a live turn of this lane to the store: its requests reach the turn. `use`: see
    /// key_use_of().
    void follow(
        const std::shared_ptr<LiveTurn>& turn,
        const std::shared_ptr<TurnJournal>& journal,
        store::KeyRequest use = {}
    );
    /// The thread's live or just ended turn, on any replica; null: none. A dead replica's turn is
    /// settled first if possible. While another replica is starting a turn, waits for its
    /// acceptance, unless the client has left. `most`: as in TurnStarter::await_start().
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> find(
        std::string owner,
        std::string thread,
        LiveTurns::Gone gone = [] { return false; },
        FoundFor purpose = FoundFor::reading,
        std::optional<Millis> most = {}
    );
    /// Waits while another replica starts the first turn of a conversation that is unknown here,
    /// unless the client has left. True: the conversation is known now. `most`: as for find().
    [[nodiscard]] Task<bool> await_first_turn(
        std::string owner, std::string thread, LiveTurns::Gone gone, std::optional<Millis> most = {}
    );
    // shared_stops.cpp
    /// Stops a turn that another replica is starting as soon as it is accepted, and a dead
    /// replica's turn as soon as it is settled. none: there is neither; over: the turn was accepted
    /// or settled, or did not start; under_way: still waiting; unknown: the store did not accept
    /// the stop. `turn`: only this one, which is accepted already; empty: any.
    enum class Start { none, over, under_way, unknown };
    [[nodiscard]] Task<Start>
    stop_start(std::string owner, std::string thread, Clock::time_point until, std::string turn);
    /// Stores a stop that this turn has not obeyed yet, in case this lane dies or the one that runs
    /// the turn. False: the store did not accept it.
    [[nodiscard]] Task<bool> promise_stop(std::shared_ptr<LiveTurn> turn);
    /// Reports the readers of the turn here, and those that left it too early, to all replicas.
    void tell_of_readers(TurnStyle& style, const store::ThreadKey& key, const std::string& turn);
    /// The number of readers on all replicas.
    [[nodiscard]] Task<std::size_t> readers_of(std::shared_ptr<LiveTurn> turn);

    // shared_keys.cpp
    /// The turn that this Idempotency-Key started already on any replica. nullopt: this request has
    /// the key (Call::key_attempt); without a turn, call forget_key().
    [[nodiscard]] Task<Accepted<std::optional<std::string>>> find_key(CallPtr call);
    /// Call it once the thread is held: checks that this request still has the key that find_key()
    /// took.
    [[nodiscard]] Task<Accepted<void>> keep_key(CallPtr call);
    [[nodiscard]] Task<void> forget_key(store::KeyRequest request);
    void forget_key_later(store::KeyRequest request) noexcept;

    /// For a turn without a log: a place among all replicas' turns, held until the pointer is
    /// dropped.
    [[nodiscard]] Task<Accepted<std::shared_ptr<void>>>
    take_place(std::string owner, bool count_owner);
    // shared_answers.cpp
    /// Passes a client's decisions and results to the replica that runs the turn; returns the
    /// segment that it answers.
    [[nodiscard]] Task<Accepted<std::size_t>> decide(
        std::shared_ptr<LiveTurn> turn,
        std::vector<ApprovalAnswer> answers,
        std::vector<authority::CallResult> results
    );

    void tick(Clock::time_point now);
    /// Cuts the readers of relayed turns without an ending; the turns go on elsewhere.
    void cut_relays();
    /// Releases turns so that another replica continues them; returns how many within this time.
    /// shared_release.cpp
    [[nodiscard]] Task<std::size_t> release_all(Millis within);

private:
    void take_row(const store::ThreadKey& key, const store::ThreadFields& fields);
    [[nodiscard]] bool
    changes_here(const store::ThreadKey& key, const store::Holding& holding) const;
    /// Puts the store's row of this version into the map, unless the map has a newer one.
    void learn(
        const store::ThreadKey& key,
        const std::optional<store::ThreadFields>& fields,
        bool erased,
        std::uint64_t version
    );
    [[nodiscard]] bool newer_here(const store::ThreadKey& key, std::uint64_t version) const;
    void remember_deletion(store::ThreadKey key, std::uint64_t version);
    /// Erases the rows of deleted threads. If another lane continued a conversation on another
    /// thread, its row stays and this lane's map takes it over.
    [[nodiscard]] static Task<void>
    erase_rows(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// Repeats until the store accepts it.
    [[nodiscard]] static Task<void>
    tell_deleted(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// erase_rows() for an inbox message. Programs other than lanes can write into an inbox, so
    /// only threads that the authority lacks are erased.
    [[nodiscard]] static Task<void>
    erase_threads(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// Offers all rows of this lane to a store that may lack some.
    void offer_rows();
    [[nodiscard]] static Task<void> offer_all(SharedLane* self, std::shared_ptr<bool> alive);
    [[nodiscard]] static Task<void>
    offer_page(SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::OfferedRow> rows);
    /// The fields in this lane's map.
    [[nodiscard]] std::optional<store::ThreadFields> own_fields(const store::ThreadKey& key) const;
    /// Ids of all rows of this owner: the store's and those that only this lane has.
    [[nodiscard]] Task<Result<std::vector<std::string>>> all_of(std::string owner);
    [[nodiscard]] Task<bool> refresh_these(std::string owner, std::vector<std::string> ids);

    /// A turn that runs on another replica and is read here.
    struct Relay {
        std::shared_ptr<LiveTurn> turn;
        store::ThreadKey key;
        store::Tail at{};
        std::size_t readers = 0; ///< as last reported
        bool logless = false; ///< the store lost its frames
    };
    struct Held {
        std::weak_ptr<LiveTurn> turn;
        std::shared_ptr<TurnJournal> journal;
        store::KeyRequest use{}; ///< the use of the Idempotency-Key that led to it
    };
    /// What a drain waits for.
    struct Leaving {
        Leaving(const asio::any_io_executor& executor, Millis within)
            : until(Clock::now() + within), over(executor) {}
        Clock::time_point until;
        asio::steady_timer over; ///< cancelled when the last turn is released
        std::size_t open = 0;
        std::size_t done = 0;
    };
    [[nodiscard]] static Task<void> release_one(
        SharedLane* self, std::shared_ptr<bool> alive, Held held, std::shared_ptr<Leaving> leaving
    );
    [[nodiscard]] static Task<void>
    read_news(SharedLane* self, std::shared_ptr<bool> alive, std::size_t follower);
    [[nodiscard]] std::vector<store::Tail> tails_of(std::size_t follower);
    /// Call it when there is another tail to follow.
    void wake_followers();
    void wake_resting(); ///< followers that wait for a tail
    [[nodiscard]] static Task<void> sweep(SharedLane* self, std::shared_ptr<bool> alive);
    void report_store();
    [[nodiscard]] static Task<void> hold_all_again(SharedLane* self, std::shared_ptr<bool> alive);
    [[nodiscard]] Task<void> hold_again(Held held);
    [[nodiscard]] std::size_t running_relays() const;
    void count_relays();
    [[nodiscard]] Task<void> look_after_relays();
    [[nodiscard]] Task<void> look_after_readers();
    void wanted(const store::Wanted& what);
    /// Asks the store whether an inbox message is right, because other programs than lanes can
    /// write into an inbox: the turn is ours and, with `to_stop`, has to stop. Repeats until the
    /// store answers or the turn has ended.
    [[nodiscard]] Task<bool> is_ours(std::shared_ptr<LiveTurn> turn, bool to_stop);
    [[nodiscard]] static Task<void> stop_as_asked(
        SharedLane* self,
        std::shared_ptr<bool> alive,
        std::shared_ptr<LiveTurn> turn,
        StopReason reason
    );
    [[nodiscard]] static Task<void> judge(
        SharedLane* self,
        std::shared_ptr<bool> alive,
        store::Wanted what,
        std::shared_ptr<LiveTurn> turn
    );
    void tell_readers(const store::ThreadKey& key, const std::string& turn);
    void tell_all_readers();
    /// Waits a while so that other lanes can offer the conversation's row. False: `until` has
    /// passed.
    [[nodiscard]] Task<bool> outwait_others(store::ThreadKey key, Clock::time_point until);
    [[nodiscard]] bool in_the_way(const store::Holding& there, const ThreadWish& wish) const;
    void tell_holder(store::ThreadKey key, std::string turn);
    [[nodiscard]] std::shared_ptr<LiveTurn>
    own_turn(const store::ThreadKey& key, const Result<store::ThreadState>& row) const;
    /// `ended_ago`: how long ago the turn ended, if its end is among the entries.
    void
    feed(Relay& relay, const std::vector<store::LogEntry>& entries, Millis ended_ago = Millis(0));
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    relay_of(store::ThreadKey key, store::Holding holding, FoundFor purpose);
    /// Reads a turn from the store; null when only the authority can have it.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    read_from(store::ThreadKey key, store::ThreadState state, FoundFor purpose);
    void lost(const std::shared_ptr<LiveTurn>& turn, TurnJournal::Loss loss);
    void end_cut_off(Clock::time_point now);
    /// Raises `count` unless the turn had ended.
    static void fenced(const std::shared_ptr<LiveTurn>& turn, std::uint64_t& count);

    /// Releases rows that only the store assigns to this lane, because an answer of it was lost.
    [[nodiscard]] Task<void> look_after_rows();
    [[nodiscard]] Task<bool> forget_stale_keys(const store::KeyRequest* of = nullptr);

    /// Stops a turn at its authority that had to stop and whose end was stored without the
    /// authority. An error: the authority does not answer, or the turn runs on.
    [[nodiscard]] Task<Result<void>> stop_left(store::ThreadKey key, store::ThreadState state);
    [[nodiscard]] Task<void> look_after_stop(store::ThreadKey key, store::ThreadState state);

    // shared_settle.cpp
    /// Returns once each of them waits for its turn or is being settled.
    [[nodiscard]] static Task<void>
    settle_all(SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::ThreadKey> keys);
    /// … at the same time as others of its server.
    [[nodiscard]] Task<void> settle_beside(store::ThreadKey key);
    [[nodiscard]] static Task<void>
    settle_at(SharedLane* self, std::shared_ptr<bool> alive, std::string server);
    enum class Adoption {
        done,
        ended, ///< the authority has ended it; its history has the outcome
        wait, ///< the authority does not answer
        later, ///< another lane or coroutine settles it, or the store does not answer
        impossible,
    };
    [[nodiscard]] bool still_waits(const store::Holding& dead);
    [[nodiscard]] Task<Adoption> adopt(store::TakeRequest take, std::string sent, TurnHead head);
    [[nodiscard]] std::shared_ptr<LiveTurn> go_on(
        const store::TakeRequest& take,
        std::uint64_t fence,
        const std::string& sent,
        const TurnHead& head,
        std::unique_ptr<authority::Turn> turn
    );
    // shared_reap.cpp
    /// `past`: the turn in the authority's history, if it is there.
    [[nodiscard]] Task<void> reap(
        store::TakeRequest take,
        std::string sent,
        TurnHead head,
        std::optional<authority::PastTurn> past
    );
    [[nodiscard]] Task<Result<std::optional<authority::PastTurn>>> past_turn(store::TakeRequest take
    );

    LaneState* lane_;
    store::Store* store_;
    std::shared_ptr<WritePace> pace_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unordered_map<std::string, Relay> relays_{}; ///< by turn
    /// Waiting followers without a tail, except the first
    std::vector<asio::steady_timer> resting_{};
    std::string reported_{}; ///< the store's state, as last logged
    bool crowded_ = false; ///< the first follower has all tails
    std::unordered_map<std::string, Held> held_{}; ///< by turn
    /// Since then another replica may have taken the held turns
    std::optional<Clock::time_point> unleased_since_{};
    struct Early {
        StopReason reason = StopReason::stopped;
        Clock::time_point came{};
    };
    /// By turn: stops that arrived before the store's answer that gave this lane the turn.
    std::unordered_map<std::string, Early> early_{};
    RowUses uses_{};
    std::vector<store::ThreadKey> unused_{
    }; ///< rows that the store assigns to this lane and that were unused at the last check
    std::vector<store::KeyRequest> stale_keys_{}; ///< to be forgotten when the store answers
    /// By the request's name; null until its answer has arrived.
    std::unordered_map<std::string, std::optional<std::string>> answers_{};
    /// Threads of dead replicas on one of the authority's servers.
    struct Settling {
        std::vector<std::pair<store::ThreadKey, std::shared_ptr<void>>> left{};
        std::size_t open = 0; ///< how many are being settled
    };
    std::map<std::string, Settling> settling_{}; ///< by server
    RowUses settled_{}; ///< all their rows
    struct Away {
        Clock::time_point since{};
        /// When it was last checked: another replica may have settled it since
        Clock::time_point seen{};
    };
    /// Turns of dead replicas whose authority does not answer, by turn and fence.
    std::unordered_map<std::string, Away> away_{};
    RowUses reading_all_{}; ///< owners whose rows are all being read; keys without an id
    std::unordered_map<std::string, std::string> seen_{}; ///< owner → the last change of its rows
    /// Of rows, in the order in which this lane learned of them
    std::deque<store::OfferedRow> deletions_{};
    std::size_t offers_ = 0; ///< how often to offer all rows; the first call does all of them
};

/// Returns when a change of the map of threads is on disk and in the shared store. `fence`: as in
/// store_row().
[[nodiscard]] Task<Result<void>>
commit_row(LaneState* lane, std::string owner, std::string id, std::uint64_t fence);

/// Reason for store::Store::pass(): a client's decisions and results.
inline constexpr std::string_view k_decide = "decide";

/// This request's use of its Idempotency-Key, after find_key(); empty without a key.
[[nodiscard]] store::KeyRequest key_use_of(const Call& call);

[[nodiscard]] std::string head_text(const TurnHead& head);
[[nodiscard]] TurnHead read_head(const std::string& text);
[[nodiscard]] Rejection reject_store_away();
/// … or the store has no room: no turn and no conversation can begin.
[[nodiscard]] Rejection reject_nothing_new();
/// This lane does not know whether the conversation exists or has a turn, but other lanes may.
[[nodiscard]] Rejection reject_unknown_for_now();

} // namespace oa_stream::lane
