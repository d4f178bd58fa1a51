// One connection to Redis: commands pipelined, each answer with a deadline, connected again for as
// long as the link lives.
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

/// Between two tries to connect: new turns wait for it once a store is back.
inline constexpr Millis k_longest_pause{250};

class RedisLink {
public:
    struct Options {
        RedisAddress address{};
        std::string user{};
        std::string password{}; ///< where it is; read for each connection
        std::string name{};     ///< told to the server
        Millis wait{2'000};     ///< for a connection, and for its first answers
    };
    using Self = std::shared_ptr<RedisLink>;
    /// Asked on each new connection before anybody else may use it; an error closes it.
    using Greeting = std::function<Task<Result<void>>(Self)>;

    RedisLink(const asio::any_io_executor& executor, Options options);
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;
    ~RedisLink();

    /// Connects once; afterwards the link connects again by itself. Code::credentials, whatever
    /// the greeting says, and those of net::open_byte_stream().
    [[nodiscard]] static Task<Result<void>> open(Self self, Greeting greeting);
    /// Code::unavailable at once while there is no connection; Code::timeout after `within`, which
    /// ends the connection: what was asked may have been done. An error of Redis is a reply.
    [[nodiscard]] static Task<Result<Reply>> call(Self self, Command command, Millis within);
    /// Gets one answer, from the loop: never within the call that asks.
    using OnReply = std::move_only_function<void(Result<Reply>)>;
    /// How long a command may stay, to go with others.
    enum class Haste {
        now,
        read, ///< somebody waits for it at another replica: 1 ms
        soon, ///< 20 ms
    };
    /// As call(), of one that many of are under way at once: no coroutine waits for it. `on_sent`,
    /// if any, is called when it has gone.
    static void call_soon(
        const Self& self,
        std::span<const std::string_view> words,
        Haste haste,
        Millis within,
        std::move_only_function<void()> on_sent,
        OnReply on_reply
    );
    /// In one write; their answers in this order.
    [[nodiscard]] static Task<Result<std::vector<Reply>>>
    call_all(Self self, std::vector<Command> commands, Millis within);
    /// For a greeting: before anybody else may.
    [[nodiscard]] static Task<Result<std::vector<Reply>>>
    greet_calls(Self self, std::vector<Command> commands, Millis within);
    [[nodiscard]] static Task<Result<Reply>> greet_call(Self self, Command command, Millis within) {
        return ask(std::move(self), std::move(command), within);
    }
    /// Told whenever others may use a new connection.
    std::function<void()> on_up{};
    [[nodiscard]] bool up() const noexcept { return up_; }
    [[nodiscard]] const Error& trouble() const noexcept { return trouble_; }
    /// No new connection could be made for so long.
    [[nodiscard]] bool down_for(Millis span) const noexcept {
        return !up_ && Clock::now() - lost_at_ >= span;
    }
    /// While somebody is told an answer: when it was asked for, after whatever the command had to
    /// stay.
    [[nodiscard]] Clock::time_point asked_at() const noexcept { return asked_at_; }
    /// Its address is what Sentinels say, and may change.
    [[nodiscard]] bool asks_sentinels() const noexcept {
        return !options_.address.sentinels.empty();
    }
    /// Where each of them is connected, or was last.
    [[nodiscard]] bool same_server(const RedisLink& other) const;
    void close();
    /// This connection is not to be trusted any more; another one is made.
    void leave(Error why) { drop(stream_, std::move(why)); }

private:
    struct Waiter {
        Clock::time_point until;
        OnReply on_reply;
        std::optional<Clock::time_point> sent{}; ///< its command is not in the outbox any more
    };
    struct Awaited {
        explicit Awaited(const asio::any_io_executor& executor) : signal(executor) {}
        asio::steady_timer signal;
        std::optional<Result<Reply>> answer{};
    };
    using Stream = std::shared_ptr<net::ByteStream>;
    using Asked = std::shared_ptr<Awaited>;

    [[nodiscard]] static Task<Result<void>> connect(Self self);
    /// Where the primary is now, by the first Sentinel that says so.
    [[nodiscard]] static Task<Result<void>> find_primary(Self self);
    [[nodiscard]] static Task<Result<void>> log_in(Self self);
    [[nodiscard]] static Task<Result<Reply>> ask(Self self, Command command, Millis within);
    [[nodiscard]] static Asked queue(const Self& self, const Command& command, Millis within);
    [[nodiscard]] static Task<Result<Reply>> answer_to(Asked asked);
    /// What is in the outbox now has this waiter.
    static void expect(const Self& self, Haste haste, Millis within, OnReply on_reply);
    static void watch(const Self& self, Clock::time_point until);
    void drop_late();
    void stamp_unsent();
    [[nodiscard]] static Task<void> keep_connected(Self self);
    [[nodiscard]] static Task<void> read_replies(Self self, Stream stream);
    [[nodiscard]] static Task<void> write_out(Self self, Stream stream);
    [[nodiscard]] Result<void> receive(const Stream& stream, ReplyReader& reader);
    /// The server may be the primary no more.
    [[nodiscard]] bool may_have_moved(std::string_view refusal);
    void drop(const Stream& stream, Error why);

    asio::any_io_executor executor_;
    Options options_;
    Greeting greeting_{};
    Stream stream_{};
    std::deque<Waiter> waiters_{}; ///< in the order of the answers
    asio::steady_timer deadline_; ///< of the first of them that would be late: one for all
    Clock::time_point watched_ = Clock::time_point::max(); ///< when it is over
    std::string outbox_{};
    Clock::time_point asked_at_{};
    std::vector<std::move_only_function<void()>> on_sent_{}; ///< of what is in the outbox
    Clock::time_point written_{}; ///< the last write
    Clock::time_point asked_again_{}; ///< a Sentinel, while its primary takes no writes
    Clock::time_point due_ = Clock::time_point::max(); ///< when what is in the outbox is to go
    asio::steady_timer gather_; ///< cancelled when that comes sooner
    asio::steady_timer lost_; ///< cancelled when the connection is lost
    Error trouble_{Code::unavailable, "not connected yet"};
    Clock::time_point lost_at_{};
    bool writing_ = false;
    bool up_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::store
