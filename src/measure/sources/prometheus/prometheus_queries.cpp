#include "prometheus_queries.hpp"

#include "oa_stream/telemetry/from_start.hpp"

#include "prometheus_terms.hpp"
#include "prometheus_twice.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::string_view k_build_info = telemetry::metric("build_info").name;

} // namespace

Queries::Queries(const PrometheusOptions& options, const Question& question)
    : options_(options), question_(question),
      by_label_(!question.revision.empty() && !options.revision_label.empty()),
      joined_(!question.revision.empty() && options.revision_label.empty()),
      window_(duration_text(question.window.seconds())) {
}

std::string
Queries::selector(std::string_view metric, const std::string& more, bool by_label) const {
    const std::string revision =
        by_label ? options_.revision_label + "=" + in_quotes(question_.revision) : std::string();
    const std::string who = joined(whose(metric, options_.include_probes), revision);
    const std::string inner = joined(joined(more, who), options_.matchers);
    return inner.empty() ? std::string(metric) : fmt::format("{}{{{}}}", metric, inner);
}

/// Series of users, also when those of probes count: a lane has the users' series from its start.
std::string Queries::users_only(std::string_view metric, const std::string& more) const {
    return selector(
        metric, options_.include_probes ? joined(more, whose(metric, false)) : more, by_label_
    );
}

std::string Queries::ours() const {
    const std::string which = joined_ ? "revision=" + in_quotes(question_.revision) : std::string();
    return selector(k_build_info, which, by_label_);
}

std::string Queries::ours(double window_s) const {
    return fmt::format("{}[{}]", ours(), duration_text(window_s));
}

std::string Queries::scrapes(double look_s) const {
    return ours(look_s);
}

std::string Queries::scrapes_of_each() const {
    return fmt::format(
        "max by (job, instance) (count_over_time({}))", ours(question_.window.seconds())
    );
}

std::string Queries::scraped_by_step(double step_s) const {
    return fmt::format("max(count_over_time({}))", ours(step_s));
}

std::string Queries::up() const {
    return fmt::format(
        "{} and on (job, instance) last_over_time({})",
        selector("up", {}, false),
        ours(std::max(question_.window.seconds(), k_known_s))
    );
}

std::string Queries::never_seen() const {
    return prometheus::never_seen(
        selector("up", {}, false),
        selector(k_build_info, {}, false),
        duration_text(std::max(question_.window.seconds(), k_known_s))
    );
}

std::string Queries::shared_targets() const {
    if (!joined_) {
        return {};
    }
    return fmt::format(
        "count by (job, instance) (count by (job, instance, revision) (last_over_time({}[{}]))) > 1"
        " and on (job, instance) last_over_time({})",
        selector(k_build_info, {}, false),
        window_,
        ours(question_.window.seconds())
    );
}

std::string Queries::mixed_targets() const {
    return fmt::format(
        "{} and on (job, instance) last_over_time({})",
        prometheus::mixed_targets(
            selector(telemetry::metric("process_start_time_seconds").name, {}, false), window_
        ),
        ours(question_.window.seconds())
    );
}

std::string Queries::processes(std::string_view who) const {
    return selector(
        telemetry::metric("process_info").name, joined(std::string(k_own_id), who), by_label_
    );
}

std::string Queries::scraped_twice() const {
    return prometheus::scraped_twice(among_ours(processes()));
}

std::string Queries::scraped_twice_by_step(double step_s) const {
    // A step of a long window only looks back its own length: looking back days would read days of
    // samples at each step.
    return prometheus::scraped_twice(among_ours(
        fmt::format("count_over_time({}[{}])", processes(), duration_text(step_s)), step_s
    ));
}

Queries::Needed Queries::all_of(const telemetry::Term& term) {
    const telemetry::FromStart all = telemetry::from_start(term);
    Needed out{.metric = std::string(term.metric->name), .by_young = term.optional};
    if (all.size() == 0) {
        out.matchers = matchers(family_of(term));
        return out;
    }
    out.least = all.size();
    // Series of probes only exist after the first probe.
    for (const telemetry::LabelIs& label : all.labels(*term.metric)) {
        out.matchers = joined(std::move(out.matchers), matcher(label));
    }
    return out;
}

std::string Queries::lacking(std::span<const Needed> needed) const {
    // A label with the revision can move to the next process; an address keeps answering as a lane.
    const std::string living = by_label_
                                   ? ours()
                                   : fmt::format(
                                         "({} == 1 and on (job, instance) last_over_time({}))",
                                         selector("up", {}, false),
                                         ours(question_.window.seconds())
                                     );
    std::string any;
    for (const Needed& one : needed) {
        const std::string only =
            one.by_young ? fmt::format(" and on (job, instance) {}", processes()) : std::string();
        any += fmt::format(
            R"({}label_replace({}{} unless on (job, instance) count by (job, instance) ({} ({})) )"
            R"(>= {}, "lacks", "{}", "", ""))",
            any.empty() ? "" : " or ",
            living,
            only,
            without_replicas(),
            users_only(one.metric, one.matchers),
            one.least,
            one.metric
        );
    }
    return fmt::format("count by (job, instance, lacks) ({})", any);
}

