// The driver of the local front door, over its admin socket.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

struct LocalDriverOptions {
    std::string admin_socket;
    std::string base_url; ///< the front door's URL: http://127.0.0.1:port
    std::vector<std::string> revisions; ///< revisions that can be addressed
    Millis call_timeout{2000};
};

/// `client` must outlive the driver.
[[nodiscard]] std::unique_ptr<TrafficDriver>
make_local_driver(net::HttpClient& client, LocalDriverOptions options);

} // namespace oa_stream::traffic
