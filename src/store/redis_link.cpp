#include "redis_link.hpp"

#include "oa_stream/base/lists.hpp"

#include "redis_errors.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace oa_stream::store {

namespace {

constexpr auto k_awaited = asio::as_tuple(asio::use_awaitable);
/// Interval of asking a Sentinel again while the primary that it names accepts no writes.
constexpr Millis k_ask_again{2'000};
constexpr std::size_t k_piece = 64U << 10U;
/// Interval between two writes of commands that may wait: a write costs the server more than a
/// command.
constexpr std::chrono::microseconds k_gather{20'000};
/// A longer interval would show in the lag of readers on other replicas, a shorter one in the
/// server's load.
constexpr std::chrono::microseconds k_gather_read{700};

} // namespace

RedisLink::RedisLink(const asio::any_io_executor& executor, Options options)
    : executor_(executor), options_(std::move(options)), deadline_(executor), gather_(executor),
      lost_(executor) {
}

RedisLink::~RedisLink() = default;

bool RedisLink::same_server(const RedisLink& other) const {
    const auto& mine = options_.address.target;
    const auto& theirs = other.options_.address.target;
    return mine.host == theirs.host && mine.port == theirs.port;
}

void RedisLink::close() {
    closed_ = true;
    drop(stream_, {Code::cancelled, "the store is closed"});
    lost_.cancel();
    deadline_.cancel();
    greeting_ = nullptr;
    on_up = nullptr;
}

Task<Result<Reply>> RedisLink::call(Self self, Command command, Millis within) {
    if (!self->up_) {
        co_return std::unexpected(Error{Code::unavailable, self->trouble_.message});
    }
    co_return co_await ask(std::move(self), std::move(command), within);
}

void RedisLink::call_soon(
    const Self& self,
    std::span<const std::string_view> words,
    Haste haste,
    Millis within,
    std::move_only_function<void()> on_sent,
    OnReply on_reply
) {
    if (!self->up_ || !self->stream_) {
        asio::post(
            self->executor_,
            [on_reply = std::move(on_reply), why = self->trouble_.message]() mutable {
                on_reply(std::unexpected(Error{Code::unavailable, why}));
            }
        );
        return;
    }
    append_command(self->outbox_, words);
    if (on_sent) { // before a write can begin: it begins at once if no other write is running
        self->on_sent_.push_back(std::move(on_sent));
    }
    expect(self, haste, within, std::move(on_reply));
}

Task<Result<std::vector<Reply>>>
RedisLink::call_all(Self self, std::vector<Command> commands, Millis within) {
    if (!self->up_) {
        co_return std::unexpected(Error{Code::unavailable, self->trouble_.message});
    }
    co_return co_await greet_calls(std::move(self), std::move(commands), within);
}

Task<Result<std::vector<Reply>>>
RedisLink::greet_calls(Self self, std::vector<Command> commands, Millis within) {
    if (!self->stream_) {
        co_return std::unexpected(Error{Code::unavailable, self->trouble_.message});
    }
    auto asked = mapped(commands, [&](const Command& one) { return queue(self, one, within); });
    std::vector<Reply> out;
    for (auto& one : asked) {
        OA_CO_TRY(auto reply, co_await answer_to(std::move(one)));
        out.push_back(std::move(reply));
    }
    co_return out;
}

Task<Result<Reply>> RedisLink::ask(Self self, Command command, Millis within) {
    if (!self->stream_) {
        co_return std::unexpected(Error{Code::unavailable, self->trouble_.message});
    }
    co_return co_await answer_to(queue(self, command, within));
}

RedisLink::Asked RedisLink::queue(const Self& self, const Command& command, Millis within) {
    append_command(self->outbox_, command);
    auto asked = std::make_shared<Awaited>(self->executor_);
    asked->signal.expires_at(Clock::time_point::max());
    expect(self, Haste::now, within, [asked](Result<Reply> reply) {
        asked->answer = std::move(reply);
        asked->signal.cancel();
    });
    return asked;
}

void RedisLink::expect(const Self& self, Haste haste, Millis within, OnReply on_reply) {
    const auto until = Clock::now() + within;
    self->waiters_.push_back({.until = until, .on_reply = std::move(on_reply)});
    watch(self, until);
    const auto gap = haste == Haste::read ? k_gather_read : k_gather;
    const auto due = haste == Haste::now ? Clock::time_point::min() : self->written_ + gap;
    if (due < self->due_) {
        self->due_ = due;
        self->gather_.cancel();
    }
    if (!std::exchange(self->writing_, true)) {
        spawn(self->executor_, "store commands", write_out(self, self->stream_));
    }
}

Task<Result<Reply>> RedisLink::answer_to(Asked asked) {
    if (!asked->answer) {
        (void)co_await asked->signal.async_wait(k_awaited);
    }
    co_return std::move(asked->answer).value_or(fail(Code::cancelled, "cancelled"));
}

void RedisLink::watch(const Self& self, Clock::time_point until) {
    if (until >= self->watched_) {
        return;
    }
    self->watched_ = until;
    self->deadline_.expires_at(until);
    self->deadline_.async_wait([weak = std::weak_ptr(self)](const auto& stopped) {
        const auto link = weak.lock();
        if (stopped || !link) {
            return;
        }
        link->watched_ = Clock::time_point::max();
        link->drop_late();
        if (!link->waiters_.empty()) {
            watch(link, std::ranges::min_element(link->waiters_, {}, &Waiter::until)->until);
        }
    });
}

/// Answers arrive in order: if one is late, those behind it cannot arrive, either.
void RedisLink::drop_late() {
    const auto now = Clock::now();
    const auto late = [now](const Waiter& one) { return one.until <= now; };
    if (std::ranges::any_of(waiters_, late)) {
        drop(stream_, {Code::timeout, "the store does not answer in time"});
    }
}

/// Called when the outbox is written.
void RedisLink::stamp_unsent() {
    for (auto waiter = waiters_.rbegin(); waiter != waiters_.rend() && !waiter->sent; ++waiter) {
        waiter->sent = written_;
    }
}

Task<void> RedisLink::write_out(Self self, Stream stream) {
    while (self->stream_ == stream && !self->outbox_.empty()) {
        if (Clock::now() < self->due_) {
            self->gather_.expires_at(self->due_);
            (void)co_await self->gather_.async_wait(k_awaited);
            continue;
        }
        const auto bytes = std::exchange(self->outbox_, {});
        auto on_sent = std::exchange(self->on_sent_, {});
        self->written_ = Clock::now();
        self->stamp_unsent();
        self->due_ = Clock::time_point::max();
        if (auto written = co_await stream->write(bytes); !written) {
            self->drop(stream, std::move(written).error());
            co_return;
        }
        for (auto& sent : on_sent) {
            sent();
        }
    }
    if (self->stream_ == stream) {
        self->writing_ = false;
    }
}

Task<void> RedisLink::read_replies(Self self, Stream stream) {
    ReplyReader reader;
    std::string piece(k_piece, '\0');
    while (self->stream_ == stream) {
        const auto size = co_await stream->read_some(piece);
        if (self->stream_ != stream) {
            co_return;
        }
        if (!size) {
            const bool closed = size.error().code == Code::unavailable;
            self->drop(
                stream,
                closed ? Error{Code::unavailable, "the store closed the connection"} : size.error()
            );
            co_return;
        }
        reader.feed(std::string_view(piece).substr(0, *size));
        if (auto taken = self->receive(stream, reader); !taken) {
            self->drop(stream, std::move(taken).error());
            co_return;
        }
    }
}

bool RedisLink::may_have_moved(std::string_view refusal) {
    if (refusal.starts_with("READONLY") || refusal.starts_with("MASTERDOWN")) {
        return true;
    }
    // The server lost its replicas: a Sentinel may have made one of them the primary.
    const auto now = Clock::now();
    if (!refusal.starts_with("NOREPLICAS") || !up_ || options_.address.sentinels.empty() ||
        now - asked_again_ < k_ask_again) {
        return false;
    }
    asked_again_ = now;
    return true;
}

Result<void> RedisLink::receive(const Stream& stream, ReplyReader& reader) {
    while (stream_ == stream) {
        OA_TRY(auto reply, reader.next());
        if (!reply) {
            return {};
        }
        const auto sent = waiters_.empty() ? std::nullopt : waiters_.front().sent;
        if (!sent) {
            return fail(Code::protocol, "the store sent an unexpected answer");
        }
        const bool moved = reply->failed() && may_have_moved(reply->text);
        const auto why = moved ? error_of(*reply) : Error();
        auto waiter = std::move(waiters_.front());
        waiters_.pop_front();
        asked_at_ = *sent;
        waiter.on_reply(*std::move(reply));
        if (moved) { // the next connection asks for the primary again
            drop(stream, why);
        }
    }
    return {};
}

/// Fails all unanswered commands: the caller knows whether it may repeat them. The callbacks run
/// from the loop, because the caller of drop() may not be ready for new commands.
void RedisLink::drop(const Stream& stream, Error why) {
    if (!stream || stream != stream_) {
        return;
    }
    const auto dropped = std::exchange(stream_, nullptr);
    dropped->close();
    lost_at_ = up_ ? Clock::now() : lost_at_;
    up_ = false;
    trouble_ = std::move(why);
    asio::post(
        executor_,
        [waiters = std::exchange(waiters_, {}), why = trouble_, now = Clock::now()]() mutable {
            for (auto& waiter : waiters) {
                const bool late = why.code == Code::timeout && waiter.until <= now;
                auto error = why;
                error.code = late ? Code::timeout : Code::unavailable;
                waiter.on_reply(std::unexpected(std::move(error)));
            }
        }
    );
    lost_.cancel();
}

} // namespace oa_stream::store
