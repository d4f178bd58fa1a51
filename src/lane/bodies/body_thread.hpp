// The thread that reads large request bodies, so that none of them blocks the loop.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

namespace oa_stream::lane {

/// Reading JSON takes up to 0.2 ms per KiB (numbers and empty arrays are slowest), so the loop
/// itself reads at most this much.
inline constexpr std::size_t k_on_loop = 16U << 10U;

/// Jobs of small bodies run before those of large ones; otherwise jobs run in order of arrival.
/// Call run() and stop() on the executor's thread. The destructor joins the thread; `executor`'s
/// context must outlive it.
class BodyThread {
public:
    /// Runs on the thread. Must not throw, and must return soon after a stop was requested. A job
    /// that cannot be interrupted checks the token before it begins.
    using Job = std::function<void(std::stop_token stop)>;

    /// At most `capacity` bytes of bodies may wait.
    BodyThread(asio::any_io_executor executor, std::size_t capacity);
    ~BodyThread();
    BodyThread(const BodyThread&) = delete;
    BodyThread& operator=(const BodyThread&) = delete;

    /// Returns after the job has run; false: it did not run, because too many bytes are waiting.
    /// Calls `gone` every 50 ms while it waits; true stops the job.
    [[nodiscard]] Task<bool> run(std::size_t bytes, Job job, std::function<bool()> gone);
    /// Stops the jobs that run or wait; each of them still returns to its caller.
    void stop();
    /// Jobs that have not returned to their callers.
    [[nodiscard]] std::size_t jobs() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
