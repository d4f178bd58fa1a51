// The codex authority's shared state and its coroutines: supervision of the child, preparing
// threads, starting, stopping and reconciling turns. Every coroutine keeps the core alive.
#pragma once

#include "oa_stream/base/secret.hpp"

#include "codex/process/codex_home.hpp"
#include "codex/process/codex_link.hpp"
#include "codex/process/turnstile.hpp"
#include "codex/threads/read_queue.hpp"
#include "codex_threads.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::authority {

struct CodexCounts {
    std::uint64_t restarts = 0;
    std::uint64_t overloaded = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t reconciled = 0;
    std::uint64_t unknown_requests = 0;
    std::uint64_t declined = 0;
    std::uint64_t asked = 0;
    std::uint64_t nonsense = 0;
    std::uint64_t text_mismatches = 0;
    std::uint64_t stray_turns = 0;
    std::uint64_t upstream_retries = 0;
    std::uint64_t save_failures = 0;
    std::uint64_t deleted = 0; ///< threads deleted by age
    std::uint64_t compressed = 0; ///< rollouts
    std::uint64_t crowded = 0; ///< starts that waited too long for other starts
    std::uint64_t rejoined = 0; ///< turns continued on a new connection
    std::uint64_t unjoined = 0; ///< turns that could not be continued
    std::uint64_t foreign_inputs = 0; ///< turns that received another client's input
};

struct ListedTurns;
struct RestingRollout;
struct ThreadFacts;

class CodexCore : public std::enable_shared_from_this<CodexCore> {
public:
    CodexCore(const asio::any_io_executor& executor, CodexOptions options);

    using Self = std::shared_ptr<CodexCore>;
    using Link = std::shared_ptr<CodexLink>;

    // codex_core.cpp: life of the child
    [[nodiscard]] static Task<Result<void>> open(Self self);
    [[nodiscard]] static Task<void> close(Self self, Millis grace);
    void abandon_everything(); ///< the facade was destroyed
    [[nodiscard]] Health health() const;
    [[nodiscard]] Capabilities capabilities() const;
    [[nodiscard]] std::vector<Reading> readings() const;

    // codex_start.cpp: a turn from request to turn/started
    [[nodiscard]] static Task<Result<std::shared_ptr<RunningTurn>>>
    start(Self self, TurnRequest request);

    // codex_stop.cpp: ways a turn ends other than by itself
    void interrupt(const std::shared_ptr<RunningTurn>& turn);
    void abandon(const std::shared_ptr<RunningTurn>& turn);

    // server/codex_rejoin.cpp: turns that outlive a connection or this process
    [[nodiscard]] static Task<Result<std::shared_ptr<RunningTurn>>>
    join(Self self, std::string thread, bool ask_approvals);
    [[nodiscard]] static Task<Result<bool>> may_join(Self self, std::string thread);
    [[nodiscard]] static Task<Result<void>> stop(Self self, std::string thread, std::string turn);
    [[nodiscard]] static Task<Result<EventBatch>>
    retell(Self self, std::string thread, std::string turn);
    [[nodiscard]] bool outlives() const noexcept { return !options_.server.url.empty(); }
    /// cwd of a new thread
    [[nodiscard]] std::string new_cwd() const {
        return outlives() ? options_.work_dir.string() : home_.cwd.string();
    }
    [[nodiscard]] bool leave(const std::shared_ptr<RunningTurn>& turn);
    void let_go(const std::shared_ptr<RunningTurn>& turn); ///< the turn continues without this lane

    // codex_notify.cpp
    // Code::not_found when no such approval of the turn is pending.
    [[nodiscard]] Result<void>
    answer_approval(const std::shared_ptr<RunningTurn>& turn, std::string_view id, bool approved);
    [[nodiscard]] Result<void>
    answer_call(const std::shared_ptr<RunningTurn>& turn, const CallResult& result);

