#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/incident/incident.hpp"
#include "oa_stream/measure/gate.hpp"

#include "stored_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace oa_stream::incident {
namespace {

using measure::Sample;

/// `width` cells, the last one filled in eighths.
std::string bar(double share, int width) {
    static constexpr std::array<std::string_view, 8> k_eighths{
        "", "▏", "▎", "▍", "▌", "▋", "▊", "▉"
    };
    const auto eighths = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
    std::string out;
    for (int i = 0; i < eighths / 8; ++i) {
        out += "█";
    }
    out += k_eighths[static_cast<std::size_t>(eighths % 8)];
    const int used = eighths / 8 + (eighths % 8 > 0 ? 1 : 0);
    out.append(static_cast<std::size_t>(std::max(0, width - used)), ' ');
    return out;
}

struct Range {
    double first = 0;
    double last = 0;
};

Range time_range(const std::vector<SampleGroup>& groups) {
    Range out{std::numeric_limits<double>::infinity(), 0};
    for (const SampleGroup& group : groups) {
        for (const Sample& sample : group.samples) {
            out.first = std::min(out.first, sample.at_s);
            out.last = std::max(out.last, sample.at_s);
        }
    }
    return out;
}

std::vector<std::string> arms_of(const std::vector<SampleGroup>& groups) {
    std::vector<std::string> out;
    for (const SampleGroup& group : groups) {
        add_once(out, group.arm);
    }
    return out;
}

/// One character for each slice of the run: how many of its answers were bad.
std::string
bad_over_time(const std::vector<SampleGroup>& groups, const std::string& arm, const Range& range) {
    constexpr std::size_t k_slices = 60;
    std::array<std::size_t, k_slices> all{};
    std::array<std::size_t, k_slices> bad{};
    const double length = std::max(range.last - range.first, 1e-9);
    for (const SampleGroup& group : groups) {
        for (const Sample& sample : group.samples) {
            if (group.arm == arm) {
                const double at = (sample.at_s - range.first) / length * k_slices;
                const auto slice = std::min(static_cast<std::size_t>(at), k_slices - 1);
                ++all[slice];
                bad[slice] += sample.bad ? 1 : 0;
            }
        }
    }
    static constexpr std::array<std::string_view, 8> k_levels{
        "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"
    };
    std::string out;
    for (std::size_t i = 0; i < k_slices; ++i) {
        if (all[i] == 0) {
            out += ' ';
        } else if (bad[i] == 0) {
            out += "·";
        } else {
            const double share = static_cast<double>(bad[i]) / static_cast<double>(all[i]);
            out += k_levels[static_cast<std::size_t>(std::ceil(share * 8)) - 1];
        }
    }
    return out;
}

constexpr double k_width = 800;
constexpr double k_height = 320;
constexpr double k_left = 60;
constexpr double k_top = 40;
constexpr double k_right = 780;
constexpr double k_bottom = 280;

std::string_view colour_of(std::string_view arm) {
    return arm == "canary" ? "canary" : arm == "stable" ? "stable" : "users";
}

double longest_time(const std::vector<SampleGroup>& groups) {
    double out = 0;
    for (const SampleGroup& group : groups) {
        for (const Sample& sample : group.samples) {
            const double s = sample.first_content_s.value_or(0);
            out = std::isfinite(s) ? std::max(out, s) : out;
        }
    }
    return out > 0 ? out : 1;
}

std::string dots(const SampleGroup& group, const Range& range, double longest) {
    std::string out;
    const double length = std::max(range.last - range.first, 1e-9);
    for (const Sample& sample : group.samples) {
        const double x = k_left + (sample.at_s - range.first) / length * (k_right - k_left);
        const double s = sample.first_content_s.value_or(longest);
        const double y =
            k_bottom - std::min(std::isfinite(s) ? s / longest : 1.0, 1.0) * (k_bottom - k_top);
        out += sample.bad
                   ? fmt::format(
                         "<path class=\"bad\" d=\"M{:.1f} {:.1f}l6 6m0-6l-6 6\"/>\n", x - 3, y - 3
                     )
                   : fmt::format(
                         "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\"/>\n",
                         colour_of(group.arm),
                         x,
                         y
                     );
    }
    return out;
}

} // namespace

