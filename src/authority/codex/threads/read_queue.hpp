// Reads of long histories wait for each other: codex answers one request after the other, and a
// page of large messages takes it, and the loop that parses it, a second. Turns and streams of
// others would wait behind all of them.
#pragma once

#include "codex/process/turnstile.hpp"

#include <map>
#include <memory>
#include <string>

namespace oa_stream::authority {

/// For one thread only.
class ReadQueue {
public:
    explicit ReadQueue(const asio::any_io_executor& executor);

    /// Its holder counts as reading.
    struct Pass {
        std::shared_ptr<Turnstile> queue; ///< keeps the owner's entry of queues_
        Turnstile::Pass own, all;
        [[nodiscard]] explicit operator bool() const noexcept { return all != nullptr; }
    };
    /// One read of an owner at a time, two in all; owners take turns. Empty: `deadline` passed, or
    /// the caller is cancelled and must return. The queue must outlive the wait.
    [[nodiscard]] static Task<Pass>
    enter(ReadQueue* self, std::string owner, Clock::time_point deadline);

private:
    asio::any_io_executor executor_;
    Turnstile all_;
    std::map<std::string, std::weak_ptr<Turnstile>> queues_{}; ///< by owner
};

} // namespace oa_stream::authority