    // codex_read.cpp (with health() and readings())
    [[nodiscard]] static Task<Result<std::vector<PastTurn>>> turns(Self self, std::string thread);
    // codex_pages.cpp
    [[nodiscard]] static Task<Result<TurnsPage>> turns_page(Self self, TurnsQuery query);
    [[nodiscard]] static Task<Result<std::vector<ThreadInfo>>>
    threads(Self self, std::vector<std::string> ids);

    // codex_start.cpp
    [[nodiscard]] static Task<Result<std::string>> make_thread(Self self, TurnRequest asked);
    [[nodiscard]] static Task<Result<void>>
    name_thread(Self self, std::string thread, std::string title);
    // threads/codex_search.cpp
    [[nodiscard]] static Task<Result<std::vector<std::string>>>
    find_threads(Self self, std::string words);
    // threads/codex_thread_change.cpp
    [[nodiscard]] static Task<Result<void>> delete_thread(Self self, std::string thread);
    [[nodiscard]] static Task<Result<std::string>>
    fork_thread(Self self, std::string thread, std::string last_turn);
    [[nodiscard]] static Task<Result<Json>> fork_before_next(Self self, Json params);
    // threads/codex_kept.cpp
    [[nodiscard]] static Task<Result<std::string>> kept(Self self, std::string thread);

private:
    enum class State { closed, starting, ready, down };

    // codex_core.cpp
    void log(LogLevel level, std::string_view line) const;
    void set_state(State state, std::string reason);
    [[nodiscard]] LinkHandlers handlers();
    [[nodiscard]] static Task<Result<void>> prepare(Self self);
    [[nodiscard]] static Task<Result<Link>> connect(Self self);
    void now_ready(const Link& link);
    [[nodiscard]] static Task<Result<Link>> launch(Self self);
    [[nodiscard]] static Task<Result<void>> handshake(Self self, Link link);

    // health/codex_supervise.cpp
    [[nodiscard]] static Task<void> supervise(Self self);
    [[nodiscard]] static Task<void> housekeep(Self self);
    [[nodiscard]] static Task<void> unsubscribe(Self self, Link link, ThreadHold hold);
    [[nodiscard]] static Task<Result<Link>> ready_link(Self self);
    [[nodiscard]] static Task<void> watch_pulse(Self self);
    /// Sleeps for `time`, or until close().
    [[nodiscard]] static Task<void> idle_for(Self self, Millis time);
    [[nodiscard]] static Task<void> idle_until(Self self, Clock::time_point at);
    [[nodiscard]] std::string last_words(const CodexLink& link) const;
    void on_lost(const Error& why);
    void recycle_when_large(); ///< codex_read.cpp

    // server/codex_rejoin.cpp
    // The server connection. Code::not_found: this authority has a child instead.
    [[nodiscard]] Result<Link> open_server() const;
    /// Holds the thread with a turn that buffers the notifications that arrive before its id is
    /// known.
    [[nodiscard]] static Task<Result<ThreadHold>> hold_to_join(Self self, std::string id);
    void hold_on(); ///< connection lost: turns wait for the next one
    [[nodiscard]] static Task<void> give_up(Self self, std::shared_ptr<RunningTurn> live);
    [[nodiscard]] static Task<void> rejoin(
        Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
    );
    [[nodiscard]] static Task<Result<void>>
    catch_up(Self self, Link link, CodexThread* thread, std::shared_ptr<RunningTurn> live);
    [[nodiscard]] static Task<Result<void>>
    end_foreign_turn(Self self, Link link, CodexThread* thread, std::function<bool()> ours);

    // codex_pages.cpp
    [[nodiscard]] static Task<Result<ListedTurns>>
    list_turns(Self self, Link link, TurnsQuery query, std::string cursor, std::size_t limit);
    [[nodiscard]] static Task<Result<ReadQueue::Pass>>
    pass_read(Self self, std::optional<TurnsQuery::Reader> reader);
    [[nodiscard]] static Task<RpcOutcome>
    list_long_turn(Self self, Link link, TurnsQuery query, std::string cursor);
    [[nodiscard]] static Task<Result<std::string>>
    cursor_at(Self self, Link link, TurnsQuery query);

