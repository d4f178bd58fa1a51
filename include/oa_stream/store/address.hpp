// Where the store is, as --store says it.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/store/responses.hpp"

#include <optional>
#include <string>

namespace oa_stream::store {

struct StoreOptions {
    /// redis://HOST[:PORT][/DB], rediss://… or redis+unix:/PATH; empty: each lane keeps its own.
    std::string url{};
    std::string user{}; ///< of an ACL; empty: the default user
    std::string password{}; ///< where it is: env:, file: or fd:; empty: none
    std::string ca_file{}; ///< PEM; empty: the system's
    std::string prefix = "oa"; ///< of every key
    std::string replica{}; ///< name of this process for people; empty: the host's
    std::string revision = "dev";
    std::string authority{}; ///< whose threads it has: one for all lanes; empty: any
    Millis lease{6'000}; ///< a replica that says nothing for so long is dead
    Millis wait{2'000}; ///< for one answer
    Millis outage{60'000}; ///< turns go on for so long without the store
    Millis log_kept{60'000}; ///< an ended turn's log
    Millis turn_time{1'800'000}; ///< a log of a turn under way is kept for so long, and then some
    Millis key_time{86'400'000}; ///< idempotency keys
    Millis responses_kept{86'400'000}; ///< responses that a request may name; 0: none is stored
    ResponseLimits responses{};
    std::size_t inflight = 1U << 20U; ///< bytes of turns without an answer, beyond one piece each
    std::size_t tails = 1'000; ///< turns of others that this process reads
    /// A connection for others' news that is away for longer is told of; unset: `wait`, and the
    /// pause before it.
    std::optional<Millis> news_away{};
    bool has_rows = false; ///< this process has rows of earlier: the store had them, too
};

/// Code::usage, naming --store: what it refuses no store would make right (a password in the URL,
/// an open connection beyond this machine).
[[nodiscard]] Result<void> check_store(const StoreOptions& options);

} // namespace oa_stream::store
