// Charts of a shadow's report: the duration of each pair of turns on both sides, over the run.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/report/series.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

class PairCharts {
public:
    /// Adds a line of measure/pairs.ndjson, with its time in seconds since the run began.
    void add(double at, const Json& pair);
    /// `slower_at_most`: the allowed median slowdown, as a share; unset: not judged.
    [[nodiscard]] std::vector<report::Series> series(std::optional<double> slower_at_most) const;

private:
    struct Side {
        std::optional<double> first_content{};
        std::optional<double> end{};
    };
    struct Pair {
        double at = 0;
        Side lane{};
        Side reference{};
    };
    [[nodiscard]] static Side side_of(const Json& pair, std::string_view name);
    [[nodiscard]] report::Series first_contents() const;
    [[nodiscard]] report::Series ratios() const;

    std::vector<Pair> pairs_;
};

} // namespace oa_stream::cli
