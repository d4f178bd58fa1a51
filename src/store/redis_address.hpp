// The parts of redis://host:port/db.
#pragma once

#include "oa_stream/net/byte_stream.hpp"
#include "oa_stream/store/address.hpp"

#include <string>
#include <vector>

namespace oa_stream::store {

struct RedisAddress {
    net::ByteStreamTarget target{};
    std::string database = "0";
    /// Asked for `target` before each connection; empty: `target` is given.
    std::vector<net::ByteStreamTarget> sentinels{};
    std::string primary{}; ///< name of the primary at the Sentinels
    [[nodiscard]] std::string text() const; ///< for messages to operators
};

[[nodiscard]] Result<RedisAddress> read_redis_address(const StoreOptions& options);

} // namespace oa_stream::store
