// What a lane on a Codex worker would meet, for whoever sets one up.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/clock.hpp"

#include <optional>

namespace oa_stream::authority {

/// Steps stand in the order in which a lane takes them; behind one that failed nothing is tried.
struct WorkerFacts {
    Result<std::optional<WallTime>> token_end{}; ///< of the control token, if it says so
    std::optional<Millis> ahead{};               ///< the control service's clock, of ours
    std::optional<Result<void>> worker{};        ///< it is known, runs and beats
    std::optional<Millis> heartbeat_age{};
    std::optional<Result<std::optional<WallTime>>> sync_token{}; ///< its end, if it says so
    std::optional<Result<void>> khala{}; ///< the topic's head is known, its socket is open
};

/// Asks as a lane would and leaves again; sends no command. Errors as check_worker_options().
[[nodiscard]] Task<Result<WorkerFacts>>
look_at_worker(asio::any_io_executor executor, WorkerOptions options);

} // namespace oa_stream::authority
