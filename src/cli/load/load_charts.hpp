// Data for the charts of a load's report, by the second: its rate, its failures and how long users
// waited.
#pragma once

#include "oa_stream/probe/load.hpp"
#include "oa_stream/report/series.hpp"

#include <optional>
#include <vector>

namespace oa_stream::cli {

/// The values of each second so far, in the size that a chart needs.
class LoadCharts {
public:
    void add(const probe::LoadSecond& second);
    /// Includes limits on the share of bad answers and on times to the first content.
    [[nodiscard]] std::vector<report::Series>
    series(double target_per_second, const std::vector<probe::LoadLimit>& limits) const;

private:
    struct Second {
        double at = 0;
        double sent = 0;
        std::uint64_t ended = 0;
        std::uint64_t bad = 0;
        std::size_t in_flight = 0;
        std::optional<double> p50{};
        std::optional<double> p95{};
    };
    /// At most as many as a chart can show; each is the worst of the seconds that it represents.
    [[nodiscard]] std::vector<Second> thinned() const;

    std::vector<Second> seconds_;
    double latest_ = 0; ///< the latest finite time to the first content
};

} // namespace oa_stream::cli
