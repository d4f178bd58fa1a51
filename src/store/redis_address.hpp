// redis://host:port/db, taken apart.
#pragma once

#include "oa_stream/net/byte_stream.hpp"
#include "oa_stream/store/address.hpp"

namespace oa_stream::store {

struct RedisAddress {
    net::ByteStreamTarget target{};
    std::string database = "0";
    [[nodiscard]] std::string text() const; ///< for people
};

[[nodiscard]] Result<RedisAddress> read_redis_address(const StoreOptions& options);

} // namespace oa_stream::store
