// Alerts of slow routes, with the cases that prove them.
#include "alert_table.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::measure::alerts {
namespace {

/// A clock of the lane with the bound that its p95 keeps.
struct SlowClock {
    std::string_view word;
    std::string_view metric;
    std::string_view bound;
    std::string_view alert;
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
            .metric = "http_request_duration_seconds",
            .bound = options.duration,
            .alert = "OaStreamDurationP95High"
        },
    };
}

/// A share above a bucket bound of more than 5 % is a p95 above that bound, without interpolation.
void slow(Group& out, const AlertOptions& options, const SlowClock& clock) {
    const std::string all = fmt::format("oa_stream:{}:increase10m", clock.word);
    const std::string over = fmt::format("oa_stream:{}_slow:increase10m", clock.word);
    const std::string routes = prometheus::matcher(telemetry::route_is());
    const auto rose = [&](std::string_view part, const std::string& matchers) {
        const std::string metric = fmt::format("{}{}", clock.metric, part);
        return fmt::format(
            "sum by (route) ({})", risen(options, selector(options, metric, matchers), "10m")
        );
    };
    const std::string within = fmt::format("{},le=\"{}\"", routes, clock.bound);
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

/// What the rules read of a clock's histogram on that route: `within` of `all` keep the bound.
void add_times(
    std::vector<Series>& out,
    const SlowClock& clock,
    std::string_view route,
    Piece within,
    Piece all
) {
    const auto bucket = [&](std::string_view le) {
        return fmt::format(R"({}_bucket{{le="{}",route="{}"}})", clock.metric, le, route);
    };
    out.push_back({.name = bucket(clock.bound), .pieces = {within}});
    out.push_back({.name = bucket("+Inf"), .pieces = {all}});
    out.push_back(
        {.name = fmt::format(R"({}_count{{route="{}"}})", clock.metric, route), .pieces = {all}}
    );
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
            add_times(out, clock, route, {turns * share, k_minutes}, {turns, k_minutes});
        }
        return out;
    };
    return {
        {.name = "one in ten is above the bounds of a route",
         .changes = within(0.9),
         .firing =
             {{"OaStreamFirstContentP95High", {{"route", route}}},
              {"OaStreamDurationP95High", {{"route", route}}}}},
        {.name = "one in forty is above the bounds of a route", .changes = within(0.975)},
    };
}

std::vector<Series> healthy_latency(const AlertOptions& options, double turns, int minutes) {
    std::vector<Series> out;
    for (const telemetry::TurnRoute& route : k_case_routes) {
        for (const SlowClock& clock : slow_clocks(options)) {
            add_times(out, clock, route.pattern, {turns, minutes}, {turns, minutes});
        }
    }
    return out;
}

} // namespace oa_stream::measure::alerts
