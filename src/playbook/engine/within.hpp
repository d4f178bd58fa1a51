// A deadline for a step of the engine. Private to the room.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <exception>
#include <utility>

namespace oa_stream::playbook {

/// Cancels `task` after `limit`: Code::timeout. What the task had begun may still take effect.
template <class T> Task<Result<T>> within(Millis limit, Task<Result<T>> task) {
    const auto executor = co_await asio::this_coro::executor;
    auto [order, thrown, result, timer_thrown, elapsed] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(task), asio::deferred),
            asio::co_spawn(executor, sleep_for(limit), asio::deferred)
        )
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 0) {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        co_return std::move(result);
    }
    co_return fail(Code::timeout, fmt::format("no answer within {}", format_duration(limit)));
}

} // namespace oa_stream::playbook
