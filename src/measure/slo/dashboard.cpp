#include "oa_stream/measure/dashboard.hpp"

#include "dashboard_grid.hpp"
#include "slo.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure {
namespace {

using grafana::Grid;
using grafana::Panel;
using grafana::source;

constexpr std::string_view k_rate = "$__rate_interval";
constexpr std::string_view k_all_and_each =
    "'all' is what slo status and the alerts count. An instance that had several revisions in the "
    "window is in no revision's line.";

/// Writes expressions that separate series by revision.
class DashboardWriter {
public:
    explicit DashboardWriter(const DashboardOptions& options) : options_(options) {}

    [[nodiscard]] std::string
    series(std::string_view metric, std::string_view more, bool ours) const {
        const std::string name = fmt::format("{}{}", telemetry::k_prefix, metric);
        const std::string who = prometheus::joined(
            prometheus::whose(name, options_.include_probes),
            ours ? revision() + "=~\"$revision\"" : std::string()
        );
        return fmt::format(
            "{}{{{}}}",
            name,
            prometheus::joined(prometheus::joined(std::string(more), who), options_.matchers)
        );
    }
    [[nodiscard]] std::string revision() const {
        return options_.revision_label.empty() ? "revision" : options_.revision_label;
    }
    /// `each` (an expression on one selector) joined with the revision's label, summed by it and by
    /// `more`.
    [[nodiscard]] std::string
    sum(const std::string& each, std::string_view more = "", std::string_view window = "") const {
        const std::string by = more.empty() ? revision() : fmt::format("{}, {}", more, revision());
        return fmt::format("sum by ({}) ({})", by, each + join(window));
    }
    [[nodiscard]] std::string
    rate(std::string_view metric, std::string_view matchers, std::string_view more = "") const {
        const std::string counter = series(metric, matchers, by_label());
        return sum(fmt::format("rate({}[{}])", counter, k_rate), more);
    }
    [[nodiscard]] std::string rate(const telemetry::Term& term, std::string_view more = "") const {
        return rate(name_of(term), prometheus::matchers(term), more);
    }
    [[nodiscard]] std::string gauge(std::string_view metric) const {
        return sum(series(metric, {}, by_label()));
    }
    /// Share of bad requests: over all turns as `slo status` counts them, or of each revision.
    enum class Of { all, revision };
    [[nodiscard]] std::string bad_share(std::string_view window, Of of) const {
        const auto rose = [&](const telemetry::Term& term) {
            const bool ours = of == Of::revision && by_label();
            const std::string each = fmt::format(
                "({})",
                prometheus::risen(
                    series(name_of(term), prometheus::matchers(term), ours),
                    series("process_start_time_seconds", {}, ours),
                    window
                )
            );
            return of == Of::all ? fmt::format("sum ({})", each) : sum(each, {}, window);
        };
        return fmt::format(
            "({}) / ({} > 0)",
            prometheus::sum_of(telemetry::bad_terms(telemetry::default_bad()), rose),
            rose(telemetry::requests_term())
        );
    }

private:
    [[nodiscard]] bool by_label() const { return !options_.revision_label.empty(); }
    static std::string_view name_of(const telemetry::Term& term) {
        return term.metric->name.substr(telemetry::k_prefix.size());
    }
    [[nodiscard]] std::string join(std::string_view window) const {
        if (by_label()) {
            return {};
        }
        const auto builds = [&](bool ours) {
            const std::string build = series("build_info", {}, ours);
            return fmt::format(
                "max by (job, instance, revision) ({})",
                window.empty() ? build : fmt::format("last_over_time({}[{}])", build, window)
            );
        };
        std::string which = builds(true);
        // The process may be gone; two processes in turn share the instance's counts.
        if (!window.empty()) {
            which = fmt::format(
                "({} unless on (job, instance) count by (job, instance) ({}) > 1)",
                which,
                builds(false)
            );
        }
        return " * on (job, instance) group_left (revision) " + which;
    }

