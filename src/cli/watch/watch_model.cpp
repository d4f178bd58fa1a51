#include "watch_model.hpp"

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace oa_stream::cli {

namespace {

constexpr double k_sure = 0.95; ///< one-sided
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
}

/// The counter's series on that route; a status that somebody renamed is not one that is not 5xx.
std::optional<double> on_route(
    const measure::SeriesMap& rose, const telemetry::Metric& metric, const std::string& route
) {
    return measure::sum_of(rose, {&metric, {{"route", {route}}}});
}

std::optional<double> errors_on(const measure::SeriesMap& rose, const std::string& route) {
    const telemetry::Metric& metric = telemetry::metric("http_requests_total");
    const telemetry::Term failed{&metric, {{"route", {route}}, {"status", {"5.."}, true}}};
    const telemetry::Term any{&metric, {{"route", {route}}, {"status", {"..."}, true}}};
    const auto errors = measure::sum_of(rose, failed);
    // One that begins no turns and has never answered with 5xx has no such series.
    const bool none = !errors && !telemetry::is_turn_route(route) && measure::sum_of(rose, any);
    return none ? std::optional(0.0) : errors;
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
    for (const auto& [series, count] : rose) {
        const auto le = measure::prometheus::parse_value(series.label("le"));
        if (series.name == buckets && le) {
            to.routes[std::string(series.label("route"))].first_content.push_back({*le, count});
            to.times = true;
        }
    }
}

void add_by_label(std::map<std::string, double>& to, const std::map<std::string, double>& more) {
    for (const auto& [label, value] : more) {
        to[label] += value;
    }
}

/// Increases need not be whole: Prometheus extrapolates.
std::uint64_t whole(double value) {
    return value <= 0 ? 0 : static_cast<std::uint64_t>(std::llround(value));
}

void judge_limits(WatchView& view, const WatchLimits& limits) {
    // What is known proves a breach, whatever else was not reported.
    const auto bad = view.numbers.turns.bad;
    if (bad && view.total && *view.total >= limits.least) {
        const measure::Counts counts{std::min(whole(*bad), whole(*view.total)), whole(*view.total)};
        const auto got = measure::wilson(counts, k_sure, measure::Side::one);
        if (got && got->low > limits.bad_at_most) {
            view.why.push_back(fmt::format(
                "{}{} of {} requests bad ({}), limit {:g}%",
                view.bad ? "" : "at least ",
                counts.bad,
                counts.total,
                measure::percent_text(counts.rate(), limits.bad_at_most),
                limits.bad_at_most * 100
            ));
        }
    }
    const auto buckets = all_first_content(view.numbers);
    if (!buckets.empty() && buckets.back().count >= limits.least) {
        const auto rank = measure::nearest_rank(whole(buckets.back().count), measure::k_p95);
        if (measure::resolution_of_rank(buckets, static_cast<double>(rank)).above >=
            limits.p95_at_most_s) {
            view.why.push_back(fmt::format(
                "p95 of the first content {}, limit {:g} s",
                percentile_text(buckets, measure::k_p95),
                limits.p95_at_most_s
            ));
        }
    }
    view.breach = !view.why.empty();
}

std::string age_text(const std::optional<double>& age) {
    return age ? fmt::format("numbers are {:.0f} s old", *age)
               : std::string("no numbers ever came");
}

/// How far the sources can be believed: the worst of them speaks.
std::optional<WatchState> judge_sources(WatchView& view, const WatchLimits& limits) {
    std::optional<WatchState> worst;
    for (const WatchSource& source : view.sources) {
        if (!source.reachable) {
            view.why.push_back(
                fmt::format("{} {}, {}", source.name, source.state, age_text(source.age_s))
            );
            worst = WatchState::unreachable;
        } else if (!source.age_s || *source.age_s > limits.stale_after_s) {
            view.why.push_back(fmt::format("{}: {}", source.name, age_text(source.age_s)));
            worst = worst.value_or(WatchState::stale);
        } else if (!source.ready) {
            view.why.push_back(fmt::format("{} {}", source.name, source.state));
            worst = worst.value_or(WatchState::unready);
        }
    }
    return worst;
}

void fill_budget(WatchView& view, const WatchLimits& limits) {
    const double allowed = 1 - limits.objective.value();
    if (allowed <= 0) {
        return;
    }
    if (view.bad && view.total && *view.total > 0) {
        view.burn = *view.bad / *view.total / allowed;
    }
    const measure::TurnCounts& budget = view.numbers.budget;
    if (budget.missing.empty() && budget.bad && budget.total.value_or(0) > 0) {
        view.budget_left = 1 - (*budget.bad / *budget.total / allowed);
    }
}

Json number(const std::optional<double>& value) {
    return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json percentile_json(const std::vector<measure::Bucket>& buckets, measure::Fraction q) {
    const auto value = measure::histogram_quantile(q.value(), buckets);
    return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

constexpr measure::Fraction k_p50{1, 2};
constexpr measure::Fraction k_p99{99, 100};

Json route_json(const std::string& name, const RouteNumbers& route, double window_s) {
    const auto rate = [&](const std::optional<double>& rose) {
        return rose && window_s > 0 ? Json(*rose / window_s) : Json(nullptr);
    };
    return Json{
        {"route", name},
        {"requests_per_s", rate(route.requests)},
        {"errors_5xx_per_s", rate(route.errors_5xx)},
        {"accepted_per_s", rate(route.accepted)},
        {"first_content_p50_s", percentile_json(route.first_content, k_p50)},
        {"first_content_p95_s", percentile_json(route.first_content, measure::k_p95)},
        {"first_content_p99_s", percentile_json(route.first_content, k_p99)},
    };
}

bool nobody_answers(const WatchView& view) {
    return std::ranges::none_of(view.sources, &WatchSource::reachable);
}

} // namespace

void add_lane(WatchNumbers& to, const measure::LaneNumbers& lane) {
    using telemetry::metric;
    to.window_s = std::max(to.window_s, lane.window_s);
    to.budget_window = lane.budget_window;
    to.times = false;
    add_routes(to, lane.rose);
    if (lane.window_s > 0) { // a single scrape says nothing about rates yet
        plus(to.turns, measure::turn_counts(lane.rose));
        if (!to.times) {
            to.missing.emplace(k_times);
        }
    }
    plus(to.budget, measure::turn_counts(lane.budget));
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

std::string_view to_string(WatchState state) noexcept {
    switch (state) {
    case WatchState::ok:
        return "OK";
    case WatchState::bad:
        return "BAD";
    case WatchState::unready:
        return "NOT READY";
    case WatchState::stale:
        return "STALE";
    case WatchState::unreachable:
        return "UNREACHABLE";
    case WatchState::missing:
        return "MISSING";
    case WatchState::quiet:
        return "NO TRAFFIC";
    case WatchState::starting:
        return "STARTING";
    }
    return "";
}

std::vector<measure::Bucket> all_first_content(const WatchNumbers& numbers) {
    std::vector<measure::Bucket> all;
    for (const auto& [name, route] : numbers.routes) {
        all.insert(all.end(), route.first_content.begin(), route.first_content.end());
    }
    return measure::tidy(all);
}

void judge(WatchView& view, const WatchLimits& limits) {
    view.objective = limits.objective;
    plus(view.total, view.numbers.turns.total);
    std::set<std::string> missing = view.numbers.turns.missing;
    if (missing.empty()) {
        view.bad = view.numbers.turns.bad;
    }
    missing.insert(view.numbers.missing.begin(), view.numbers.missing.end());
    fill_budget(view, limits);
    // How it was proves nothing about how it is.
    const bool fresh = std::ranges::any_of(view.sources, [&](const WatchSource& source) {
        return source.reachable && source.age_s.value_or(INFINITY) <= limits.stale_after_s;
    });
    if (fresh) {
        judge_limits(view, limits);
    }
    const auto distrusted = judge_sources(view, limits);
    if (view.breach) {
        view.state = WatchState::bad;
    } else if (distrusted) {
        view.state = *distrusted;
    } else if (view.numbers.window_s <= 0) {
        view.state = WatchState::starting;
    } else if (!missing.empty()) {
        view.why.push_back(fmt::format("not reported: {}", fmt::join(missing, ", ")));
        view.state = WatchState::missing;
    } else if (view.total.value_or(0) <= 0) {
        view.state = WatchState::quiet;
    } else {
        view.state = WatchState::ok;
    }
}

Verdict verdict_of(const WatchView& view) {
    if (view.breach) {
        return Verdict::fail;
    }
    if (view.state == WatchState::ok) {
        return Verdict::pass;
    }
    return nobody_answers(view) ? Verdict::error : Verdict::inconclusive;
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
        return fmt::format(">{:g} s", buckets[buckets.size() - 2].le);
    }
    return *value < 1 ? fmt::format("{:.0f} ms", *value * 1000) : fmt::format("{:.2f} s", *value);
}

Json to_json(const WatchView& view) {
    Json out = {
        {"schema", "oa-stream.watch.v1"},
        {"at", view.at},
        {"state", to_string(view.state)},
        {"breach", view.breach},
        {"why", view.why},
        {"window_s", view.numbers.window_s},
        {"sources", Json::array()},
        {"routes", Json::array()},
        {"terminals", view.numbers.terminals},
        {"compat_rejected", view.numbers.compat},
        {"empty_turns", Json(nullptr)},
        {"counts", Json::object()},
        {"active_streams", number(view.numbers.active)},
        {"requests", number(view.total)},
        {"bad", number(view.bad)},
        {"budget",
         {{"objective", view.objective.value()},
          {"left", number(view.budget_left)},
          {"window", view.numbers.budget_window},
          {"burn", number(view.burn)}}},
        {"split", view.split.empty() ? Json(nullptr) : Json(view.split)},
        {"events", Json::array()},
    };
    for (const auto& [metric, rose] : view.numbers.watched) {
        out["counts"][std::string(metric->name)] = number(rose);
    }
    out["empty_turns"] = out["counts"].value(
        std::string(telemetry::metric("empty_turns_total").name), Json(nullptr)
    );
    for (const std::string& event : view.news) {
        out["events"].push_back(Json{{"at", view.at}, {"text", event}});
    }
    for (const WatchSource& source : view.sources) {
        out["sources"].push_back(Json{
            {"name", source.name},
            {"state", source.state},
            {"reachable", source.reachable},
            {"ready", source.reachable ? Json(source.ready) : Json(nullptr)},
            {"age_s", number(source.age_s)},
            {"revision", source.revision},
        });
    }
    for (const auto& [name, route] : view.numbers.routes) {
        out["routes"].push_back(route_json(name, route, view.numbers.window_s));
    }
    return out;
}

std::vector<std::string> events_between(const WatchView& before, const WatchView& now) {
    std::vector<std::string> out;
    if (before.state != now.state) {
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
