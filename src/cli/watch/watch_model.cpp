#include "watch_model.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/telemetry/from_start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_times = "times of the first content";

void plus(std::optional<double>& to, const std::optional<double>& more) {
    if (more) {
        to = to.value_or(0) + *more;
    }
}

void plus(measure::TurnCounts& to, measure::TurnCounts more) {
    plus(to.total, more.total);
    plus(to.bad, more.bad);
    to.missing.merge(more.missing);
    to.good_missing = to.good_missing || more.good_missing;
}

/// The counter's series on that route; a renamed status does not count as not 5xx.
std::optional<double> on_route(
    const measure::SeriesMap& rose, const telemetry::Metric& metric, const std::string& route
) {
    return measure::sum_of(rose, {&metric, {{"route", {route}}}});
}

std::optional<double> errors_on(const measure::SeriesMap& rose, const std::string& route) {
    if (telemetry::is_turn_route(route)) {
        const std::array only{telemetry::BadEvent::http_5xx};
        return measure::sum_of(rose, telemetry::bad_terms(only, std::array{route}).front());
    }
    const telemetry::Metric& metric = telemetry::metric("http_requests_total");
    const telemetry::Term failed{&metric, {{"route", {route}}, {"status", {"5.."}, true}}};
    const telemetry::Term any{&metric, {{"route", {route}}, {"status", {"..."}, true}}};
    const auto errors = measure::sum_of(rose, failed);
    // A lane that has never answered with 5xx has no such series.
    return !errors && measure::sum_of(rose, any) ? std::optional(0.0) : errors;
}

void add_routes(WatchNumbers& to, const measure::SeriesMap& rose) {
    using telemetry::metric;
    const std::string buckets = std::string(metric("first_content_seconds").name) + "_bucket";
    for (const auto& [name, ignored] :
         measure::by_label(rose, metric("http_requests_total"), "route")) {
        RouteNumbers& route = to.routes[name];
        plus(route.requests, on_route(rose, metric("http_requests_total"), name));
        plus(route.errors_5xx, errors_on(rose, name));
        plus(route.accepted, on_route(rose, metric("bridge_accepted_total"), name));
    }
    for (const auto& [series, count] : measure::series_of(rose, buckets)) {
        if (const auto le = measure::prometheus::parse_value(series.label("le"))) {
            to.routes[std::string(series.label("route"))].first_content.push_back({*le, count});
        }
    }
}

/// A lane has the times of every route at 0 from its start, with each bound: the sum over routes is
/// wrong if one of them has fewer bounds. Empty: all are there.
std::vector<std::string> unseen_times(const measure::SeriesMap& rose) {
    const telemetry::Metric& metric = telemetry::metric("first_content_seconds");
    std::map<std::string_view, std::set<std::string_view>> bounds; // by route
    telemetry::SeriesSeen seen;
    for (const auto& [series, count] :
         measure::series_of(rose, std::string(metric.name) + "_bucket")) {
        auto& had = bounds[series.label("route")];
        had.insert(series.label("le"));
        if (had.size() > telemetry::k_first_content_bounds.size()) { // plus +Inf
            seen.emplace("", series.label("route"));
        }
    }
    return telemetry::unseen({.metric = &metric, .word = k_times}, seen);
}

void add_by_label(std::map<std::string, double>& to, const std::map<std::string, double>& more) {
    for (const auto& [label, value] : more) {
        to[label] += value;
    }
}

} // namespace

void add_lane(WatchNumbers& to, const measure::LaneNumbers& lane) {
    using telemetry::metric;
    to.window_s = std::max(to.window_s, lane.window_s);
    add_routes(to, lane.rose);
    if (lane.window_s > 0) { // a single scrape shows no rates
        plus(to.turns, measure::turn_counts(lane.rose));
        for (std::string& one : unseen_times(lane.rose)) {
            to.missing.insert(std::move(one));
            to.times_missing = true;
        }
    }
    if (!lane.budget_window.empty()) {
        to.budget_window = lane.budget_window;
        plus(to.budget, measure::turn_counts(lane.budget));
        to.budget_error += lane.budget_error;
    }
    add_by_label(to.terminals, measure::by_label(lane.rose, metric("terminal_total"), "class"));
    add_by_label(to.compat, measure::by_label(lane.rose, metric("compat_rejected_total"), "code"));
    for (const telemetry::Metric& row : telemetry::k_metrics) {
        if (!row.watch.empty()) {
            plus(to.watched[&row], measure::sum_of(lane.rose, {&row}));
        }
    }
    plus(to.active, measure::sum_of(lane.now, {&metric("active_streams")}));
    for (auto& [name, route] : to.routes) {
        route.first_content = measure::tidy(route.first_content);
    }
}

