#include "oa_stream/measure/dashboard.hpp"

#include "slo.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure {
namespace {

constexpr std::string_view k_rate = "$__rate_interval";
constexpr int k_columns = 24; ///< of Grafana's grid
constexpr int k_panel_height = 8;

struct Line {
    std::string expr;
    std::string legend;
};

struct Panel {
    std::string title;
    std::string unit; ///< Grafana's word
    std::string help;
    std::vector<Line> lines;
    std::string type = "timeseries";
    int width = k_columns / 3;
    std::string limit{}; ///< a red line at this value
};

/// Writes expressions whose series are told apart by revision.
class Writer {
public:
    explicit Writer(const DashboardOptions& options) : options_(options) {}

    [[nodiscard]] std::string
    series(std::string_view metric, std::string_view more, bool ours) const {
        const std::string who = ours ? revision() + "=~\"$revision\"" : std::string();
        return fmt::format(
            "{}{}{{{}}}",
            telemetry::k_prefix,
            metric,
            prometheus::joined(prometheus::joined(std::string(more), who), options_.matchers)
        );
    }
    [[nodiscard]] std::string revision() const {
        return options_.revision_label.empty() ? "revision" : options_.revision_label;
    }
    /// `each` (of one selector) with the revision's label on it, summed by it and by `more`.
    [[nodiscard]] std::string sum(const std::string& each, std::string_view more = "") const {
        const std::string by = more.empty() ? revision() : fmt::format("{}, {}", more, revision());
        return fmt::format("sum by ({}) ({})", by, each + join());
    }
    [[nodiscard]] std::string
    rate(std::string_view metric, std::string_view matchers, std::string_view more = "") const {
        return sum(over("rate", metric, matchers, k_rate), more);
    }
    [[nodiscard]] std::string rate(const telemetry::Term& term) const {
        return of_term("rate", term, k_rate);
    }
    [[nodiscard]] std::string gauge(std::string_view metric) const {
        return sum(series(metric, {}, by_label()));
    }
    /// Bad requests and turns over all of them.
    [[nodiscard]] std::string bad_share(std::string_view window) const {
        const auto rose = [&](const telemetry::Term& term) {
            return of_term("increase", term, window);
        };
        return fmt::format(
            "({}) / ({} > 0)",
            prometheus::sum_of(telemetry::bad_terms(telemetry::default_bad()), rose),
            rose(telemetry::requests_term())
        );
    }

private:
    [[nodiscard]] bool by_label() const { return !options_.revision_label.empty(); }
    [[nodiscard]] std::string over(
        std::string_view function,
        std::string_view metric,
        std::string_view matchers,
        std::string_view window
    ) const {
        return fmt::format("{}({}[{}])", function, series(metric, matchers, by_label()), window);
    }
    [[nodiscard]] std::string
    of_term(std::string_view function, const telemetry::Term& term, std::string_view window) const {
        const std::string_view metric = term.metric->name.substr(telemetry::k_prefix.size());
        return sum(over(function, metric, prometheus::matchers(term), window));
    }
    [[nodiscard]] std::string join() const {
        if (by_label()) {
            return {};
        }
        return fmt::format(
            " * on (job, instance) group_left (revision) max by (job, instance, revision) ({})",
            series("build_info", {}, true)
        );
    }

