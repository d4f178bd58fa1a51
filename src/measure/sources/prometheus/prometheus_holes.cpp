// Finds data missing from a window because Prometheus itself was down and scraped no lane.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "prometheus_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace oa_stream::measure::prometheus {

std::string Queries::newest_scrapes(double step_s) const {
    // Lanes of any revision: if another one was scraped meanwhile, Prometheus was up.
    return fmt::format(
        "max(timestamp({}))[{}:{}]",
        selector(telemetry::metric("build_info").name, {}, false),
        window_,
        duration_text(step_s)
    );
}

std::string Queries::ended_within(Span hole, double stale_after_s) const {
    // Start times only rise: the lowest one after the hole is that of the process before it, or of
    // another process.
    const double middle = (hole.from_s + hole.to_s) / 2;
    return fmt::format(
        "count by (job, instance) (last_over_time({began}[{before}] @ {middle:.3f}) "
        "and on (job, instance) last_over_time({ours}[{before}] @ {middle:.3f}) "
        "unless on (job, instance) (max by (job, instance) (last_over_time({began}[{before}] @ "
        "{middle:.3f})) == max by (job, instance) (min_over_time({began}[{after}] @ {at:.3f}))))",
        fmt::arg(
            "began", selector(telemetry::metric("process_start_time_seconds").name, {}, false)
        ),
        fmt::arg("ours", ours()),
        fmt::arg("before", duration_text(middle - hole.from_s + stale_after_s)),
        fmt::arg("after", duration_text(question_.window.to_s - middle)),
        fmt::arg("middle", middle),
        fmt::arg("at", question_.window.to_s)
    );
}

Task<Result<void>> PrometheusReader::holes(double least_s, double step_s) {
    constexpr std::size_t k_most_targets = 3;
    OA_CO_TRY(
        const Answer newest,
        co_await ask("targets", queries_.newest_scrapes(step_s), ResultType::matrix)
    );
    const std::vector<Point> looks =
        newest.series.empty() ? std::vector<Point>{} : newest.series.front().points;
    Point last;
    for (const Point& look : looks) {
        const Point before = std::exchange(last, look);
        const Span hole{before.value, look.value};
        // When Prometheus is up, it marks a vanished target as stale at its next scrape.
        const bool away = before.at_s - before.value > scraping_.interval_s + step_s;
        const Span within{std::max(hole.from_s, question_.window.from_s), hole.to_s};
        // Counts whole scrapes: a scrape that is a little late misses none.
        const double missed = std::round(within.seconds() / scraping_.interval_s) - 1;
        const double unseen_s = missed * scraping_.interval_s;
        if (!away || unseen_s <= least_s) {
            continue;
        }
        const std::string query = queries_.ended_within(hole, scraping_.stale_after_s);
        OA_CO_TRY(const Answer ended, co_await ask("targets", query, ResultType::vector));
        auto names = mapped(ended.series, [](const Series& series) {
            return printable(series.label("instance"), 120);
        });
        if (!names.empty()) {
            not_covered(
                unseen_s * static_cast<double>(ended.series.size()),
                fmt::format(
                    "no lane was scraped for {} of the window, and the process at {} ended "
                    "meanwhile: what it counted then is unknown",
                    format_duration(Millis(1000 * std::llround(unseen_s))),
                    first_of(std::move(names), k_most_targets, ", ")
                )
            );
        }
    }
    co_return Result<void>{};
}

} // namespace oa_stream::measure::prometheus
