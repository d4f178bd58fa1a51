// What this lane shares with others: it takes and gives turns through the store, reads on for turns
// that others run, and settles what a dead replica left.
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

/// Of a turn whose request is not known here: it counts where most turns begin.
inline constexpr std::string_view k_usual_route = telemetry::k_turn_routes.front().pattern;

/// What a successor must know of a turn, as it stands at its log's beginning.
struct TurnHead {
    std::string route{};
    std::string request_id{};
    std::string model{};
    bool approvals = false;
    bool calls = false; ///< it waits for results of the page's functions
    bool probe = false;
    std::string message_id{}; ///< the answer's, on the wire; empty: the turn's
    std::vector<ResultDigest> began_with{}; ///< see TurnCalls::begin_with()
};

/// What a turn is looked for: any may be stopped, whatever the lane reads already.
enum class FoundFor { reading, stopping, deciding };

class SharedLane {
public:
    SharedLane(LaneState& lane, store::Store& store);
    SharedLane(const SharedLane&) = delete;
    SharedLane& operator=(const SharedLane&) = delete;
    ~SharedLane();

    /// Starts to read for others, and to look after what dead replicas held.
    void start();
    void stop();
    [[nodiscard]] store::Store& store() const noexcept { return *store_; }
    /// What runs needs the rest of the store's memory: nothing new begins.
    [[nodiscard]] bool full() const;

    // Threads: the lane's own map is what it has seen of the store's. shared_rows.cpp
    /// False: the store does not answer, or lost its rows and lacks those of others still.
    Task<bool> refresh(std::string owner, std::string id);
    /// False: the store lost its rows and lacks those of others still.
    [[nodiscard]] Task<bool> refresh_all(std::string owner);
    /// The row as the lane's map has it, or that it has none (any more). `fence`: of the hold under
    /// which that was changed, 0: none. Code::conflict: another replica has taken it since.
    [[nodiscard]] Task<Result<void>>
    store_row(std::string owner, std::string id, std::uint64_t fence = 0);
    /// Of these threads, which are gone at the authority, all lanes forget the conversations.
    [[nodiscard]] Task<void> forget_deleted(std::vector<std::string> threads);
    /// … the others alone, of one whose row is erased already.
    void tell_deleted_later(std::string thread);
    /// Stores this change of the row, which is offered to a store that lacks it. A new mark is in
    /// the lane's map already, a new title is not. The map forgets a row that was deleted.
    [[nodiscard]] Task<Result<void>>
    change_row(std::string owner, std::string id, store::RowChange what);
    /// Somebody was told a thread's messages: these turns whole. `waits`: one of them only as far
    /// as it goes without its page.
    [[nodiscard]] Task<void>
    note_read(std::string owner, std::string id, std::vector<std::string> whole, bool waits);
    /// A turn on it has ended: others may have changed all the rest of its row meanwhile.
    void touch_later(const std::string& owner, const std::string& id, std::int64_t at);

