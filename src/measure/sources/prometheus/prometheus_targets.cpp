#include "prometheus_targets.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include "prometheus_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <utility>

namespace oa_stream::measure::prometheus {
namespace {

constexpr double k_least_stale_s = 10;
constexpr double k_stale_intervals = 3;
/// The share of the window that a target may be without scrapes.
constexpr double k_unseen_share = 0.05;
constexpr double k_gap_intervals = 2.5; ///< one late or failed scrape is not a gap
constexpr double k_guessed_intervals = 1.1; ///< the most that increase() fills in at an end

/// One scraped process; all replicas of Prometheus have the same one.
struct Target {
    double newest_s = 0;
    double interval_s = 0;
    std::optional<bool> up{};
};
using Targets = std::map<TargetName, Target>;

std::string ago(double seconds) {
    return format_duration(Millis(std::llround(std::max(seconds, 0.0) * 10) * 100));
}

/// The median time between two scrapes; 0 when there was only one.
double interval_of(const std::vector<Point>& points) {
    std::vector<double> gaps;
    for (std::size_t i = 1; i < points.size(); ++i) {
        gaps.push_back(points[i].at_s - points[i - 1].at_s);
    }
    if (gaps.empty()) {
        return 0;
    }
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
    std::ranges::nth_element(gaps, middle);
    return *middle;
}

Targets targets_of(const Answer& scrapes, const Answer& up) {
    Targets out;
    for (const Series& series : scrapes.series) {
        Target& target = out[named_by(series)];
        target.newest_s = std::max(target.newest_s, series.points.back().at_s);
        target.interval_s = std::max(target.interval_s, interval_of(series.points));
    }
    for (const Series& series : up.series) {
        Target& target = out[named_by(series)];
        const bool reached = series.points.back().value == 1;
        target.up = target.up.value_or(false) || reached; // a single replica may have lost it
    }
    return out;
}

double covered_by(const Answer& scrapes, Span window, double interval_s) {
    std::vector<double> times;
    for (const Series& series : scrapes.series) {
        for (const Point& point : series.points) {
            if (point.at_s >= window.from_s && point.at_s <= window.to_s) {
                times.push_back(point.at_s);
            }
        }
    }
    if (times.empty()) {
        return 0;
    }
    std::ranges::sort(times);
    const double bridged = interval_s * k_gap_intervals;
    double covered = 0;
    double last = window.from_s;
    times.push_back(window.to_s);
    for (const double at : times) {
        covered += at - last <= bridged ? at - last : interval_s;
        last = at;
    }
    // Scrapes do not fall on the window's ends, so all but one interval is the possible maximum.
    return covered > window.seconds() - interval_s ? window.seconds() : covered;
}

/// Compares the targets one by one with the window's end.
class TargetJudge {
public:
    TargetJudge(const Targets& targets, const ScrapeQuestion& question, Scraping& out)
        : targets_(targets), question_(question), out_(out) {
        for (const auto& [key, target] : targets) {
            out.interval_s = std::max(out.interval_s, target.interval_s);
            out.newest_s = std::max(out.newest_s, target.newest_s);
        }
        out.stale_after_s = question.stale_after_s > 0 ? question.stale_after_s
                                                       : usual_stale_after_s(out.interval_s);
    }

    [[nodiscard]] std::string why_missing() {
        if (std::string why = down_too_long(); !why.empty()) {
            return why;
        }
        if (std::string why = nobody_fresh(); !why.empty()) {
            return why;
        }
        const double window = question_.window.seconds();
        if (out_.interval_s <= 0) {
            return fmt::format("{} was scraped but once", question_.whose);
        }
        if (window < k_least_intervals * out_.interval_s) {
            return fmt::format(
                "a window of {} holds too few scrapes: one comes every {}, ask for {} at least",
                ago(window),
                ago(out_.interval_s),
                ago(std::ceil(k_least_intervals * out_.interval_s))
            );
        }
        return {};
    }

private:
    [[nodiscard]] double age(const Target& target) const {
        const double newest = target.newest_s > 0 ? target.newest_s : question_.looked.from_s;
        return question_.window.to_s - newest;
    }
    [[nodiscard]] bool fresh(const Target& target) const {
        return target.newest_s > 0 && age(target) <= out_.stale_after_s;
    }

