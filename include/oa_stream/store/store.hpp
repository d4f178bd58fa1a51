// What several lanes share: which replica runs which turn, the turn's frames so far, and the map of
// threads. Redis stores it; a single lane needs no store. Not thread-safe. Every wait has a
// deadline; Code::unavailable and Code::timeout mean that the store does not answer now.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/store/address.hpp"
#include "oa_stream/store/numbers.hpp"
#include "oa_stream/store/responses.hpp"
#include "oa_stream/store/rows.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::store {

enum class Phase { none, starting, live, ended };

/// Which session holds a thread, and what for. The fence rises with every new holder and never
/// falls.
struct Holding {
    std::string session{}; ///< empty: no session
    bool alive = false; ///< the session's process lives
    Phase phase = Phase::none;
    std::uint64_t fence = 0;
    std::string turn{}; ///< the id on the wire; empty while the turn is being started
    std::string stop{}; ///< why the turn has to end; empty: it need not
    Millis ended_ago{0}; ///< by the store's clock, as long as the turn's log exists
};

struct ThreadState {
    std::optional<ThreadFields> fields{}; ///< none: the conversation does not exist
    bool erased = false; ///< it existed and was deleted recently
    Holding holding{};
    bool has_log = false; ///< the turn in `holding` has a log
    /// The last note_read(): "1 NAME" if it contained the whole turn, else "0 NAME"
    std::string read{};
    std::uint64_t version = 0; ///< of `fields`, or of their deletion
    /// The store never had the row, or lost it, and some processes that may have it have not called
    /// offered() yet.
    bool awaited = false;
};

struct AcquireRequest {
    ThreadKey key;
    std::string request{}; ///< names this attempt: a repeated request gets the same answer
    std::size_t most = 0; ///< limit of turns on all replicas
    std::size_t most_of_owner = 0; ///< 0: no limit
};
struct Acquired {
    enum class Kind {
        mine, ///< `holding.fence` is the new hold
        busy, ///< a living replica holds it
        orphan, ///< a dead replica holds it: settle it first
        full,
        owner_full,
        awaited, ///< as in ThreadState::awaited; or the holder has not registered again yet
    };
    Kind kind = Kind::mine;
    Holding holding{};
    std::size_t readers = 0; ///< with `busy`: readers of its turn, on all replicas
    /// With `mine`: the outcome of the previous start is unknown.
    bool unsure = false;
    /// With `mine`: as returned by look(). From now on no other replica changes them.
    std::optional<ThreadFields> fields{};
    bool erased = false;
    std::uint64_t version = 0;
};

/// The use of an Idempotency-Key among all replicas.
struct KeyUse {
    bool fresh = false; ///< unused, or its user died: the key is this request's now
    std::string request{}; ///< digest of the request that it was used for
    std::string thread{}; ///< the client's id
    std::string turn{}; ///< empty while it is being started
    bool left = false; ///< an earlier user of the key died and may have started its turn
    /// The thread's newest turn when the first user that died took the thread; unset: none of them
    /// took it.
    std::optional<std::string> before{};
};

struct KeyRequest {
    std::string owner{};
    std::string key{};
    std::string attempt{}; ///< names this use: forget_key() affects only this one
    std::string request{}; ///< digest of the request
    std::string thread{}; ///< the client's id
    /// Set once the thread is held: its newest turn, with the authority's id; empty: it has none.
    std::optional<std::string> before{};
};

struct CommitRequest {
    ThreadKey key;
    std::uint64_t fence = 0;
    std::string turn{};
    std::string head{}; ///< what a successor needs to know about the turn; opaque
    std::string idempotency{}; ///< the key with which it was started, or empty
    std::optional<ThreadFields> fields{}; ///< performs put() in the same step
    /// The fields that acquire() returned. Fields that are still the same are not written, because
    /// other lanes may have changed them since; all are written if the conversation was deleted.
    std::optional<ThreadFields> before{};
};

struct Committed {
    std::string stop{}; ///< the reason if the turn had to end meanwhile, or empty
    std::uint64_t version = 0; ///< the row's version now
};

