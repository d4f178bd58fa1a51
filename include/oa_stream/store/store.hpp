// What several lanes share: who runs which turn, what it said so far, and the map of threads. One
// engine keeps it (Redis); a lane alone needs none. Used from one thread. Every wait has a
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

/// Who holds a thread, and what for. The fence rises with every holder and never falls.
struct Holding {
    std::string session{}; ///< empty: nobody
    bool alive = false;    ///< that session's process
    Phase phase = Phase::none;
    std::uint64_t fence = 0;
    std::string turn{}; ///< as on the wire; empty while it is started
    std::string stop{}; ///< why it is wanted to end; empty: it is not
    Millis ended_ago{0}; ///< by the store's clock, while the turn's log is there
};

struct ThreadState {
    std::optional<ThreadFields> fields{}; ///< none: there is no such conversation
    bool erased = false; ///< there was one, and not long ago
    Holding holding{};
    bool has_log = false; ///< of the turn that `holding` names
    std::string read{}; ///< the last note_read(): "1 NAME" with the turn whole, else "0 NAME"
    std::uint64_t version = 0; ///< of `fields`, or of the deletion
    /// The store never had it, or lost it, and not all processes that may have it have offered()
    /// it.
    bool awaited = false;
};

struct AcquireRequest {
    ThreadKey key;
    std::string request{}; ///< names this attempt: the same again gets the same answer
    std::size_t most = 0; ///< turns of all replicas
    std::size_t most_of_owner = 0; ///< 0: not counted
};
struct Acquired {
    enum class Kind {
        mine, ///< `holding.fence` is ours
        busy, ///< a living replica holds it
        orphan, ///< a dead one does: settle it first
        full,
        owner_full,
        awaited, ///< as ThreadState::awaited; or whoever holds it has not come back yet
    };
    Kind kind = Kind::mine;
    Holding holding{};
    std::size_t readers = 0; ///< busy: of its turn, on all replicas
    /// mine: what became of the start before this one nobody knows.
    bool unsure = false;
    /// mine: as look() returns them. No other replica changes them from now on.
    std::optional<ThreadFields> fields{};
    bool erased = false;
    std::uint64_t version = 0;
};

/// Idempotency-Key, all replicas together.
struct KeyUse {
    bool fresh = false; ///< nobody used it before, or whoever did died over it: it is ours now
    std::string request{}; ///< digest of the request it was used for
    std::string thread{}; ///< the client's id
    std::string turn{}; ///< empty while that is being started
    bool left = false; ///< a use of it before this one died over it, and may have its turn
    /// The thread's newest turn when the first of those took the thread; unset: none of them did.
    std::optional<std::string> before{};
};

struct KeyRequest {
    std::string owner{};
    std::string key{};
    std::string attempt{}; ///< names this use of it: only its own is forgotten
    std::string request{}; ///< digest
    std::string thread{}; ///< the client's id
    /// Once the thread is held: its newest turn, as the authority names it; empty: it has none.
    std::optional<std::string> before{};
};

struct CommitRequest {
    ThreadKey key;
    std::uint64_t fence = 0;
    std::string turn{};
    std::string head{}; ///< what a successor must know of the turn; opaque
    std::string idempotency{}; ///< the key under which it was started, or empty
    std::optional<ThreadFields> fields{}; ///< put() in the same step
    /// As acquire() returned them: what is so still is not put, as others may have changed it
    /// since, unless the conversation was deleted.
    std::optional<ThreadFields> before{};
};

struct Committed {
    std::string stop{}; ///< why it was wanted to end meanwhile, or empty
    std::uint64_t version = 0; ///< of its row now
};

/// A turn's log. Entries are ordered by (fence, end): a writer with an older fence is refused.
struct LogEntry {
    std::uint64_t fence = 0;
    std::uint64_t end = 0; ///< bytes of frames up to and with this entry
    std::string head{};
    std::string bytes{}; ///< whole frames
    std::string outcome{}; ///< of the last one: how the turn ended
    std::int64_t written_at = 0; ///< Unix ms, by the writer's clock; 0: unknown
    bool strange = false; ///< a later release says more in it
    [[nodiscard]] bool last() const noexcept { return !outcome.empty(); }
};
struct Log {
    std::vector<LogEntry> entries{};
    /// From its beginning on, without a hole.
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
    /// Whoever goes on with it understands all of it.
    [[nodiscard]] bool plain() const noexcept {
        return std::ranges::none_of(entries, &LogEntry::strange);
    }
};

