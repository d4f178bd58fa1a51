#include "plot.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/markup.hpp"

#include "html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace oa_stream::report {

namespace {

constexpr double k_width = 460;
constexpr double k_left = 46;
constexpr double k_end = k_width - 16; ///< of the plot: numbers below it may reach beyond
constexpr double k_plot = k_end - k_left; ///< where the left margin is the usual one
constexpr double k_letter = 8.4; ///< of the widest usual fonts: a digit takes 8.3, "ms" 2 of these
constexpr double k_top = 12;
constexpr double k_height = 150; ///< of the plot alone
constexpr double k_base = k_top + k_height;
constexpr double k_row = 40;

struct Tone {
    std::string_view css;
    std::string_view sign; ///< the same shape in picture and legend: colour alone is not enough
};

Tone tone_of(SeriesTone tone) {
    constexpr std::array<Tone, 4> k_tones{{
        {"stable", "●"},
        {"canary", "■"},
        {"other", "▲"},
        {"fourth", "◆"},
    }};
    return k_tones.at(static_cast<std::size_t>(tone));
}

std::string picture(std::string_view described, double height, std::string_view inner) {
    return fmt::format(
        "<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
        k_width,
        height,
        escape_markup(described),
        inner
    );
}

std::string text(double x, double y, std::string_view anchor, std::string_view label) {
    return fmt::format(
        "<text class=\"soft\" text-anchor=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        anchor,
        x,
        y,
        escape_markup(label)
    );
}

std::string line(std::string_view css, double x1, double y1, double x2, double y2) {
    return fmt::format(
        "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
        css,
        x1,
        y1,
        x2,
        y2
    );
}

std::string range(std::string_view css, double x1, double y1, double x2, double y2) {
    return line(fmt::format("{} range", css), x1, y1, x2, y2);
}

std::string shape(SeriesTone tone, double x, double y) {
    constexpr double k_half = 3.5;
    const std::string_view css = tone_of(tone).css;
    switch (tone) {
    case SeriesTone::stable:
        return fmt::format(
            "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\"/>\n", css, x, y, k_half
        );
    case SeriesTone::canary:
        return fmt::format(
            "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\"/>\n",
            css,
            x - k_half,
            y - k_half
        );
    case SeriesTone::other:
        return fmt::format(
            "<path class=\"{}\" d=\"M{:.1f} {:.1f}l4 7h-8z\"/>\n", css, x, y - k_half
        );
    case SeriesTone::fourth:
        break;
    }
    return fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}l4 4l-4 4l-4-4z\"/>\n", css, x, y - 4);
}

/// The head of an arrow that points right (bars) or up (points).
std::string arrow(std::string_view css, double x, double y, bool up) {
    return fmt::format(
        "<path class=\"{}\" d=\"M{:.1f} {:.1f}{}\"/>\n", css, x, y, up ? "l4 7h-8z" : "l-7-4v8z"
    );
}

double width_of(std::string_view label) {
    return k_letter * static_cast<double>(columns_of(label));
}

/// Where values lie in the picture.
struct Frame {
    double from = 0;
    double to = 1;
    double most = 1; ///< of y, unscaled
    double left = k_left; ///< of the plot; the numbers of the axis have what is left of it

    [[nodiscard]] double x(double value) const {
        return left + (to > from ? (value - from) / (to - from) : 0) * (k_end - left);
    }
    [[nodiscard]] double y(double value) const {
        return k_base - std::clamp(value / most, 0.0, 1.0) * k_height;
    }
};

constexpr int k_across = 4; ///< lines of the grid, about
constexpr double k_gap = 6; ///< between a number and its line

Frame frame_of(const Series& series) {
    const Extent extent = extent_of(series);
    const auto ticks = ticks_up_to(extent.most * series.scale, k_across);
    Frame out{.from = extent.from, .to = extent.to, .most = ticks.back() / series.scale};
    for (const double tick : ticks) {
        out.left = std::max(out.left, width_of(number(tick) + series.unit) + k_gap);
    }
    return out;
}

