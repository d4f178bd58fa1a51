// One connection to Redis: commands are pipelined, each answer has a deadline, and a lost
// connection is made again as long as the link lives.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"

#include "redis_address.hpp"
#include "resp.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::store {

/// Longest pause between two attempts to connect: new turns wait for it after an outage.
inline constexpr Millis k_longest_pause{250};

class RedisLink {
public:
    struct Options {
        RedisAddress address{};
        std::string user{};
        std::string password{}; ///< where to read it; read again for each connection
        std::string name{}; ///< reported to the server
        Millis wait{2'000}; ///< limit for a connection and its first answers
    };
    using Self = std::shared_ptr<RedisLink>;
    /// Runs on each new connection before others may use it; an error closes the connection.
    using Greeting = std::function<Task<Result<void>>(Self)>;

    RedisLink(const asio::any_io_executor& executor, Options options);
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;
    ~RedisLink();

    /// Connects once; afterwards the link reconnects by itself. Code::credentials, the greeting's
    /// errors, and those of net::open_byte_stream().
    [[nodiscard]] static Task<Result<void>> open(Self self, Greeting greeting);
    /// Code::unavailable at once without a connection; Code::timeout after `within`, which also
    /// closes the connection: the command may have been executed. An error of Redis is a reply.
    [[nodiscard]] static Task<Result<Reply>> call(Self self, Command command, Millis within);
    /// Gets one answer, from the loop: never within the call that sends the command.
    using OnReply = std::move_only_function<void(Result<Reply>)>;
    /// How long a command may wait to be sent together with others.
    enum class Haste {
        now,
        read, ///< a reader at another replica waits for it: 1 ms
        soon, ///< 20 ms
    };
    /// Like call(), for commands of which many run at once: needs no coroutine. `on_sent`, if set,
    /// is called when the command was sent.
    static void call_soon(
        const Self& self,
        std::span<const std::string_view> words,
        Haste haste,
        Millis within,
        std::move_only_function<void()> on_sent,
        OnReply on_reply
    );
    /// Sends the commands in one write; the answers are in the same order.
    [[nodiscard]] static Task<Result<std::vector<Reply>>>
    call_all(Self self, std::vector<Command> commands, Millis within);
    /// For a greeting: works before others may use the connection.
    [[nodiscard]] static Task<Result<std::vector<Reply>>>
    greet_calls(Self self, std::vector<Command> commands, Millis within);
    [[nodiscard]] static Task<Result<Reply>> greet_call(Self self, Command command, Millis within) {
        return ask(std::move(self), std::move(command), within);
    }
    /// Called whenever a new connection is ready for use.
    std::function<void()> on_up{};
    [[nodiscard]] bool up() const noexcept { return up_; }
    [[nodiscard]] const Error& trouble() const noexcept { return trouble_; }
    /// There has been no connection for `span`.
    [[nodiscard]] bool down_for(Millis span) const noexcept {
        return !up_ && Clock::now() - lost_at_ >= span;
    }
    /// Valid during a reply callback: when the command was sent, after any time it had to wait.
    [[nodiscard]] Clock::time_point asked_at() const noexcept { return asked_at_; }
    /// Sentinels name its address, which may change.
    [[nodiscard]] bool asks_sentinels() const noexcept {
        return !options_.address.sentinels.empty();
    }
    /// Whether both are connected to the same server, or were last.
    [[nodiscard]] bool same_server(const RedisLink& other) const;
    void close();
    /// Closes this connection because it cannot be trusted; a new one is made.
    void leave(Error why) { drop(stream_, std::move(why)); }

private:
    struct Waiter {
        Clock::time_point until;
        OnReply on_reply;
        std::optional<Clock::time_point> sent{}; ///< set once its command has left the outbox
    };
    struct Awaited {
        explicit Awaited(const asio::any_io_executor& executor) : signal(executor) {}
        asio::steady_timer signal;
        std::optional<Result<Reply>> answer{};
    };
    using Stream = std::shared_ptr<net::ByteStream>;
    using Asked = std::shared_ptr<Awaited>;

    [[nodiscard]] static Task<Result<void>> connect(Self self);
    /// Asks the Sentinels for the primary's address; the first answer counts.
    [[nodiscard]] static Task<Result<void>> find_primary(Self self);
    [[nodiscard]] static Task<Result<void>> log_in(Self self);
    [[nodiscard]] static Task<Result<Reply>> ask(Self self, Command command, Millis within);
    [[nodiscard]] static Asked queue(const Self& self, const Command& command, Millis within);
    [[nodiscard]] static Task<Result<Reply>> answer_to(Asked asked);
    /// Adds the waiter for the command that was just put into the outbox.
    static void expect(const Self& self, Haste haste, Millis within, OnReply on_reply);
    static void watch(const Self& self, Clock::time_point until);
    void drop_late();
    void stamp_unsent();
    [[nodiscard]] static Task<void> keep_connected(Self self);
    [[nodiscard]] static Task<void> read_replies(Self self, Stream stream);
    [[nodiscard]] static Task<void> write_out(Self self, Stream stream);
    [[nodiscard]] Result<void> receive(const Stream& stream, ReplyReader& reader);
    /// The server may not be the primary any more.
    [[nodiscard]] bool may_have_moved(std::string_view refusal);
    void drop(const Stream& stream, Error why);

    asio::any_io_executor executor_;
    Options options_;
    Greeting greeting_{};
    Stream stream_{};
    std::deque<Waiter> waiters_{}; ///< in the order of the answers
    asio::steady_timer deadline_; ///< of the waiter that would be late first; one timer for all
    Clock::time_point watched_ = Clock::time_point::max(); ///< when it expires
    std::string outbox_{};
    Clock::time_point asked_at_{};
    /// Callbacks for the commands in the outbox
    std::vector<std::move_only_function<void()>> on_sent_{};
    Clock::time_point written_{}; ///< the last write
    /// When a Sentinel was asked again because its primary accepts no writes
    Clock::time_point asked_again_{};
    Clock::time_point due_ = Clock::time_point::max(); ///< when the outbox has to be written
    asio::steady_timer gather_; ///< cancelled when `due_` moves forward
    asio::steady_timer lost_; ///< cancelled when the connection is lost
    Error trouble_{Code::unavailable, "not connected yet"};
    Clock::time_point lost_at_{};
    bool writing_ = false;
    bool up_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::store
