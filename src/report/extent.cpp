#include "plot.hpp"

#include <algorithm>

namespace oa_stream::report {
namespace {

void divide_x(Series& series, double by) {
    for (SeriesLine& one : series.lines) {
        for (SeriesPoint& point : one.points) {
            point.x /= by;
        }
    }
    for (SeriesMark& mark : series.marks) {
        mark.x /= by;
    }
}

} // namespace

Extent extent_of(const Series& series) {
    Extent out;
    bool first = true;
    for (const SeriesLine& one : series.lines) {
        for (const SeriesPoint& point : one.points) {
            out.from = first ? point.x : std::min(out.from, point.x);
            out.to = first ? point.x : std::max(out.to, point.x);
            first = false;
            const double high = point.open ? point.y : point.high.value_or(0);
            out.most = std::max({out.most, point.y, high});
        }
    }
    for (const auto& [name, limit] : series.limits) {
        out.most = std::max(out.most, limit);
    }
    for (const SeriesMark& mark : series.marks) {
        out.from = std::min(out.from, mark.x);
        out.to = std::max(out.to, mark.x);
    }
    return out;
}

Series in_fitting_units(Series series) {
    constexpr double k_minute = 60;
    constexpr double k_hour = 3600;
    constexpr double k_some = 10; ///< from so many minutes or hours on they are the unit
    const Extent extent = extent_of(series);
    const double length = extent.to - extent.from;
    if (series.unit == " s" && series.scale == 1 && extent.most < 1) {
        series.unit = " ms";
        series.scale = k_milli;
    }
    if (series.x_unit == "s" && length > k_some * k_minute) {
        const bool hours = length > k_some * k_hour;
        divide_x(series, hours ? k_hour : k_minute);
        series.x_unit = hours ? "h" : "min";
    }
    return series;
}

} // namespace oa_stream::report
