// The address and the options of the store, as given with --store.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/store/responses.hpp"

#include <optional>
#include <string>

namespace oa_stream::store {

struct StoreOptions {
    /// redis://HOST[:PORT][/DB], rediss://… or redis+unix:/PATH; empty: the lanes share no store.
    std::string url{};
    std::string user{}; ///< user of an ACL; empty: the default user
    std::string password{}; ///< where to read it: env:, file: or fd:; empty: none
    std::string ca_file{}; ///< PEM file; empty: the system's certificates
    std::string prefix = "oa"; ///< prefix of every key
    std::string replica{}; ///< name of this process for operators; empty: the host's name
    std::string revision = "dev";
    /// The authority that has the threads, the same for all lanes; empty: any
    std::string authority{};
    Millis lease{6'000}; ///< a replica that does not renew its lease for this long counts as dead
    Millis wait{2'000}; ///< limit for one answer
    Millis outage{60'000}; ///< how long turns go on without the store
    Millis log_kept{60'000}; ///< how long an ended turn's log is kept
    Millis turn_time{1'800'000}; ///< how long a running turn's log is kept, plus a reserve
    Millis key_time{86'400'000}; ///< how long idempotency keys are kept
    /// How long a response may be named by a request; 0: none is stored
    Millis responses_kept{86'400'000};
    ResponseLimits responses{};
    std::size_t inflight = 1U << 20U; ///< limit of unanswered bytes of turns, beyond one piece each
    std::size_t tails = 1'000; ///< limit of other replicas' turns that this process reads
    /// After this time without a connection for news, the store reports it; unset: `wait` plus the
    /// pause before it.
    std::optional<Millis> news_away{};
    /// This process has rows from an earlier run, so the store had them, too
    bool has_rows = false;
};

/// Code::usage, naming --store. Refuses options that no store could make acceptable (a password in
/// the URL, an unencrypted connection to another machine).
[[nodiscard]] Result<void> check_store(const StoreOptions& options);

} // namespace oa_stream::store
