#include "prometheus_queries.hpp"

#include <fmt/format.h>

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
    const std::string inner = joined(joined(more, revision), options_.matchers);
    return inner.empty() ? std::string(metric) : fmt::format("{}{{{}}}", metric, inner);
}

std::string Queries::ours(double window_s) const {
    const std::string which = joined_ ? "revision=" + in_quotes(question_.revision) : std::string();
    return fmt::format("{}[{}]", selector(k_build_info, which, by_label_), duration_text(window_s));
}

std::string Queries::scrapes(double look_s) const {
    return ours(look_s);
}

std::string Queries::scraped_by_step(double step_s) const {
    return fmt::format("max(count_over_time({}))", ours(step_s));
}

std::string Queries::up() const {
    return fmt::format(
        "{} and on (job, instance) last_over_time({})",
        selector("up", {}, false),
        ours(question_.window.seconds())
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

std::string
Queries::sum_rise(std::string_view metric, const std::string& more, std::string_view by) const {
    std::string each = rise(selector(metric, more, by_label_), question_.window.seconds());
    if (joined_) {
        each = fmt::format(
            "({}) and on (job, instance) last_over_time({})", each, ours(question_.window.seconds())
        );
    }
    return fmt::format("sum{} ({} ({}))", by, without_replicas(), each);
}

std::string Queries::rise_of(const telemetry::Term& term) const {
    return sum_rise(term.metric->name, matchers(term), "");
}

std::string Queries::first_content() const {
    return sum_rise(
        std::string(telemetry::metric("first_content_seconds").name) + "_bucket",
        matcher(telemetry::route_is(question_.routes)),
        " by (le)"
    );
}

} // namespace oa_stream::measure::prometheus
