// The one thread that reads large request bodies, so that none of them holds the loop.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

namespace oa_stream::lane {

/// Reading JSON holds its thread up to 0.2 ms a KiB (numbers and empty arrays take longest), so the
/// loop itself reads no more than this.
inline constexpr std::size_t k_on_loop = 16U << 10U;

/// Jobs of small bodies go before those of large ones, otherwise the first that came is the first
/// that runs. run() and stop() are called on the executor's thread. The thread is joined by the
/// destructor; `executor`'s context must outlive it.
class BodyThread {
public:
    /// Runs on the thread. Must not throw, and must return soon after its token asks for it: what
    /// cannot be cut short looks at the token before it begins.
    using Job = std::function<void(std::stop_token stop)>;

    /// At most `capacity` bytes of body wait.
    BodyThread(asio::any_io_executor executor, std::size_t capacity);
    ~BodyThread();
    BodyThread(const BodyThread&) = delete;
    BodyThread& operator=(const BodyThread&) = delete;

    /// Returns after the job has run; false: too many bytes wait already and it did not. While it
    /// waits, `gone` is asked every 50 ms, and true stops the job.
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
