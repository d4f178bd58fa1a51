#include "prometheus_twice.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "prometheus_changes.hpp"
#include "promql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::size_t k_steps_that_prove = 2; ///< a renamed target has both names in one step only

using SeriesOfOne = std::vector<const Series*>;

/// The labels in which the series differ, with their values; jobs and addresses first, because
/// users know those.
std::pair<std::string, std::set<std::string>> difference(const SeriesOfOne& series) {
    std::vector<std::string> names{"job", "instance"};
    for (const Series* one : series) {
        for (const auto& [name, value] : one->labels) {
            names.push_back(name);
        }
    }
    for (const std::string& name : names) {
        std::set<std::string> values;
        for (const Series* one : series) {
            values.emplace(one->label(name));
        }
        if (values.size() > 1) {
            return {name, values};
        }
    }
    return {};
}

/// The option with the given matchers plus this one, added to those of its label or replacing them.
std::string match_option(
    const std::string& given, std::string_view label, bool beside, const std::string& one
) {
    std::string all;
    for (const Matcher& matcher : parse_matchers(given).value_or(std::vector<Matcher>{})) {
        if (beside || matcher.name != label) {
            all = joined(std::move(all), matcher.name + matcher.op + in_quotes(matcher.value));
        }
    }
    all = joined(std::move(all), one);
    return fmt::format("{} {} (in a playbook: match)", names::match, shell_word(all));
}

std::string
only_first(const std::string& given, std::string_view label, const std::set<std::string>& values) {
    return match_option(
        given, label, false, fmt::format("{}={}", label, in_quotes(*values.begin()))
    );
}

std::string listed(const std::set<std::string>& values) {
    std::vector<std::string> shown;
    std::ranges::transform(values, std::back_inserter(shown), [](const std::string& value) {
        return value.empty() ? "(none)" : printable(value, 80);
    });
    return fmt::format("{}", fmt::join(shown, " and "));
}

std::string advice(const SeriesOfOne& series, const std::string& matchers) {
    const auto [label, values] = difference(series);
    if (label == "instance") { // the job's other instances must stay selected
        return fmt::format(
            "one process is scraped at {}: leave one out with {}",
            listed(values),
            match_option(matchers, label, true, label + "!=" + in_quotes(*values.rbegin()))
        );
    }
    return fmt::format(
        "one process is scraped {} {}: choose one with {}",
        label == "job" ? "by the jobs" : "with the label " + label + " as",
        listed(values),
        only_first(matchers, label, values)
    );
}

/// Finds such processes among series that have at least `points` points.
ScrapedTwice found(const Answer& answer, std::size_t points, const std::string& matchers) {
    if (!answer.warnings.empty()) {
        return {.why = "Prometheus warns: " + printable(answer.warnings.front(), 80)};
    }
    std::map<std::string_view, SeriesOfOne> by_id;
    for (const Series& series : answer.series) {
        if (!series.label("id").empty() && series.points.size() >= points) {
            by_id[series.label("id")].push_back(&series);
        }
    }
    ScrapedTwice out;
    for (const auto& [id, series] : by_id) {
        if (series.size() < 2) {
            continue;
        }
        out.why = out.why.empty() ? advice(series, matchers) : out.why;
        for (const Series* one : series) {
            out.targets.emplace_back(one->label("job"), one->label("instance"));
        }
    }
    return out;
}

bool at_one_time(const Series& a, const Series& b) {
    return a.points.front().at_s <= b.points.back().at_s &&
           b.points.front().at_s <= a.points.back().at_s;
}

/// `own`: labels that the process sets, separated by commas.
std::string why_alike(Answer answer, std::string_view own, const std::string& matchers) {
    std::vector<std::string_view> others(k_replica_labels.begin(), k_replica_labels.end());
    std::ranges::copy(pieces_of(own, ','), std::back_inserter(others));
    answer = merge_replicas(std::move(answer), others);
    std::map<TargetName, SeriesOfOne> by_name;
    for (const Series& series : answer.series) {
        SeriesOfOne& alike = by_name[named_by(series)];
        const auto other = std::ranges::find_if(alike, [&](const Series* one) {
            return at_one_time(*one, series);
        });
        if (other == alike.end()) {
            alike.push_back(&series);
            continue;
        }
        const auto [label, values] = difference({*other, &series});
        return fmt::format(
            "several targets are {}, with the label {} as {}, and one that is down would hide "
            "behind the others: choose one with {}, or give each an instance of its own",
            name_of(named_by(series)),
            label,
            listed(values),
            only_first(matchers, label, values)
        );
    }
    return {};
}

} // namespace

std::string named_alike(const Answer& scrapes, const Answer& up, const std::string& matchers) {
    std::string why = why_alike(up, {}, matchers);
    return !why.empty() ? why
                        : why_alike(scrapes, telemetry::metric("build_info").labels, matchers);
}

std::string scraped_twice(const std::string& series) {
    const std::string each = fmt::format("{} ({})", without_replicas(), series);
    return fmt::format("{0} and on (id) count by (id) ({0}) > 1", each);
}

Task<Result<ScrapedTwice>> find_scraped_twice(Calls* calls, TwiceAsked asked) {
    const double at_s = asked.window.to_s;
    OA_CO_TRY(
        const Answer now, co_await calls->instant(std::move(asked.now), at_s, ResultType::vector)
    );
    ScrapedTwice out = found(now, 1, asked.matchers);
    const double steps = std::floor(asked.window.seconds() / asked.step_s);
    if (!out.why.empty() || steps < k_steps_that_prove) {
        co_return out;
    }
    const Span ends{at_s - (steps - 1) * asked.step_s, at_s};
    OA_CO_TRY(
        const Answer before, co_await calls->range(std::move(asked.by_step), ends, asked.step_s)
    );
    co_return found(before, k_steps_that_prove, asked.matchers);
}

} // namespace oa_stream::measure::prometheus
