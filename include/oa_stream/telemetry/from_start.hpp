// Which series a lane has at 0 from its start: one of them that is not there was renamed or dropped
// on its way, and what it counts is unknown.
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
    }; ///< "status", "class" or "code"; empty: the route alone separates them
    std::vector<std::string> values{}; ///< of that label; one empty text without it
    std::vector<std::string> routes{}; ///< one empty text where the metric has none

    [[nodiscard]] std::size_t size() const noexcept { return values.size() * routes.size(); }
    /// What selects them and, but for those of probes, no others.
    [[nodiscard]] std::vector<LabelIs> labels(const Metric& metric) const;
};
/// Of size 0 for routes that carry no turns.
[[nodiscard]] FromStart from_start(const Term& term);

/// A value and a route, as FromStart has them.
using SeriesSeen = std::set<std::pair<std::string, std::string>>;
/// What of the term is not among those seen: "codex_error", "status 502 on /v1/responses",
/// "http_5xx" when it is all of it. Empty: all is there.
[[nodiscard]] std::vector<std::string> unseen(const Term& term, const SeriesSeen& seen);

} // namespace oa_stream::telemetry
