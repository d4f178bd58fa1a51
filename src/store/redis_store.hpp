// The shared store on Redis 7: a connection for commands, and one of each follower that waits for
// news.
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

/// The name of a row behind its kind.
[[nodiscard]] std::string row_name(const ThreadKey& thread);

/// As a row has it.
[[nodiscard]] Phase phase_of(std::string_view word);

/// A row's values in an answer, from `at` on; nullopt: no conversation.
inline constexpr std::size_t k_field_count = 9;
[[nodiscard]] std::optional<ThreadFields> fields_at(const Reply& reply, std::size_t at);
/// … and their names and values for a command, without the version. A name has `-` before it where
/// the value is as it was in `before`.
void add_fields(
    Command& args, ThreadFields fields, const std::optional<ThreadFields>& before = std::nullopt
);

/// Refuses a server that would lose or mix up what lanes share.
[[nodiscard]] Task<Result<void>>
check_server(RedisLink::Self link, std::string prefix, Millis wait);
/// … and a user who may not use a command that lanes need.
[[nodiscard]] Task<Result<void>>
check_commands(RedisLink::Self link, std::string prefix, Millis wait);
/// Of what the keys below the prefix look like; another one is another program's.
inline constexpr std::string_view k_form = "1";
/// … and keys of another form, or of another program.
[[nodiscard]] Task<Result<void>> check_form(RedisLink::Self link, StoreOptions options);

/// A line "name:value" of an answer to INFO; empty: there is none.
[[nodiscard]] std::string_view info_field(std::string_view info, std::string_view name);
/// … that is a number; 0: there is none.
[[nodiscard]] std::uint64_t info_number(std::string_view info, std::string_view name);
inline constexpr std::string_view k_policy = "noeviction";
/// Why it may have no other one.
[[nodiscard]] Error policy_refusal(std::string_view policy);

/// Since 1970, by this machine's clock.
[[nodiscard]] std::int64_t unix_us();

/// What a session holds, kept on this side too: what the store counts is put right by it.
class HeldTurns {
public:
    void add(const ThreadKey& thread, std::uint64_t fence) {
        rows_.insert_or_assign(row_name(thread), Row{thread.owner, fence});
    }
    /// Not what was taken again since.
    void remove(const ThreadKey& thread, std::uint64_t fence);
    void add_place(const std::string& owner) { ++places_[owner]; }
    void remove_place(const std::string& owner);
    [[nodiscard]] std::size_t count() const;
    /// Names and values of the store's hash.
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
    /// An error of the server is one of ours.
    [[nodiscard]] Task<Result<Reply>> ask_list(Command command);
    [[nodiscard]] Task<Result<Reply>> noted(Task<Result<Reply>> asked);
    void count_answer(const Result<Reply>& reply, Clock::time_point began);
    struct Appended {
        std::string log; ///< its key
        std::uint64_t fence;
        std::uint64_t end;
        std::size_t size;
    };
    /// What became of it; nullopt: the log itself has to be asked.
    [[nodiscard]] std::optional<Result<Written>>
    written(const Appended& piece, const Result<Reply>& reply);
    [[nodiscard]] Task<Result<Written>> look_at_top(Appended piece);
    [[nodiscard]] Task<bool> drop_foreign(std::string log);
    /// Its answer comes once a copy of the server has it, too, where there is one.
    [[nodiscard]] Task<Result<Reply>> ask_copied(Command command);
    [[nodiscard]] Task<void> wait_for_copy();
    void note(const Reply& reply);
    [[nodiscard]] Task<Result<std::string>> load(Script script);
    /// `keys`, then prefix and session, then `args`.
    [[nodiscard]] Task<Result<Reply>> run(Script script, Command keys, Command args);
    /// One that decides something.
    [[nodiscard]] Task<Result<Reply>> decide(Script script, Command keys, Command args);
    using Ask = Task<Result<Reply>> (RedisStore::*)(Command);
    [[nodiscard]] Task<Result<Reply>> run_by(Ask way, Script script, Command keys, Command args);
    /// What was asked has nothing to say but that it was done, …
    [[nodiscard]] static Task<Result<void>> done(Task<Result<Reply>> asked);
    /// … or answers the row's version, …
    [[nodiscard]] static Task<Result<std::uint64_t>> version(Task<Result<Reply>> asked);
    /// … which is never 0 unless another one has taken the row, …
    [[nodiscard]] static Task<Result<std::uint64_t>> held_version(Task<Result<Reply>> asked);
    /// … or 1 for yes.
    [[nodiscard]] static Task<Result<bool>> yes(Task<Result<Reply>> asked);
    /// One that changes what is counted of this session.
    [[nodiscard]] Task<Result<Reply>> run_counting(Script script, Command keys, Command args);
    /// As often as this process has to sign on again: once.
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
    /// The server forgot the session.
    [[nodiscard]] Task<Result<void>> sign_on_again();
    void look_soon();
    /// True: the session was there, and is for another lease.
    [[nodiscard]] Task<bool> renew();
    [[nodiscard]] Task<void> look_at_server();
    [[nodiscard]] Task<void> look_at_rights();
    void gather_followers();
    [[nodiscard]] const RedisLink* lost_news() const;
    [[nodiscard]] Task<Result<void>> greet(RedisLink::Self link);
    [[nodiscard]] static Task<void> beat(RedisStore* self, std::shared_ptr<bool> alive);
    [[nodiscard]] static Task<void>
    look_around(RedisStore* self, std::shared_ptr<bool> alive, bool renewed);
    /// A command whose answer nobody waits for.
    void send_unread(
        const Command& command, RedisLink::OnReply on_reply = [](const Result<Reply>& /*reply*/) {}
    );