std::string Queries::series_of(
    const telemetry::Term& term, std::string_view label, const Series& target
) const {
    const std::string more = fmt::format(
        "{},job={},instance={}",
        all_of(term).matchers,
        in_quotes(target.label("job")),
        in_quotes(target.label("instance"))
    );
    return fmt::format(
        "count by ({}) ({})", joined("route", label), users_only(term.metric->name, more)
    );
}

std::string Queries::began_again(double failed) const {
    // The counters of the previous process are known up to its last scrape, if there was one.
    return fmt::format(
        "min by (job, instance) (count_over_time({up}[{window}]) - sum_over_time({up}[{window}])) "
        "> "
        "{failed:.3f} and on (job, instance) (changes({began}[{window}]) > 0 or "
        "changes({other}[{window}]) > 0 or "
        "(last_over_time({began}[{window}]) >= {since:.3f} or last_over_time({other}[{window}]) >= "
        "{since:.3f}) and on (job, instance) last_over_time({ours}[{before}] offset {window})) and "
        "on (job, instance) last_over_time({ours}[{window}])",
        fmt::arg("up", selector("up", {}, false)),
        fmt::arg("began", selector("oa_stream_process_start_time_seconds", {}, false)),
        fmt::arg("other", selector("process_start_time_seconds", {}, false)),
        fmt::arg("ours", ours()),
        fmt::arg("window", window_),
        fmt::arg("before", k_before_window),
        fmt::arg("since", question_.window.from_s),
        fmt::arg("failed", failed)
    );
}

std::string Queries::unseen_at_first(double step_s) const {
    return prometheus::unseen_at_first(ours(), first_events(k_build_info, {}), step_s);
}

std::string Queries::restarts(double look_s) const {
    return fmt::format(
        "max by (job, instance) (changes({0}[{2}]) or changes({1}[{2}]))",
        selector("oa_stream_process_start_time_seconds", {}, by_label_),
        selector("process_start_time_seconds", {}, by_label_),
        duration_text(look_s)
    );
}

std::string Queries::restarted(double look_s) const {
    // Exporters that are not lanes also export their start time.
    return where_ours(restarts(look_s) + " > 0", question_.window.seconds());
}

std::string Queries::earlier_ones(double step_s) const {
    // With several Prometheus replicas, a scrape is of an earlier process if one replica's start
    // time says so.
    return fmt::format(
        "min by (job, instance) (min_over_time({began}[{step}]) or min_over_time({other}[{step}])) "
        "< max by (job, instance) (last_over_time({began}[{window}] @ {at:.3f}) or "
        "last_over_time({other}[{window}] @ {at:.3f}))",
        fmt::arg("began", selector("oa_stream_process_start_time_seconds", {}, by_label_)),
        fmt::arg("other", selector("process_start_time_seconds", {}, by_label_)),
        fmt::arg("window", window_),
        fmt::arg("step", duration_text(step_s)),
        fmt::arg("at", question_.window.to_s)
    );
}

std::string Queries::hidden(const std::string& series, double step_s) const {
    return fmt::format(
        "max_over_time((max_over_time({series}[{step}]) and on (job, instance) "
        "({earlier}))[{window}:{step}]) * "
        "(0 - (resets({series}[{window}]) - on (job, instance) group_left () {restarts} < 0))",
        fmt::arg("series", series),
        fmt::arg("earlier", earlier_ones(step_s)),
        fmt::arg("window", window_),
        fmt::arg("step", duration_text(step_s)),
        fmt::arg("restarts", restarts(question_.window.seconds()))
    );
}

std::string Queries::hidden(const telemetry::Term& term, const Restarts& seen) const {
    const std::string series =
        selector(term.metric->name, joined(matchers(term), seen.who), by_label_);
    return fmt::format(
        "sum ({} ({}))", without_replicas(), among_ours(hidden(series, seen.step_s))
    );
}

std::string Queries::hidden_times(const Restarts& seen) const {
    const std::string routes = matcher(telemetry::route_is(question_.routes));
    const std::string series = selector(histograms().metric, joined(routes, seen.who), by_label_);
    return fmt::format(
        "sum (max by (job, instance, route) ({} ({})))",
        without_replicas(),
        among_ours(hidden(series, seen.step_s))
    );
}

std::string Queries::of_turns(std::string_view metric, const Restarts& seen) const {
    const std::string routes = matcher(telemetry::route_is(question_.routes));
    const std::string series = selector(metric, joined(routes, seen.who), by_label_);
    return fmt::format("sum by (job, instance) ({} ({}))", without_replicas(), series);
}

