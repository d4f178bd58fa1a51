// A TCP connection to a host that has several addresses.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/net/name_lookup.hpp"

#include <boost/asio/basic_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <memory>

namespace oa_stream::net {

using TcpSocket = asio::basic_socket<asio::ip::tcp>;

/// Connects to the first address that answers. Each address but the last gets its share of the time
/// until `until`, because one that drops packets never answers. The caller's deadline ends the last
/// one; closing the socket ends all.
[[nodiscard]] Task<boost::system::error_code>
connect_each(std::shared_ptr<TcpSocket> socket, NameLookup::Places places, Clock::time_point until);

} // namespace oa_stream::net
