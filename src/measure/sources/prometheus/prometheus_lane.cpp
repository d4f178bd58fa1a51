#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/lane_numbers.hpp"

#include "prometheus_calls.hpp"
#include "prometheus_targets.hpp"
#include "prometheus_twice.hpp"
#include "promql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <set>
#include <utility>

namespace oa_stream::measure {
namespace {

using prometheus::ResultType;
using telemetry::Kind;
using telemetry::Metric;
using telemetry::metric;

constexpr double k_mixed_s = 600; ///< so far back several processes behind a target are looked for

class Lanes {
public:
    Lanes(net::HttpClient& client, const PrometheusOptions& options)
        : options_(options), calls_(client, options) {}

    Task<Result<ScrapedLanes>> read(double window_s, double budget_window_s) {
        ScrapedLanes out;
        SeriesMap rose_of_all;
        for (const Metric& row : telemetry::k_metrics) {
            if (row.kind == Kind::counter) {
                const std::string by = labels_of(row);
                OA_CO_CHECK(co_await rose(&row, "", of_target(by), window_s, &rose_of_all));
            }
        }
        OA_CO_CHECK(co_await rose(
            &metric("first_content_seconds"),
            "_bucket",
            of_target("route,le"),
            window_s,
            &rose_of_all
        ));
        for (const Metric* row : counters_of_turns()) {
            const std::string by = of_target(labels_of(*row));
            OA_CO_CHECK(co_await rose(row, "", by, budget_window_s, &out.all.budget));
        }
        OA_CO_CHECK(co_await budget_error(budget_window_s, &out.all));
        OA_CO_CHECK(co_await gauges(&out));
        OA_CO_CHECK(co_await targets(&out));
        OA_CO_CHECK(co_await unseen_at_first(window_s, &out));
        OA_CO_CHECK(co_await each_once(window_s, &out));
        OA_CO_CHECK(co_await services(&out));
        share_out(std::move(rose_of_all), window_s, out);
        out.not_numbers = std::move(not_numbers_);
        co_return out;
    }

private:
    static std::vector<const Metric*> counters_of_turns() {
        std::vector<const Metric*> out{telemetry::requests_term().metric};
        for (const auto& term : telemetry::bad_terms(telemetry::default_bad())) {
            add_once(out, term.metric);
        }
        return out;
    }
    [[nodiscard]] std::string selector(std::string_view name) const {
        std::string who = prometheus::whose(name, options_.include_probes);
        return fmt::format("{}{{{}}}", name, prometheus::joined(std::move(who), options_.matchers));
    }
    /// By these labels the counters are added up: a lane's, without that of probes.
    static std::string labels_of(const Metric& row) {
        std::string_view labels = row.labels;
        const std::size_t probe = labels.rfind(',');
        return std::string(
            labels.ends_with(telemetry::k_probe_label) ? labels.substr(0, probe) : labels
        );
    }
    /// Two Prometheuses behind one address count the same things: neither of them twice.
    static std::string once(std::string_view vector) {
        return fmt::format("{} ({})", prometheus::without_replicas(), vector);
    }

