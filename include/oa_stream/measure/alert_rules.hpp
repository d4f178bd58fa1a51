// Prometheus rules for everything the runbook watches, with promtool tests that prove for each rule
// that it fires when it should and stays quiet otherwise. Both are generated from one table.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/measure/usual.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace oa_stream::measure {

struct AlertOptions {
    Fraction objective = usual::k_objective.number; ///< share of good requests
    std::string first_content = "2.5"; ///< seconds; a bucket bound of the lane's histogram
    std::string duration = "30"; ///< seconds; a bucket bound of the histogram of whole requests
    /// Event floor: no ratio alerts while its window has fewer bad requests, or fewer requests in
    /// total.
    std::uint64_t least_bad = usual::k_least_bad.number;
    std::uint64_t least_total = usual::k_least_total.number;
    /// How long the alert of a ratio keeps firing after its ratio is back within the limit; 0: not
    /// at all.
    std::chrono::milliseconds keep{std::chrono::minutes(15)};
    /// Document that explains the alerts, each at its anchor.
    std::string runbook = "docs/on-call.md";
    bool include_probes = false; ///< also count the requests of probes
    std::string matchers{}; ///< more label matchers for every selector: job="lane"
};

struct TextFile {
    std::string name;
    std::string text;
};

/// Names of all alerting rules: "OaStream5xxHigh", …
[[nodiscard]] std::vector<std::string> alert_names();

/// `oa-stream.rules.yml`, its `*.test.yml`, then `oa-stream.alertmanager.yml`. Code::config for an
/// objective at which one of the burn rates could never be exceeded, Code::usage for inconsistent
/// options.
[[nodiscard]] Result<std::vector<TextFile>> alert_rules(const AlertOptions& options);

} // namespace oa_stream::measure
