// Deletes conversations that probes opened, while the run continues: an hour of probes opens tens
// of thousands of them, and the end of a run must not wait for their deletion. Not thread-safe; the
// client must outlive it.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include "engine/instruments.hpp"

#include <memory>
#include <vector>

namespace oa_stream::playbook {

class ThreadCleanup {
public:
    ThreadCleanup(
        asio::any_io_executor executor, net::HttpClient& client, probe::ProbeLimits limits
    );
    ThreadCleanup(const ThreadCleanup&) = delete;
    ThreadCleanup& operator=(const ThreadCleanup&) = delete;
    /// Conversations that are not deleted yet stay.
    ~ThreadCleanup();

    /// The deletions so far.
    [[nodiscard]] OtherRequests requests() const;
    /// Begins deleting at once, one after the other.
    void add(probe::OpenedThreads opened);
    /// Deletes these and those given to add(), for at most as long as `pace` allows. Returns the
    /// overall result; call once.
    [[nodiscard]] Task<probe::Removal>
    finish(std::vector<probe::OpenedThreads> rest, probe::RemovePace pace);

private:
    struct State;
    [[nodiscard]] static Task<void> work(std::shared_ptr<State> state);

    asio::any_io_executor executor_;
    std::shared_ptr<State> state_;
};

} // namespace oa_stream::playbook
