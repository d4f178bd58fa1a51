// The driver of Cloud Run, over the Admin API v2.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

/// A valid access token. `fresh`: the last one was refused or is about to expire, get another.
/// Code::credentials when there is none.
using TokenSource = std::function<Task<Result<Secret>>(bool fresh)>;

/// A token read once. `reread` gives the next one when it is refused (a file that somebody renews);
/// empty, or the same token again: Code::credentials.
[[nodiscard]] TokenSource kept_token(Secret token, std::function<Result<Secret>()> reread = {});

/// Asks the metadata server at `base_url` (http://metadata.google.internal) and keeps the token
/// until it is about to expire. `client` must outlive the source.
[[nodiscard]] TokenSource metadata_tokens(net::HttpClient& client, std::string base_url);

struct CloudRunDriverOptions {
    std::string endpoint; ///< https://run.googleapis.com, without a trailing slash
    std::string project;
    std::string region;
    std::string service; ///< short name
    std::vector<std::string> revisions; ///< short names; stable first
    std::vector<std::string> urls{}; ///< of the revisions in their order; empty: their tags' URLs
    TokenSource token;
    Millis call_timeout{15000}; ///< of one HTTP exchange
    Millis poll{2000}; ///< between two looks at an operation
    Millis wait_at_most{60000}; ///< for Retry-After and back-off within one call of the driver
    Millis backoff{500}; ///< before the first repetition of a read; doubled each time
};

/// `client` must outlive the driver.
[[nodiscard]] std::unique_ptr<TrafficDriver>
make_cloud_run_driver(net::HttpClient& client, CloudRunDriverOptions options);

} // namespace oa_stream::traffic