    // Turns. shared_turns.cpp
    /// nullopt: a dead replica holds it; settle() comes first.
    [[nodiscard]] Task<Accepted<std::optional<SharedHold>>> acquire(ThreadWish wish);
    /// False: its authority does not answer. shared_settle.cpp
    [[nodiscard]] Task<bool> settle(store::ThreadKey key);
    void settle_soon(store::ThreadKey key); ///< shared_lane.cpp
    /// The turn was accepted; its journal. `stop`: it was wanted to end meanwhile.
    struct Committed {
        std::shared_ptr<TurnJournal> journal;
        std::string stop{};
    };
    [[nodiscard]] Task<Accepted<Committed>>
    commit(SharedHold* hold, std::string turn, TurnHead head, std::string idempotency);
    /// Wires a live turn of ours: what the store says reaches it. `use`: see key_use_of().
    void follow(
        const std::shared_ptr<LiveTurn>& turn,
        const std::shared_ptr<TurnJournal>& journal,
        store::KeyRequest use = {}
    );
    /// The thread's live or just ended turn, wherever it runs; one of a dead replica is settled
    /// first, if it can be. Null: none. Of a turn that another replica is starting it waits for the
    /// acceptance, unless its client has left; `most`: as TurnStarter::await_start() has it.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> find(
        std::string owner,
        std::string thread,
        LiveTurns::Gone gone = [] { return false; },
        FoundFor purpose = FoundFor::reading,
        std::optional<Millis> most = {}
    );
    // shared_stops.cpp
    /// A turn that another replica is starting must stop as soon as it was accepted, and one that
    /// a dead replica left as soon as it is settled. none: there is neither; over: it was accepted
    /// or settled, or came to nothing; unknown: the store did not take it; else it is still under
    /// way. `turn`: only this one, which is not one that is being started; empty: whichever it is.
    enum class Start { none, over, under_way, unknown };
    [[nodiscard]] Task<Start>
    stop_start(std::string owner, std::string thread, Clock::time_point until, std::string turn);
    /// A stop that this turn did not obey yet holds, should this lane die, or the one that runs it.
    /// False: the store did not take it.
    [[nodiscard]] Task<bool> promise_stop(std::shared_ptr<LiveTurn> turn);
    /// Who reads the turn here, and who left it too early, is known to all replicas.
    void tell_of_readers(TurnStyle& style, const store::ThreadKey& key, const std::string& turn);
    /// Of all replicas.
    [[nodiscard]] Task<std::size_t> readers_of(std::shared_ptr<LiveTurn> turn);

    // shared_keys.cpp
    /// The turn that this Idempotency-Key started already on any replica; nullopt: the key is ours
    /// (Call::key_attempt), until forget_key() when nobody was told a turn.
    [[nodiscard]] Task<Accepted<std::optional<std::string>>> find_key(CallPtr call);
    /// Once the thread is held: the key that find_key() took is this request's still.
    [[nodiscard]] Task<Accepted<void>> keep_key(CallPtr call);
    [[nodiscard]] Task<void> forget_key(store::KeyRequest request);
    void forget_key_later(store::KeyRequest request) noexcept;

    /// Of a turn without a log: a place among all replicas' turns, held as long as it is.
    [[nodiscard]] Task<Accepted<std::shared_ptr<void>>>
    take_place(std::string owner, bool count_owner);
    // shared_answers.cpp
    /// A client's decisions and results for a turn that runs elsewhere, judged there: the segment.
    [[nodiscard]] Task<Accepted<std::size_t>> decide(
        std::shared_ptr<LiveTurn> turn,
        std::vector<ApprovalAnswer> answers,
        std::vector<authority::CallResult> results
    );

    void tick(Clock::time_point now);
    /// Cuts what is read for others, without an ending: it goes on elsewhere.
    void cut_relays();
    /// Turns that go on with another replica: how many were let go in this time. shared_release.cpp
    [[nodiscard]] Task<std::size_t> release_all(Millis within);

