// What a store is like, for whoever sets one up, and how a trial is taken out of it again.
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
    bool appends = false; ///< to a file: a restart keeps what was accepted
    std::uint64_t memory = 0; ///< bytes in use
    std::uint64_t most_memory = 0; ///< 0: no limit
    std::uint64_t copies = 0; ///< replicas that follow it now
    bool needs_copies = false; ///< it takes writes only while it sees one
    double round_trip_ms = 0; ///< median
    std::optional<Millis> ahead{}; ///< its clock, of ours; negative: behind
    std::size_t lanes = 0; ///< alive
    std::set<std::string> revisions{}; ///< of them
};

/// Connects and asks; registers nothing and changes nothing. Errors as Store::open().
[[nodiscard]] Task<Result<StoreFacts>>
look_at_store(asio::any_io_executor executor, StoreOptions options);

/// Removes what lanes without auth left under this prefix: their conversations, logs and names.
/// Nobody may use it any more. What ends by itself is left to do so.
[[nodiscard]] Task<Result<void>> clear_store(asio::any_io_executor executor, StoreOptions options);

} // namespace oa_stream::store
