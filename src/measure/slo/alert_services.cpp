// Alerts for the services that lanes depend on: Codex, the shared store, and Khala.
#include "oa_stream/measure/service_signals.hpp"

#include "alert_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::measure::alerts {
namespace {

/// The faulty one's value of the label `apart`; the other one is healthy.
constexpr std::string_view k_ill = "1";
constexpr std::string_view k_well = "2";

std::string name_of(const ServiceSignal& one, std::string_view which) {
    std::string out = here(one.metric);
    if (one.each()) {
        out.insert(out.size() - 1, fmt::format(",{}=\"{}\"", one.apart, which));
    }
    return out;
}

Series
series_of(const ServiceSignal& one, bool healthy, int minutes, std::string_view which = k_ill) {
    Series out{.name = name_of(one, which)};
    if (one.bad == SignalBad::rises) {
        out.pieces = {{healthy ? 0.0 : 1.0, minutes}};
    } else {
        out.constant = (one.bad == SignalBad::down) == healthy ? std::max(1.0, one.above * 2) : 0;
    }
    return out;
}

/// A new lane's counter rose before its first scrape and never again.
Case new_lane(const AlertOptions& options, const ServiceSignal& one) {
    constexpr int k_came = 21;
    constexpr double k_began = 1230; // seconds: half a minute before k_came
    const auto fresh = [](std::string_view metric, double value) {
        return Series{
            .name = std::string(metric) + R"({example="new"})", .constant = value, .absent = k_came
        };
    };
    return {
        .name = fmt::format("{}, before anybody looks at a new lane", one.fault),
        .changes = {fresh(one.metric, one.above + 1), fresh("process_start_time_seconds", k_began)},
        .firing = {{std::string(one.alert), case_labels(options, "example", "new")}},
    };
}

} // namespace

Group service_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-services", .rules = {}};
    const std::string began = selector(options, "process_start_time_seconds", "");
    for (const ServiceSignal& one : k_service_signals) {
        out.rules.push_back({
            .name = std::string(one.alert),
            .expr = at_fault(one, selector(options, one.metric, ""), began),
            .wait = std::string(k_service_wait),
            .severity = one.pages ? "page" : "ticket",
            .summary = std::string(one.summary),
        });
    }
    return out;
}

std::vector<Case> service_cases(const AlertOptions& options) {
    std::vector<Case> out;
    for (const ServiceSignal& one : k_service_signals) {
        Labels labels = case_labels(options, "example", "a");
        if (one.each()) {
            labels.emplace_back(one.apart, k_ill);
        }
        out.push_back({
            .name = std::string(one.fault),
            .changes = {series_of(one, false, k_minutes)},
            .firing = {{std::string(one.alert), std::move(labels)}},
        });
        if (one.bad == SignalBad::rises) {
            out.push_back(new_lane(options, one));
        }
    }
    return out;
}

std::vector<Series> healthy_services(int minutes) {
    std::vector<Series> out;
    for (const ServiceSignal& one : k_service_signals) {
        out.push_back(series_of(one, true, minutes));
        if (one.each()) {
            out.push_back(series_of(one, true, minutes, k_well));
        }
    }
    return out;
}

} // namespace oa_stream::measure::alerts
