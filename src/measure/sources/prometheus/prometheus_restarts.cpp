// Finds data missing from a window because a process restarted within it.
#include "oa_stream/base/text.hpp"

#include "prometheus_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::size_t k_most_named = 3;
/// Per lane over the window; fewer with many lanes, because a query's time is limited.
constexpr double k_most_looks = 720;
constexpr double k_least_looks = 120;
constexpr double k_looks_at_all = 7200;

using Process = std::array<std::string, 3>;

Process process_of(const Series& series) {
    return {
        std::string(series.label("job")),
        std::string(series.label("instance")),
        std::string(series.label("id")),
    };
}

} // namespace

Task<Result<void>> PrometheusReader::restarts() {
    if (!queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    // The last scrape of a process that ended within the window may lie before the window.
    const double look_s = question_.window.seconds() + scraping_.interval_s;
    OA_CO_TRY(
        const Answer restarted,
        co_await ask("targets", queries_.restarted(look_s), ResultType::vector)
    );
    if (restarted.series.empty() || !missing_.empty()) {
        co_return Result<void>{};
    }
    restarts_ = looks_at(restarted, look_s);
    for (std::size_t i = 0; i < std::min(restarted.series.size(), k_most_named); ++i) {
        out_.notes.push_back(fmt::format(
            "the lane at {} restarted between two scrapes: what it counted after the earlier one "
            "is "
            "in no number",
            printable(restarted.series[i].label("instance"), 120)
        ));
    }
    if (restarted.series.size() > k_most_named) {
        out_.notes.push_back(fmt::format("so did {} more", restarted.series.size() - k_most_named));
    }
    OA_CO_CHECK(co_await ended_uncounted());
    co_return Result<void>{};
}

Queries::Restarts PrometheusReader::looks_at(const Answer& restarted, double look_s) const {
    std::set<std::string> instances;
    double interval_s = scraping_.interval_s;
    for (const Series& series : restarted.series) {
        instances.emplace(series.label("instance"));
        interval_s = std::min(interval_s, scraping_.interval_of(series));
    }
    Queries::Restarts out{
        .who = of_instances(std::vector<std::string>(instances.begin(), instances.end())),
        .look_s = look_s,
    };
    const auto lanes =
        static_cast<double>(out.who.empty() ? scraping_.intervals.size() : instances.size());
    const double looks = std::clamp(k_looks_at_all / lanes, k_least_looks, k_most_looks);
    // Two steps per scrape interval: a process' last scrape is seen even when the next one is
    // early.
    out.step_s = std::max(interval_s / 2, look_s / looks);
    return out;
}

Task<Result<void>> PrometheusReader::ended_uncounted() {
    if (!restarts_) {
        co_return Result<void>{};
    }
    const Queries::Restarts& restarts = *restarts_;
    OA_CO_TRY(
        const Answer ran, co_await ask("targets", queries_.ran_last(restarts), ResultType::vector)
    );
    OA_CO_TRY(
        const Answer now,
        co_await ask("targets", queries_.processes_now(restarts), ResultType::vector)
    );
    std::set<Process> alive;
    for (const Series& series : now.series) {
        alive.insert(process_of(series));
    }
    double uncounted = 0;
    for (const Series& series : ran.series) {
        const double turns = series.points.back().value;
        // A living process that ended more turns than it began has continued turns of an ended
        // process.
        uncounted +=
            alive.contains(process_of(series)) ? std::min(turns, 0.0) : std::max(turns, 0.0);
    }
    if (missing_.empty() && uncounted > 0) {
        out_.unread += std::ceil(uncounted);
        out_.notes.push_back(fmt::format(
            "up to {:g} turns ended uncounted with their lane: they ran at its last scrape",
            std::ceil(uncounted)
        ));
    }
    co_return Result<void>{};
}

Task<Result<double>> PrometheusReader::hidden_by(telemetry::Term term) {
    if (!restarts_ || !missing_.empty()) {
        co_return 0.0;
    }
    OA_CO_TRY(const auto hidden, co_await number(term.word, queries_.hidden(term, *restarts_)));
    co_return hidden.value_or(0);
}

Task<Result<double>> PrometheusReader::hidden_times() {
    if (!restarts_ || !missing_.empty()) {
        co_return 0.0;
    }
    OA_CO_TRY(const auto hidden, co_await number("times", queries_.hidden_times(*restarts_)));
    co_return hidden.value_or(0);
}

} // namespace oa_stream::measure::prometheus