    // health/codex_saving.cpp
    // When codex refused because it could not write, the result is can_save()'s error.
    [[nodiscard]] Result<Json> saved(Result<Json> settled);
    /// Code::unavailable while the disk is full or the child could not write. Checks the disk.
    [[nodiscard]] Result<void> can_save();
    void cannot_save(const std::string& cause); ///< affects all conversations
    /// Affects this thread; `why` is codex's text. A disk fault affects all threads.
    void cannot_save(std::string_view thread, std::string_view why);
    /// Checks a child that could not save. False: the health reason names the path it may not
    /// write.
    [[nodiscard]] bool may_write();
    [[nodiscard]] static Task<void> watch_storage(Self self);
    [[nodiscard]] static Task<void>
    check_history(Self self, Link link, std::shared_ptr<CodexThread> thread, std::string turn);

    // health/codex_retention.cpp
    [[nodiscard]] static Task<void> tend_threads(Self self);
    [[nodiscard]] static Task<void> delete_unused(Self self);
    [[nodiscard]] static Task<std::size_t>
    delete_threads(Self self, Link link, bool archived, std::int64_t oldest);
    [[nodiscard]] static Task<std::vector<std::string>>
    delete_listed(Self self, Link link, std::vector<std::string> threads, std::int64_t oldest);
    [[nodiscard]] static Task<bool>
    is_unused(Self self, Link link, std::string thread, std::int64_t oldest);

    // health/codex_compression.cpp
    [[nodiscard]] static Task<bool> compress_resting(Self self);
    [[nodiscard]] static Task<std::size_t>
    compress(Self self, std::vector<RestingRollout> rollouts);

    // threads/codex_kept.cpp
    [[nodiscard]] static Task<Result<void>>
    keep(Self self, Link link, std::string thread, std::shared_ptr<const TurnRequest> request);
    // threads/codex_ends.cpp: facts about turn ends that codex does not store
    void note_end(const std::shared_ptr<CodexThread>& thread, const RunningTurn& live);
    [[nodiscard]] static Task<void>
    keep_ends(Self self, Link link, std::shared_ptr<CodexThread> thread);
    [[nodiscard]] static Task<void>
    mark_ends(Self self, Link link, TurnsQuery query, std::vector<PastTurn>* turns);
    [[nodiscard]] static Task<void>
    copy_ends(Self self, Link link, std::string from, std::shared_ptr<CodexThread> to);

    // threads/codex_thread_change.cpp
    [[nodiscard]] static Task<Result<void>> delete_held(Self self, Link link, CodexThread* thread);
    [[nodiscard]] static Task<void> delete_retired(Self self, Link link);
    /// `thread` was made, and nobody gets its id: deletes it, also on a later connection.
    void drop_made(std::string thread);
    [[nodiscard]] static Task<void> delete_made(Self self, std::string thread);
    [[nodiscard]] static Task<Result<void>>
    fill_copy(Self self, Link link, std::string from, ThreadFacts facts);

    // codex_notify.cpp
    void on_notification(std::string_view method, const Json& message);
    [[nodiscard]] std::optional<Json>
    on_request(std::string_view method, const Json& params, const Json& id);
    [[nodiscard]] ApprovalPlace approval_place() const;
    static void answer_all(const Link& link, std::vector<CodexApprovals::Reply> replies);
    [[nodiscard]] bool note_thread(
        std::string_view method, const Json& params, const std::shared_ptr<CodexThread>& thread
    );
    void after_delivery(const std::shared_ptr<CodexThread>& thread);
    void count_foreign_input(RunningTurn& live);
    void finish(const std::shared_ptr<CodexThread>& thread);

