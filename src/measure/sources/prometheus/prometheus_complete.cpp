// What a window's numbers lack: series of single targets, and what nobody saw.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include "prometheus_reader.hpp"
#include "prometheus_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure::prometheus {
namespace {

std::string target_of(const Series& series) {
    return printable(series.label("instance"), 120);
}

} // namespace

Task<Result<void>> Reader::out_of_sight() {
    if (!queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    const double least_s =
        std::max(scraping_.stale_after_s, k_unseen_share * question_.window.seconds());
    // So few failures matter to the target that is scraped least often.
    const std::string query = queries_.began_again(least_s / scraping_.interval_s);
    OA_CO_TRY(const Answer unseen, co_await ask("targets", query, ResultType::vector));
    for (const Series& series : unseen.series) {
        const double unseen_s = std::clamp(
            series.points.back().value * scraping_.interval_of(series),
            0.0,
            question_.window.seconds()
        );
        if (unseen_s <= least_s) {
            continue;
        }
        if (out_.uncovered.empty()) {
            out_.uncovered = fmt::format(
                "target {} was down for {} of the window and began again: what it counted before "
                "is unknown",
                target_of(series),
                format_duration(Millis(1000 * std::llround(unseen_s)))
            );
        }
        unseen_s_ += unseen_s;
    }
    co_return Result<void>{};
}

Task<Result<std::string>> Reader::lacking(std::vector<Queries::Needed> needed) {
    OA_CO_TRY(
        const Answer lack, co_await ask("targets", queries_.lacking(needed), ResultType::vector)
    );
    if (lack.series.empty()) {
        co_return std::string();
    }
    const Series& first = lack.series.front();
    co_return fmt::format(
        "{} has no series of {} (was a label renamed or a series dropped?)",
        target_of(first),
        printable(first.label("lacks"), 80)
    );
}

Task<Result<void>> Reader::complete() {
    std::vector<Queries::Needed> needed{{std::string(telemetry::metric("build_info").name), ""}};
    const auto need = [&](const telemetry::Term& term) {
        Queries::Needed one{std::string(term.metric->name), matchers(family_of(term))};
        if (!term.optional && std::ranges::find(needed, one) == needed.end()) {
            needed.push_back(std::move(one));
        }
    };
    need(telemetry::requests_term(question_.routes));
    std::ranges::for_each(counted_terms(question_), need);
    OA_CO_TRY(const std::string lack, co_await lacking(std::move(needed)));
    if (!lack.empty() && missing_.empty()) {
        miss("targets", lack);
    }
    co_return Result<void>{};
}

Task<Result<std::string>> Reader::without_times() {
    std::vector<Queries::Needed> needed{queries_.buckets()};
    co_return co_await lacking(std::move(needed));
}

} // namespace oa_stream::measure::prometheus
