// Coroutine vocabulary. Everything asynchronous runs on one io_context thread per process, so
// nothing here is shared between threads.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/seconds.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace oa_stream {

namespace asio = boost::asio;

template <class T = void> using Task = asio::awaitable<T>;

using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

/// So many seconds, as clocks count them.
[[nodiscard]] inline Clock::duration clock_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// Suspends for `duration`; returns early with false when the coroutine is cancelled.
[[nodiscard]] Task<bool> sleep_for(Clock::duration duration);

/// Starts `task` detached. An exception that leaves it is logged under `name` and ends the process
/// (it is a broken invariant: errors are values).
void spawn(const asio::any_io_executor& executor, std::string_view name, Task<void> task);

} // namespace oa_stream
