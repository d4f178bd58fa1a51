#include "oa_stream/measure/lane_numbers.hpp"

#include "oa_stream/telemetry/from_start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

bool takes(const telemetry::Term& term, const SeriesId& series) {
    return std::ranges::all_of(term.labels, [&](const telemetry::LabelIs& label) {
        return label.takes(series.label(label.label));
    });
}

/// Names the first few series: if a route is dropped, all of its statuses are missing.
std::set<std::string> words_of(const telemetry::Term& term, std::vector<std::string> unseen) {
    constexpr std::size_t k_most = 4;
    if (unseen.size() > k_most) {
        unseen[k_most - 1] =
            fmt::format("{} more series of {}", unseen.size() - k_most + 1, term.word);
        unseen.resize(k_most);
    }
    return {unseen.begin(), unseen.end()};
}

telemetry::SeriesSeen seen_of(const SeriesMap& series, const telemetry::Term& term) {
    const std::string_view apart = telemetry::from_start(term).label;
    telemetry::SeriesSeen seen;
    for (const auto& [id, ignored] : series_of(series, term.metric->name)) {
        if (takes(term, id)) {
            seen.emplace(id.label(apart), id.label("route"));
        }
    }
    return seen;
}

/// A lane exports all series of the term from its start, so an absent series is missing.
void find_missing(
    const telemetry::Term& term, const telemetry::SeriesSeen& seen, TurnCounts& into
) {
    into.missing.merge(words_of(term, telemetry::unseen(term, seen)));
}

/// Only 2xx: a lane answers few requests with other statuses, and earlier builds do not have all of
/// them.
bool lacks_good(const telemetry::Term& requests, const telemetry::SeriesSeen& seen) {
    const telemetry::FromStart all = telemetry::from_start(requests);
    return std::ranges::any_of(all.values, [&](const std::string& status) {
        return status.starts_with('2') &&
               std::ranges::any_of(all.routes, [&](const std::string& route) {
                   return !seen.contains({status, route});
               });
    });
}

} // namespace

std::optional<double> sum_of(const SeriesMap& series, const telemetry::Term& term) {
    std::optional<double> sum;
    for (const auto& [id, value] : series_of(series, term.metric->name)) {
        if (takes(term, id)) {
            sum = sum.value_or(0) + value;
        }
    }
    return sum;
}

std::map<std::string, double>
by_label(const SeriesMap& series, const telemetry::Metric& metric, std::string_view label) {
    std::map<std::string, double> out;
    for (const auto& [id, value] : series_of(series, metric.name)) {
        out[std::string(id.label(label))] += value;
    }
    return out;
}

TurnCounts turn_counts(const SeriesMap& series) {
    TurnCounts out;
    const telemetry::Term requests = telemetry::requests_term();
    out.total = sum_of(series, requests);
    const telemetry::SeriesSeen answered = seen_of(series, requests);
    find_missing(requests, answered, out);
    out.good_missing = lacks_good(requests, answered);
    double both = INFINITY; // requests that two terms both count: at most all of the smaller one
    for (const telemetry::Term& term : telemetry::bad_terms(telemetry::default_bad())) {
        auto some = sum_of(series, term);
        const telemetry::SeriesSeen seen = seen_of(series, term);
        if (!term.optional) {
            both = std::min(both, some.value_or(0));
            find_missing(term, seen, out);
        } else if (both > some.value_or(0) && !telemetry::unseen(term, seen).empty()) {
            some = both;
            out.missing.emplace(term.word);
        }
        if (some) {
            out.bad = out.bad.value_or(0) + (term.subtract ? -*some : *some);
        }
    }
    return out;
}

} // namespace oa_stream::measure