    const DashboardOptions& options_;
};

std::string budget_text(const DashboardOptions& options) {
    return fmt::format("{:.9g}", budget_of(options.objective).value_or(Fraction{1, 1000}).value());
}

Panel traffic(const Writer& write) {
    return {
        .title = "Requests that start turns",
        .unit = "reqps",
        .help = "POST on the routes that carry turns; reads, resumes and health are not counted.",
        .lines = {{write.rate(telemetry::requests_term()), "{{revision}}"}},
    };
}

Panel failures(const Writer& write) {
    return {
        .title = "Answered 5xx",
        .unit = "percentunit",
        .help = "Share of those requests. A stream that fails after its 200 is in the next panel.",
        .lines =
            {{fmt::format(
                  "{} / ({} > 0)",
                  write.rate(telemetry::bad_terms(std::array{telemetry::BadEvent::http_5xx}).front()
                  ),
                  write.rate(telemetry::requests_term())
              ),
              "{{revision}}"}},
        .limit = "0.01",
    };
}

Panel endings(const Writer& write) {
    return {
        .title = "Turns by how they ended",
        .unit = "ops",
        .help = "Each accepted turn once, resumes never.",
        .lines = {{write.rate("terminal_total", {}, "class"), "{{class}} {{revision}}"}},
    };
}

Panel latency(const Writer& write, const DashboardOptions& options) {
    Panel out{
        .title = "Time to the first content",
        .unit = "s",
        .help = "Interpolated between the histogram's bounds.",
        .lines = {},
        .limit = options.first_content,
    };
    const std::string buckets = write.rate(
        "first_content_seconds_bucket", prometheus::matcher(telemetry::route_is()), "le"
    );
    for (const auto& [q, word] : {std::pair{"0.5", "p50"}, {"0.95", "p95"}, {"0.99", "p99"}}) {
        out.lines.push_back(
            {fmt::format("histogram_quantile({}, {})", q, buckets),
             fmt::format("{} {{{{revision}}}}", word)}
        );
    }
    return out;
}

Panel handshakes(const Writer& write) {
    return {
        .title = "Refused handshakes",
        .unit = "ops",
        .help = "426 answers by code, before a stream began.",
        .lines = {{write.rate("compat_rejected_total", {}, "code"), "{{code}} {{revision}}"}},
    };
}

Panel bridge(const Writer& write) {
    return {
        .title = "Accepted turns",
        .unit = "ops",
        .help = "Turns the authority accepted; none while requests come is a stalled bridge.",
        .lines = {{write.rate("bridge_accepted_total", {}), "{{revision}}"}},
    };
}

Panel streams(const Writer& write) {
    return {
        .title = "Open streams",
        .unit = "short",
        .help = "Now; 0 when idle.",
        .lines = {{write.gauge("active_streams"), "{{revision}}"}},
    };
}

/// What `watch` shows under a caption, too.
Panel watched(const Writer& write) {
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

Panel consumed(const Writer& write, const DashboardOptions& options) {
    const std::string window = prometheus::duration_text(options.window_s);
    return {
        .title = fmt::format("Budget consumed in {}", window),
        .unit = "percentunit",
        .help =
            "Bad requests and turns against what the objective allows. Prometheus may hold less "
            "history than the window: oa-stream slo status says how much.",
        .lines =
            {{fmt::format("{} / {}", write.bad_share(window), budget_text(options)), "{{revision}}"}
            },
        .type = "stat",
        .limit = "1",
    };
}

Panel burning(const Writer& write, const DashboardOptions& options) {
    Panel out{
        .title = "Burn rate",
        .unit = "short",
        .help =
            "Times the even rate. A page is above 14.4 (1h) or 6 (6h), a ticket above 3 (1d) or "
            "1 (3d).",
        .lines = {},
        .limit = "14.4",
    };
    for (const BurnPair& pair : k_burn_pairs) {
        out.lines.push_back(
            {fmt::format("{} / {}", write.bad_share(pair.long_word), budget_text(options)),
             fmt::format("{} {{{{revision}}}}", pair.long_word)}
        );
    }
    return out;
}

Json source() {
    return {{"type", "prometheus"}, {"uid", "${datasource}"}};
}

Json thresholds(const std::string& limit) {
    Json steps = Json::array({{{"color", "green"}, {"value", nullptr}}});
    if (!limit.empty()) {
        steps.push_back({{"color", "red"}, {"value", std::stod(limit)}});
    }
    return {{"mode", "absolute"}, {"steps", steps}};
}

void rename_revision(std::string& legend, const std::string& label) {
    constexpr std::string_view k_word = "{{revision}}";
    if (const std::size_t at = legend.find(k_word); at != std::string::npos) {
        legend.replace(at, k_word.size(), "{{" + label + "}}");
    }
}

/// Places panels row by row.
class Grid {
public:
    explicit Grid(std::string label) : label_(std::move(label)) {}

    void add(const Panel& panel) {
        if (x_ + panel.width > k_columns) {
            x_ = 0;
            y_ += k_panel_height;
        }
        Json out{
            {"id", static_cast<int>(panels_.size()) + 1},
            {"type", panel.type},
            {"title", panel.title},
            {"description", panel.help},
            {"datasource", source()},
            {"gridPos", {{"x", x_}, {"y", y_}, {"w", panel.width}, {"h", k_panel_height}}},
            {"fieldConfig",
             {{"defaults",
               {{"unit", panel.unit}, {"min", 0}, {"thresholds", thresholds(panel.limit)}}},
              {"overrides", Json::array()}}},
            {"targets", Json::array()},
        };
        if (!panel.limit.empty() && panel.type == "timeseries") {
            out["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] = "line";
        }
        for (std::size_t i = 0; i < panel.lines.size(); ++i) {
            std::string legend = panel.lines[i].legend;
            rename_revision(legend, label_);
            out["targets"].push_back(
                {{"refId", std::string(1, static_cast<char>('A' + i))},
                 {"datasource", source()},
                 {"expr", panel.lines[i].expr},
                 {"legendFormat", legend},
                 {"instant", panel.type == "stat"},
                 {"range", panel.type != "stat"}}
            );
        }
        panels_.push_back(std::move(out));
        x_ += panel.width;
    }
    [[nodiscard]] Json take() { return std::move(panels_); }

private:
    std::string label_;
    Json panels_ = Json::array();
    int x_ = 0;
    int y_ = 0;
};

Json variables(const Writer& write) {
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
    const Writer write(options);
    Grid grid(write.revision());
    for (const Panel& panel :
         {consumed(write, options),
          burning(write, options),
          traffic(write),
          failures(write),
          endings(write),
          latency(write, options),
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
        {"annotations", {{"list", Json::array()}}},
        {"panels", grid.take()},
    };
}

} // namespace oa_stream::measure
