#include "promql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace oa_stream::measure::prometheus {
namespace {

struct Unit {
    std::string_view word;
    std::uint64_t millis;
};
constexpr std::array k_units{
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}
};

/// Puts a character that is special in a regular expression into a character class.
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

/// The row of a metric; the series name may end in _bucket or _count.
const telemetry::Metric* row_of(std::string_view name) {
    const auto row = std::ranges::find_if(telemetry::k_metrics, [&](const auto& metric) {
        const bool histogram = metric.kind == telemetry::Kind::histogram;
        return name == metric.name || (histogram && name.starts_with(metric.name));
    });
    return row == telemetry::k_metrics.end() ? nullptr : &*row;
}

/// "1h30m" → 5400, from weeks to seconds; milliseconds are dropped.
std::uint64_t seconds_of(std::string_view window) {
    constexpr std::uint64_t k_day = 86'400;
    std::uint64_t out = 0;
    std::uint64_t count = 0;
    for (const char c : window) {
        if (c >= '0' && c <= '9') {
            count = 10 * count + static_cast<std::uint64_t>(c - '0');
            continue;
        }
        out += count * (c == 'w'   ? 7 * k_day
                        : c == 'd' ? k_day
                        : c == 'h' ? 3600
                        : c == 'm' ? 60
                                   : 1);
        count = 0;
    }
    return out;
}

/// Targets whose process began before the window.
std::string lived_on(const FirstEvents& how) {
    return fmt::format(
        "max by (job, instance) (last_over_time({}[{}]) or last_over_time({}[{}])) < {}",
        how.began,
        how.window,
        how.began_other,
        how.window,
        how.since
    );
}

