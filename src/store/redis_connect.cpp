#include "oa_stream/base/url.hpp"

#include "redis_link.hpp"
#include "redis_store.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace oa_stream::store {

namespace {

constexpr Millis k_first_pause{50};

/// The error for a refused log-in. The server's text contains the reason and no secret. Only a
/// server without this command repeats its arguments, so that text is not used.
Error refused(const Reply& reply) {
    const bool repeats = reply.text.contains("nknown command");
    return {
        Code::credentials,
        "the store refuses the log-in: " + (repeats ? "it knows no AUTH" : reply.text),
        {},
        "check the user and the password"
    };
}

/// The error for a refused SELECT: a user without the right does not learn whether the database
/// exists.
Error not_chosen(const Reply& reply) {
    auto error = error_of(reply);
    return error.code == Code::credentials
               ? error
               : Error{Code::config, "the store has no such database: " + reply.text};
}

/// The server refused the connection before any command was sent.
bool turned_away(const Reply& reply) {
    return reply.failed() &&
           (reply.text.starts_with("DENIED") || reply.text.contains("max number of clients"));
}

Error away(const Reply& reply) {
    return {Code::unavailable, "the store takes no connection: " + reply.text};
}

} // namespace

Task<Result<void>> RedisLink::open(Self self, Greeting greeting) {
    self->greeting_ = std::move(greeting);
    OA_CO_CHECK(co_await connect(self));
    spawn(self->executor_, "store", keep_connected(self));
    co_return Result<void>{};
}

Task<Result<void>> RedisLink::find_primary(Self self) {
    auto& address = self->options_.address;
    Error last{Code::unavailable, "no Sentinel knows the primary", address.primary};
    for (const auto& sentinel : address.sentinels) {
        Options options;
        options.address.target = sentinel;
        options.name = self->options_.name;
        options.wait = self->options_.wait;
        const auto link = std::make_shared<RedisLink>(self->executor_, std::move(options));
        if (auto opened = co_await open(link, nullptr); !opened) {
            last = std::move(opened).error();
            continue;
        }
        const auto reply = co_await call(
            link, {"SENTINEL", "get-master-addr-by-name", address.primary}, self->options_.wait
        );
        link->close();
        if (reply && reply->failed()) {
            last = {Code::unavailable, "a Sentinel answers: " + reply->text, address.primary};
        }
        if (reply && reply->items.size() == 2) {
            address.target.host = reply->at(0);
            address.target.port = reply->at(1);
            if (address.target.secure || is_loopback(address.target.host)) {
                co_return Result<void>{};
            }
            last = {
                Code::config,
                "the primary is beyond this machine",
                address.text(),
                "rediss+sentinel://"
            };
        }
    }
    co_return std::unexpected(std::move(last));
}

Task<Result<void>> RedisLink::connect(Self self) {
    if (!self->options_.address.sentinels.empty()) {
        if (auto found = co_await find_primary(self); !found) {
            self->trouble_ = std::move(found).error();
            co_return std::unexpected(self->trouble_);
        }
    }
    auto stream = co_await net::open_byte_stream(
        self->executor_, self->options_.address.target, self->options_.wait
    );
    if (!stream) {
        self->trouble_ = std::move(stream).error().prefixed(self->options_.address.text());
        co_return std::unexpected(self->trouble_);
    }
    if (self->closed_) {
        co_return fail(Code::cancelled, "the store is closed");
    }
    self->stream_ = *std::move(stream);
    self->outbox_.clear();
    self->on_sent_.clear();
    self->due_ = Clock::time_point::max();
    self->writing_ = false;
    spawn(self->executor_, "store replies", read_replies(self, self->stream_));
    auto ready = co_await log_in(self);
    if (ready && self->greeting_) {
        ready = co_await self->greeting_(self);
    }
    if (!ready || !self->stream_) {
        auto error = ready ? self->trouble_ : std::move(ready).error();
        self->drop(self->stream_, error);
        self->trouble_ = error;
        co_return std::unexpected(std::move(error));
    }
    self->up_ = true;
    if (self->on_up) {
        self->on_up();
    }
    co_return Result<void>{};
}

Task<Result<void>> RedisLink::log_in(Self self) {
    const auto& options = self->options_;
    if (!options.password.empty()) {
        OA_CO_TRY(const auto password, read_secret(options.password));
        Command auth{"AUTH"};
        if (!options.user.empty()) {
            auth.push_back(options.user);
        }
        auth.emplace_back(password.reveal());
        OA_CO_TRY(const auto reply, co_await ask(self, std::move(auth), options.wait));
        if (turned_away(reply)) {
            co_return std::unexpected(away(reply));
        }
        if (reply.text != "OK") {
            co_return std::unexpected(refused(reply));
        }
    }
    if (options.address.database != "0") {
        OA_CO_TRY(
            const auto reply,
            co_await ask(self, Command{"SELECT", options.address.database}, options.wait)
        );
        if (reply.failed()) {
            co_return std::unexpected(not_chosen(reply));
        }
    }
    // Only for operators who list the server's clients: a refusal changes nothing.
    OA_CO_TRY(
        const auto named,
        co_await ask(self, Command{"CLIENT", "SETNAME", options.name}, options.wait)
    );
    co_return turned_away(named) ? std::unexpected(away(named)) : Result<void>{};
}

Task<void> RedisLink::keep_connected(Self self) {
    auto pause = k_first_pause;
    while (!self->closed_) {
        if (self->stream_) {
            const auto began = Clock::now();
            self->lost_.expires_at(Clock::time_point::max());
            (void)co_await self->lost_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (Clock::now() - began >= k_longest_pause) {
                pause = k_first_pause;
                continue;
            }
        } else if (co_await connect(self)) {
            continue;
        }
        co_await sleep_for(pause); // a connection that breaks at once is no better than none
        pause = std::min(pause * 2, k_longest_pause);
    }
}

} // namespace oa_stream::store
