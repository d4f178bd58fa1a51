#include "run_series.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

namespace oa_stream::report {

namespace {

using measure::Sample;
using Arm = std::vector<Sample> StageRow::*;

constexpr std::size_t k_most_bins = 24;

/// "25%" as 0.25
std::optional<double> share_of(std::string_view name) {
    const auto value = number_of<double>(name.substr(0, name.find('%')));
    return value && name.contains('%') ? std::optional(*value / k_percent) : std::nullopt;
}

std::vector<Sample> samples_of(const Report& report, Arm arm) {
    std::vector<Sample> out;
    for (const StageRow& row : report.stages) {
        out.insert(out.end(), (row.*arm).begin(), (row.*arm).end());
    }
    std::ranges::sort(out, {}, &Sample::at_s);
    return out;
}

/// Where the time of the samples is cut, so that a bin has enough of them to say something.
struct Bins {
    double from = 0;
    double width = 1;
    std::size_t count = 0;
};
Bins bins_of(const Report& report) {
    constexpr std::size_t k_enough = 10;
    std::size_t all = 0;
    double first = 0;
    double last = 0;
    for (const StageRow& row : report.stages) {
        for (const auto* list : {&row.canary, &row.stable}) {
            for (const Sample& sample : *list) {
                first = all == 0 ? sample.at_s : std::min(first, sample.at_s);
                last = std::max(last, sample.at_s);
                ++all;
            }
        }
    }
    if (all == 0 || last <= first) {
        return {};
    }
    const std::size_t count = std::clamp<std::size_t>(all / k_enough, 1, k_most_bins);
    return {first, (last - first) / static_cast<double>(count), count};
}

std::vector<std::vector<Sample>> binned(const std::vector<Sample>& samples, const Bins& bins) {
    std::vector<std::vector<Sample>> out(bins.count);
    for (const Sample& sample : samples) {
        const auto at = static_cast<std::size_t>((sample.at_s - bins.from) / bins.width);
        out[std::min(at, bins.count - 1)].push_back(sample);
    }
    return out;
}

double middle(const Bins& bins, std::size_t at) {
    return bins.from + (static_cast<double>(at) + 0.5) * bins.width;
}

SeriesLine bad_line(const std::vector<Sample>& samples, const Bins& bins) {
    constexpr double k_confidence = 0.95;
    SeriesLine out;
    const auto parts = binned(samples, bins);
    for (std::size_t at = 0; at < parts.size(); ++at) {
        const measure::Counts counts = measure::count_bad(parts[at]);
        const auto range = measure::wilson(counts, k_confidence, measure::Side::two);
        if (range) {
            out.points.push_back({middle(bins, at), counts.rate(), range->low, range->high});
        }
    }
    return out;
}

SeriesLine
quantile_line(const std::vector<Sample>& samples, const Bins& bins, measure::Fraction quantile) {
    SeriesLine out;
    double latest = 0; // of those that did come
    for (const double time : measure::first_content_sorted(samples)) {
        latest = std::isfinite(time) ? time : latest;
    }
    const auto parts = binned(samples, bins);
    for (std::size_t at = 0; at < parts.size(); ++at) {
        const auto times = measure::first_content_sorted(parts[at]);
        if (times.empty()) {
            continue;
        }
        const double value = measure::quantile_sorted(times, quantile);
        if (std::isfinite(value)) {
            out.points.push_back({.x = middle(bins, at), .y = value});
        } else { // a time limit came first: as late as the latest that did come, and open
            out.points.push_back({.x = middle(bins, at), .y = latest, .low = latest, .open = true});
        }
    }
    return out;
}

void add_limit(Series& series, const Report& report, measure::Metric metric) {
    for (const StageRow& row : report.stages) {
        for (const measure::GateRecord& gate : row.gates) {
            const bool fits = gate.spec.metric == metric &&
                              gate.spec.against == measure::Against::limit &&
                              gate.spec.timing == measure::Timing::first_content;
            if (fits) {
                add_once(series.limits, std::pair{"limit " + gate.spec.id, gate.spec.limit});
            }
        }
    }
}

std::vector<SeriesMark> marks_of(const Report& report) {
    std::vector<SeriesMark> out;
    if (!report.rollback) {
        return out;
    }
    const RollbackFacts& facts = *report.rollback;
    const auto add = [&](const std::optional<double>& at, std::string_view label) {
        if (at) {
            out.push_back({*at, std::string(label)});
        }
    };
    add(facts.fault_s, "fault");
    add(facts.fault_s ? facts.seen_s : std::nullopt, "first bad answer");
    add(facts.decided_s, "decided");
    add(facts.read_back_s, "read back");
    add(facts.user_visible_s, "fresh connections on stable");
    return out;
}

std::optional<Series> share_series(const Report& report) {
    Series out;
    out.caption = "Share of the canary";
    out.unit = "%";
    out.scale = k_percent;
    SeriesLine line{.name = "canary", .tone = SeriesTone::canary, .steps = true};
    double end = 0;
    for (const StageRow& row : report.stages) {
        const auto share = share_of(row.name);
        if (!share) {
            return std::nullopt;
        }
        const double began = row.began_s.value_or(end);
        line.points.push_back({.x = began, .y = *share});
        end = began + std::max(row.seconds, 0.0);
        line.points.push_back({.x = end, .y = *share});
    }
    if (end <= 0) {
        return std::nullopt;
    }
    if (report.rollback && report.rollback->read_back_s) {
        line.points.push_back({.x = *report.rollback->read_back_s, .y = 0});
    }
    out.lines.push_back(std::move(line));
    out.marks = marks_of(report);
    return out;
}

} // namespace

std::vector<Series> run_series(const Report& report) {
    std::vector<Series> out;
    if (auto share = share_series(report)) {
        out.push_back(*std::move(share));
    }
    const Bins bins = bins_of(report);
    if (bins.count == 0) {
        return out;
    }
    const auto canary = samples_of(report, &StageRow::canary);
    const auto stable = samples_of(report, &StageRow::stable);
    const auto named = [](SeriesLine line, std::string_view name, SeriesTone tone) {
        line.name = name;
        line.tone = tone;
        return line;
    };
    Series bad{
        .caption = "Bad answers to probes, with 95 % intervals", .unit = "%", .scale = k_percent
    };
    bad.lines.push_back(named(bad_line(stable, bins), "stable", SeriesTone::stable));
    bad.lines.push_back(named(bad_line(canary, bins), "canary", SeriesTone::canary));
    add_limit(bad, report, measure::Metric::bad_rate);
    bad.marks = marks_of(report);
    Series times{.caption = "Time to the first content of probes", .unit = " s"};
    constexpr measure::Fraction k_median{50, 100};
    times.lines.push_back(
        named(quantile_line(stable, bins, measure::k_p95), "stable p95", SeriesTone::stable)
    );
    times.lines.push_back(
        named(quantile_line(canary, bins, measure::k_p95), "canary p95", SeriesTone::canary)
    );
    times.lines.push_back(
        named(quantile_line(stable, bins, k_median), "stable p50", SeriesTone::other)
    );
    times.lines.push_back(
        named(quantile_line(canary, bins, k_median), "canary p50", SeriesTone::fourth)
    );
    add_limit(times, report, measure::Metric::quantile);
    out.push_back(std::move(bad));
    out.push_back(std::move(times));
    return out;
}

} // namespace oa_stream::report
