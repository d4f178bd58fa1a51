// What a test asks of a store in one line.
#pragma once

#include "oa_stream/store/store.hpp"

#include "../support/loop_rig.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>

namespace oa_stream::test {

class StoreLoop : public LoopRig {
public:
    /// The value of an answer that must be there.
    template <class T> T get(Task<Result<T>> task) {
        auto result = run(std::move(task));
        INFO((result ? std::string() : result.error().text()));
        REQUIRE(result);
        if constexpr (!std::is_void_v<T>) {
            return *std::move(result);
        }
    }
};

/// A piece, and what became of it.
inline Task<Result<store::Written>> append(
    store::Store& store, std::string turn, std::uint64_t fence, std::uint64_t end, std::string bytes
) {
    const auto signal = std::make_shared<asio::steady_timer>(
        co_await asio::this_coro::executor, Clock::time_point::max()
    );
    const auto answer = std::make_shared<std::optional<Result<store::Written>>>();
    store.append(
        {.turn = turn, .fence = fence, .end = end, .bytes = bytes, .read = true}, // soonest
        nullptr,
        [signal, answer](Result<store::Written> written, auto...) {
            answer->emplace(std::move(written));
            signal->cancel();
        }
    );
    REQUIRE_FALSE(*answer); // it is told later
    (void)co_await signal->async_wait(asio::as_tuple(asio::use_awaitable));
    REQUIRE(*answer);
    co_return *std::move(*answer);
}

inline constexpr const char* k_attempt = "attempt-1";

inline store::AcquireRequest wish(const store::ThreadKey& key, std::string attempt = k_attempt) {
    return {.key = key, .request = std::move(attempt), .most = 100, .most_of_owner = 0};
}

} // namespace oa_stream::test
