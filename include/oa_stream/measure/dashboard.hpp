// A Grafana dashboard of the lane, by revision: everything the runbook watches.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/usual.hpp"

#include <string>

namespace oa_stream::measure {

struct DashboardOptions {
    std::string title = "oa-stream lane";
    Fraction objective = usual::k_objective.number; ///< of the budget panels, below 1
    double window_s = usual::k_window_s.number; ///< of the budget
    std::string first_content = "2.5"; ///< seconds: drawn as a line in the latency panel
    bool include_probes = false; ///< also count the requests of probes
    std::string matchers{}; ///< more label matchers for every selector: job="lane"
    /// Label that names the revision on every series; empty: series are joined with
    /// oa_stream_build_info.
    std::string revision_label{};
};

/// The document that Grafana's import accepts. Its variables are the data source and `revision` (a
/// regular expression; all by default). Queries use no Grafana variables but $__rate_interval and
/// $revision.
[[nodiscard]] Json dashboard(const DashboardOptions& options);

} // namespace oa_stream::measure
