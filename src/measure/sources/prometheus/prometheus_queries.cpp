#include "prometheus_queries.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <vector>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::string_view k_build_info = "oa_stream_build_info";

struct Unit {
    std::string_view word;
    std::uint64_t millis;
};
constexpr std::array k_units{
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}
};

/// A character that means something in a regular expression stands in a class of its own.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        constexpr std::string_view k_special = ".+*?()|[]{}$";
        if (c == '^' || c == '\\') {
            out += std::string("\\") + c;
        } else if (k_special.find(c) != std::string_view::npos) {
            out += std::string("[") + c + ']';
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

std::string duration_text(double seconds) {
    auto left = static_cast<std::uint64_t>(std::max(1.0, std::round(seconds * 1000)));
    std::string out;
    for (const Unit& unit : k_units) {
        if (left >= unit.millis) {
            out += fmt::format("{}{}", left / unit.millis, unit.word);
            left %= unit.millis;
        }
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c == '\n' ? "\\n" : std::string(1, c);
    }
    return out + '"';
}

Queries::Queries(const PrometheusOptions& options, const Question& question)
    : options_(options), question_(question),
      by_label_(!question.revision.empty() && !options.revision_label.empty()),
      joined_(!question.revision.empty() && options.revision_label.empty()),
      exact_(question.window.seconds() <= k_exact_up_to_s),
      window_(duration_text(question.window.seconds())) {
}

std::string
Queries::selector(std::string_view metric, const std::string& more, bool by_label) const {
    std::string inner = more;
    const auto add = [&](const std::string& matcher) {
        if (!matcher.empty()) {
            inner += (inner.empty() ? "" : ",") + matcher;
        }
    };
    if (by_label) {
        add(options_.revision_label + "=" + in_quotes(question_.revision));
    }
    add(options_.matchers);
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

std::string Queries::route() const {
    std::vector<std::string> routes = question_.routes;
    if (routes.empty()) {
        routes.assign(k_stream_routes.begin(), k_stream_routes.end());
    }
    if (routes.size() == 1) {
        return "route=" + in_quotes(routes.front());
    }
    std::string any;
    for (const std::string& route : routes) {
        any += (any.empty() ? "" : "|") + literal(route);
    }
    return "route=~" + in_quotes(any);
}

std::string Queries::rise(const std::string& series) const {
    std::string all = fmt::format("increase({}[{}])", series, window_);
    if (!exact_) {
        return all;
    }
    return fmt::format(
        "((max_over_time({0}[{1}]) - min_over_time({0}[{1}])) unless resets({0}[{1}]) > 0) or {2}",
        series,
        window_,
        all
    );
}

std::string
Queries::sum_rise(std::string_view metric, const std::string& more, std::string_view by) const {
    std::string each = rise(selector(metric, more, by_label_));
    if (joined_) {
        each = fmt::format(
            "({}) and on (job, instance) last_over_time({})", each, ours(question_.window.seconds())
        );
    }
    return fmt::format("sum{} ({} ({}))", by, without_replicas(), each);
}

std::string Queries::requests() const {
    return sum_rise("oa_stream_http_requests_total", R"(method="POST",)" + route(), "");
}

std::string Queries::bad(BadEvent event) const {
    switch (event) {
    case BadEvent::http_5xx:
        return sum_rise(
            "oa_stream_http_requests_total", R"(method="POST",status=~"5..",)" + route(), ""
        );
    case BadEvent::terminal_error:
        return sum_rise(
            "oa_stream_terminal_total",
            R"(class=~"turn_failed|turn_aborted|codex_error|adapter_preview_unavailable",)" +
                route(),
            ""
        );
    case BadEvent::empty:
        return sum_rise("oa_stream_empty_turns_total", route(), "");
    case BadEvent::compat_rejected:
        break;
    }
    // Its counter by code has no route; the gate stands on the stream routes alone.
    return sum_rise("oa_stream_compat_rejected_total", {}, "");
}

std::string Queries::maybe_late() const {
    // authority_timeout and stalled are codex_error, the wall time is turn_aborted.
    return sum_rise(
        "oa_stream_terminal_total", R"(class=~"codex_error|turn_aborted",)" + route(), ""
    );
}

std::string Queries::first_content() const {
    return sum_rise("oa_stream_first_content_seconds_bucket", route(), " by (le)");
}

} // namespace oa_stream::measure::prometheus
