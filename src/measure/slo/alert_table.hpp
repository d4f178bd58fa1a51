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
    std::string name; ///< of an alert, or what a recording rule records
    std::string expr;
    bool records = false;
    std::string wait{};     ///< `for`
    std::string severity{}; ///< "page" or "ticket"
    std::vector<std::pair<std::string, std::string>> labels{}; ///< beside severity
    std::string summary{};
    std::string description{}; ///< a template of Prometheus'
    std::string next{};        ///< the command that shows the fault, a template too
    std::string runbook{};     ///< where the alert is explained
};
/// How long turns fail before they page, by whatever name: Alertmanager silences only what comes
/// after a page, so the alert of a cause must not fire later than those that it silences.
inline constexpr std::string_view k_user_wait = "2m";
struct Group {
    std::string name;
    std::vector<Rule> rules;
    std::string keep{}; ///< `keep_firing_for` of its alerts; empty: none
};
/// Of ratios: near its limit chance takes one above and below it again and again, and each time
/// were another page.
[[nodiscard]] std::string keep_of(const AlertOptions& options);
[[nodiscard]] std::vector<Group> table(const AlertOptions& options);
/// Of single processes, and of runs that report by --textfile; with their cases.
[[nodiscard]] Group process_rules(const AlertOptions& options);
/// Of the store that lanes share, and of Khala.
[[nodiscard]] Group service_rules(const AlertOptions& options);
[[nodiscard]] Group run_rules(const AlertOptions& options);
/// Of what is missing: ends, first contents, targets.
[[nodiscard]] Group silence_rules(const AlertOptions& options);
/// Of slow routes: the first content, whole turns.
[[nodiscard]] Group latency_rules(const AlertOptions& options);
/// bad / all > share, when there are enough of both
[[nodiscard]] std::string above(
    const AlertOptions& options, std::string_view bad, std::string_view all, std::string_view share
);
/// A metric's series (its name without the prefix) as the options select them.
[[nodiscard]] std::string
selector(const AlertOptions& options, std::string_view metric, std::string_view matchers);

/// What the counters of that selector rose by, first events included.
[[nodiscard]] std::string
risen(const AlertOptions& options, const std::string& counter, std::string_view window);

// Cases
// -----------------------------------------------------------------------------------------

/// Minutes of a case of what is missing or of a service.
inline constexpr int k_minutes = 30;
/// Series of the one target that a case has.
[[nodiscard]] inline std::string here(std::string_view metric) {
    return std::string(metric) + R"({example="a"})";
}

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A counter's rise for a while.
struct Piece {
    double per_minute = 0;
    int minutes = 0;
};
/// One series, its name without the metrics' prefix; no pieces: it is not there.
struct Series {
    std::string name;
    std::vector<Piece> pieces{};
    std::optional<double> constant{}; ///< instead: a gauge that stays there
    std::vector<double> turns{};      ///< instead: a gauge that has these in turn
    bool foreign = false;             ///< Prometheus' own: the name is whole
    int absent = 0;                   ///< minutes before a constant one is there
    int until = 0;                    ///< minute of its last value if constant; 0: it stays
};
struct Expected {
    std::string alert;
    Labels labels{}; ///< beside those of the rule
};
struct Case {
    std::string name;
    std::vector<Series> changes{}; ///< instead of, or beside, those of a healthy lane
    int minutes = 30;              ///< when it is looked at
    int step = 1;                  ///< minutes between two scrapes
    std::vector<Expected> firing{}; ///< all of them that the file watches
};
struct CaseFile {
    std::string name;
    std::string evaluation_interval;
    std::string watched; ///< matcher of the alerts that must not fire unless a case says so
    std::vector<Case> cases;
};
[[nodiscard]] std::vector<CaseFile> cases(const AlertOptions& options);
[[nodiscard]] std::vector<Case> process_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Case> silence_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Series> healthy_process(int minutes);
[[nodiscard]] std::vector<Case> latency_cases(const AlertOptions& options);
/// `turns` a minute on each route.
[[nodiscard]] std::vector<Series>
healthy_latency(const AlertOptions& options, double turns, int minutes);
[[nodiscard]] std::vector<Case> service_cases(const AlertOptions& options);
[[nodiscard]] std::vector<Series> healthy_services(int minutes);
/// Those of the series that runs leave.
[[nodiscard]] Labels run_labels(const AlertOptions& options);
/// Those of the selectors, and `name` unless they have one.
[[nodiscard]] Labels
case_labels(const AlertOptions& options, std::string_view name, std::string_view value);

/// Every series of a healthy lane: the cases' routes, each with turns_per_minute().
[[nodiscard]] std::vector<Series> healthy(const AlertOptions& options, int minutes);
/// Enough to be above every event floor.
[[nodiscard]] double turns_per_minute(const AlertOptions& options);
/// The labels that `=` of the options' matchers asks for; what `!=` asks for is not a label.
[[nodiscard]] Labels selected_labels(const AlertOptions& options);

/// Where the cases' traffic is: a route of each lane, with its label.
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
