// A Grafana dashboard of the lane: what the runbook watches, by revision.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/usual.hpp"

#include <string>

namespace oa_stream::measure {

struct DashboardOptions {
    std::string title = "oa-stream lane";
    Fraction objective = usual::k_objective.number; ///< of the budget panels, below 1
    double window_s = usual::k_window_s.number; ///< of the budget
    std::string first_content = "2.5"; ///< seconds: a line in the latency panel
    bool include_probes = false; ///< count the requests of probes, too
    std::string matchers{}; ///< further label matchers of every selector: job="lane"
    /// Label of every series that names the revision; empty: joined with oa_stream_build_info.
    std::string revision_label{};
};

/// The document that Grafana's import takes. Variables: the data source, and `revision` (a regular
/// expression; all by default). Queries use $__rate_interval and $revision and nothing else of
/// Grafana's.
[[nodiscard]] Json dashboard(const DashboardOptions& options);

} // namespace oa_stream::measure
