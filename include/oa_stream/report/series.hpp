// Numbers over time or by item, for the charts of a report.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::report {

/// What a share is multiplied by where its unit is "%".
inline constexpr double k_percent = 100;

struct SeriesPoint {
    double x = 0;
    double y = 0;
    std::optional<double> low{}; ///< of the interval; unset: there is none
    std::optional<double> high{};
    bool open = false; ///< the interval goes on beyond what was measured; drawn with an arrow
};

enum class SeriesTone { stable, canary, other, fourth };

struct SeriesLine {
    std::string name;
    SeriesTone tone = SeriesTone::other;
    std::vector<SeriesPoint> points{}; ///< ascending in x
    bool steps = false; ///< a value holds until the next one
};

struct SeriesMark {
    double x = 0;
    std::string label;
};

/// One chart: lines over x, limits across, marks upright.
struct Series {
    std::string caption;
    std::string unit; ///< of y: "%", "s", "/s"
    double scale = 1; ///< 100 for shares that are shown as "%"
    std::string x_unit = "s";
    std::vector<SeriesLine> lines{};
    std::vector<std::pair<std::string, double>> limits{};
    std::vector<SeriesMark> marks{};
};

} // namespace oa_stream::report