    /// A target that cannot be scraped keeps answering rate() from old samples.
    std::string down_too_long() {
        const double most = least_unseen_s(out_.stale_after_s, question_.window.seconds());
        int down = 0;
        for (const auto& [key, target] : targets_) {
            if (target.up.value_or(true)) {
                continue;
            }
            ++down;
            const std::string words = fmt::format(
                "target {} is down, last seen {}{} ago",
                name_of(key),
                target.newest_s > 0 ? "" : "more than ",
                ago(age(target))
            );
            if (age(target) > most) {
                return words + ": what it did since is unknown";
            }
            if (down == 1) {
                out_.notes.push_back(words);
            }
        }
        if (down > 1) {
            out_.notes.push_back(fmt::format("{} of {} targets are down", down, targets_.size()));
        }
        return {};
    }

    std::string nobody_fresh() {
        bool any_up = false;
        for (const auto& [key, target] : targets_) {
            any_up = any_up || target.up.has_value();
            if (fresh(target) && target.up == true) {
                return {};
            }
        }
        if (!any_up) {
            return fmt::format("no up series shows whether {} is scraped", question_.whose);
        }
        for (const auto& [key, target] : targets_) {
            if (target.up == false) {
                return fmt::format("target {} is down", name_of(key));
            }
        }
        if (out_.newest_s <= 0) {
            return fmt::format(
                "nothing of {} in the last {}", question_.whose, ago(question_.looked.seconds())
            );
        }
        return fmt::format(
            "the newest value of {} is {} old at the window's end, more than {}",
            question_.whose,
            ago(question_.window.to_s - out_.newest_s),
            ago(out_.stale_after_s)
        );
    }

    const Targets& targets_;
    const ScrapeQuestion& question_;
    Scraping& out_;
};

} // namespace

double usual_stale_after_s(double interval_s) noexcept {
    return std::max(k_least_stale_s, k_stale_intervals * interval_s);
}

double least_unseen_s(double stale_after_s, double window_s) noexcept {
    return std::max(stale_after_s, k_unseen_share * window_s);
}

std::string why_not_covered(std::string_view instance, double unseen_s) {
    return fmt::format(
        "target {} was not scraped for the first {} of the window: what it counted then is unknown",
        printable(instance, 120),
        ago(std::round(unseen_s))
    );
}

double Scraping::interval_of(const Series& target) const {
    const auto own = intervals.find(named_by(target));
    return own == intervals.end() || own->second <= 0 ? interval_s : own->second;
}

Scraping scraping_of(const Answer& scrapes, const Answer& up, const ScrapeQuestion& question) {
    Scraping out;
    for (const Answer* answer : {&scrapes, &up}) {
        if (!answer->warnings.empty()) {
            out.missing = "Prometheus warns: " + answer->warnings.front();
            return out;
        }
    }
    const Targets targets = targets_of(scrapes, up);
    if (targets.empty()) {
        out.missing = fmt::format(
            "no oa_stream_build_info of {} in the window: not scraped, or another name",
            question.whose
        );
        return out;
    }
    for (const auto& [key, target] : targets) {
        out.intervals[key] = target.interval_s;
    }
    out.missing = TargetJudge(targets, question, out).why_missing();
    out.covered_s = covered_by(scrapes, question.window, out.interval_s);
    return out;
}

bool same_scrapes(const Answer& first, const Answer& later) {
    return std::ranges::all_of(first.series, [&](const Series& series) {
        const auto other = std::ranges::find(later.series, series.labels, &Series::labels);
        return other != later.series.end() && other->points.size() >= series.points.size() &&
               std::ranges::equal(
                   series.points,
                   std::span(other->points).first(series.points.size()),
                   {},
                   &Point::at_s,
                   &Point::at_s
               );
    });
}

double covered_by_steps(const Answer& steps, double step_s, double interval_s, double window_s) {
    double covered = 0;
    for (const Series& series : steps.series) {
        for (const Point& point : series.points) {
            if (point.value > 0) {
                covered += std::min(step_s, point.value * interval_s);
            }
        }
    }
    return std::min(covered, window_s);
}

double edge_error(double events, double interval_s, double covered_s) noexcept {
    const double share = covered_s > 0 ? 2 * interval_s / covered_s : 1;
    return events * std::min(share, 1.0);
}

double fill_error(const ByTarget& events, const ByTarget& scrapes) {
    constexpr double k_filled_in = 2 * k_guessed_intervals;
    double error = 0;
    for (const auto& [target, rose] : events) {
        const auto seen = scrapes.find(target);
        const double count = std::max(seen == scrapes.end() ? 0 : seen->second, k_filled_in);
        error += std::max(rose, 0.0) * k_filled_in / count;
    }
    return error;
}

} // namespace oa_stream::measure::prometheus
