// The driver of Cloud Run, over the Admin API v2.
#pragma once

#include "oa_stream/net/token_source.hpp"
#include "oa_stream/traffic/kind.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

extern const DriverKind k_cloud_run;

struct CloudRunDriverOptions {
    std::string endpoint; ///< https://run.googleapis.com, without a trailing slash
    std::string project;
    std::string region;
    std::string service; ///< short name
    std::vector<std::string> revisions; ///< short names; stable first
    net::TokenSource token;
    Millis call_timeout{15000}; ///< of one HTTP request
    Millis poll{2000}; ///< between two reads of an operation
    Millis wait_at_most{60000}; ///< for Retry-After and back-off within one call of the driver
    Millis backoff{500}; ///< before the first retry of a read; doubled each time
};

/// `client` must outlive the driver.
[[nodiscard]] std::unique_ptr<TrafficDriver>
make_cloud_run_driver(net::HttpClient& client, CloudRunDriverOptions options);

} // namespace oa_stream::traffic
