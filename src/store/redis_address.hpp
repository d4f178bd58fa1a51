// redis://host:port/db, taken apart.
#pragma once

#include "oa_stream/net/byte_stream.hpp"
#include "oa_stream/store/address.hpp"

#include <string>
#include <vector>

namespace oa_stream::store {

struct RedisAddress {
    net::ByteStreamTarget target{};
    std::string database = "0";
    /// Asked for the target, each time before a connection; empty: `target` is it.
    std::vector<net::ByteStreamTarget> sentinels{};
    std::string primary{}; ///< what they call it
    [[nodiscard]] std::string text() const; ///< for people
};

[[nodiscard]] Result<RedisAddress> read_redis_address(const StoreOptions& options);

} // namespace oa_stream::store
