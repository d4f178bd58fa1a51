#include "pair_charts.hpp"

#include "oa_stream/base/json_members.hpp"

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_most_points = 60; ///< more would overlap

/// Of the pairs that one point represents, the slowest is shown.
void add_point(report::SeriesLine& line, double at, std::optional<double> value, bool first) {
    if (!value) {
        return;
    }
    if (first || line.points.empty()) {
        line.points.push_back({.x = at, .y = *value});
    } else {
        line.points.back().y = std::max(line.points.back().y, *value);
    }
}

std::size_t step_of(std::size_t pairs) {
    return std::max<std::size_t>(1, (pairs + k_most_points - 1) / k_most_points);
}

} // namespace

PairCharts::Side PairCharts::side_of(const Json& pair, std::string_view name) {
    const Json* side = member(pair, name);
    return side == nullptr ? Side{}
                           : Side{finite_in(*side, "first_content_s"), finite_in(*side, "end_s")};
}

void PairCharts::add(double at, const Json& pair) {
    pairs_.push_back({at, side_of(pair, "lane"), side_of(pair, "reference")});
}

report::Series PairCharts::first_contents() const {
    constexpr double k_milli = 1000;
    report::Series out{
        .caption = "Time to the first content of each pair of turns",
        .unit = " ms",
        .scale = k_milli
    };
    out.lines = {{"lane", report::SeriesTone::canary}, {"reference", report::SeriesTone::stable}};
    const auto step = step_of(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const Pair& pair = pairs_[i];
        add_point(out.lines[0], pair.at, pair.lane.first_content, i % step == 0);
        add_point(out.lines[1], pair.at, pair.reference.first_content, i % step == 0);
    }
    return out;
}

/// Prompts take different times; only their ratios can be compared.
report::Series PairCharts::ratios() const {
    report::Series out{
        .caption = "Time of the lane over the reference's, pair by pair", .unit = "×"
    };
    out.lines = {{"whole answers", report::SeriesTone::canary}};
    const auto step = step_of(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const Pair& pair = pairs_[i];
        const bool both = pair.lane.end && pair.reference.end && *pair.reference.end > 0;
        const auto ratio =
            both ? std::optional(*pair.lane.end / *pair.reference.end) : std::nullopt;
        add_point(out.lines[0], pair.at, ratio, i % step == 0);
    }
    return out;
}

std::vector<report::Series> PairCharts::series(std::optional<double> slower_at_most) const {
    std::vector<report::Series> out{first_contents(), ratios()};
    if (slower_at_most) {
        out[1].limits.emplace_back("allowed for the median", 1 + *slower_at_most);
    }
    return out;
}

} // namespace oa_stream::cli
