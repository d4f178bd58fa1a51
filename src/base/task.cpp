#include "oa_stream/base/task.hpp"

#include "oa_stream/base/output.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <string>

namespace oa_stream {

Task<bool> sleep_for(Clock::duration duration) {
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !error;
}

void spawn(const asio::any_io_executor& executor, std::string_view name, Task<void> task) {
    asio::co_spawn(
        executor,
        std::move(task),
        [label = std::string(name)](const std::exception_ptr& thrown) {
            if (!thrown) {
                return;
            }
            try {
                std::rethrow_exception(thrown);
            } catch (const std::exception& error) {
                write_diagnostic(
                    fmt::format("oa-stream: broken invariant in {}: {}\n", label, error.what())
                );
            }
            std::abort();
        }
    );
}

} // namespace oa_stream
