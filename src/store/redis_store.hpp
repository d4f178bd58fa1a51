// The shared store on Redis 7: one connection for commands, and one for each follower that waits
// for news.
#pragma once

#include "oa_stream/store/store.hpp"

#include "redis_errors.hpp"
#include "redis_link.hpp"
#include "scripts.hpp"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

namespace oa_stream::store {

/// The name of a row, which follows its kind in the key.
[[nodiscard]] std::string row_name(const ThreadKey& thread);

/// Reads the phase from a row's value.
[[nodiscard]] Phase phase_of(std::string_view word);

/// Reads a row's values from an answer, beginning at `at`; nullopt: the conversation does not
/// exist.
inline constexpr std::size_t k_field_count = 9;
[[nodiscard]] std::optional<ThreadFields> fields_at(const Reply& reply, std::size_t at);
/// … and adds their names and values to a command, without the version. A name gets the prefix `-`
/// when its value is the same as in `before`.
void add_fields(
    Command& args, ThreadFields fields, const std::optional<ThreadFields>& before = std::nullopt
);

/// Refuses a server that would lose or corrupt what lanes share.
[[nodiscard]] Task<Result<void>>
check_server(RedisLink::Self link, std::string prefix, Millis wait);
/// … and a user without the rights to commands that lanes need.
[[nodiscard]] Task<Result<void>>
check_commands(RedisLink::Self link, std::string prefix, Millis wait);
/// Version of the layout of the keys below the prefix; another value belongs to another program.
inline constexpr std::string_view k_form = "1";
/// … and checks for keys of another layout or program.
[[nodiscard]] Task<Result<void>> check_form(RedisLink::Self link, StoreOptions options);

/// The value of a line "name:value" in an answer to INFO; empty when it is missing.
[[nodiscard]] std::string_view info_field(std::string_view info, std::string_view name);
/// … as a number; 0 when it is missing.
[[nodiscard]] std::uint64_t info_number(std::string_view info, std::string_view name);
inline constexpr std::string_view k_policy = "noeviction";
/// The error for a server with another policy.
[[nodiscard]] Error policy_refusal(std::string_view policy);

/// Microseconds since 1970, by this machine's clock.
[[nodiscard]] std::int64_t unix_us();

/// What a session holds, kept in this process, too: the store's counts are corrected from it.
class HeldTurns {
public:
    void add(const ThreadKey& thread, std::uint64_t fence) {
        rows_.insert_or_assign(row_name(thread), Row{thread.owner, fence});
    }
    /// Does not remove a hold that was taken again since.
    void remove(const ThreadKey& thread, std::uint64_t fence);
    void add_place(const std::string& owner) { ++places_[owner]; }
    void remove_place(const std::string& owner);
    [[nodiscard]] std::size_t count() const;
    /// Names and values for the store's hash.
    [[nodiscard]] Command counts() const;

private:
    struct Row {
        std::string owner;
        std::uint64_t fence;
    };
    std::map<std::string, Row> rows_{}; ///< by name
    std::map<std::string, std::size_t> places_{}; ///< by owner
};

class RedisStore final : public Store {
public:
    RedisStore(const asio::any_io_executor& executor, StoreOptions options, RedisAddress address);
    ~RedisStore() override;
    RedisStore(const RedisStore&) = delete;
    RedisStore& operator=(const RedisStore&) = delete;

    // redis_session.cpp
    [[nodiscard]] Task<Result<void>> open() override;
    [[nodiscard]] Task<void> close() override;
    [[nodiscard]] std::string trouble() const override;
    [[nodiscard]] std::string caution() const override;
    [[nodiscard]] const std::string& session() const noexcept override { return session_; }
    [[nodiscard]] const StoreOptions& options() const noexcept override { return options_; }
    [[nodiscard]] StoreNumbers numbers() const override;
    [[nodiscard]] bool leased() const noexcept override { return Clock::now() < leased_until_; }
    [[nodiscard]] bool steady() const noexcept override;