    /// Values that are not numbers are left out, and their names kept: what they count is missing.
    Task<Result<SeriesMap>> ask(std::string query, std::string name) {
        OA_CO_TRY(
            const prometheus::Answer answer,
            co_await calls_.instant(std::move(query), at_s_, ResultType::vector)
        );
        if (!answer.warnings.empty()) {
            co_return fail(
                Code::unreadable, "Prometheus warns: " + printable(answer.warnings.front(), 80)
            );
        }
        SeriesMap out;
        for (const prometheus::Series& series : answer.series) {
            if (series.points.empty()) {
                continue;
            }
            if (const double value = series.points.front().value; std::isfinite(value)) {
                out.emplace(SeriesId{name, series.labels}, value);
            } else if (!name.empty()) {
                not_numbers_.insert(name);
            }
        }
        co_return out;
    }
    [[nodiscard]] prometheus::FirstEvents first_events(double window_s) const {
        return {
            .began = selector(metric("process_start_time_seconds").name),
            .began_other = selector("process_start_time_seconds"),
            .window = prometheus::duration_text(window_s),
            .since = fmt::format("{:.3f}", at_s_ - window_s),
        };
    }
    /// With what a new process counted before its first scrape; longer windows lose it, as gates
    /// do.
    [[nodiscard]] std::string rise_of(const std::string& series, double window_s) const {
        std::string rose = prometheus::rise(series, window_s);
        if (window_s > prometheus::k_exact_up_to_s) {
            return rose;
        }
        return fmt::format("{} or {}", prometheus::young(series, first_events(window_s)), rose);
    }
    Task<Result<void>>
    rose(const Metric* row, std::string ending, std::string by, double window_s, SeriesMap* into) {
        const std::string name = std::string(row->name) + ending;
        const std::string each = once(rise_of(selector(name), window_s));
        OA_CO_TRY(SeriesMap found, co_await ask(fmt::format("sum by ({}) ({})", by, each), name));
        into->merge(found);
        co_return Result<void>{};
    }
    /// increase() fills in up to 1.1 scrape intervals at either end of what it saw, at the rate in
    /// between: so much of each target's count, the more the fewer scrapes there were.
    Task<Result<void>> budget_error(double window_s, LaneNumbers* all) {
        if (window_s <= prometheus::k_exact_up_to_s) {
            co_return Result<void>{};
        }
        OA_CO_TRY(
            const SeriesMap scrapes,
            co_await ask(
                fmt::format(
                    "max by (job, instance) (count_over_time({}[{}]))",
                    selector(metric("active_streams").name),
                    prometheus::duration_text(window_s)
                ),
                {}
            )
        );
        constexpr double k_filled_in = 2 * 1.1;
        for (const auto& [target, count] : scrapes) {
            SeriesMap own;
            for (const auto& [series, value] : all->budget) {
                if (series.label("job") == target.label("job") &&
                    series.label("instance") == target.label("instance")) {
                    own.emplace(series, value);
                }
            }
            all->budget_error +=
                turn_counts(own).bad.value_or(0) * k_filled_in / std::max(count, k_filled_in);
        }
        co_return Result<void>{};
    }
    Task<Result<void>> gauges(ScrapedLanes* out) {
        const std::string active(metric("active_streams").name);
        OA_CO_TRY(
            out->all.now, co_await ask(fmt::format("sum({})", once(selector(active))), active)
        );
        // The oldest target speaks for the age: a dead one keeps a healthy-looking rate for long.
        OA_CO_TRY(
            const SeriesMap age,
            co_await ask(
                fmt::format("time() - min(max by (instance) (timestamp({})))", selector(active)), {}
            )
        );
        if (age.empty()) {
            co_return fail(Code::not_found, fmt::format("knows no lane: no {}", active));
        }
        out->age_s = age.begin()->second;
        co_return Result<void>{};
    }
    static std::string of_target(const std::string& labels) {
        return prometheus::joined("job,instance", labels);
    }
    /// Addresses of the answer's targets.
    Task<Result<std::vector<std::string>>> instances(std::string query) {
        OA_CO_TRY(const SeriesMap found, co_await ask(std::move(query), {}));
        std::vector<std::string> out;
        for (const SeriesId& series : found | std::views::keys) {
            out.emplace_back(series.label("instance"));
        }
        co_return out;
    }
    /// Which targets are scraped, and which of them are not wholly known.
    Task<Result<void>> targets(ScrapedLanes* out) {
        const std::string build(metric("build_info").name);
        // Series of a target that is down vanish with its first failed scrape.
        OA_CO_TRY(
            out->down,
            co_await instances(fmt::format(
                "max by (job, instance) (up) == 0 and on (job, instance) "
                "last_over_time({}[1d])",
                selector(build)
            ))
        );
        OA_CO_TRY(
            out->never_seen, co_await instances(prometheus::never_seen("up", selector(build), "1d"))
        );
        OA_CO_TRY(
            out->mixed,
            co_await instances(prometheus::mixed_targets(
                selector(metric("process_start_time_seconds").name),
                prometheus::duration_text(k_mixed_s)
            ))
        );
        OA_CO_TRY(
            builds_,
            co_await ask(
                fmt::format(
                    "max by (job, instance, revision) (last_over_time({}[10m]))", selector(build)
                ),
                {}
            )
        );
        std::set<std::string> revisions;
        for (const SeriesId& series : builds_ | std::views::keys) {
            revisions.emplace(series.label("revision"));
        }
        out->revisions = fmt::format("{}", fmt::join(revisions, ", "));
        co_return Result<void>{};
    }
    /// What lanes counted before the first scrape of a window that they lived through.
    Task<Result<void>> unseen_at_first(double window_s, ScrapedLanes* out) {
        if (window_s > prometheus::k_exact_up_to_s) {
            co_return Result<void>{};
        }
        constexpr double k_looks = 120;
        const std::string build = selector(metric("build_info").name);
        const auto how = first_events(window_s);
        const std::string unseen = prometheus::unseen_at_first(build, how, window_s / k_looks);
        OA_CO_TRY(const SeriesMap late, co_await ask(unseen, {}));
        if (late.empty()) {
            co_return Result<void>{};
        }
        const std::string scraped = fmt::format("count_over_time({}[{}])", build, how.window);
        OA_CO_TRY(
            const SeriesMap scrapes, co_await ask("max by (job, instance) (" + scraped + ")", {})
        );
        for (const auto& [target, unseen_s] : late) {
            const auto seen = scrapes.find(target);
            const double count = seen == scrapes.end() ? 0 : seen->second;
            const double interval_s = count < 2 ? window_s : (window_s - unseen_s) / count;
            const double stale_s = prometheus::usual_stale_after_s(interval_s);
            if (unseen_s > prometheus::least_unseen_s(stale_s, window_s)) {
                out->unseen.push_back(printable(target.label("instance"), 120));
            }
        }
        co_return Result<void>{};
    }
    /// One process in several series would count as often.
    Task<Result<void>> each_once(double window_s, ScrapedLanes* out) {
        constexpr double k_step_s = 60; // two intervals of scrapes, as most are configured
        const std::string series = fmt::format(
            "{}{{{}}}",
            metric("process_info").name,
            prometheus::joined(std::string(prometheus::k_own_id), options_.matchers)
        );
        prometheus::TwiceAsked asked{
            .now = prometheus::scraped_twice(series),
            .by_step = prometheus::scraped_twice(
                fmt::format("count_over_time({}[{}])", series, prometheus::duration_text(k_step_s))
            ),
            .window = {at_s_ - window_s, at_s_},
            .step_s = k_step_s,
            .matchers = options_.matchers,
        };
        OA_CO_TRY(twice_, co_await prometheus::find_scraped_twice(&calls_, std::move(asked)));
        out->doubled = twice_.why;
        co_return Result<void>{};
    }
    /// Of each target what it needs beside its turns, by the very expressions of the alerts.
    Task<Result<void>> services(ScrapedLanes* out) {
        OA_CO_TRY(
            out->unready,
            co_await instances(
                fmt::format("max by (job, instance) ({}) == 0", selector(metric("ready").name))
            )
        );
        std::string any;
        for (const ServiceSignal& signal : k_service_signals) {
            const std::string series =
                selector(fmt::format("{}{}", telemetry::k_prefix, signal.metric));
            any += fmt::format(
                R"({}label_replace({}, "signal", "{}", "", ""))",
                any.empty() ? "" : " or ",
                at_fault(signal, series),
                signal.metric
            );
        }
        OA_CO_TRY(
            faults_,
            co_await ask(
                fmt::format("max by (job, instance, signal, {}) ({})", labels_of_faults(), any), {}
            )
        );
        co_return Result<void>{};
    }
    [[nodiscard]] std::vector<ServiceFault>
    faults_of(const std::string& job, const std::string& instance) const {
        std::vector<ServiceFault> out;
        for (const ServiceSignal& signal : k_service_signals) {
            for (const auto& [series, value] : faults_) {
                if (series.label("signal") == signal.metric && series.label("job") == job &&
                    series.label("instance") == instance) {
                    out.push_back({instance, &signal, value});
                    if (signal.each()) {
                        out.back().which = series.label(signal.apart);
                    }
                }
            }
        }
        return out;
    }
    /// Each target's series to its part, without the labels that name the target. Counters of
    /// several processes in turn seem to start again at each scrape: they show nothing.
    void share_out(SeriesMap rose, double window_s, ScrapedLanes& out) const {
        using Target = std::pair<std::string, std::string>;
        const auto target_of = [](const SeriesId& series) {
            return Target{series.label("job"), series.label("instance")};
        };
        std::map<Target, LanePart> parts;
        for (auto& [series, value] : rose) {
            SeriesId plain = series;
            std::erase_if(plain.labels, [](const auto& label) {
                return label.first == "job" || label.first == "instance";
            });
            parts[target_of(series)].numbers.rose.emplace(std::move(plain), value);
        }
        for (const SeriesId& series : builds_ | std::views::keys) {
            std::string& revision = parts[target_of(series)].revision;
            revision += revision.empty() ? "" : ", ";
            revision += series.label("revision");
        }
        const auto among = [](const std::vector<std::string>& some, const Target& target) {
            return contains(some, target.second);
        };
        for (auto& [target, part] : parts) {
            part.name = target.second;
            part.numbers.window_s = window_s;
            part.faults = faults_of(target.first, target.second);
            part.state = among(out.down, target)      ? "down"
                         : among(out.unready, target) ? "not ready"
                                                      : "up";
            if (among(out.mixed, target)) {
                part.numbers = {};
                part.state = "mixed";
            }
            if (contains(twice_.targets, target)) {
                part.numbers = {};
                part.state = "scraped twice";
            }
            out.parts.push_back(std::move(part));
        }
        if (!out.mixed.empty() || !out.doubled.empty()) {
            out.all = {};
        }
    }

    const PrometheusOptions& options_;
    prometheus::Calls calls_;
    SeriesMap builds_{}; ///< which target has which revision
    SeriesMap faults_{}; ///< which target lacks what
    prometheus::ScrapedTwice twice_{};
    std::set<std::string> not_numbers_{};
    double at_s_ = unix_seconds(std::chrono::system_clock::now());
};

} // namespace

Task<Result<ScrapedLanes>> scraped_lanes(
    net::HttpClient* client, PrometheusOptions options, double window_s, double budget_window_s
) {
    Lanes lanes(*client, options);
    auto out = co_await lanes.read(window_s, budget_window_s);
    co_return out;
}

} // namespace oa_stream::measure
