// Finds data missing from a window: series of single targets, and stretches without scrapes.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/telemetry/from_start.hpp"

#include "prometheus_reader.hpp"
#include "prometheus_terms.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace oa_stream::measure::prometheus {
namespace {

std::string target_of(const Series& series) {
    return printable(series.label("instance"), 120);
}

} // namespace

Task<Result<void>> PrometheusReader::out_of_sight() {
    if (!queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    const double window = question_.window.seconds();
    const double least_s = least_unseen_s(scraping_.stale_after_s, window);
    // Even this few failures matter for the target that is scraped least often.
    const std::string query = queries_.began_again(least_s / scraping_.interval_s);
    OA_CO_TRY(const Answer failed, co_await ask("targets", query, ResultType::vector));
    for (const Series& series : failed.series) {
        const double scrapes = series.points.back().value;
        const double unseen_s = std::clamp(scrapes * scraping_.interval_of(series), 0.0, window);
        if (unseen_s > least_s) {
            not_covered(
                unseen_s,
                fmt::format(
                    "target {} was down for {} of the window and began again: what it counted "
                    "before is unknown",
                    target_of(series),
                    format_duration(Millis(1000 * std::llround(unseen_s)))
                )
            );
        }
    }
    constexpr double k_looks = 1440; // upper limit over the window
    const double step_s = std::max(scraping_.interval_s / 2, window / k_looks);
    OA_CO_TRY(
        const Answer late,
        co_await ask("targets", queries_.unseen_at_first(step_s), ResultType::vector)
    );
    for (const Series& series : late.series) {
        const double unseen_s = std::clamp(series.points.back().value, 0.0, window);
        if (unseen_s > least_s) {
            not_covered(unseen_s, why_not_covered(series.label("instance"), unseen_s));
        }
    }
    if (unseen_s_ == 0 && missing_.empty()) { // count an outage only once
        OA_CO_CHECK(co_await holes(least_s, step_s));
    }
    co_return Result<void>{};
}

void PrometheusReader::not_covered(double unseen_s, std::string why) {
    if (out_.uncovered.empty()) {
        out_.uncovered = std::move(why);
    }
    unseen_s_ += unseen_s;
}

Task<Result<std::string>>
PrometheusReader::lacking(std::vector<telemetry::Term> terms, Queries::Needed more) {
    std::vector<Queries::Needed> needed{std::move(more)};
    std::ranges::transform(terms, std::back_inserter(needed), &Queries::all_of);
    OA_CO_TRY(
        const Answer lack, co_await ask("targets", queries_.lacking(needed), ResultType::vector)
    );
    if (lack.series.empty() || !missing_.empty()) {
        co_return std::string();
    }
    const Series& first = lack.series.front();
    std::erase_if(terms, [&](const telemetry::Term& term) {
        return term.metric->name != first.label("lacks");
    });
    OA_CO_TRY(const std::string which, co_await which_lack(std::move(terms), first));
    co_return fmt::format(
        "{} has no series of {}{} (was a label renamed, a series dropped, or is it a lane of "
        "another "
        "version?)",
        target_of(first),
        printable(first.label("lacks"), 80),
        which
    );
}

Task<Result<std::string>>
PrometheusReader::which_lack(std::vector<telemetry::Term> terms, Series target) {
    constexpr std::size_t k_most = 3;
    std::vector<std::string> all;
    for (const telemetry::Term& term : terms) {
        const std::string_view label = telemetry::from_start(term).label;
        const std::string query = queries_.series_of(term, label, target);
        OA_CO_TRY(const Answer has, co_await ask("targets", query, ResultType::vector));
        telemetry::SeriesSeen seen;
        for (const Series& series : has.series) {
            seen.emplace(series.label(label), series.label("route"));
        }
        if (seen.empty()) {
            continue; // not one
        }
        for (std::string& word : telemetry::unseen(term, seen)) {
            add_once(all, std::move(word));
        }
    }
    co_return all.empty() ? std::string() : " for " + first_of(std::move(all), k_most, ", ");
}

Task<Result<void>> PrometheusReader::complete() {
    std::vector<telemetry::Term> terms = counted_terms(question_);
    const telemetry::Term requests = telemetry::requests_term(question_.routes);
    // The requests term includes all statuses.
    std::erase_if(terms, [&](const telemetry::Term& term) {
        return term.metric == requests.metric;
    });
    terms.push_back(requests);
    Queries::Needed build{.metric = std::string(telemetry::metric("build_info").name)};
    OA_CO_TRY(const std::string lack, co_await lacking(std::move(terms), std::move(build)));
    if (!lack.empty() && missing_.empty()) {
        miss("targets", lack);
    }
    co_return Result<void>{};
}

Task<Result<std::string>> PrometheusReader::without_times() {
    std::vector<telemetry::Term> terms{telemetry::late_term(question_.routes)};
    co_return co_await lacking(std::move(terms), queries_.histograms());
}

} // namespace oa_stream::measure::prometheus
