// What an operator can check about a store when setting it up, and the removal of a trial from it.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/store/address.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace oa_stream::store {

struct StoreFacts {
    std::string version{};
    std::string authority{}; ///< whose threads it has; empty: no lane has been on it
    bool appends = false; ///< it appends to a file: a restart keeps what was accepted
    std::uint64_t memory = 0; ///< bytes in use
    std::uint64_t most_memory = 0; ///< 0: no limit
    std::uint64_t copies = 0; ///< replicas that follow it now
    bool needs_copies = false; ///< it accepts writes only while it has such a replica
    double round_trip_ms = 0; ///< median
    std::optional<Millis> ahead{}; ///< its clock relative to this machine's; negative: behind
    std::size_t lanes = 0; ///< lanes that are alive
    std::set<std::string> revisions{}; ///< their revisions
};

/// Connects and reads; registers nothing and changes nothing. Errors as in Store::open().
[[nodiscard]] Task<Result<StoreFacts>>
look_at_store(asio::any_io_executor executor, StoreOptions options);

/// Removes what lanes without auth left under this prefix: their conversations, logs and names.
/// No lane may be using the prefix. Keys with a time to live are left to expire.
[[nodiscard]] Task<Result<void>> clear_store(asio::any_io_executor executor, StoreOptions options);

} // namespace oa_stream::store