    // redis_rows.cpp
    [[nodiscard]] Task<Result<ThreadState>> look(ThreadKey key) override;
    [[nodiscard]] Task<Result<std::vector<std::string>>> ids_of(std::string owner) override;
    [[nodiscard]] Task<Result<RowChanges>> changes_of(std::string owner, std::string at) override;
    [[nodiscard]] Task<Result<std::vector<std::optional<ThreadFields>>>>
    rows_of(std::string owner, std::vector<std::string> ids) override;
    [[nodiscard]] Task<Result<std::uint64_t>>
    put(ThreadKey key, ThreadFields fields, std::uint64_t fence) override;
    [[nodiscard]] Task<Result<std::uint64_t>> change(ThreadKey key, RowChange what) override;
    [[nodiscard]] Task<Result<void>> touch(ThreadKey key, std::int64_t updated_at) override;
    [[nodiscard]] Task<Result<std::uint64_t>>
    erase(ThreadKey key, std::uint64_t fence, std::string thread) override;
    [[nodiscard]] Task<Result<void>> tell_deleted(std::vector<std::string> threads) override;
    [[nodiscard]] Task<Result<void>> offer(std::vector<OfferedRow> rows) override;
    void offered() override;
    [[nodiscard]] Task<Result<void>>
    note_read(ThreadKey key, std::string name, std::vector<std::string> whole) override;
    [[nodiscard]] Task<Result<void>> note_left(ThreadKey key, std::string turn) override;
    [[nodiscard]] Task<Result<KeyUse>> use_key(KeyRequest request) override;
    [[nodiscard]] Task<Result<void>> forget_key(KeyRequest request) override;
    [[nodiscard]] Task<Result<void>> answer_key(KeyRequest request, std::string turn) override;

    // redis_responses.cpp
    [[nodiscard]] Task<Result<std::vector<std::string>>> keep_response(ResponseRecord record
    ) override;
    [[nodiscard]] Task<Result<std::optional<std::string>>> read_response(ResponseKey key) override;
    [[nodiscard]] Task<Result<FoundResponses>>
    find_response(ResponseKey key, std::vector<std::string> items) override;
    [[nodiscard]] Task<Result<bool>> drop_response(ResponseKey key) override;
    [[nodiscard]] Task<void> trim_responses();

    // redis_turns.cpp
    [[nodiscard]] Task<Result<Acquired>> acquire(AcquireRequest request) override;
    [[nodiscard]] Task<Result<Committed>> commit(CommitRequest request) override;
    [[nodiscard]] Task<Result<void>> forget(ThreadKey key, std::uint64_t fence) override;
    [[nodiscard]] Task<Result<bool>>
    hold_again(ThreadKey key, std::uint64_t fence, std::string turn, KeyRequest use) override;
    [[nodiscard]] Task<Result<std::vector<ThreadKey>>> held() override;
    [[nodiscard]] Task<Result<Acquired::Kind>> take_place(AcquireRequest request) override;
    void give_place(const std::string& owner) override;
    [[nodiscard]] Task<Result<Written>> end(EndRequest request) override;
    [[nodiscard]] Task<Result<bool>>
    want(ThreadKey key, std::uint64_t fence, std::string reason) override;
    [[nodiscard]] Task<Result<void>> stop_done(ThreadKey key, std::uint64_t fence) override;
    [[nodiscard]] Task<Result<bool>> pass(ThreadKey key, Wanted what) override;
    void answer(const Wanted& what, std::string body) override;
    [[nodiscard]] Task<Result<void>> release(ThreadKey key, std::uint64_t fence) override;
    [[nodiscard]] Task<Result<std::vector<ThreadKey>>> orphans() override;
    [[nodiscard]] Task<Result<bool>>
    reap(TakeRequest request, std::string bytes, std::string outcome) override;
    [[nodiscard]] Task<Result<std::optional<std::uint64_t>>> adopt(TakeRequest request) override;