/// "on (…) …": series that existed before the window, under any target labels, of a process that
/// lives on. A new series beside them did not begin at 0.
std::string went_on(const FirstEvents& how) {
    return fmt::format(
        "on ({}) (last_over_time({}[{}] offset {}) and on (job, instance) {})",
        how.labels,
        how.earlier,
        k_before_window,
        how.window,
        lived_on(how)
    );
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

std::string rise(const std::string& series, double window_s) {
    const std::string window = duration_text(window_s);
    std::string all = fmt::format("increase({}[{}])", series, window);
    if (window_s > k_exact_up_to_s) {
        return all;
    }
    return fmt::format(
        "((max_over_time({0}[{1}]) - min_over_time({0}[{1}])) unless resets({0}[{1}]) > 0) or {2}",
        series,
        window,
        all
    );
}

std::string unseen_at_first(const std::string& build, const FirstEvents& how, double step_s) {
    // A process is identified by its start time: another one may have answered there a day ago.
    return fmt::format(
        "min by (job, instance) (min_over_time((timestamp({build}) >= {since})[{window}:{step}])) "
        "- {since} and on (job, instance) last_over_time({build}[{known}] offset {window}) "
        "and on (job, instance) (max by (job, instance) (last_over_time({began}[{known}] offset "
        "{window})) == max by (job, instance) (last_over_time({began}[{window}])))",
        fmt::arg("build", build),
        fmt::arg("since", how.since),
        fmt::arg("window", how.window),
        fmt::arg("step", duration_text(step_s)),
        fmt::arg("known", duration_text(k_known_s)),
        fmt::arg("began", how.began)
    );
}

std::string young(const std::string& series, const FirstEvents& how) {
    const std::string scraped =
        how.build.empty()
            ? ""
            : fmt::format(
                  "last_over_time({}[{}] offset {}) or ", how.build, k_before_window, how.window
              );
    const std::string began_here = fmt::format(
        "({0}last_over_time({1}[{3}]) >= {4} or last_over_time({2}[{3}]) >= {4})",
        scraped,
        how.began,
        how.began_other,
        how.window,
        how.since
    );
    return fmt::format(
        "(max_over_time({0}[{1}]) unless last_over_time({0}[{2}] offset {1}) unless "
        "resets({0}[{1}]) > 0 and on (job, instance) {3}{4})",
        series,
        how.window,
        k_before_window,
        began_here,
        how.earlier.empty() ? "" : " unless " + went_on(how)
    );
}

std::string undated(const std::string& series, FirstEvents how) {
    const std::string others = went_on(how);
    const std::string earlier = std::exchange(how.earlier, {});
    // For series that continued under other labels, everything counts except the rise between the
    // two.
    return fmt::format(
        "((min_over_time({series}[{window}]) > 0) unless {others} unless {young} or "
        "(min_over_time({series}[{window}]) - on ({labels}) group_left () max by ({labels}) "
        "(max_over_time({earlier}[{window}]) and last_over_time({earlier}[{before}] offset "
        "{window}) and on (job, instance) {lived_on})) > 0) "
        "unless last_over_time({series}[{before}] offset {window})",
        fmt::arg("series", series),
        fmt::arg("window", how.window),
        fmt::arg("before", k_before_window),
        fmt::arg("labels", how.labels),
        fmt::arg("earlier", earlier),
        fmt::arg("others", others),
        fmt::arg("lived_on", lived_on(how)),
        fmt::arg("young", young(series, how))
    );
}

std::string risen(const std::string& series, const std::string& began, std::string_view window) {
    std::string rose = fmt::format("increase({}[{}])", series, window);
    constexpr std::uint64_t k_day = 86'400; // longer windows would read every series twice
    if (seconds_of(window) >= k_day) {
        return rose;
    }
    const FirstEvents how{
        .began = began,
        .began_other = began.substr(telemetry::k_prefix.size()),
        .window = std::string(window),
        .since = fmt::format("time() - {}", seconds_of(window)),
    };
    return fmt::format("{} or {}", young(series, how), rose);
}

std::string mixed_targets(std::string_view series, std::string_view window) {
    return fmt::format("max by (job, instance) (resets({}[{}])) > 0", series, window);
}

std::string never_seen(std::string_view up, std::string_view build, std::string_view window) {
    return fmt::format(
        "count by (job, instance) ({0} == 0) unless on (job, instance) last_over_time({1}[{2}]) "
        "and on (job) last_over_time({1}[{2}])",
        up,
        build,
        window
    );
}

std::string joined(std::string a, std::string_view b) {
    a += a.empty() || b.empty() ? "" : ",";
    return a.append(b);
}

std::string matcher(const telemetry::LabelIs& label) {
    if (label.values.size() == 1 && !label.pattern) {
        return fmt::format("{}={}", label.label, in_quotes(label.values.front()));
    }
    std::string any;
    for (const std::string& value : label.values) {
        any += (any.empty() ? "" : "|") + (label.pattern ? value : literal(value));
    }
    return fmt::format("{}=~{}", label.label, in_quotes(any));
}

std::string bound_matcher(std::string_view bound) {
    std::vector<std::string> written{std::string(bound)};
    if (!bound.contains('.')) {
        written.push_back(fmt::format("{}.0", bound));
    }
    return matcher({"le", std::move(written)});
}

std::string of_instances(std::vector<std::string> instances) {
    // Proxies accept addresses of 8 KiB. A query contains the matcher up to three times,
    // percent-encoded.
    constexpr std::size_t k_longest = 600;
    std::string out = matcher({"instance", std::move(instances)});
    return out.size() > k_longest ? "" : out;
}

std::string whose(std::string_view name, bool include_probes) {
    std::string out;
    const telemetry::Metric* row = row_of(name);
    if (row == nullptr || include_probes) {
        return out;
    }
    for (const telemetry::LabelIs& label : telemetry::no_probes(*row)) {
        out = matcher(label);
    }
    return out;
}

std::string own_labels(std::string_view name) {
    const telemetry::Metric* row = row_of(name);
    const std::string out = joined("job,instance", row == nullptr ? "" : row->labels);
    return joined(out, name.ends_with("_bucket") ? "le" : "");
}

std::string matchers(const telemetry::Term& term) {
    std::string out;
    for (const telemetry::LabelIs& label : term.labels) {
        if (label.label != telemetry::k_probe_label) {
            out = joined(std::move(out), matcher(label));
        }
    }
    return out;
}

} // namespace oa_stream::measure::prometheus