std::string Queries::ran_last(const Restarts& seen) const {
    // Accepted turns minus ended ones. A process keeps its id, so this is computed per process.
    const std::string each = fmt::format(
        "max by (job, instance, id) (last_over_time((max by (job, instance, id) ({process}) "
        "* on (job, instance) group_left () ({began} - {ended}))[{look}:{step}])) "
        "and on (job, instance) {restarts} > 0 "
        "unless on (job, instance) last_over_time({store}[{look}])",
        fmt::arg("process", processes(seen.who)),
        fmt::arg("began", of_turns(telemetry::metric("bridge_accepted_total").name, seen)),
        fmt::arg("ended", of_turns(telemetry::metric("terminal_total").name, seen)),
        fmt::arg("look", duration_text(seen.look_s)),
        fmt::arg("step", duration_text(seen.step_s)),
        fmt::arg("restarts", restarts(seen.look_s)),
        fmt::arg("store", selector("oa_stream_sessions", {}, false))
    );
    return among_ours(each);
}

std::string Queries::processes_now(const Restarts& seen) const {
    return among_ours(fmt::format(
        "max by (job, instance, id) ({}) and on (job, instance) {} > 0",
        processes(seen.who),
        restarts(seen.look_s)
    ));
}

FirstEvents Queries::first_events(std::string_view metric, const std::string& more) const {
    return {
        .build = selector(k_build_info, {}, false),
        .began = selector("oa_stream_process_start_time_seconds", {}, false),
        .began_other = selector("process_start_time_seconds", {}, false),
        .window = window_,
        .since = fmt::format("{:.3f}", question_.window.from_s),
        .earlier = selector(metric, more, false),
        .labels = own_labels(metric),
    };
}

bool Queries::sees_first_events() const noexcept {
    return question_.window.seconds() <= k_exact_up_to_s;
}

std::string Queries::among_ours(const std::string& each) const {
    return among_ours(each, question_.window.seconds());
}

std::string Queries::among_ours(const std::string& each, double window_s) const {
    return joined_ ? where_ours(each, window_s) : each;
}

std::string Queries::where_ours(const std::string& each, double window_s) const {
    return fmt::format("({}) and on (job, instance) last_over_time({})", each, ours(window_s));
}

std::string
Queries::sum_rise(std::string_view metric, const std::string& more, std::string_view by) const {
    const std::string series = selector(metric, more, by_label_);
    const std::string rose = rise(series, question_.window.seconds());
    const std::string each = among_ours(
        sees_first_events()
            ? fmt::format("{} or {}", prometheus::young(series, first_events(metric, more)), rose)
            : rose
    );
    return fmt::format("sum{} ({} ({}))", by, without_replicas(), each);
}

std::string Queries::rise_of(const telemetry::Term& term, std::string_view by) const {
    return sum_rise(term.metric->name, matchers(term), by);
}

std::string Queries::by_step(const telemetry::Term& term, double step_s) const {
    const std::string series = selector(term.metric->name, matchers(term), by_label_);
    const std::string each =
        among_ours(fmt::format("increase({}[{}])", series, duration_text(step_s)));
    return fmt::format("sum ({} ({}))", without_replicas(), each);
}

std::string Queries::had_at_first_sight(const telemetry::Term& term) const {
    const std::string more = matchers(term);
    const std::string series = selector(term.metric->name, more, by_label_);
    const std::string each = among_ours(undated(series, first_events(term.metric->name, more)));
    return fmt::format("sum ({} ({}))", without_replicas(), each);
}

Queries::Needed Queries::histograms() const {
    const telemetry::Metric& row = question_.timing == Timing::duration
                                       ? *durations_
                                       : telemetry::metric("first_content_seconds");
    const auto routes = telemetry::route_is(question_.routes);
    const auto with_turns = std::ranges::count_if(routes.values, telemetry::is_turn_route);
    return {
        .metric = std::string(row.name) + "_bucket",
        .matchers = joined(matcher(routes), R"(le="+Inf")"),
        .least = static_cast<std::size_t>(std::max<std::ptrdiff_t>(with_turns, 1)),
    };
}

std::string Queries::has_whole_turns() const {
    const auto scrapes = [&](std::string_view metric) {
        const std::string route = matcher(telemetry::route_is(question_.routes));
        return fmt::format(
            "count_over_time({}[{}])",
            users_only(fmt::format("{}_bucket", metric), joined(route, R"(le="+Inf")")),
            window_
        );
    };
    // Every version has this histogram on the same routes from its start: those that carry turns.
    const std::string all = scrapes(telemetry::metric("first_content_seconds").name);
    const std::string whole = scrapes(telemetry::metric("turn_duration_seconds").name);
    return fmt::format(
        "count ({}) unless on () ({})",
        among_ours(whole),
        among_ours(fmt::format("{0} unless {0} == {1}", all, whole))
    );
}

std::string Queries::times(std::string_view by, std::string_view more) const {
    const std::string routes = matcher(telemetry::route_is(question_.routes));
    return sum_rise(histograms().metric, joined(routes, more), by);
}

} // namespace oa_stream::measure::prometheus
