#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/lane_numbers.hpp"

#include "prometheus_calls.hpp"
#include "prometheus_changes.hpp"
#include "prometheus_counters.hpp"
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

using prometheus::Counter;
using prometheus::ResultType;
using telemetry::metric;

constexpr double k_mixed_s = 600; ///< how far back to look for several processes behind one target

class Lanes {
public:
    Lanes(net::HttpClient& client, const PrometheusOptions& options)
        : options_(options), calls_(client, options) {}

    Task<Result<ScrapedLanes>> read(double window_s, double budget_window_s) {
        ScrapedLanes out;
        SeriesMap rose_of_all;
        for (const Counter& counter : prometheus::counters()) {
            OA_CO_CHECK(co_await rose(counter, window_s, &rose_of_all));
        }
        for (const Counter& counter : prometheus::counters_of_turns()) {
            OA_CO_CHECK(co_await rose(counter, budget_window_s, &out.all.budget));
        }
        OA_CO_CHECK(co_await budget_error(budget_window_s, &out.all));
        OA_CO_CHECK(co_await gauges(&out));
        OA_CO_CHECK(co_await targets(window_s, &out));
        OA_CO_CHECK(co_await unseen_at_first(window_s, &out));
        co_await by_process(window_s);
        OA_CO_CHECK(co_await each_once(window_s, &out));
        OA_CO_CHECK(co_await services(&out));
        share_out(rose_of_all, window_s, out);
        out.not_numbers = std::move(not_numbers_);
        co_return out;
    }

private:
    [[nodiscard]] std::string selector(std::string_view name, std::string_view more = {}) const {
        std::string who =
            prometheus::joined(prometheus::whose(name, options_.include_probes), more);
        return fmt::format("{}{{{}}}", name, prometheus::joined(std::move(who), options_.matchers));
    }
    /// Two Prometheus replicas behind one address count the same events: count them once.
    static std::string once(std::string_view vector) {
        return fmt::format("{} ({})", prometheus::without_replicas(), vector);
    }

