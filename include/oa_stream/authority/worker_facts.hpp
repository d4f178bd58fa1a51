// Checks of a Codex worker as a lane would see it, for setup commands.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/clock.hpp"

#include <optional>

namespace oa_stream::authority {

/// The fields are in the order of a lane's steps; after a failed step the rest is unset.
struct WorkerFacts {
    Result<std::optional<WallTime>> token_end{}; ///< expiry of the control token, if known
    std::optional<Millis> ahead{};               ///< the control service's clock minus ours
    /// the worker is registered, runs and sends heartbeats
    std::optional<Result<void>> worker{};
    std::optional<Millis> heartbeat_age{};
    std::optional<Result<std::optional<WallTime>>> sync_token{}; ///< its expiry, if known
    std::optional<Result<void>> khala{}; ///< the topic's head was read and its socket opened
};

/// Connects as a lane would, then disconnects; sends no command. Errors as for
/// check_worker_options().
[[nodiscard]] Task<Result<WorkerFacts>>
look_at_worker(asio::any_io_executor executor, WorkerOptions options);

} // namespace oa_stream::authority