WatchPart part_of(const measure::LanePart& part) {
    WatchPart out{
        .name = part.name,
        .revision = part.revision,
        .state = part.state,
        .address = part.address,
        .budget = measure::turn_counts(part.numbers.budget),
    };
    out.window_s = part.numbers.window_s;
    out.scrapes = part.scrapes;
    if (out.window_s > 0) {
        out.turns = measure::turn_counts(part.numbers.rose);
        out.times_missing = !unseen_times(part.numbers.rose).empty();
    }
    WatchNumbers alone;
    add_routes(alone, part.numbers.rose);
    out.first_content = all_first_content(alone);
    return out;
}

std::vector<WatchPart> by_revision(const std::vector<WatchPart>& parts) {
    std::map<std::string, WatchPart> all;
    for (const WatchPart& part : parts) {
        WatchPart& one = all[part.revision];
        one.name = one.revision = part.revision;
        one.window_s = std::max(one.window_s, part.window_s);
        plus(one.turns, part.turns);
        one.times_missing = one.times_missing || part.times_missing;
        one.first_content.insert(
            one.first_content.end(), part.first_content.begin(), part.first_content.end()
        );
    }
    std::vector<WatchPart> out;
    for (auto& [revision, one] : all) {
        one.first_content = measure::tidy(one.first_content);
        out.push_back(std::move(one));
    }
    return out;
}

std::string_view to_string(WatchState state) noexcept {
    static constexpr std::array<std::string_view, 11> k_words{
        "OK",
        "BAD",
        "NOT READY",
        "STALE",
        "UNREACHABLE",
        "UNREADABLE",
        "MISSING",
        "INCOMPLETE",
        "NO TRAFFIC",
        "TOO FEW",
        "STARTING"
    };
    return enum_word<WatchState::starting>(k_words, state);
}

std::vector<measure::LanePart> each_once(std::vector<measure::LanePart> parts) {
    std::vector<measure::LanePart> out;
    for (measure::LanePart& part : parts) {
        const auto same = part.name.empty()
                              ? out.end()
                              : std::ranges::find(out, part.name, &measure::LanePart::name);
        if (same == out.end()) {
            out.push_back(std::move(part));
        } else if (same->state == k_lost && part.state != k_lost) {
            *same = std::move(part);
        }
    }
    return out;
}

std::vector<measure::Bucket> all_first_content(const WatchNumbers& numbers) {
    std::vector<measure::Bucket> all;
    for (const auto& [name, route] : numbers.routes) {
        all.insert(all.end(), route.first_content.begin(), route.first_content.end());
    }
    return measure::tidy(all);
}

std::string percentile_text(const std::vector<measure::Bucket>& buckets, measure::Fraction q) {
    const auto value = measure::histogram_quantile(q.value(), buckets);
    if (!value || !std::isfinite(*value) || buckets.size() < 2) {
        return "–";
    }
    const double total = buckets.back().count;
    const auto rank =
        static_cast<double>(measure::nearest_rank(std::max<std::uint64_t>(whole(total), 1), q));
    if (std::isinf(measure::resolution_of_rank(buckets, rank).up_to)) {
        return fmt::format(">{:g}s", buckets[buckets.size() - 2].le);
    }
    return seconds_text(*value);
}

std::vector<std::string> events_between(const WatchView& before, const WatchView& now) {
    std::vector<std::string> out;
    const bool well = now.state == WatchState::ok || now.state == WatchState::quiet;
    // The first rates are not a change.
    const bool begins = before.state == WatchState::starting && well;
    if (before.state != now.state && !begins) {
        out.push_back(fmt::format(
            "{}{}{}",
            to_string(now.state),
            now.why.empty() ? "" : ": ",
            now.why.empty() ? "" : now.why.front()
        ));
    }
    for (std::size_t i = 0; i < std::min(before.sources.size(), now.sources.size()); ++i) {
        const auto& [was, is] = std::pair(before.sources[i], now.sources[i]);
        if (was.state != is.state) {
            out.push_back(fmt::format("{} {}", is.name, is.state));
        }
        if (was.revision != is.revision && !was.revision.empty()) {
            out.push_back(
                fmt::format("{} is revision {} now, was {}", is.name, is.revision, was.revision)
            );
        }
    }
    if (before.split != now.split && !before.split.empty()) {
        out.push_back("split " + now.split);
    }
    return out;
}

} // namespace oa_stream::cli