std::string grid(const Series& series, const Frame& frame) {
    constexpr int k_along = 5;
    std::string out;
    for (const double tick : ticks_up_to(frame.most * series.scale, k_across)) {
        const double y = frame.y(tick / series.scale);
        out += line("axis", frame.left, y, k_end, y);
        out += text(frame.left - k_gap, y + 4, "end", number(tick) + series.unit);
    }
    const double step = ticks_up_to(frame.to - frame.from, k_along)[1];
    const double begin = std::ceil(frame.from / step);
    constexpr double k_rounding = 0.001;
    const auto count = static_cast<int>(std::floor(frame.to / step - begin + k_rounding)) + 1;
    for (int i = 0; i < count; ++i) {
        const double tick = (begin + i) * step;
        const double x = frame.x(tick);
        out += line("axis", x, k_top, x, k_base + 4);
        const std::string label = number(tick) + " " + series.x_unit;
        const bool beyond = x + width_of(label) / 2 > k_width;
        out += text(beyond ? k_width : x, k_base + 18, beyond ? "end" : "middle", label);
    }
    return out;
}

std::string interval(const SeriesPoint& point, std::string_view css, const Frame& frame) {
    if (!point.high && !point.open) {
        return {};
    }
    const double x = frame.x(point.x);
    const double top = point.open ? k_top : frame.y(point.high.value_or(point.y));
    std::string out = range(css, x, frame.y(point.low.value_or(0)), x, top);
    return point.open ? out + arrow(css, x, k_top, true) : out;
}

std::string drawn(const SeriesLine& one, const Frame& frame) {
    const std::string_view css = tone_of(one.tone).css;
    std::string path;
    std::string out;
    double before = k_base;
    for (const SeriesPoint& point : one.points) {
        const double x = frame.x(point.x);
        const double y = frame.y(point.y);
        if (one.steps && !path.empty()) {
            path += fmt::format("L{:.1f} {:.1f}", x, before);
        }
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x, y);
        before = y;
        out += interval(point, css, frame) + (one.steps ? "" : shape(one.tone, x, y));
    }
    return fmt::format("<path class=\"{} line\" d=\"{}\"/>\n{}", css, path, out);
}

std::string across(const Series& series, const Frame& frame) {
    std::string out;
    for (const auto& [name, limit] : series.limits) {
        const double y = frame.y(limit);
        out += line("limit", frame.left, y, k_end, y);
    }
    for (std::size_t i = 0; i < series.marks.size(); ++i) {
        const double x = frame.x(series.marks[i].x);
        out += line("mark", x, k_top, x, k_base);
        // Events of a rollback lie close together: each number has a row of its own.
        const double y = k_top + 13 * static_cast<double>(1 + i % 4);
        out += text(x - 3, y, "end", fmt::format("{}", i + 1));
    }
    return out;
}

std::string described(const Series& series) {
    std::string out = series.caption;
    for (const SeriesLine& one : series.lines) {
        const auto top = std::ranges::max_element(one.points, {}, &SeriesPoint::y);
        if (top != one.points.end()) {
            out += fmt::format(
                "; {}: at most {}{}, at the end {}{}",
                one.name,
                number(top->y * series.scale),
                series.unit,
                number(one.points.back().y * series.scale),
                series.unit
            );
        }
    }
    return out;
}

std::string legend(const Series& series) {
    std::string out = "<p class=\"legend\">";
    for (const SeriesLine& one : series.lines) {
        const Tone tone = tone_of(one.tone);
        out += fmt::format(
            R"(<span><span class="key {}" aria-hidden="true">{}</span> {}</span> )",
            tone.css,
            tone.sign,
            escape_markup(one.name)
        );
    }
    for (const auto& [name, limit] : series.limits) {
        out += fmt::format(
            "<span>┄ {} {}{}</span> ",
            escape_markup(name),
            number(limit * series.scale),
            series.unit
        );
    }
    for (std::size_t i = 0; i < series.marks.size(); ++i) {
        const SeriesMark& mark = series.marks[i];
        out += fmt::format(
            "<span>{}: {} at {:.2f} {}</span> ",
            i + 1,
            escape_markup(mark.label),
            mark.x,
            series.x_unit
        );
    }
    return out + "</p>\n";
}

