// Readings from Prometheus' HTTP API, by revision and by route. Numbers that are absent, stale or
// accompanied by a warning are missing, not zero.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/net/token_source.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::measure {

struct PrometheusOptions {
    /// The part of the URL before /api/v1/query; it may have a path (Cloud Monitoring's has one),
    /// but no credentials or query.
    std::string url{};
    Secret bearer{}; ///< Authorization: Bearer …
    net::TokenSource token{}; ///< provides fresh bearer tokens; unset: `bearer` is used
    std::string user{}; ///< for Basic authentication, with `password`; excludes a bearer
    Secret password{};
    net::Headers headers{}; ///< extra request headers
    std::vector<Secret> hidden{}; ///< header values that must not appear in any message
    std::string ca_file{}; ///< PEM; empty: the system's
    std::string cert_file{}; ///< PEM; empty: the process's
    std::string key_file{}; ///< empty: the key is in `cert_file`
    /// The label that names the revision on every series; empty: series are joined with
    /// oa_stream_build_info by job and instance.
    std::string revision_label{};
    std::string matchers{}; ///< more label matchers for every selector: job="lane"
    bool include_probes = false; ///< also count the requests of probes
    Millis timeout{10000}; ///< of one HTTP request
    /// For all requests of one question including retries; after it Code::timeout.
    Millis deadline{30000};
    Millis backoff{250}; ///< before the first retry, then doubled
    /// Scraped values older than this at the window's end are missing. 0: three times the interval
    /// at which the target was scraped, at least 10 s.
    double stale_after_s = 0;
    prometheus::Limits limits{};
};

/// Code::usage for inconsistent options.
[[nodiscard]] Result<void> check(const PrometheusOptions& options);

/// Queries at the window's end and looks back, so a window may lie in the past. Errors beyond those
/// of Source: Code::credentials when Prometheus refuses them, Code::timeout after the deadline.
/// `client` must outlive the source.
[[nodiscard]] std::unique_ptr<Source>
prometheus_source(net::HttpClient& client, PrometheusOptions options);

} // namespace oa_stream::measure
