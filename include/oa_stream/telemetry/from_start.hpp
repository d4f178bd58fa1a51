// The series that a lane exports at 0 from its start. If one is missing, it was renamed or dropped
// on its way, and its count is unknown.
#pragma once

#include "oa_stream/telemetry/metrics.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::telemetry {

/// The series of a term that a lane has from its start: each value on each route.
struct FromStart {
    std::string_view label{
    }; ///< "status", "class" or "code"; empty: the series only differ by route
    /// Values of that label; a single empty text without a label.
    std::vector<std::string> values{};
    std::vector<std::string> routes{}; ///< a single empty text where the metric has no route

    [[nodiscard]] std::size_t size() const noexcept { return values.size() * routes.size(); }
    /// The labels that select exactly these series, apart from those of probes.
    [[nodiscard]] std::vector<LabelIs> labels(const Metric& metric) const;
};
/// Empty for routes that carry no turns.
[[nodiscard]] FromStart from_start(const Term& term);

/// Pairs of value and route, as in FromStart.
using SeriesSeen = std::set<std::pair<std::string, std::string>>;
/// The parts of the term that are not among the seen series: "codex_error", "status 502 on
/// /v1/responses", "http_5xx" when all are missing. Empty: all are there.
[[nodiscard]] std::vector<std::string> unseen(const Term& term, const SeriesSeen& seen);

} // namespace oa_stream::telemetry