    /// Leaves out values that are not numbers and keeps their names: what they count is missing.
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
    /// Includes what a new process counted before its first scrape; longer windows lose that, as
    /// for gates.
    [[nodiscard]] std::string rise_of(const std::string& series, double window_s) const {
        std::string rose = prometheus::rise(series, window_s);
        if (window_s > prometheus::k_exact_up_to_s) {
            return rose;
        }
        return fmt::format("{} or {}", prometheus::young(series, first_events(window_s)), rose);
    }
    Task<Result<void>> add_up(Counter counter, std::string each, SeriesMap* into) {
        std::string query = fmt::format("sum by ({}) ({})", counter.by, once(each));
        OA_CO_TRY(SeriesMap found, co_await ask(std::move(query), counter.name));
        into->merge(found);
        co_return Result<void>{};
    }
    Task<Result<void>> rose(Counter counter, double window_s, SeriesMap* into) {
        std::string each = rise_of(selector(counter.name), window_s);
        co_return co_await add_up(std::move(counter), std::move(each), into);
    }
    /// Separates the counts of targets that had two revisions in the window, as after a restart. If
    /// it fails, their counts are not separated.
    Task<void> by_process(double window_s) {
        if (const auto who = prometheus::changed_targets(revisions_)) {
            if (const auto separated = co_await separate(*who, window_s); !separated) {
                by_process_.clear();
            }
        }
    }
    Task<Result<void>> separate(std::string who, double window_s) {
        const std::string began = selector(metric("process_start_time_seconds").name);
        const Span window{at_s_ - window_s, at_s_};
        OA_CO_TRY(
            lived_, co_await ask(fmt::format("max by (job, instance) (time() - {})", began), {})
        );
        for (Counter& counter : prometheus::counters()) {
            std::string each = prometheus::rise_by_process(
                selector(counter.name), selector(counter.name, who), began, window
            );
            counter.by = prometheus::joined(std::string(prometheus::k_part), counter.by);
            OA_CO_CHECK(co_await add_up(std::move(counter), std::move(each), &by_process_));
        }
        co_return Result<void>{};
    }
    Task<Result<void>> budget_error(double window_s, LaneNumbers* all) {
        if (window_s <= prometheus::k_exact_up_to_s) {
            co_return Result<void>{};
        }
        OA_CO_TRY(
            const SeriesMap scraped,
            co_await ask(
                fmt::format(
                    "max by (job, instance) (count_over_time({}[{}]))",
                    selector(metric("active_streams").name),
                    prometheus::duration_text(window_s)
                ),
                {}
            )
        );
        prometheus::ByTarget scrapes;
        for (const auto& [target, count] : scraped) {
            scrapes[prometheus::named_by(target)] = count;
        }
        prometheus::ByTarget bad;
        for (const auto& [target, own] : prometheus::by_target(all->budget)) {
            bad[target] = turn_counts(own).bad.value_or(0);
        }
        all->budget_error = prometheus::fill_error(bad, scrapes);
        co_return Result<void>{};
    }
    Task<Result<void>> gauges(ScrapedLanes* out) {
        const std::string active(metric("active_streams").name);
        OA_CO_TRY(
            out->all.now, co_await ask(fmt::format("sum({})", once(selector(active))), active)
        );
        // Uses the oldest target's age: the rate of a dead target looks healthy for a long time.
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
    /// Addresses of the targets in the answer.
    Task<Result<std::vector<std::string>>> instances(std::string query) {
        OA_CO_TRY(const SeriesMap found, co_await ask(std::move(query), {}));
        std::vector<std::string> out;
        for (const SeriesId& series : found | std::views::keys) {
            out.emplace_back(series.label("instance"));
        }
        co_return out;
    }
    /// Finds the scraped targets, and those that are not fully known.
    Task<Result<void>> targets(double window_s, ScrapedLanes* out) {
        const std::string build(metric("build_info").name);
        // The series of a target that is down vanish with its first failed scrape; `up` also
        // vanishes when the target leaves service discovery. Federated lanes may have no `up`.
        OA_CO_TRY(
            const SeriesMap up,
            co_await ask(
                fmt::format(
                    "min by (job, instance) ({1}) and on (job, instance) last_over_time({0}[1d]) "
                    "or max by (job, instance) ({0})",
                    selector(build),
                    once(selector("up"))
                ),
                {}
            )
        );
        for (const auto& [target, value] : up) {
            scraped_.insert(prometheus::named_by(target));
            if (value == 0) {
                out->down.emplace_back(target.label("instance"));
            }
        }
        OA_CO_TRY(
            out->never_seen,
            co_await instances(prometheus::never_seen(selector("up"), selector(build), "1d"))
        );
        OA_CO_TRY(
            out->mixed,
            co_await instances(prometheus::mixed_targets(
                selector(metric("process_start_time_seconds").name),
                prometheus::duration_text(k_mixed_s)
            ))
        );
        OA_CO_TRY(
            const SeriesMap builds,
            co_await ask(prometheus::last_scrapes(selector(build), window_s), {})
        );
        std::set<std::string> revisions;
        for (const SeriesId& series : builds | std::views::keys) {
            revisions.emplace(series.label("revision"));
        }
        out->revisions = fmt::format("{}", fmt::join(revisions, ", "));
        std::string count = prometheus::scrapes_of(selector(build), window_s);
        OA_CO_TRY(const SeriesMap scrapes, co_await ask(std::move(count), {}));
        revisions_ = prometheus::revisions_of(builds, scrapes);
        co_return Result<void>{};
    }
    /// Finds targets whose counts before the first scrape of a window are unknown although their
    /// process lived.
    Task<Result<void>> unseen_at_first(double window_s, ScrapedLanes* out) {
        if (window_s > prometheus::k_exact_up_to_s) {
            co_return Result<void>{};
        }
        constexpr double k_looks = 120;
        const std::string build = selector(metric("build_info").name);
        const auto how = first_events(window_s);
        const std::string unseen = prometheus::unseen_at_first(build, how, window_s / k_looks);
        OA_CO_TRY(const SeriesMap late, co_await ask(unseen, {}));
        for (const auto& [target, unseen_s] : late) {
            double scrapes = 0;
            for (const auto& revision : revisions_[prometheus::named_by(target)]) {
                scrapes += revision.scrapes;
            }
            const double interval_s = scrapes < 2 ? window_s : (window_s - unseen_s) / scrapes;
            const double stale_s = prometheus::usual_stale_after_s(interval_s);
            if (unseen_s > prometheus::least_unseen_s(stale_s, window_s)) {
                out->unseen.push_back(printable(target.label("instance"), 120));
            }
        }
        co_return Result<void>{};
    }
    /// A process with several series would count several times.
    Task<Result<void>> each_once(double window_s, ScrapedLanes* out) {
        constexpr double k_step_s = 60; // two scrape intervals in most configurations
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
    /// Reads the state of each target's services, with the expressions of the alerts.
    Task<Result<void>> services(ScrapedLanes* out) {
        OA_CO_TRY(
            out->unready,
            co_await instances(
                fmt::format("max by (job, instance) ({}) == 0", selector(metric("ready").name))
            )
        );
        for (std::string& query : fault_queries([&](auto name) { return selector(name); })) {
            OA_CO_TRY(SeriesMap found, co_await ask(std::move(query), {}));
            faults_.merge(found);
        }
        co_return Result<void>{};
    }
    [[nodiscard]] std::vector<ServiceFault> faults_of(const prometheus::TargetName& target) const {
        std::vector<ServiceFault> out;
        for (const ServiceSignal& signal : k_service_signals) {
            for (const auto& [series, value] : faults_) {
                if (series.label("signal") == signal.metric &&
                    prometheus::named_by(series) == target) {
                    const std::string_view which = series.label(signal.apart);
                    out.push_back({target.second, &signal, value, std::string(which)});
                }
            }
        }
        return out;
    }
    /// Assigns each target's series to its part, without the labels that name the target. Counters
    /// of several processes in turn seem to reset at each scrape, so they are left out.
    void share_out(const SeriesMap& rose, double window_s, ScrapedLanes& out) const {
        using prometheus::TargetName;
        std::map<TargetName, LanePart> parts;
        for (auto& [target, series] : prometheus::by_target(rose)) {
            parts[target].numbers.rose = std::move(series);
        }
        for (const auto& [target, revisions] : revisions_) {
            parts[target].revision = revisions.back().revision;
        }
        auto now = prometheus::by_target(by_process_, prometheus::k_part_now);
        auto before = prometheus::by_target(by_process_, prometheus::k_part_before);
        auto lived = prometheus::by_target(lived_);
        const auto among = [](const std::vector<std::string>& some, const TargetName& target) {
            return contains(some, target.second);
        };
        for (auto& [target, part] : parts) {
            part.name = target.second;
            part.numbers.window_s = window_s;
            part.faults = faults_of(target);
            const bool gone = !scraped_.contains(target);
            if (gone && part.numbers.rose.empty()) {
                continue; // before the window
            }
            part.state = gone                         ? k_ended
                         : among(out.down, target)    ? "down"
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
            const auto revisions = revisions_.find(target);
            if (revisions == revisions_.end() || part.numbers.rose.empty()) {
                out.parts.push_back(std::move(part));
            } else {
                prometheus::share_by_revision(
                    std::move(part),
                    revisions->second,
                    {now[target], before[target], lived[target]},
                    out
                );
            }
        }
        if (!out.mixed.empty() || !out.doubled.empty()) {
            out.all = {};
        }
    }

    const PrometheusOptions& options_;
    prometheus::Calls calls_;
    /// Revisions of each target within the window, the newest last.
    prometheus::Revisions revisions_{};
    std::set<prometheus::TargetName> scraped_{}; ///< scraped or down; other targets have ended
    SeriesMap by_process_{}; ///< of targets with several revisions
    SeriesMap lived_{}; ///< seconds, of the same targets
    SeriesMap faults_{}; ///< by target
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
