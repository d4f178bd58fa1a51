// Numbers from Prometheus' HTTP API: by revision, by route, and never better than they are. What
// is not there, no longer fresh or warned about is missing, not zero.
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
    /// Before /api/v1/query; may have a path (Cloud Monitoring's has), no credentials or query.
    std::string url{};
    Secret bearer{}; ///< Authorization: Bearer …
    net::TokenSource token{}; ///< gives bearers as time goes by; unset: `bearer` stays
    std::string user{}; ///< Basic, with `password`; not beside a bearer
    Secret password{};
    net::Headers headers{}; ///< sent besides
    std::vector<Secret> hidden{}; ///< values of them that no message may carry
    std::string ca_file{}; ///< PEM; empty: the system's
    std::string cert_file{}; ///< PEM; empty: the process's
    std::string key_file{}; ///< empty: in `cert_file`
    /// The label that names the revision on every series; empty: series are joined with
    /// oa_stream_build_info by job and instance.
    std::string revision_label{};
    std::string matchers{}; ///< further label matchers of every selector: job="lane"
    bool include_probes = false; ///< count the requests of probes, too
    Millis timeout{10000}; ///< of one HTTP request
    /// For all requests of one question with their repetitions; beyond it Code::timeout.
    Millis deadline{30000};
    Millis backoff{250}; ///< before the first repetition, then doubled
    /// Scraped values older than this at the window's end are missing. 0: three times the interval
    /// at which the target was scraped, at least 10 s.
    double stale_after_s = 0;
    prometheus::Limits limits{};
};

/// Code::usage for options that make no sense.
[[nodiscard]] Result<void> check(const PrometheusOptions& options);

/// Asks for the window's end and looks back, so a window may lie in the past. Beyond what Source
/// promises: Code::credentials when refused, Code::timeout beyond the deadline. `client` outlives
/// the source.
[[nodiscard]] std::unique_ptr<Source>
prometheus_source(net::HttpClient& client, PrometheusOptions options);

} // namespace oa_stream::measure
