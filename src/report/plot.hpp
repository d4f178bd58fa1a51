// The one generator of charts: inline SVG with axis, grid and units. Private to the room.
//
// A picture is 460 units wide, so that its text can be read on a phone; on a desk it is a little
// larger.
#pragma once

#include "oa_stream/report/series.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::report {

/// A chart with its legend, and its numbers in a table below it. Empty without any point.
[[nodiscard]] std::string plot(const Series& series);

inline constexpr double k_milli = 1000;

/// A value with its interval on a common axis.
struct Bar {
    std::string label;
    SeriesTone tone = SeriesTone::stable;
    double low = 0;
    double value = 0; ///< infinite: beyond the axis, as the arrow shows
    double high = 0;
    bool open = false; ///< the upper end is not known: drawn with an arrow
    std::optional<double> limit{};
    std::string text{}; ///< the value as people read it
    bool none = false; ///< nothing was measured: its text stands alone
};

/// Rows of bars below each other. Empty without any row.
[[nodiscard]] std::string bar_chart(
    std::string_view caption, std::string_view unit, double scale, const std::vector<Bar>& rows
);

/// What a chart has to hold.
struct Extent {
    double from = 0;
    double to = 1;
    double most = 0; ///< of y and limits, unscaled
};
[[nodiscard]] Extent extent_of(const Series& series);

/// Seconds as people say them: there is no room beside an axis for 0.002 s, nor below it for
/// 10800 s.
[[nodiscard]] Series in_fitting_units(Series series);

/// Of seconds: drawn in milliseconds when every value and limit is below `brief_s`.
[[nodiscard]] std::string
times_chart(std::string_view caption, double brief_s, const std::vector<Bar>& rows);

/// With four digits, and as many as it has before the point: never 1e+04.
[[nodiscard]] std::string number(double value);

/// Round numbers from 0 to at least `most`, about `count` of them; ascending, never fewer than two.
[[nodiscard]] std::vector<double> ticks_up_to(double most, int count);

} // namespace oa_stream::report
