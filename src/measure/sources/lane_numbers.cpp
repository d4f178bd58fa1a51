#include "oa_stream/measure/lane_numbers.hpp"

#include <algorithm>

namespace oa_stream::measure {
namespace {

bool takes(const telemetry::Term& term, const SeriesId& series) {
    return std::ranges::all_of(term.labels, [&](const telemetry::LabelIs& label) {
        return label.takes(series.label(label.label));
    });
}

/// A lane has every class from its start, so each that is not there is missing.
void find_missing(const SeriesMap& series, const telemetry::Term& term, TurnCounts& into) {
    const auto found = std::ranges::find(term.labels, "class", &telemetry::LabelIs::label);
    if (found == term.labels.end()) {
        if (!sum_of(series, term)) {
            into.missing.emplace(term.word);
        }
        return;
    }
    for (const std::string& word : found->values) {
        telemetry::Term one = term;
        one.labels = {{"class", {word}}};
        if (!sum_of(series, one)) {
            into.missing.insert(word);
        }
    }
}

} // namespace

std::optional<double> sum_of(const SeriesMap& series, const telemetry::Term& term) {
    std::optional<double> sum;
    const std::string name(term.metric->name);
    for (auto it = series.lower_bound(SeriesId{name, {}});
         it != series.end() && it->first.name == name;
         ++it) {
        if (takes(term, it->first)) {
            sum = sum.value_or(0) + it->second;
        }
    }
    return sum;
}

std::map<std::string, double>
by_label(const SeriesMap& series, const telemetry::Metric& metric, std::string_view label) {
    std::map<std::string, double> out;
    for (const auto& [id, value] : series) {
        if (id.name == metric.name) {
            out[std::string(id.label(label))] += value;
        }
    }
    return out;
}

TurnCounts turn_counts(const SeriesMap& series) {
    TurnCounts out;
    const telemetry::Term requests = telemetry::requests_term();
    out.total = sum_of(series, requests);
    find_missing(series, requests, out);
    for (const telemetry::Term& term : telemetry::bad_terms(telemetry::default_bad())) {
        const auto some = sum_of(series, term);
        if (some) {
            out.bad = out.bad.value_or(0) + (term.subtract ? -*some : *some);
        }
        if (!term.optional) {
            find_missing(series, term, out);
        }
    }
    return out;
}

} // namespace oa_stream::measure