enum class Written {
    stored,
    gone, ///< there is no such log (any more): nobody elsewhere can read on
    fenced, ///< another replica writes it now
    full, ///< the store has no memory left
    hole, ///< of an end alone: what it goes behind is not there, and nothing happened
};

/// What append() stores. The views are read before it returns.
struct Piece {
    std::string_view turn;
    std::uint64_t fence = 0;
    std::uint64_t end = 0; ///< bytes of frames up to and with this piece
    std::string_view bytes{};
    bool read = false; ///< somebody waits for it at another replica
};

struct EndRequest {
    ThreadKey key;
    std::uint64_t fence = 0;
    std::string turn{};
    std::uint64_t end = 0;
    std::string bytes{};
    std::string outcome{};
    /// Where the log must end: pieces before it have no answer yet. None: it is known to.
    std::optional<std::uint64_t> behind{};
};

/// Decides for a dead replica. Nothing happens unless the row and the log are still as they were
/// read: `from` is the holding, `top` the log's last entry.
struct TakeRequest {
    ThreadKey key;
    Holding from{};
    std::uint64_t top_fence = 0; ///< 0: there is no log
    std::uint64_t top_end = 0;
};

/// Something another replica asks of this one, or answers it.
struct Wanted {
    std::string turn;
    std::string reason; ///< a StopReason's word, or what pass() was given
    std::string request{}; ///< of pass(): names it
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
/// Readers of news at work side by side, each with a share of the tails: to wait for news of one
/// stream costs a server as much for each other stream that is waited for with it.
inline constexpr std::size_t k_followers = 4;
/// So many tails are waited for. More are asked for now and then, by the first follower.
inline constexpr std::size_t k_most_waited = 128;

/// A stop that a client asked for.
inline constexpr std::string_view k_stopped = "stopped";
inline constexpr std::string_view k_answer = "answer";
/// The turn has readers at another replica.
inline constexpr std::string_view k_read = "read";
/// A turn that was released: on_wanted() of one other process is called. Its body is the
/// row_name().
inline constexpr std::string_view k_adopt = "adopt";
[[nodiscard]] ThreadKey thread_of(std::string_view row_name);
/// The authority has deleted these threads; one a line.
inline constexpr std::string_view k_deleted = "deleted";

class Store {
public:
    TurnCounts turns{};
    /// How often this process had to sign on again: others may have what it held before.
    std::uint64_t sign_ons = 0;