    // redis_log.cpp
    void append(const Piece& piece, Sent on_sent, Answered done) override;
    [[nodiscard]] Task<Result<void>> drop_log(std::string turn) override;
    [[nodiscard]] Task<Result<Log>> read(std::string turn) override;
    [[nodiscard]] Task<Result<std::vector<TailNews>>>
    follow(std::vector<Tail> tails, std::size_t follower) override;
    void wake() override;
    void tell_readers(const std::string& turn, std::size_t count) override;
    [[nodiscard]] Task<Result<std::size_t>> readers(std::string turn) override;

private:
    [[nodiscard]] Task<Result<Reply>> ask(Command command);
    /// Like ask(); an error reply becomes an Error.
    [[nodiscard]] Task<Result<Reply>> ask_list(Command command);
    [[nodiscard]] Task<Result<Reply>> noted(Task<Result<Reply>> asked);
    void count_answer(const Result<Reply>& reply, Clock::time_point began);
    struct Appended {
        std::string log; ///< the log's key
        std::uint64_t fence;
        std::uint64_t end;
        std::size_t size;
    };
    /// The result of an append; nullopt: the log itself has to be read.
    [[nodiscard]] std::optional<Result<Written>>
    written(const Appended& piece, const Result<Reply>& reply);
    [[nodiscard]] Task<Result<Written>> look_at_top(Appended piece);
    [[nodiscard]] Task<bool> drop_foreign(std::string log);
    /// Like ask(), but returns once a copy of the server has the change, if there is a copy.
    [[nodiscard]] Task<Result<Reply>> ask_copied(Command command);
    [[nodiscard]] Task<void> wait_for_copy();
    void note(const Reply& reply);
    [[nodiscard]] Task<Result<std::string>> load(Script script);
    /// Sends `keys`, then prefix and session, then `args`.
    [[nodiscard]] Task<Result<Reply>> run(Script script, Command keys, Command args);
    /// Runs a script that decides something.
    [[nodiscard]] Task<Result<Reply>> decide(Script script, Command keys, Command args);
    using Ask = Task<Result<Reply>> (RedisStore::*)(Command);
    [[nodiscard]] Task<Result<Reply>> run_by(Ask way, Script script, Command keys, Command args);
    /// The answer contains nothing but success, …
    [[nodiscard]] static Task<Result<void>> done(Task<Result<Reply>> asked);
    /// … or the row's version, …
    [[nodiscard]] static Task<Result<std::uint64_t>> version(Task<Result<Reply>> asked);
    /// … which is 0 only if another replica has taken the row, …
    [[nodiscard]] static Task<Result<std::uint64_t>> held_version(Task<Result<Reply>> asked);
    /// … or 1 for yes.
    [[nodiscard]] static Task<Result<bool>> yes(Task<Result<Reply>> asked);
    /// Runs a script that changes the counts of this session.
    [[nodiscard]] Task<Result<Reply>> run_counting(Script script, Command keys, Command args);
    /// The same; if this process has to register again, it repeats the script once.
    [[nodiscard]] Task<Result<Reply>> run_counted(Script script, Command keys, Command args);
    [[nodiscard]] std::string inbox_time() const;
    [[nodiscard]] Command trim_args() const;
    class Finding;
    [[nodiscard]] Task<Result<Finding>> begin_finding();
    [[nodiscard]] Task<Result<std::vector<std::string>>> values_of(std::vector<std::string> items);
    [[nodiscard]] Command
    read_news(std::span<const Tail> tails, const std::string* inbox_at, bool waits) const;
    void note_lags(std::span<const LogEntry> entries);
    [[nodiscard]] bool
    take_news(const Reply& reply, std::size_t follower, std::vector<TailNews>& out);
    void take_inbox(const Reply& entries, std::size_t follower);
    [[nodiscard]] Task<Result<void>>
    let_go(const ThreadKey& key, std::uint64_t fence, std::string holder);
    [[nodiscard]] Task<Result<void>> register_session(Script script);
    [[nodiscard]] std::string known_store() const;
    /// Registers again after the server has forgotten the session.
    [[nodiscard]] Task<Result<void>> sign_on_again();
    void look_soon();
    /// True: the session existed and its lease was renewed.
    [[nodiscard]] Task<bool> renew();
    [[nodiscard]] Task<void> look_at_server();
    [[nodiscard]] Task<void> look_at_rights();
    void gather_followers();
    [[nodiscard]] const RedisLink* lost_news() const;
    [[nodiscard]] Task<Result<void>> greet(RedisLink::Self link);
    [[nodiscard]] static Task<void> beat(RedisStore* self, std::shared_ptr<bool> alive);
    [[nodiscard]] static Task<void>
    look_around(RedisStore* self, std::shared_ptr<bool> alive, bool renewed);
    /// Sends a command; no caller waits for the answer.
    void send_unread(
        const Command& command, RedisLink::OnReply on_reply = [](const Result<Reply>& /*reply*/) {}
    );