private:
    void take_row(const store::ThreadKey& key, const store::ThreadFields& fields);
    [[nodiscard]] bool
    changes_here(const store::ThreadKey& key, const store::Holding& holding) const;
    /// What the store has of a row, with this version; a newer one of this lane stays.
    void learn(
        const store::ThreadKey& key,
        const std::optional<store::ThreadFields>& fields,
        bool erased,
        std::uint64_t version
    );
    [[nodiscard]] bool newer_here(const store::ThreadKey& key, std::uint64_t version) const;
    void remember_deletion(store::ThreadKey key, std::uint64_t version);
    /// Of deleted threads. A conversation that another lane went on with on another thread stays,
    /// and this lane's map has it so.
    [[nodiscard]] static Task<void>
    erase_rows(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// Until the store takes it.
    [[nodiscard]] static Task<void>
    tell_deleted(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// erase_rows() as an inbox says, which more than lanes may write into: those that the
    /// authority lacks.
    [[nodiscard]] static Task<void>
    erase_threads(SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads);
    /// The store may lack rows of this lane.
    void offer_rows();
    [[nodiscard]] static Task<void> offer_all(SharedLane* self, std::shared_ptr<bool> alive);
    [[nodiscard]] static Task<void>
    offer_page(SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::OfferedRow> rows);
    /// What this lane has of it.
    [[nodiscard]] std::optional<store::ThreadFields> own_fields(const store::ThreadKey& key) const;
    /// Ids of all rows of this owner, the store's and the newest of ours.
    [[nodiscard]] Task<Result<std::vector<std::string>>> all_of(std::string owner);
    [[nodiscard]] Task<bool> refresh_these(std::string owner, std::vector<std::string> ids);

    /// A turn that runs elsewhere, read here.
    struct Relay {
        std::shared_ptr<LiveTurn> turn;
        store::ThreadKey key;
        store::Tail at{};
        std::size_t readers = 0; ///< as last told
        bool logless = false; ///< the store lost what it said
    };
    struct Held {
        std::weak_ptr<LiveTurn> turn;
        std::shared_ptr<TurnJournal> journal;
        store::KeyRequest use{}; ///< of the Idempotency-Key that led to it
    };
    /// What a drain waits for.
    struct Leaving {
        Leaving(const asio::any_io_executor& executor, Millis within)
            : until(Clock::now() + within), over(executor) {}
        Clock::time_point until;
        asio::steady_timer over; ///< cancelled with the last one
        std::size_t open = 0;
        std::size_t done = 0;
    };
    [[nodiscard]] static Task<void> release_one(
        SharedLane* self, std::shared_ptr<bool> alive, Held held, std::shared_ptr<Leaving> leaving
    );
    [[nodiscard]] static Task<void>
    read_news(SharedLane* self, std::shared_ptr<bool> alive, std::size_t follower);
    [[nodiscard]] std::vector<store::Tail> tails_of(std::size_t follower);
    /// There is another tail to follow.
    void wake_followers();
    void wake_resting(); ///< those that wait for a tail
    [[nodiscard]] static Task<void> sweep(SharedLane* self, std::shared_ptr<bool> alive);
    void report_store();
    [[nodiscard]] static Task<void> hold_all_again(SharedLane* self, std::shared_ptr<bool> alive);
    [[nodiscard]] Task<void> hold_again(Held held);
    [[nodiscard]] std::size_t running_relays() const;
    void count_relays();
    [[nodiscard]] Task<void> look_after_relays();
    [[nodiscard]] Task<void> look_after_readers();
    void wanted(const store::Wanted& what);
    /// The store says so of what an inbox asks for, which more than lanes may write into: the turn
    /// is ours, and wanted `to_stop`. Until the store answers, or the turn has ended.
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
    /// A while for other lanes to say whose a conversation is. False: no later than that.
    [[nodiscard]] Task<bool> outwait_others(store::ThreadKey key, Clock::time_point until);
    [[nodiscard]] bool in_the_way(const store::Holding& there, const ThreadWish& wish) const;
    void tell_holder(store::ThreadKey key, std::string turn);
    [[nodiscard]] std::shared_ptr<LiveTurn>
    own_turn(const store::ThreadKey& key, const Result<store::ThreadState>& row) const;
    /// `ended_ago`: its end, where that is among them.
    void
    feed(Relay& relay, const std::vector<store::LogEntry>& entries, Millis ended_ago = Millis(0));
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    relay_of(store::ThreadKey key, store::Holding holding, FoundFor purpose);
    /// The turn that is stored, to be read here; null when it can only be told by the authority.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    read_from(store::ThreadKey key, store::ThreadState state, FoundFor purpose);
    void lost(const std::shared_ptr<LiveTurn>& turn, TurnJournal::Loss loss);
    void end_cut_off(Clock::time_point now);
    /// `count` rises unless the turn had ended.
    static void fenced(const std::shared_ptr<LiveTurn>& turn, std::uint64_t& count);

    /// Rows that are ours for the store alone: an answer of it was lost.
    [[nodiscard]] Task<void> look_after_rows();
    [[nodiscard]] Task<bool> forget_stale_keys(const store::KeyRequest* of = nullptr);

    /// A turn that was to stop and ended here alone stops at its authority, too. An error: that one
    /// is away, or does not obey.
    [[nodiscard]] Task<Result<void>> stop_left(store::ThreadKey key, store::ThreadState state);
    [[nodiscard]] Task<void> look_after_stop(store::ThreadKey key, store::ThreadState state);

    // shared_settle.cpp
    /// Returns once each of them waits for its turn, or is being settled.
    [[nodiscard]] static Task<void>
    settle_all(SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::ThreadKey> keys);
    /// … beside others of its server.
    [[nodiscard]] Task<void> settle_beside(store::ThreadKey key);
    [[nodiscard]] static Task<void>
    settle_at(SharedLane* self, std::shared_ptr<bool> alive, std::string server);
    enum class Adoption {
        done,
        ended, ///< the authority has ended it: its history says how
        wait, ///< the authority is away
        later, ///< somebody else is at it, or cannot be asked about
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
    /// `past`: as the authority's history has it, where it has it.
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
    std::vector<asio::steady_timer> resting_{}; ///< followers but the first, without a tail
    std::string reported_{}; ///< of the store, in the log
    bool crowded_ = false; ///< the first follower has all tails
    std::unordered_map<std::string, Held> held_{}; ///< by turn
    std::optional<Clock::time_point> unleased_since_{}; ///< others may have what is held
    struct Early {
        StopReason reason = StopReason::stopped;
        Clock::time_point came{};
    };
    /// By turn: stops that came before the answer by which it is ours.
    std::unordered_map<std::string, Early> early_{};
    RowUses uses_{};
    std::vector<store::ThreadKey> unused_{
    }; ///< rows of ours that nobody here knew at the last look
    std::vector<store::KeyRequest> stale_keys_{}; ///< to be forgotten when the store answers
    /// By the request's name; null until it came.
    std::unordered_map<std::string, std::optional<std::string>> answers_{};
    /// Threads of dead replicas that one of the authority's servers has.
    struct Settling {
        std::vector<std::pair<store::ThreadKey, std::shared_ptr<void>>> left{};
        std::size_t open = 0; ///< that are being settled
    };
    std::map<std::string, Settling> settling_{}; ///< by server
    RowUses settled_{}; ///< all of them
    struct Away {
        Clock::time_point since{};
        Clock::time_point seen{}; ///< last: another replica may have settled it since
    };
    /// Turns of dead replicas whose authority does not answer, by turn and fence.
    std::unordered_map<std::string, Away> away_{};
    RowUses reading_all_{}; ///< owners all whose rows are being read; without an id
    std::unordered_map<std::string, std::string> seen_{}; ///< owner → the last change of its rows
    std::deque<store::OfferedRow> deletions_{}; ///< of rows, as this lane learned of them
    std::size_t offers_ = 0; ///< how often all rows are to be offered; the first of them is at it
};

/// What was put into or erased from the map of threads is on disk, and known to all replicas.
/// With the fence as store_row().
[[nodiscard]] Task<Result<void>>
commit_row(LaneState* lane, std::string owner, std::string id, std::uint64_t fence);

/// What store::Store::pass() is given: a client's decisions and results.
inline constexpr std::string_view k_decide = "decide";

/// This use of the request's Idempotency-Key, once find_key() has taken it; without one none.
[[nodiscard]] store::KeyRequest key_use_of(const Call& call);

[[nodiscard]] std::string head_text(const TurnHead& head);
[[nodiscard]] TurnHead read_head(const std::string& text);
[[nodiscard]] Rejection reject_store_away();
/// … or it has no room: a turn or a conversation cannot begin.
[[nodiscard]] Rejection reject_nothing_new();
/// Nobody here knows of the conversation, or whether it has a turn: others may.
[[nodiscard]] Rejection reject_unknown_for_now();

} // namespace oa_stream::lane
