// A --trace line for each ended transfer.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include <string>

namespace oa_stream::net {

/// "GET http://127.0.0.1:8080/readyz: 200 in 3ms (connected 1ms, head 2ms)". Leaves out the query,
/// header fields and bodies, which may hold secrets.
[[nodiscard]] std::string trace_line(const ClientRequest& request, const ClientResponse& response);

} // namespace oa_stream::net