    [[nodiscard]] std::string key(std::string_view kind, std::string_view name) const;
    /// Writes into existing memory: each append needs a key.
    void write_key(std::string& out, std::string_view kind, std::string_view name) const;
    [[nodiscard]] std::string row(const ThreadKey& thread) const;
    /// … followed by the keys of the owner's set of rows and of its changes.
    [[nodiscard]] Command row_keys(const ThreadKey& key) const;
    [[nodiscard]] std::string log(std::string_view turn) const { return key("l", turn); }
    /// The key's hash for an Idempotency-Key; empty without one.
    [[nodiscard]] std::string use_hash(const std::string& owner, const std::string& name) const;
    [[nodiscard]] std::string use_life() const { return std::to_string(options_.key_time.count()); }
    /// How long a running turn's log is kept, in ms.
    [[nodiscard]] std::string log_life() const;

    asio::any_io_executor executor_;
    StoreOptions options_;
    std::string session_;
    RedisLink::Self link_;
    /// One for each follower, because its read blocks
    std::array<RedisLink::Self, k_followers> news_{};
    std::unordered_map<std::string_view, std::string> digests_{}; ///< by script name
    std::string log_name_{}; ///< key of the piece that is being sent
    HeldTurns held_{};
    std::size_t counting_ = 0; ///< commands on their way that change the session's counts
    Clock::time_point leased_until_{};
    Clock::time_point leased_since_{}; ///< end of the last interruption
    Clock::time_point timed_{}; ///< time of the last log entry with a time
    /// Last inbox entry that each follower has read
    std::array<std::string, k_followers> inbox_at_{};
    StoreNumbers numbers_{};
    Clock::time_point trim_at_ = Clock::now() + Millis(1'000);
    bool look_now_ = false; ///< the next beat is due now
    bool looking_ = false; ///< look_around() is running
    bool unsure_ = false; ///< the store may have lost what this process had stored
    /// Readers by turn that the store may not have
    std::map<std::string, std::size_t> uncounted_{};
    std::string born_{}; ///< name of the store's data; another name: it lost its data
    bool offers_ = false; ///< it lost rows, and this process has not called offered() yet
    bool signing_on_ = false; ///< until the answer arrives it is unknown what the store lost
    std::size_t copies_ = 0; ///< copies of the server that follow it closely
    std::string policy_{}; ///< its eviction policy
    std::string foreign_{}; ///< its error about a key of another program
    Clock::time_point foreign_at_{};
    std::string refused_{}; ///< a command that the user has no right to (any more)
    std::string unwilling_{}; ///< the error of the last beat
    bool still_reads_ = false; ///< … while the server still serves reads
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    asio::steady_timer beat_;
    bool copying_ = false; ///< a WAIT is running
    std::uint64_t copy_rounds_ = 0;
    asio::steady_timer copied_; ///< cancelled at the end of each WAIT
    std::size_t finding_ = 0; ///< reads of conversations that are running
    asio::steady_timer found_; ///< cancelled at the end of each read
};

/// The reply does not belong to the command: later replies on this connection may be wrong, too, so
/// it is closed and made again.
[[nodiscard]] std::unexpected<Error> strange_answer(const RedisLink::Self& link);
/// Another session holds, or has held, what was held here.
[[nodiscard]] std::unexpected<Error> taken_since();

} // namespace oa_stream::store
