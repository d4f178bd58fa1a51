#include "oa_stream/telemetry/from_start.hpp"

#include "oa_stream/base/lines.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::telemetry {
namespace {

bool has_label(const Metric& metric, std::string_view label) {
    for (std::string_view labels = metric.labels; !labels.empty();) {
        if (cut_until(labels, ',') == label) {
            return true;
        }
    }
    return false;
}

/// The label that distinguishes the metric's series, apart from the route.
std::string_view apart(const Metric& metric) {
    for (const std::string_view label : {"status", "class", "code"}) {
        if (has_label(metric, label)) {
            return label;
        }
    }
    return {};
}

std::vector<std::string> all_values(std::string_view label) {
    std::vector<std::string> out;
    if (label == "route") {
        for (const TurnRoute& route : k_turn_routes) {
            out.emplace_back(route.pattern);
        }
    } else if (label == "status") {
        for (const int status : k_turn_statuses) {
            out.push_back(std::to_string(status));
        }
    } else if (label == "class") {
        for (const TerminalRow& row : k_terminals) {
            out.emplace_back(row.word);
        }
    } else if (label == "code") {
        out.assign(k_compat_codes.begin(), k_compat_codes.end());
    }
    return out;
}

/// The label's values that the term selects.
std::vector<std::string> values_of(const Term& term, std::string_view label) {
    std::vector<std::string> out = all_values(label);
    for (const LabelIs& asked : term.labels) {
        if (asked.label == label) {
            std::erase_if(out, [&](const std::string& value) { return !asked.takes(value); });
        }
    }
    return out;
}

/// "codex_error"; statuses and codes are shown with their label.
std::string name_of(const FromStart& all, const std::string& value, std::string_view word) {
    return all.label.empty()      ? std::string(word)
           : all.label == "class" ? value
                                  : fmt::format("{} {}", all.label, value);
}

} // namespace

std::vector<LabelIs> FromStart::labels(const Metric& metric) const {
    std::vector<LabelIs> out;
    if (has_label(metric, "method")) {
        out.push_back({"method", {std::string(k_turn_method)}});
    }
    if (!label.empty()) {
        out.push_back({label, values});
    }
    if (has_label(metric, "route")) {
        out.push_back({"route", routes});
    }
    return out;
}

FromStart from_start(const Term& term) {
    const std::string_view label = apart(*term.metric);
    const bool by_route = has_label(*term.metric, "route");
    return {
        .label = label,
        .values = label.empty() ? std::vector<std::string>{""} : values_of(term, label),
        .routes = by_route ? values_of(term, "route") : std::vector<std::string>{""},
    };
}

std::vector<std::string> unseen(const Term& term, const SeriesSeen& seen) {
    const FromStart all = from_start(term);
    std::vector<std::string> out;
    std::vector<std::string> routes; // routes with at least one series
    for (const std::string& route : all.routes) {
        const bool any = std::ranges::any_of(all.values, [&](const std::string& value) {
            return seen.contains({value, route});
        });
        if (any) {
            routes.push_back(route);
        } else {
            out.push_back(fmt::format("{} on {}", term.word, route));
        }
    }
    if (routes.empty()) { // there is no series at all; classes have separate names
        return all.label == "class" ? all.values : std::vector<std::string>{std::string(term.word)};
    }
    for (const std::string& value : all.values) {
        std::vector<std::string> lacking;
        std::ranges::copy_if(routes, std::back_inserter(lacking), [&](const std::string& route) {
            return !seen.contains({value, route});
        });
        if (lacking.size() == routes.size()) {
            out.push_back(name_of(all, value, term.word));
            continue;
        }
        for (const std::string& route : lacking) {
            out.push_back(fmt::format("{} on {}", name_of(all, value, term.word), route));
        }
    }
    return out;
}

} // namespace oa_stream::telemetry