    virtual ~Store() = default;
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Connects, refuses what cannot work (Code::config: version, cluster mode, eviction policy, a
    /// replica's address; Code::credentials) and registers this process.
    [[nodiscard]] virtual Task<Result<void>> open() = 0;
    /// What is still held is settled by others.
    [[nodiscard]] virtual Task<void> close() = 0;
    /// Empty: it answers. Else why not, in one line.
    [[nodiscard]] virtual std::string trouble() const = 0;
    /// Empty: it takes what is written, and says what others wrote. Else why not, in one line;
    /// reading goes on.
    [[nodiscard]] virtual std::string caution() const { return {}; }
    [[nodiscard]] virtual const std::string& session() const noexcept = 0;
    [[nodiscard]] virtual const StoreOptions& options() const noexcept = 0;
    [[nodiscard]] virtual StoreNumbers numbers() const = 0;
    /// What this process holds nobody else can have taken yet.
    [[nodiscard]] virtual bool leased() const noexcept = 0;
    /// … and has been for so long that any other process that lives has said so since: a store that
    /// stood still, or took no writes, lets all of them seem dead.
    [[nodiscard]] virtual bool steady() const noexcept = 0;

    // Threads.
    [[nodiscard]] virtual Task<Result<ThreadState>> look(ThreadKey key) = 0;
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>> ids_of(std::string owner) = 0;
    /// Rows put or erased since `at`, which an earlier answer gave; empty: none did.
    [[nodiscard]] virtual Task<Result<RowChanges>>
    changes_of(std::string owner, std::string at) = 0;
    /// In the order of `ids` (up to 200), nullopt where there is no conversation (any more).
    [[nodiscard]] virtual Task<Result<std::vector<std::optional<ThreadFields>>>>
    rows_of(std::string owner, std::vector<std::string> ids) = 0;
    /// A change; the row's version from now on. `fence`: of whoever acquired it, 0: nobody did.
    /// Code::conflict: it is not held under that fence any more.
    [[nodiscard]] virtual Task<Result<std::uint64_t>>
    put(ThreadKey key, ThreadFields fields, std::uint64_t fence = 0) = 0;
    /// Nothing else of it changes. Its version, or 0: there is no such conversation (any more).
    [[nodiscard]] virtual Task<Result<std::uint64_t>> change(ThreadKey key, RowChange what) = 0;
    /// Used last at this time; nothing else of it changes, and nothing where there is none.
    [[nodiscard]] virtual Task<Result<void>> touch(ThreadKey key, std::int64_t updated_at) = 0;
    /// The deletion's version; otherwise as put(). `thread`: the authority's, which the row has to
    /// name (else Code::conflict); empty: whatever it names.
    [[nodiscard]] virtual Task<Result<std::uint64_t>>
    erase(ThreadKey key, std::uint64_t fence = 0, std::string thread = {}) = 0;
    /// These threads are gone at the authority: on_wanted() of all other processes is called, with
    /// the reason k_deleted, as one of them may alone know whose they were.
    [[nodiscard]] virtual Task<Result<void>> tell_deleted(std::vector<std::string> threads) = 0;
    /// No changes: each (up to 100) is taken where the store knows nothing of it, or an older
    /// version; not while somebody starts a turn there.
    [[nodiscard]] virtual Task<Result<void>> offer(std::vector<OfferedRow> rows) = 0;
    /// The store lost its rows: until offered(), what nobody knows is awaited from this process.
    std::function<void()> on_lost{};
    /// It did within the last 30 days: whoever starts offers its rows. Known since open().
    bool rows_lost = false;
    virtual void offered() = 0;

    /// A client has read the thread's messages: these turns whole. `name`: of this reading.
    [[nodiscard]] virtual Task<Result<void>>
    note_read(ThreadKey key, std::string name, std::vector<std::string> whole) = 0;
    /// A reader of this turn left before it had everything: as a reading without it.
    [[nodiscard]] virtual Task<Result<void>> note_left(ThreadKey key, std::string turn) = 0;

    // One turn a thread.
    [[nodiscard]] virtual Task<Result<Acquired>> acquire(AcquireRequest request) = 0;
    /// Code::conflict: fenced.
    [[nodiscard]] virtual Task<Result<Committed>> commit(CommitRequest request) = 0;
    [[nodiscard]] virtual Task<Result<void>> forget(ThreadKey key, std::uint64_t fence) = 0;
    /// A turn that was committed is still ours: said again after on_unsure. False: another replica
    /// has it. `use`: of the Idempotency-Key under which it was started, which means it again.
    [[nodiscard]] virtual Task<Result<bool>>
    hold_again(ThreadKey key, std::uint64_t fence, std::string turn, KeyRequest use = {}) = 0;
    /// Others may have what this process holds: it signed on again, or reached a server again that
    /// may lack the last of it.
    std::function<void()> on_unsure{};
    /// Threads that the store has as held by this process.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadKey>>> held() = 0;
    /// A turn that nobody else can follow counts all the same, until it is given back. `key` names
    /// the owner, nothing else. Kind::mine, full or owner_full.
    [[nodiscard]] virtual Task<Result<Acquired::Kind>> take_place(AcquireRequest request) = 0;
    virtual void give_place(const std::string& owner) = 0;
    /// `on_sent`, if any, is called once the bytes have left this process: what happens to it from
    /// then on cannot take them back. Not called when they never leave it; it may be called within
    /// append(). `done` is called once, later. Appends that are under way at once are stored in
    /// their order. No task: there are thousands a second, and nobody waits for one.
    using Sent = std::move_only_function<void()>;
    /// … and with it where the piece ends, and its size.
    using Answered =
        std::move_only_function<void(Result<Written>, std::uint64_t end, std::size_t size)>;
    virtual void append(const Piece& piece, Sent on_sent, Answered done) = 0;
    /// The one ending. Written::fenced: another replica has decided.
    [[nodiscard]] virtual Task<Result<Written>> end(EndRequest request) = 0;
    /// Nobody but local readers follows this turn any more.
    [[nodiscard]] virtual Task<Result<void>> drop_log(std::string turn) = 0;
    /// Notifies its holder; false: no replica holds that turn. k_stopped holds over any other
    /// reason, and makes the thread one of orphans() until stop_done(). Empty, of its holder: it
    /// does not end for the next message.
    [[nodiscard]] virtual Task<Result<bool>>
    want(ThreadKey key, std::uint64_t fence, std::string reason) = 0;
    /// The turn with this fence, which nobody holds any more, has stopped at its authority as well.
    /// Nothing happens while a turn that is to stop is held.
    [[nodiscard]] virtual Task<Result<void>> stop_done(ThreadKey key, std::uint64_t fence) = 0;
    /// A message for the living replica that runs this turn; it comes there as Wanted, and its
    /// answer() here with the reason k_answer. false: none runs it, or its log is lost.
    [[nodiscard]] virtual Task<Result<bool>> pass(ThreadKey key, Wanted what) = 0;
    virtual void answer(const Wanted& what, std::string body) = 0;
    /// Nobody holds it any more, and the turn goes on: others may adopt it.
    [[nodiscard]] virtual Task<Result<void>> release(ThreadKey key, std::uint64_t fence) = 0;

    // For dead replicas.
    /// What they held, and threads whose turn was to stop.
    [[nodiscard]] virtual Task<Result<std::vector<ThreadKey>>> orphans() = 0;
    /// Ends the turn with these last frames; false: somebody else decided.
    [[nodiscard]] virtual Task<Result<bool>>
    reap(TakeRequest request, std::string bytes, std::string outcome) = 0;
    /// The turn is ours; the new fence. nullopt: somebody else decided.
    [[nodiscard]] virtual Task<Result<std::optional<std::uint64_t>>> adopt(TakeRequest request) = 0;

    // Reading for others.
    [[nodiscard]] virtual Task<Result<Log>> read(std::string turn) = 0;
    /// What came behind each of `tails`, and what is wanted of this process (to on_wanted, by the
    /// first follower alone); returns after a second with nothing, too. Each follower, of
    /// k_followers, asks once at a time.
    [[nodiscard]] virtual Task<Result<std::vector<TailNews>>>
    follow(std::vector<Tail> tails, std::size_t follower) = 0;
    /// Every follow() that waits returns soon.
    virtual void wake() = 0;
    std::function<void(const Wanted&)> on_wanted{};
    /// This process has `count` readers on a turn. Sent until the store has it.
    virtual void tell_readers(const std::string& turn, std::size_t count) = 0;
    [[nodiscard]] virtual Task<Result<std::size_t>> readers(std::string turn) = 0;

    // Idempotency-Key.
    [[nodiscard]] virtual Task<Result<KeyUse>> use_key(KeyRequest request) = 0;
    /// No client has seen a turn of this attempt.
    [[nodiscard]] virtual Task<Result<void>> forget_key(KeyRequest request) = 0;
    /// A use of the key before this one had the turn already: from now on the key means it.
    [[nodiscard]] virtual Task<Result<void>> answer_key(KeyRequest request, std::string turn) = 0;

    // Responses that later requests name.
    /// Once: the same id again changes nothing. Keys of items without a value that are gone; then
    /// nothing is stored, and they need theirs.
    [[nodiscard]] virtual Task<Result<std::vector<std::string>>> keep_response(ResponseRecord record
    ) = 0;
    /// Without its conversation; nullopt: never there, gone, or somebody else's.
    [[nodiscard]] virtual Task<Result<std::optional<std::string>>> read_response(ResponseKey key
    ) = 0;
    /// The response with its conversation, unless `key.id` is empty, and items of the same owner by
    /// their keys. In pieces, so that what is deleted meanwhile may be there in part.
    [[nodiscard]] virtual Task<Result<FoundResponses>>
    find_response(ResponseKey key, std::vector<std::string> items) = 0;
    /// False: there is none (any more).
    [[nodiscard]] virtual Task<Result<bool>> drop_response(ResponseKey key) = 0;
};

[[nodiscard]] std::unique_ptr<Store>
make_redis_store(const asio::any_io_executor& executor, StoreOptions options);

} // namespace oa_stream::store