    // codex_start.cpp
    [[nodiscard]] static Task<RpcOutcome> call(
        Self self,
        Link link,
        std::string method,
        Json params,
        std::string traceparent = {},
        std::function<bool()> ours = {}
    );
    /// call(), with a refusal as an error.
    [[nodiscard]] static Task<Result<Json>>
    ask(Self self, Link link, std::string method, Json params);
    [[nodiscard]] static Task<Result<Turnstile::Pass>> pass(Self self);
    [[nodiscard]] static Task<Result<std::shared_ptr<RunningTurn>>>
    start_turn(Self self, std::shared_ptr<const TurnRequest> request, bool* reverted);
    [[nodiscard]] static Task<Result<ThreadHold>>
    new_thread(Self self, Link link, std::shared_ptr<const TurnRequest> request);
    [[nodiscard]] static Task<Result<ThreadHold>> known_thread(
        Self self, Link link, std::string thread, std::shared_ptr<const TurnRequest> request
    );
    /// `asked_before`: an earlier attempt lost its connection and may have reverted the thread.
    [[nodiscard]] static Task<Result<void>> revert(
        Self self,
        Link link,
        CodexThread* thread,
        std::shared_ptr<const TurnRequest> request,
        bool asked_before
    );
    // threads/codex_load.cpp
    [[nodiscard]] static Task<Result<ThreadHold>>
    load_known(Self self, Link link, std::string thread);
    /// Calls `method`; unarchives the thread first if necessary.
    [[nodiscard]] static Task<RpcOutcome>
    call_unarchived(Self self, Link link, std::string method, Json params);
    [[nodiscard]] static Task<Result<void>> resume(Self self, Link link, CodexThread* thread);
    /// The result of thread/resume, with the thread's turns (only the newest one if all do not fit
    /// into a message), or without them if `bare`.
    [[nodiscard]] static Task<Result<Json>>
    load(Self self, Link link, CodexThread* thread, bool bare);
    [[nodiscard]] static Task<Result<std::shared_ptr<RunningTurn>>>
    run_turn(Self self, Link link, ThreadHold hold, std::shared_ptr<const TurnRequest> request);
    [[nodiscard]] static Task<Result<std::shared_ptr<RunningTurn>>>
    accepted(Self self, std::shared_ptr<CodexThread> thread, Json asked, Json result, bool of_user);
    [[nodiscard]] bool records_this_one();
    void add_own_choices(Json& params, const CodexThread& thread, const TurnRequest& request) const;
    void
    record(RunningTurn& live, const std::string& id, const Json& asked, const Json& result) const;

    // codex_stop.cpp
    // The turn is passed along: when the coroutine runs, the thread may already have another turn.
    [[nodiscard]] static Task<void> stop_turn(
        Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
    );
    [[nodiscard]] static Task<void>
    interrupt_stray(Self self, Link link, std::string thread, std::string turn);
    [[nodiscard]] static Task<void> reconcile(
        Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
    );
    [[nodiscard]] static Task<void> await_response(
        Self self, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
    );

    asio::any_io_executor executor_;
    CodexOptions options_;
    double record_due_ = 0; ///< accumulated record.share; at 1 the next turn is recorded
    CodexHome home_{};
    Secret token_{}; ///< the server's token
    std::string version_{};
    std::vector<std::string> efforts_{}; ///< efforts of the model; empty: unknown
    std::vector<ModelInfo> models_{}; ///< models that codex lists
    State state_ = State::closed;
    std::string reason_ = "not opened";
    Signal changed_;
    Link link_{};
    Link launching_{}; ///< spawned, handshake not finished
    Link former_{}; ///< lost; the next child starts once its process has exited
    CodexThreads threads_;
    CodexCounts counts_{};
    Turnstile resumes_; ///< threads that codex is loading for us
    Turnstile starts_; ///< turns that codex is starting for us
    ReadQueue reads_; ///< long histories that codex is reading for us
    Clock::time_point ready_since_{};
    Millis lived_{0}; ///< how long the lost child was ready and answered
    /// end of the account's limits, Unix seconds; unset: unknown
    std::optional<std::int64_t> limit_ends_{};
    std::string full_{}; ///< reason when the disk is too full, else empty
    std::string unsaved_{}; ///< reason why this child could not store a turn, else empty
    bool history_checked_ = false; ///< for this child's first turn
    bool retired_ = true; ///< deleted threads may wait for their forks
    std::uint64_t retirements_ = 0; ///< number of threads deleted that way
    bool compressing_ = false; ///< a second codex process uses the home
    bool closing_ = false;
};

} // namespace oa_stream::authority
