// Prometheus rules for everything the runbook watches, and promtool tests that prove each of them
// fires when it should and keeps quiet when it should. All from one table.
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
    std::string duration = "30";       ///< seconds, the same of the whole request
    /// Event floor: with fewer bad ones, or fewer at all, in its window no ratio alerts.
    std::uint64_t least_bad = usual::k_least_bad.number;
    std::uint64_t least_total = usual::k_least_total.number;
    /// How long an alert of a ratio goes on firing once its ratio is within the limit; 0: not at
    /// all.
    std::chrono::milliseconds keep{std::chrono::minutes(15)};
    std::string runbook = "docs/on-call.md"; ///< where alerts are explained, each at its anchor
    bool include_probes = false; ///< count the requests of probes, too
    std::string matchers{}; ///< further label matchers of every selector: job="lane"
};

struct TextFile {
    std::string name;
    std::string text;
};

/// "OaStream5xxHigh", …: of every rule that alerts.
[[nodiscard]] std::vector<std::string> alert_names();

/// `oa-stream.rules.yml`, its `*.test.yml`, then `oa-stream.alertmanager.yml`. Code::config for an
/// objective at which one of the burn rates could never be exceeded, Code::usage for options that
/// make no sense.
[[nodiscard]] Result<std::vector<TextFile>> alert_rules(const AlertOptions& options);

} // namespace oa_stream::measure
