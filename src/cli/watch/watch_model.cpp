#include "watch_model.hpp"

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

namespace oa_stream::cli {

namespace {

constexpr double k_sure = 0.95; ///< one-sided
constexpr std::array<std::string_view, 4> k_bad_classes{
    "turn_failed", "turn_aborted", "codex_error", "adapter_preview_unavailable"
};

/// A status that somebody renamed is none that is not 5xx.
bool has_status(const Series& series) {
    return !series.label("status").empty();
}

bool is_5xx(const Series& series) {
    const auto status = series.label("status");
    return status.size() == 3 && status.front() == '5';
}

bool is_bad_class(std::string_view name) {
    return std::ranges::find(k_bad_classes, name) != k_bad_classes.end();
}

void plus(std::optional<double>& to, const std::optional<double>& more) {
    if (more) {
        to = to.value_or(0) + *more;
    }
}

std::optional<double> bound_of(std::string_view text) {
    if (text == "+Inf") {
        return INFINITY;
    }
    double value = 0;
    const auto got = std::from_chars(text.data(), text.data() + text.size(), value);
    return got.ec == std::errc() ? std::optional(value) : std::nullopt;
}

void add_buckets(RouteNumbers& to, const CounterWindow& lane, std::string_view route) {
    constexpr std::string_view k_name = "oa_stream_first_content_seconds_bucket";
    for (const auto& [series, ignored] : lane.last()) {
        if (series.name != k_name || series.label("route") != route) {
            continue;
        }
        const auto le = bound_of(series.label("le"));
        const auto rose = lane.increase(k_name, [&](const Series& one) { return one == series; });
        if (le && rose) {
            to.first_content.push_back({*le, *rose});
        }
    }
}

/// Requests that start turns: what a budget is counted in.
CounterWindow::Want starts_turn(const std::set<std::string, std::less<>>& routes) {
    return [&routes](const Series& series) {
        return series.label("method") == "POST" && routes.contains(series.label("route"));
    };
}

void add_routes(
    WatchNumbers& to, const CounterWindow& lane, const std::set<std::string, std::less<>>& turns
) {
    std::set<std::string, std::less<>> names = turns;
    for (const auto& [series, value] : lane.last()) {
        if (series.name == "oa_stream_http_requests_total") {
            names.emplace(series.label("route"));
        }
    }
    for (const std::string& name : names) {
        const auto mine = [&](const Series& series) { return series.label("route") == name; };
        RouteNumbers& route = to.routes[name];
        route.starts_turns = route.starts_turns || turns.contains(name);
        plus(route.requests, lane.increase("oa_stream_http_requests_total", mine));
        plus(route.errors_5xx, lane.increase("oa_stream_http_requests_total", [&](const Series& s) {
            return mine(s) && is_5xx(s);
        }));
        // One that begins no turns and has never answered with 5xx has no such series.
        if (!route.starts_turns && !route.errors_5xx &&
            lane.increase("oa_stream_http_requests_total", [&](const Series& s) {
                return mine(s) && has_status(s);
            })) {
            route.errors_5xx = 0;
        }
        plus(route.accepted, lane.increase("oa_stream_bridge_accepted_total", mine));
        add_buckets(route, lane, name);
    }
}

void add_budget(
    WatchNumbers& to, const CounterWindow& lane, const std::set<std::string, std::less<>>& turns
) {
    const auto post = starts_turn(turns);
    const auto total = lane.value("oa_stream_http_requests_total", post);
    if (!total) {
        return;
    }
    const auto failed = lane.value("oa_stream_http_requests_total", [&](const Series& s) {
        return post(s) && is_5xx(s);
    });
    const auto ended = lane.value("oa_stream_terminal_total", [](const Series& s) {
        return is_bad_class(s.label("class"));
    });
    plus(to.budget_total, total);
    plus(to.budget_bad, failed);
    plus(to.budget_bad, ended);
}

/// What this lane does not tell, of what is judged.
void add_untold(
    WatchNumbers& to, const CounterWindow& lane, const std::set<std::string, std::less<>>& turns
) {
    std::set<std::string> untold;
    const auto post = starts_turn(turns);
    const auto tells = [&](std::string_view name, const CounterWindow::Want& want) {
        return lane.value(name, want).has_value();
    };
    if (!tells("oa_stream_http_requests_total", post)) {
        untold.emplace("requests");
    }
    if (!tells("oa_stream_http_requests_total", [&](const Series& s) {
            return post(s) && is_5xx(s);
        })) {
        untold.emplace("5xx answers");
    }
    for (const std::string_view word : k_bad_classes) {
        if (!tells("oa_stream_terminal_total", [&](const Series& s) {
                return s.label("class") == word;
            })) {
            untold.emplace(word);
        }
    }
    to.budget_untold.insert(untold.begin(), untold.end());
    if (!tells("oa_stream_first_content_seconds_bucket", {})) {
        untold.emplace("times of the first content");
    }
    to.untold.insert(untold.begin(), untold.end());
}

/// Each label value of a family with its increase.
void add_by_label(
    std::map<std::string, double>& to,
    const CounterWindow& lane,
    std::string_view name,
    std::string_view label
) {
    std::set<std::string> values;
    for (const auto& [series, ignored] : lane.last()) {
        if (series.name == name) {
            values.emplace(series.label(label));
        }
    }
    for (const std::string& value : values) {
        const auto rose =
            lane.increase(name, [&](const Series& s) { return s.label(label) == value; });
        if (rose) {
            to[value] += *rose;
        }
    }
}

/// Bad requests that were told of; some more may not have been.
std::optional<double> told_bad(const WatchNumbers& numbers) {
    std::optional<double> out = numbers.turn_5xx;
    for (const auto& [name, rose] : numbers.terminals) {
        if (is_bad_class(name)) {
            plus(out, rose);
        }
    }
    return out;
}

/// Increases need not be whole: Prometheus extrapolates.
std::uint64_t whole(double value) {
    return value <= 0 ? 0 : static_cast<std::uint64_t>(std::llround(value));
}

void judge_limits(WatchView& view, const WatchLimits& limits) {
    // What is known proves a breach, whatever else was not told.
    const auto bad = told_bad(view.numbers);
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
    const auto& numbers = view.numbers;
    if (numbers.budget_untold.empty() && numbers.budget_bad && numbers.budget_total &&
        *numbers.budget_total > 0) {
        view.budget_left = 1 - (*numbers.budget_bad / *numbers.budget_total / allowed);
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

std::span<const std::string_view> bad_classes() noexcept {
    return k_bad_classes;
}

void add_lane(WatchNumbers& to, const CounterWindow& lane) {
    std::set<std::string, std::less<>> turns;
    for (const auto& [series, value] : lane.last()) {
        if (series.name == "oa_stream_bridge_accepted_total") {
            turns.emplace(series.label("route"));
        }
    }
    to.window_s = std::max(to.window_s, lane.covered_s());
    const auto post = starts_turn(turns);
    plus(to.turn_requests, lane.increase("oa_stream_http_requests_total", post));
    plus(to.turn_5xx, lane.increase("oa_stream_http_requests_total", [&](const Series& s) {
        return post(s) && is_5xx(s);
    }));
    add_routes(to, lane, turns);
    add_by_label(to.terminals, lane, "oa_stream_terminal_total", "class");
    add_by_label(to.compat, lane, "oa_stream_compat_rejected_total", "code");
    plus(to.empty_turns, lane.increase("oa_stream_empty_turns_total"));
    plus(to.active, lane.value("oa_stream_active_streams"));
    add_budget(to, lane, turns);
    add_untold(to, lane, turns);
    to.budget_window = "since its start";
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
    plus(view.total, view.numbers.turn_requests);
    const std::set<std::string>& untold = view.numbers.untold;
    const auto times = static_cast<std::ptrdiff_t>(untold.count("times of the first content"));
    if (std::ssize(untold) == times) {
        view.bad = told_bad(view.numbers);
    }
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
    } else if (!untold.empty()) {
        view.why.push_back(fmt::format("not told: {}", fmt::join(untold, ", ")));
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
        {"empty_turns", number(view.numbers.empty_turns)},
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