/// One entry of a turn's log. Entries are ordered by (fence, end): a writer with an older fence is
/// refused.
struct LogEntry {
    std::uint64_t fence = 0;
    std::uint64_t end = 0; ///< total bytes of frames including this entry
    std::string head{};
    std::string bytes{}; ///< complete frames
    std::string outcome{}; ///< only in the last entry: how the turn ended
    std::int64_t written_at = 0; ///< Unix ms, by the writer's clock; 0: unknown
    bool strange = false; ///< it contains fields of a later release
    [[nodiscard]] bool last() const noexcept { return !outcome.empty(); }
};
struct Log {
    std::vector<LogEntry> entries{};
    /// The entries are complete from the beginning, without a hole.
    [[nodiscard]] bool whole() const noexcept {
        std::uint64_t end = 0;
        for (const auto& entry : entries) {
            if (entry.end != end + entry.bytes.size()) {
                return false;
            }
            end = entry.end;
        }
        return !entries.empty() && !entries.front().head.empty();
    }
    /// The log has no fields of a later release, so this release can continue the turn.
    [[nodiscard]] bool plain() const noexcept {
        return std::ranges::none_of(entries, &LogEntry::strange);
    }
};

enum class Written {
    stored,
    gone, ///< the log does not exist (any more): other replicas cannot read the turn
    fenced, ///< another replica writes it now
    full, ///< the store has no memory left
    hole, ///< only for an end: the log lacks entries before it; nothing was stored
};

/// A piece for append(). The views are not used after append() returns.
struct Piece {
    std::string_view turn;
    std::uint64_t fence = 0;
    std::uint64_t end = 0; ///< total bytes of frames including this piece
    std::string_view bytes{};
    bool read = false; ///< a reader at another replica waits for it
};

struct EndRequest {
    ThreadKey key;
    std::uint64_t fence = 0;
    std::string turn{};
    std::uint64_t end = 0;
    std::string bytes{};
    std::string outcome{};
    /// Where the log must end, because earlier pieces have no answer yet. None: the caller knows
    /// that it ends there.
    std::optional<std::uint64_t> behind{};
};

/// Takes a thread from a dead replica. Nothing happens unless the row and the log are unchanged
/// since they were read: `from` is the holding, `top` the log's last entry.
struct TakeRequest {
    ThreadKey key;
    Holding from{};
    std::uint64_t top_fence = 0; ///< 0: the log does not exist
    std::uint64_t top_end = 0;
};

/// A request of another replica to this one, or its answer.
struct Wanted {
    std::string turn;
    std::string reason; ///< a StopReason as text, or the reason given to pass()
    std::string request{}; ///< for pass(): names the request
    std::string from{}; ///< … and the session that waits for the answer
    std::string body{};
};

struct Tail {
    std::string turn;
    std::uint64_t fence = 0;
    std::uint64_t end = 0;
};
struct TailNews {
    std::string turn;
    std::vector<LogEntry> entries{};
};
/// Number of parallel followers; each reads a share of the tails. A blocking read of many streams
/// costs the server work for each of them whenever one has news.
inline constexpr std::size_t k_followers = 4;
/// Up to this many tails, followers block until there is news. With more, the first one polls all.
inline constexpr std::size_t k_most_waited = 128;

/// Reason: a client requested a stop.
inline constexpr std::string_view k_stopped = "stopped";
inline constexpr std::string_view k_answer = "answer";
/// Reason: the turn has readers at another replica.
inline constexpr std::string_view k_read = "read";
/// Reason: a turn was released. on_wanted() of one other process is called; the body is the
/// row_name().
inline constexpr std::string_view k_adopt = "adopt";
[[nodiscard]] ThreadKey thread_of(std::string_view row_name);
/// Reason: the authority has deleted these threads, one per line.
inline constexpr std::string_view k_deleted = "deleted";

class Store {
public:
    TurnCounts turns{};
    /// How often this process had to register again: others may have taken what it held before.
    std::uint64_t sign_ons = 0;

