// The table of alerts: expressions, and the cases that prove them. Private to the room.
#pragma once

#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure::alerts {

struct Rule {
    std::string name; ///< of the alert, or of the recorded series
    std::string expr;
    bool records = false;
    std::string wait{};     ///< `for`
    std::string severity{}; ///< "page" or "ticket"
    std::vector<std::pair<std::string, std::string>> labels{}; ///< beside severity
    std::string summary{};
    std::string description{}; ///< a Prometheus template
    std::string next{}; ///< the command that shows the fault; also a template
    std::string runbook{}; ///< the document that explains the alert
};
/// How long turns fail before their alerts page. Alertmanager only silences alerts that fire after
/// a page, so a cause's alert must not fire later than the alerts that it silences.
inline constexpr std::string_view k_user_wait = "2m";
struct Group {
    std::string name;
    std::vector<Rule> rules;
    std::string keep{}; ///< `keep_firing_for` of the group's alerts; empty: none
};
/// `keep_firing_for` for ratios: near its limit a ratio crosses it repeatedly by chance, and each
/// crossing would page again.
[[nodiscard]] std::string keep_of(const AlertOptions& options);
[[nodiscard]] std::vector<Group> table(const AlertOptions& options);
/// Rules for single processes, and for runs that report by --textfile.
[[nodiscard]] Group process_rules(const AlertOptions& options);
/// Rules for the services that lanes depend on: Codex, the store, Khala.
[[nodiscard]] Group service_rules(const AlertOptions& options);
[[nodiscard]] Group run_rules(const AlertOptions& options);
/// Rules for missing data: ends, first contents, targets.
[[nodiscard]] Group silence_rules(const AlertOptions& options);
/// Rules for slow routes: first content, whole turns.
[[nodiscard]] Group latency_rules(const AlertOptions& options);
/// bad / all > share, when both are above their event floors
[[nodiscard]] std::string above(
    const AlertOptions& options, std::string_view bad, std::string_view all, std::string_view share
);
/// A selector for a metric (name without the prefix), with the options' matchers.
[[nodiscard]] std::string
selector(const AlertOptions& options, std::string_view metric, std::string_view matchers);

/// The rise of that selector's counters, including events before the first scrape.
[[nodiscard]] std::string
risen(const AlertOptions& options, const std::string& counter, std::string_view window);

// Cases
// -----------------------------------------------------------------------------------------

/// Length of the cases for missing data and for services.
inline constexpr int k_minutes = 30;
/// The series of the only target in a case.
[[nodiscard]] inline std::string here(std::string_view metric) {
    return std::string(metric) + R"({example="a"})";
}

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A counter's rise during some minutes.
struct Piece {
    double per_minute = 0;
    int minutes = 0;
};
/// One series, named without the metrics' prefix. Without pieces it does not exist.
struct Series {
    std::string name;
    std::vector<Piece> pieces{};
    std::optional<double> constant{}; ///< instead of pieces: a gauge with this constant value
    std::vector<double> turns{}; ///< instead of pieces: a gauge with these values in turn
    bool foreign = false; ///< one of Prometheus' own series: the name is complete
    int absent = 0; ///< minutes before the first value of a constant
    int until = 0; ///< minute of the last value of a constant; 0: it stays
};
struct Expected {
    std::string alert;
    Labels labels{}; ///< in addition to those of the rule
};
struct Case {
    std::string name;
    std::vector<Series> changes{}; ///< replace or add to the series of a healthy lane
    int minutes = 30; ///< minute of the evaluation
    int step = 1;                  ///< minutes between two scrapes
    std::vector<Expected> firing{}; ///< all expected alerts among those that the file watches
};
struct CaseFile {
    std::string name;
    std::string evaluation_interval;
    std::string watched; ///< matcher of the alerts that may only fire when a case expects them
    std::vector<Case> cases;
};
[[nodiscard]] std::vector<CaseFile> cases(const AlertOptions& options);
[[nodiscard]] std::vector<Case> process_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Case> silence_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Series> healthy_process(int minutes);
[[nodiscard]] std::vector<Case> latency_cases(const AlertOptions& options);
/// Histograms with `turns` turns per minute on each route.
[[nodiscard]] std::vector<Series>
healthy_latency(const AlertOptions& options, double turns, int minutes);
[[nodiscard]] std::vector<Case> service_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Series> healthy_services(int minutes);
/// Labels of the series that runs leave.
[[nodiscard]] Labels run_labels(const AlertOptions& options);
/// The selectors' labels, and `name` unless the selectors have it.
[[nodiscard]] Labels
case_labels(const AlertOptions& options, std::string_view name, std::string_view value);

/// All series of a healthy lane, with turns_per_minute() on each of the cases' routes.
[[nodiscard]] std::vector<Series> healthy(const AlertOptions& options, int minutes);
/// High enough to be above every event floor.
[[nodiscard]] double turns_per_minute(const AlertOptions& options);
/// The labels that the options' matchers require with `=`; a `!=` matcher gives no label.
[[nodiscard]] Labels selected_labels(const AlertOptions& options);

/// The cases' traffic: one route of each lane, with its label.
inline constexpr std::array k_case_routes{
    telemetry::k_turn_routes.front(),
    telemetry::k_turn_routes.back(),
};

/// `upgrade_required` → `OaStreamUpgradeRequired`
[[nodiscard]] std::string alert_name(std::string_view word);

[[nodiscard]] std::string rules_yaml(const std::vector<Group>& groups);
[[nodiscard]] std::string tests_yaml(
    const CaseFile& file,
    const std::vector<Group>& groups,
    const AlertOptions& options,
    std::string_view rules_file
);

} // namespace oa_stream::measure::alerts
