// What a load's report draws: its rate, what went wrong and how long users waited, by the second.
#pragma once

#include "oa_stream/probe/load.hpp"
#include "oa_stream/report/series.hpp"

#include <optional>
#include <vector>

namespace oa_stream::cli {

/// The numbers of the seconds so far, as small as a chart needs them.
class LoadCharts {
public:
    void add(const probe::LoadSecond& second);
    /// Limits on the share of bad answers and on times to the first content are drawn.
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
    /// At most as many as a chart can show; each the worst of the seconds that it stands for.
    [[nodiscard]] std::vector<Second> thinned() const;

    std::vector<Second> seconds_;
    double latest_ = 0; ///< of the first contents that did come
};

} // namespace oa_stream::cli