std::string text_charts(const std::vector<SampleGroup>& samples) {
    if (samples.empty()) {
        return {};
    }
    double longest = 0;
    for (const SampleGroup& group : samples) {
        if (const auto latency = measure::latency_of(group.samples); latency) {
            longest = std::isfinite(latency->p95) ? std::max(longest, latency->p95) : longest;
        }
    }
    constexpr int k_bar = 24;
    std::string out = "first content, p95 by stage\n";
    for (const SampleGroup& group : samples) {
        const auto latency = measure::latency_of(group.samples);
        const auto counts = measure::count_bad(group.samples);
        out += fmt::format(
            "{:>5} {:<8} {} {:<38} bad {} of {}\n",
            group.stage,
            group.arm,
            bar(latency && longest > 0 ? latency->p95 / longest : 0, k_bar),
            latency_text(latency),
            counts.bad,
            counts.total
        );
    }
    const Range range = time_range(samples);
    out += fmt::format(
        "bad answers over time, {:.1f} s to {:.1f} s; · none, ▁ few, █ all\n",
        range.first,
        range.last
    );
    for (const std::string& arm : arms_of(samples)) {
        out += fmt::format("{:>5} {:<8} {}\n", "", arm, bad_over_time(samples, arm, range));
    }
    return out;
}

std::string svg_chart(const std::vector<SampleGroup>& samples, std::string_view title) {
    if (samples.empty()) {
        return {};
    }
    const Range range = time_range(samples);
    const double longest = longest_time(samples);
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
        "aria-label=\"{2}\">\n<title>{2}</title>\n<style>text{{font:12px sans-serif;fill:#222}}"
        ".axis{{stroke:#888;fill:none}}.canary{{fill:#c05a00}}.stable{{fill:#0b62b0}}"
        ".users{{fill:#777}}.bad{{stroke:#c00020;stroke-width:2;fill:none}}"
        ".back{{fill:#fff}}@media(prefers-color-scheme:dark){{.back{{fill:#111}}text{{fill:#ddd}}"
        ".canary{{fill:#ff9d4d}}.stable{{fill:#6db7ff}}.bad{{stroke:#ff6b7d}}}}</style>\n"
        "<rect class=\"back\" width=\"{0}\" height=\"{1}\"/>\n",
        k_width,
        k_height,
        escape_markup(title)
    );
    out += fmt::format("<text x=\"{}\" y=\"20\">{}</text>\n", k_left, escape_markup(title));
    out += fmt::format(
        "<path class=\"axis\" d=\"M{0} {1}V{2}H{3}\"/>\n", k_left, k_top, k_bottom, k_right
    );
    out += fmt::format(
        "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">{4}</text>\n<text x=\"{0}\" y=\"{2}\" "
        "text-anchor=\"end\">0</text>\n<text x=\"{3}\" y=\"{5}\">{6:.1f} s</text>\n<text "
        "x=\"{7}\" y=\"{5}\" text-anchor=\"end\">{8:.1f} s</text>\n",
        k_left - 5,
        k_top + 5,
        k_bottom,
        k_left,
        seconds_text(longest),
        k_bottom + 16,
        range.first,
        k_right,
        range.last
    );
    out += fmt::format(
        "<text x=\"{}\" y=\"{}\">first content of every probe over the run; ● canary orange, "
        "stable blue, unpinned grey; × bad</text>\n",
        k_left,
        k_bottom + 34
    );
    std::string stage;
    const double length = std::max(range.last - range.first, 1e-9);
    for (const SampleGroup& group : samples) {
        if (group.stage != stage && !group.samples.empty()) {
            stage = group.stage;
            const double at = group.samples.front().at_s;
            out += fmt::format(
                "<text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
                k_left + (at - range.first) / length * (k_right - k_left),
                k_top - 4,
                escape_markup(stage)
            );
        }
        out += dots(group, range, longest);
    }
    return out + "</svg>\n";
}

} // namespace oa_stream::incident
