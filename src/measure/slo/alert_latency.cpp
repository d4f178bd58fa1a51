// Alerts for slow routes, with the cases that prove them.
#include "alert_table.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace oa_stream::measure::alerts {
namespace {

/// A duration that the lane measures, and the bound that its p95 must keep.
struct SlowClock {
    std::string_view word;
    std::string_view metric;
    std::string_view bound;
    std::string_view alert;
    std::string_view earlier{}; ///< the metric of older lanes that lack this one
};

std::array<SlowClock, 2> slow_clocks(const AlertOptions& options) {
    return {
        SlowClock{
            .word = "first_content",
            .metric = "first_content_seconds",
            .bound = options.first_content,
            .alert = "OaStreamFirstContentP95High"
        },
        SlowClock{
            .word = "duration",
            .metric = "turn_duration_seconds",
            .bound = options.duration,
            .alert = "OaStreamDurationP95High",
            .earlier = "http_request_duration_seconds"
        },
    };
}

/// When more than 5 % of the times lie above a bucket bound, the p95 is above that bound; this
/// needs no interpolation.
void slow(Group& out, const AlertOptions& options, const SlowClock& clock) {
    const std::string all = fmt::format("oa_stream:{}:increase10m", clock.word);
    const std::string over = fmt::format("oa_stream:{}_slow:increase10m", clock.word);
    const std::string routes = prometheus::matcher(telemetry::route_is());
    const auto rose = [&](std::string_view part, const std::string& matchers) {
        const auto of = [&](std::string_view metric) {
            return selector(options, fmt::format("{}{}", metric, part), matchers);
        };
        const std::string own = of(clock.metric);
        if (clock.earlier.empty()) {
            return fmt::format("sum by (route) ({})", risen(options, own, "10m"));
        }
        // Both metrics have the same labels. An earlier lane's series counts only where the lane
        // has none of the newer metric; a lane that was reverted to an earlier version switches to
        // the earlier metric at once.
        const std::string earlier = of(clock.earlier);
        return fmt::format(
            "sum by (route) ((({}) unless ({} unless {})) or {})",
            risen(options, own, "10m"),
            earlier,
            own,
            risen(options, earlier, "10m")
        );
    };
    const std::string within = fmt::format("{},{}", routes, prometheus::bound_matcher(clock.bound));
    out.rules.push_back({.name = all, .expr = rose("_count", routes), .records = true});
    out.rules.push_back(
        {.name = over, .expr = fmt::format("{} - {}", all, rose("_bucket", within)), .records = true
        }
    );
    out.rules.push_back({
        .name = std::string(clock.alert),
        .expr = above(options, over, all, "0.05"),
        .wait = "5m",
        .severity = "page",
        .summary =
            fmt::format("The p95 of a stream route is above {} s ({}).", clock.bound, clock.word),
    });
}

/// Rates per minute; with none the histogram does not exist.
struct Times {
    double within_bound = 0;
    double all = 0;
};

/// Adds the series of a clock's histogram on that route that the rules read.
void add_times(
    std::vector<Series>& out,
    const SlowClock& clock,
    std::string_view metric,
    std::string_view route,
    Times times,
    int minutes
) {
    const auto add = [&](std::string name, double per_minute) {
        Series series{.name = std::move(name)};
        if (times.all > 0) {
            series.pieces = {{per_minute, minutes}};
        }
        out.push_back(std::move(series));
    };
    const auto bucket = [&](std::string_view le) {
        return fmt::format(R"({}_bucket{{le="{}",route="{}"}})", metric, le, route);
    };
    add(bucket(clock.bound), times.within_bound);
    add(bucket("+Inf"), times.all);
    add(fmt::format(R"({}_count{{route="{}"}})", metric, route), times.all);
}

/// The same series with bounds as Prometheus 3 stores them ("30.0").
std::vector<Series> with_points(std::vector<Series> series) {
    std::vector<Series> out;
    for (Series& one : series) {
        const auto le = one.name.find("le=\"");
        const auto digits =
            le == std::string::npos ? le : one.name.find_first_not_of("0123456789", le + 4);
        if (digits != std::string::npos && one.name[digits] == '"') {
            Series pointed = one;
            pointed.name.insert(digits, ".0");
            out.push_back(std::move(pointed));
            one.pieces.clear(); // also removes the healthy lane's series
        }
        out.push_back(std::move(one));
    }
    return out;
}

} // namespace

Group latency_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-p95", .rules = {}, .keep = keep_of(options)};
    for (const SlowClock& clock : slow_clocks(options)) {
        slow(out, options, clock);
    }
    return out;
}

std::vector<Case> latency_cases(const AlertOptions& options) {
    const std::string route(k_case_routes.back().pattern);
    const double turns = turns_per_minute(options);
    const auto within = [&](double share) {
        std::vector<Series> out;
        for (const SlowClock& clock : slow_clocks(options)) {
            add_times(out, clock, clock.metric, route, {turns * share, turns}, k_minutes);
        }
        return out;
    };
    std::vector<Series> earlier;
    const SlowClock clock = slow_clocks(options).back();
    std::vector<Series> both = within(0.9);
    add_times(both, clock, clock.earlier, route, {turns, turns}, k_minutes);
    add_times(earlier, clock, clock.metric, route, {}, k_minutes);
    add_times(earlier, clock, clock.earlier, route, {turns * 0.9, turns}, k_minutes);
    // Long enough ago that its series are gone, but within the window of the second-last look.
    constexpr int k_went_back = 19;
    std::vector<Series> back = earlier;
    add_times(back, clock, clock.metric, route, {turns, turns}, k_went_back);
    return {
        {.name = "one in ten is above the bounds of a route, beside many quick resumes",
         .changes = within(0.9),
         .firing =
             {{"OaStreamFirstContentP95High", {{"route", route}}},
              {"OaStreamDurationP95High", {{"route", route}}}}},
        {.name =
             "one in ten is above the bounds of a route, which Prometheus 3 stores with a point",
         .changes = with_points(std::move(both)),
         .firing =
             {{"OaStreamFirstContentP95High", {{"route", route}}},
              {"OaStreamDurationP95High", {{"route", route}}}}},
        {.name = "one in forty is above the bounds of a route", .changes = within(0.975)},
        {.name = "one request in ten of an earlier lane is above the bound",
         .changes = earlier,
         .firing = {{"OaStreamDurationP95High", {{"route", route}}}}},
        {.name = "a lane went back to an earlier version, where one request in ten is above",
         .changes = back,
         .firing = {{"OaStreamDurationP95High", {{"route", route}}}}},
    };
}

std::vector<Series> healthy_latency(const AlertOptions& options, double turns, int minutes) {
    constexpr double k_requests = 10; // per turn: most requests are resumes and refused ones
    std::vector<Series> out;
    for (const telemetry::TurnRoute& route : k_case_routes) {
        for (const SlowClock& clock : slow_clocks(options)) {
            add_times(out, clock, clock.metric, route.pattern, {turns, turns}, minutes);
            if (!clock.earlier.empty()) {
                const double all = turns * k_requests;
                add_times(out, clock, clock.earlier, route.pattern, {all, all}, minutes);
            }
        }
    }
    return out;
}

} // namespace oa_stream::measure::alerts