/// Who cannot see the picture, or wants to copy it, has its numbers.
std::string numbers(const Series& series) {
    std::string rows;
    for (const SeriesLine& one : series.lines) {
        for (const SeriesPoint& point : one.points) {
            const auto end = [&](const std::optional<double>& value) {
                return value ? number(*value * series.scale) : std::string("–");
            };
            rows += fmt::format(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escape_markup(one.name),
                number(point.x),
                number(point.y * series.scale),
                end(point.low),
                point.open ? "open" : end(point.high)
            );
        }
    }
    const std::string head = fmt::format(
        "<th scope=\"col\">line</th><th scope=\"col\">{}</th><th scope=\"col\">value {}</th>"
        "<th scope=\"col\">from</th><th scope=\"col\">to</th>",
        series.x_unit,
        series.unit
    );
    return fmt::format(
        "<details><summary>Numbers</summary>\n{}</details>\n",
        html::table("Numbers of: " + series.caption, head, rows)
    );
}

/// How far the axis has to go for it.
double reach_of(const Bar& bar) {
    double out = bar.limit.value_or(0);
    for (const double end : {bar.low, bar.value, bar.open ? 0 : bar.high}) {
        out = std::isfinite(end) ? std::max(out, end) : out;
    }
    return out;
}

std::string bar_row(const Bar& bar, std::size_t row, double most) {
    const std::string_view css = tone_of(bar.tone).css;
    const auto x = [most](double value) {
        return k_left + std::clamp(value / most, 0.0, 1.0) * k_plot;
    };
    const double top = k_top + k_row * static_cast<double>(row);
    const double y = top + k_row - 11;
    const double high = bar.open ? k_end : x(bar.high);
    const double room = k_plot - width_of(bar.text) - k_gap;
    std::string out = fmt::format(
        "<text x=\"{:g}\" y=\"{:.1f}\">{}</text>\n"
        "<text text-anchor=\"end\" x=\"{:g}\" y=\"{:.1f}\">{}</text>\n",
        k_left,
        top + 15,
        escape_markup(cut_to(bar.label, static_cast<std::size_t>(std::max(room / k_letter, 1.0)))),
        k_end,
        top + 15,
        escape_markup(bar.text)
    );
    if (bar.none) {
        return out;
    }
    out += range(css, x(bar.low), y, high, y) + (bar.open ? arrow(css, high, y, false) : "");
    out += std::isfinite(bar.value) ? shape(bar.tone, x(bar.value), y) : "";
    if (bar.limit) {
        out += line("limit", x(*bar.limit), y - 9, x(*bar.limit), y + 9);
    }
    return out;
}

} // namespace

std::string plot(const Series& given) {
    const bool empty =
        std::ranges::all_of(given.lines, [](const SeriesLine& one) { return one.points.empty(); });
    if (empty) {
        return {};
    }
    const Series series = in_fitting_units(given);
    const Frame frame = frame_of(series);
    std::string inner = grid(series, frame) + across(series, frame);
    for (const SeriesLine& one : series.lines) {
        if (!one.points.empty()) {
            inner += drawn(one, frame);
        }
    }
    return fmt::format(
        "<figure>\n<figcaption>{}</figcaption>\n{}{}{}</figure>\n",
        escape_markup(series.caption),
        picture(described(series), k_base + 24, inner),
        legend(series),
        numbers(series)
    );
}

std::string times_chart(std::string_view caption, double brief_s, const std::vector<Bar>& rows) {
    const bool brief =
        std::ranges::all_of(rows, [brief_s](const Bar& row) { return reach_of(row) < brief_s; });
    return bar_chart(caption, brief ? " ms" : " s", brief ? k_milli : 1, rows);
}

std::string bar_chart(
    std::string_view caption, std::string_view unit, double scale, const std::vector<Bar>& rows
) {
    if (rows.empty()) {
        return {};
    }
    double most = 0;
    std::string label(caption);
    for (const Bar& row : rows) {
        most = std::max(most, reach_of(row));
        label += fmt::format("; {}: {}", row.label, row.text);
    }
    constexpr int k_count = 4;
    const auto ticks = ticks_up_to(most * scale, k_count);
    most = ticks.back() / scale;
    const double base = k_top + k_row * static_cast<double>(rows.size());
    std::string inner;
    for (const double tick : ticks) {
        const double x = k_left + tick / scale / most * k_plot;
        inner += line("axis", x, k_top, x, base + 4);
        const bool last = tick == ticks.back(); // beside the picture's edge
        inner += text(x, base + 18, last ? "end" : "middle", number(tick) + std::string(unit));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        inner += bar_row(rows[i], i, most);
    }
    return fmt::format(
        "<figure>\n<figcaption>{}</figcaption>\n{}</figure>\n",
        escape_markup(caption),
        picture(label, base + 24, inner)
    );
}

} // namespace oa_stream::report