    const DashboardOptions& options_;
};

std::string budget_text(const DashboardOptions& options) {
    return fmt::format("{:.9g}", budget_of(options.objective).value_or(Fraction{1, 1000}).value());
}

Panel traffic(const DashboardWriter& write) {
    return {
        .title = "Requests that start turns",
        .unit = "reqps",
        .help = "POST on the routes that carry turns; reads, resumes and health are not counted.",
        .lines = {{write.rate(telemetry::requests_term(), "route"), "{{route}} {{revision}}"}},
    };
}

Panel failures(const DashboardWriter& write) {
    const std::string all = write.rate(telemetry::requests_term(), "route");
    const auto bad = telemetry::bad_terms(std::array{telemetry::BadEvent::http_5xx}).front();
    return {
        .title = "Answered 5xx",
        .unit = "percentunit",
        .help = "Share of those requests; 0 when there is none. A stream that fails after its 200 "
                "is in the next panel.",
        .lines =
            {{fmt::format("({} or 0 * {}) / ({} > 0)", write.rate(bad, "route"), all, all),
              "{{route}} {{revision}}"}},
        .limit = "0.01",
    };
}

Panel endings(const DashboardWriter& write) {
    return {
        .title = "Turns by how they ended",
        .unit = "ops",
        .help = "Each accepted turn once, resumes never.",
        .lines = {{write.rate("terminal_total", {}, "class"), "{{class}} {{revision}}"}},
    };
}

/// Percentiles of a time by route and revision.
Panel times(
    const DashboardWriter& write, std::string_view metric, std::string title, std::string limit
) {
    Panel out{
        .title = std::move(title),
        .unit = "s",
        .help = "Interpolated between the histogram's bounds.",
        .lines = {},
        .limit = std::move(limit),
    };
    const std::string buckets = write.rate(
        fmt::format("{}_bucket", metric), prometheus::matcher(telemetry::route_is()), "route, le"
    );
    for (const auto& [q, word] : {std::pair{"0.5", "p50"}, {"0.95", "p95"}, {"0.99", "p99"}}) {
        out.lines.push_back(
            {fmt::format("histogram_quantile({}, {})", q, buckets),
             fmt::format("{} {{{{route}}}} {{{{revision}}}}", word)}
        );
    }
    return out;
}

Panel handshakes(const DashboardWriter& write) {
    return {
        .title = "Refused handshakes",
        .unit = "ops",
        .help = "426 answers by code, before a stream began.",
        .lines = {{write.rate("compat_rejected_total", {}, "code"), "{{code}} {{revision}}"}},
    };
}

Panel bridge(const DashboardWriter& write) {
    return {
        .title = "Accepted turns",
        .unit = "ops",
        .help = "Turns the authority accepted; none while requests come is a stalled bridge.",
        .lines = {{write.rate("bridge_accepted_total", {}), "{{revision}}"}},
    };
}

Panel streams(const DashboardWriter& write) {
    return {
        .title = "Open streams",
        .unit = "short",
        .help = "Now; 0 when idle.",
        .lines = {{write.gauge("active_streams"), "{{revision}}"}},
    };
}

/// The numbers that `watch` also shows, in one panel.
Panel watched(const DashboardWriter& write) {
    Panel out{
        .title = "Also watched",
        .unit = "ops",
        .help = "Counters that rise when something is not as it should be.",
        .lines = {},
    };
    for (const telemetry::Metric& metric : telemetry::k_metrics) {
        if (!metric.watch.empty()) {
            out.lines.push_back(
                {write.rate(metric.name.substr(telemetry::k_prefix.size()), {}),
                 fmt::format("{} {{{{revision}}}}", metric.watch)}
            );
        }
    }
    return out;
}

Panel consumed(const DashboardWriter& write, const DashboardOptions& options) {
    using Of = DashboardWriter::Of;
    const std::string window = prometheus::duration_text(options.window_s);
    const std::string budget = budget_text(options);
    return {
        .title = fmt::format("Budget consumed in {}", window),
        .unit = "percentunit",
        .help =
            "Bad requests and turns against what the objective allows. Prometheus may hold less "
            "history than the window: oa-stream slo status shows how much. Over days, counts "
            "made before a process's first scrape are missing. " +
            std::string(k_all_and_each),
        .lines =
            {{fmt::format("{} / {}", write.bad_share(window, Of::all), budget), "all"},
             {fmt::format("{} / {}", write.bad_share(window, Of::revision), budget), "{{revision}}"}
            },
        .type = "stat",
        .limit = "1",
    };
}

Panel burning(const DashboardWriter& write, const DashboardOptions& options) {
    Panel out{
        .title = "Burn rate",
        .unit = "short",
        .help = "Times the even rate.",
        .lines = {},
        .limit = fmt::format("{:g}", k_burn_pairs.front().factor.value()),
    };
    for (const BurnPair& pair : k_burn_pairs) {
        out.help += fmt::format(
            " Above {:g} over {}: {}.", pair.factor.value(), pair.long_word, pair.severity
        );
        for (const auto of : {DashboardWriter::Of::all, DashboardWriter::Of::revision}) {
            out.lines.push_back(
                {fmt::format("{} / {}", write.bad_share(pair.long_word, of), budget_text(options)),
                 fmt::format(
                     "{} {}",
                     pair.long_word,
                     of == DashboardWriter::Of::all ? "all" : "{{revision}}"
                 )}
            );
        }
    }
    out.help += fmt::format(" {}", k_all_and_each);
    return out;
}

/// Marks when a revision began to report and when it was last seen.
Json annotations(const DashboardWriter& write) {
    const std::string now =
        fmt::format("count by ({}) ({})", write.revision(), write.series("build_info", {}, false));
    const std::string before = fmt::format(
        "count by ({}) ({} offset 2m)", write.revision(), write.series("build_info", {}, false)
    );
    Json list = Json::array();
    const auto add = [&](const char* name, const char* colour, std::string expr, const char* word) {
        list.push_back(
            {{"name", name},
             {"datasource", source()},
             {"enable", true},
             {"iconColor", colour},
             {"target", {{"refId", "Anno"}, {"expr", std::move(expr)}, {"interval", "60s"}}},
             {"titleFormat", fmt::format("{{{{{}}}}} {}", write.revision(), word)}}
        );
    };
    add("Revisions that came", "green", now + " unless " + before, "came");
    add("Revisions that left", "orange", before + " unless " + now, "left");
    return {{"list", std::move(list)}};
}

Json variables(const DashboardWriter& write) {
    Json list = Json::array();
    list.push_back(
        {{"name", "datasource"}, {"type", "datasource"}, {"query", "prometheus"}, {"label", "Data"}}
    );
    list.push_back(
        {{"name", "revision"},
         {"type", "query"},
         {"label", "Revision"},
         {"datasource", source()},
         {"query",
          fmt::format(
              "label_values({}, {})", write.series("build_info", {}, false), write.revision()
          )},
         {"refresh", 2},
         {"multi", true},
         {"includeAll", true},
         {"allValue", ".+"},
         {"current", {{"text", "All"}, {"value", "$__all"}}}}
    );
    return {{"list", list}};
}

} // namespace

Json dashboard(const DashboardOptions& options) {
    const DashboardWriter write(options);
    Grid grid(write.revision());
    for (const Panel& panel :
         {consumed(write, options),
          burning(write, options),
          traffic(write),
          failures(write),
          endings(write),
          times(write, "first_content_seconds", "Time to the first content", options.first_content),
          times(write, "turn_duration_seconds", "Time of whole turns", {}),
          times(write, "chunk_gap_seconds", "Longest silence within an answer", {}),
          bridge(write),
          handshakes(write),
          streams(write),
          watched(write)}) {
        grid.add(panel);
    }
    return {
        {"uid", "oa-stream-lane"},
        {"title", options.title},
        {"tags", {"oa-stream"}},
        {"schemaVersion", 38},
        {"version", 1},
        {"editable", true},
        {"refresh", "30s"},
        {"time", {{"from", "now-6h"}, {"to", "now"}}},
        {"timezone", "utc"},
        {"templating", variables(write)},
        {"annotations", annotations(write)},
        {"panels", grid.take()},
    };
}

} // namespace oa_stream::measure