    virtual ~Store() = default;
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Connects and registers this process. Refuses unsuitable servers (Code::config: version,
    /// cluster mode, eviction policy, a replica's address; Code::credentials).
    [[nodiscard]] virtual Task<Result<void>> open() = 0;
    /// Unregisters this process. Other replicas settle what it still holds.
    [[nodiscard]] virtual Task<void> close() = 0;
    /// Empty: the store answers. Otherwise the reason, in one line.
    [[nodiscard]] virtual std::string trouble() const = 0;
    /// Empty: the store accepts writes and delivers news. Otherwise the reason, in one line; reads
    /// still work.
    [[nodiscard]] virtual std::string caution() const { return {}; }
    [[nodiscard]] virtual const std::string& session() const noexcept = 0;
    [[nodiscard]] virtual const StoreOptions& options() const noexcept = 0;
    [[nodiscard]] virtual StoreNumbers numbers() const = 0;
    /// No other process can have taken what this process holds.
    [[nodiscard]] virtual bool leased() const noexcept = 0;
    /// … and has been true long enough for every living process to renew its lease: after the store
    /// was suspended or refused writes, all of them seem dead.
    [[nodiscard]] virtual bool steady() const noexcept = 0;

    // Threads.
    [[nodiscard]] virtual Task<Result<ThreadState>> look(ThreadKey key) = 0;
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>> ids_of(std::string owner) = 0;
    /// Rows put or erased since `at`, which an earlier answer contained; empty: unknown.
    [[nodiscard]] virtual Task<Result<RowChanges>>
    changes_of(std::string owner, std::string at) = 0;
    /// In the order of `ids` (up to 200); nullopt where the conversation does not exist (any more).
    [[nodiscard]] virtual Task<Result<std::vector<std::optional<ThreadFields>>>>
    rows_of(std::string owner, std::vector<std::string> ids) = 0;
    /// Stores the row; returns its new version. `fence`: of the hold under which it is changed, 0:
    /// without a hold. Code::conflict: this fence does not hold the row any more.
    [[nodiscard]] virtual Task<Result<std::uint64_t>>
    put(ThreadKey key, ThreadFields fields, std::uint64_t fence = 0) = 0;
    /// Changes only these fields. Returns the new version, or 0 if the conversation does not exist
    /// (any more).
    [[nodiscard]] virtual Task<Result<std::uint64_t>> change(ThreadKey key, RowChange what) = 0;
    /// Sets only the time of the last use; does nothing if the conversation does not exist.
    [[nodiscard]] virtual Task<Result<void>> touch(ThreadKey key, std::int64_t updated_at) = 0;
    /// Deletes the row; returns the deletion's version; otherwise like put(). `thread`: the
    /// authority's thread id that the row must have (else Code::conflict); empty: any.
    [[nodiscard]] virtual Task<Result<std::uint64_t>>
    erase(ThreadKey key, std::uint64_t fence = 0, std::string thread = {}) = 0;
    /// The authority deleted these threads: calls on_wanted() of all other processes with the
    /// reason k_deleted, because only one of them may know the owner.
    [[nodiscard]] virtual Task<Result<void>> tell_deleted(std::vector<std::string> threads) = 0;
    /// Offers rows that have not changed. Each (up to 100) is stored if the store does not have it
    /// or has an older version, but not while a turn is being started on it.
    [[nodiscard]] virtual Task<Result<void>> offer(std::vector<OfferedRow> rows) = 0;
    /// Called when the store lost its rows: until this process calls offered(), unknown rows count
    /// as awaited.
    std::function<void()> on_lost{};
    /// The store lost its rows within the last 30 days, so a starting process has to offer its own.
    /// Known after open().
    bool rows_lost = false;
    virtual void offered() = 0;

    /// A client has read the thread's messages, including these whole turns. `name`: of this read.
    [[nodiscard]] virtual Task<Result<void>>
    note_read(ThreadKey key, std::string name, std::vector<std::string> whole) = 0;
    /// A reader left this turn before it had everything: counts like a read without the turn.
    [[nodiscard]] virtual Task<Result<void>> note_left(ThreadKey key, std::string turn) = 0;

    // At most one turn per thread.
    [[nodiscard]] virtual Task<Result<Acquired>> acquire(AcquireRequest request) = 0;
    /// Code::conflict: another replica has taken the thread.
    [[nodiscard]] virtual Task<Result<Committed>> commit(CommitRequest request) = 0;
    [[nodiscard]] virtual Task<Result<void>> forget(ThreadKey key, std::uint64_t fence) = 0;
    /// Confirms after on_unsure that a committed turn is still held by this process. False: another
    /// replica has it. `use`: of the Idempotency-Key that started the turn; the key leads to the
    /// turn again.
    [[nodiscard]] virtual Task<Result<bool>>
    hold_again(ThreadKey key, std::uint64_t fence, std::string turn, KeyRequest use = {}) = 0;
    /// Called when other replicas may have taken what this process holds: it registered again, or
    /// reconnected to a server that may lack the last writes.
    std::function<void()> on_unsure{};
    /// Threads that this process holds according to the store.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadKey>>> held() = 0;
    /// Counts a turn that no other replica can follow, until give_place(). Of `key` only the owner
    /// is used. Kind::mine, full or owner_full.
    [[nodiscard]] virtual Task<Result<Acquired::Kind>> take_place(AcquireRequest request) = 0;
    virtual void give_place(const std::string& owner) = 0;
    /// `on_sent`, if set, is called once the bytes have left this process: a crash of it no longer
    /// stops them. It is not called if they never leave; it may be called within append(). `done`
    /// is called once, later. Concurrent appends are stored in their order. Not a coroutine,
    /// because there are thousands a second.
    using Sent = std::move_only_function<void()>;
    /// … also gets where the piece ends, and its size.
    using Answered =
        std::move_only_function<void(Result<Written>, std::uint64_t end, std::size_t size)>;
    virtual void append(const Piece& piece, Sent on_sent, Answered done) = 0;
    /// Stores the turn's only end. Written::fenced: another replica has decided it.
    [[nodiscard]] virtual Task<Result<Written>> end(EndRequest request) = 0;
    /// Removes the log: from now on only local readers follow this turn.
    [[nodiscard]] virtual Task<Result<void>> drop_log(std::string turn) = 0;
    /// Notifies the holder; false: no replica holds that turn. k_stopped overrides every other
    /// reason and lists the thread in orphans() until stop_done(). An empty reason from the holder
    /// itself: the turn does not end for the next message.
    [[nodiscard]] virtual Task<Result<bool>>
    want(ThreadKey key, std::uint64_t fence, std::string reason) = 0;
    /// The turn with this fence, which has no holder any more, has also stopped at its authority.
    /// Does nothing while a turn that has to stop is held.
    [[nodiscard]] virtual Task<Result<void>> stop_done(ThreadKey key, std::uint64_t fence) = 0;
    /// Sends a message to the living replica that runs this turn. It arrives there as Wanted; the
    /// answer() arrives here with the reason k_answer. False: no replica runs it, or its log is
    /// lost.
    [[nodiscard]] virtual Task<Result<bool>> pass(ThreadKey key, Wanted what) = 0;
    virtual void answer(const Wanted& what, std::string body) = 0;
    /// Gives up the hold while the turn goes on: other replicas may adopt it.
    [[nodiscard]] virtual Task<Result<void>> release(ThreadKey key, std::uint64_t fence) = 0;

    // For turns of dead replicas.
    /// Threads that dead replicas held, and threads whose turn had to stop.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadKey>>> orphans() = 0;
    /// Ends the turn with these last frames; false: another replica was first.
    [[nodiscard]] virtual Task<Result<bool>>
    reap(TakeRequest request, std::string bytes, std::string outcome) = 0;
    /// Takes the turn; returns the new fence. nullopt: another replica was first.
    [[nodiscard]] virtual Task<Result<std::optional<std::uint64_t>>> adopt(TakeRequest request) = 0;

    // Reading turns of other replicas.
    [[nodiscard]] virtual Task<Result<Log>> read(std::string turn) = 0;
    /// Returns the new entries behind each of `tails`; passes requests to this process to on_wanted
    /// (only the first follower does). Returns after a second even without news. Each of the
    /// k_followers followers may call it once at a time.
    [[nodiscard]] virtual Task<Result<std::vector<TailNews>>>
    follow(std::vector<Tail> tails, std::size_t follower) = 0;
    /// Makes every waiting follow() return soon.
    virtual void wake() = 0;
    std::function<void(const Wanted&)> on_wanted{};
    /// Reports that this process has `count` readers on a turn. Repeated until the store has it.
    virtual void tell_readers(const std::string& turn, std::size_t count) = 0;
    [[nodiscard]] virtual Task<Result<std::size_t>> readers(std::string turn) = 0;

    // Idempotency-Key.
    [[nodiscard]] virtual Task<Result<KeyUse>> use_key(KeyRequest request) = 0;
    /// No client has received a turn of this attempt.
    [[nodiscard]] virtual Task<Result<void>> forget_key(KeyRequest request) = 0;
    /// An earlier use of the key has this completed turn: from now on the key leads to it.
    [[nodiscard]] virtual Task<Result<void>> answer_key(KeyRequest request, std::string turn) = 0;

    // Responses that later requests may name.
    /// Stores the response; the same id again changes nothing. Returns the keys of items without a
    /// value that no longer exist; in that case nothing is stored, and these items need their
    /// values.
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>> keep_response(ResponseRecord record
    ) = 0;
    /// Without its conversation; nullopt: unknown, removed, or another owner's.
    [[nodiscard]] virtual Task<Result<std::optional<std::string>>> read_response(ResponseKey key
    ) = 0;
    /// The response with its conversation, unless `key.id` is empty, and items of the same owner by
    /// their keys. Read in pieces: a response that is deleted meanwhile may be returned in part.
    [[nodiscard]] virtual Task<Result<FoundResponses>>
    find_response(ResponseKey key, std::vector<std::string> items) = 0;
    /// False: it does not exist (any more).
    [[nodiscard]] virtual Task<Result<bool>> drop_response(ResponseKey key) = 0;
};

[[nodiscard]] std::unique_ptr<Store>
make_redis_store(const asio::any_io_executor& executor, StoreOptions options);

} // namespace oa_stream::store
