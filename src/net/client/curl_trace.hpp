// A line for --trace of each transfer that ended.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include <string>

namespace oa_stream::net {

/// "GET http://127.0.0.1:8080/readyz: 200 in 3ms (connected 1ms, head 2ms)". The
/// query is left out, as are header fields and bodies: they may hold secrets.
[[nodiscard]] std::string trace_line(const ClientRequest& request, const ClientResponse& response);

} // namespace oa_stream::net