    [[nodiscard]] std::string key(std::string_view kind, std::string_view name) const;
    /// Into memory that is there: each append needs one.
    void write_key(std::string& out, std::string_view kind, std::string_view name) const;
    [[nodiscard]] std::string row(const ThreadKey& thread) const;
    /// … and behind it what lists the owner's rows, and their changes.
    [[nodiscard]] Command row_keys(const ThreadKey& key) const;
    [[nodiscard]] std::string log(std::string_view turn) const { return key("l", turn); }
    /// Of an Idempotency-Key; empty: there is none.
    [[nodiscard]] std::string use_hash(const std::string& owner, const std::string& name) const;
    [[nodiscard]] std::string use_life() const { return std::to_string(options_.key_time.count()); }
    /// How long a running turn's log is kept, in ms.
    [[nodiscard]] std::string log_life() const;

    asio::any_io_executor executor_;
    StoreOptions options_;
    std::string session_;
    RedisLink::Self link_;
    std::array<RedisLink::Self, k_followers> news_{}; ///< one of each follower, as it waits
    std::unordered_map<std::string_view, std::string> digests_{}; ///< by script name
    std::string log_name_{}; ///< of the piece that is being sent
    HeldTurns held_{};
    std::size_t counting_ = 0; ///< commands on their way that change what is counted
    Clock::time_point leased_until_{};
    Clock::time_point leased_since_{}; ///< the last break
    Clock::time_point timed_{}; ///< the last entry of a log that tells when it was written
    std::array<std::string, k_followers> inbox_at_{}; ///< what each follower has read
    StoreNumbers numbers_{};
    Clock::time_point trim_at_ = Clock::now() + Millis(1'000);
    bool look_now_ = false; ///< the next beat is due
    bool looking_ = false; ///< look_around() is at it
    bool unsure_ = false; ///< whether the store still has what it had of us
    std::map<std::string, std::size_t> uncounted_{}; ///< readers, by turn: it may not have them
    std::string born_{}; ///< names what the store has; another name: it lost what it had
    bool offers_ = false; ///< it lost rows, and has not been offered() ours
    bool signing_on_ = false; ///< until its answer came: what the store lost is not known
    std::size_t copies_ = 0; ///< of the server, that follow closely
    std::string policy_{}; ///< what it does without memory
    std::string foreign_{}; ///< what it said of a key that is not ours
    Clock::time_point foreign_at_{};
    std::string refused_{}; ///< a command that the user may not use (any more)
    std::string unwilling_{}; ///< what the last beat was told instead of being taken
    bool still_reads_ = false; ///< … while it still answers those who only read
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    asio::steady_timer beat_;
    bool copying_ = false; ///< a copy is being waited for
    std::uint64_t copy_rounds_ = 0;
    asio::steady_timer copied_; ///< cancelled at the end of each
    std::size_t finding_ = 0; ///< conversations that are being read
    asio::steady_timer found_; ///< cancelled at the end of each
};

/// An answer that is none to what was asked: what comes on this connection from now on may belong
/// to another question, so it is made again.
[[nodiscard]] std::unexpected<Error> strange_answer(const RedisLink::Self& link);
/// What was held another session holds, or has held since.
[[nodiscard]] std::unexpected<Error> taken_since();

} // namespace oa_stream::store
