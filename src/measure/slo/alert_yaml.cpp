// Rules and cases as the YAML that Prometheus and promtool read.
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/measure/slo.hpp"

#include "alert_table.hpp"
#include "sources/prometheus/prometheus_queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace oa_stream::measure {
namespace alerts {
namespace {

constexpr std::string_view k_head =
    "# Written by oa-stream slo rules; change the options there, not this file.\n";

/// A JSON string is a YAML string.
std::string in_quotes(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string block(std::string_view text, std::string_view indent) {
    std::string out = "|-\n";
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        out += fmt::format("{}{}\n", indent, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

Labels labels_of(const Rule& rule) {
    Labels out{{"severity", rule.severity}};
    out.insert(out.end(), rule.labels.begin(), rule.labels.end());
    return out;
}

std::string mapping(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", name, in_quotes(value));
    }
    return "{" + out + "}";
}

std::string rule_yaml(const Rule& rule) {
    std::string out = fmt::format(
        "      - {}: {}\n        expr: {}",
        rule.records ? "record" : "alert",
        in_quotes(rule.name),
        block(rule.expr, "          ")
    );
    if (!rule.records) {
        out += fmt::format(
            "        for: {}\n        labels: {}\n        annotations: {{summary: {}}}\n",
            rule.wait,
            mapping(labels_of(rule)),
            in_quotes(rule.summary)
        );
    }
    return out;
}

/// "0 60+60x28 1740+0x4": the counter at minute 0, then one value a step.
std::string values(const std::vector<Piece>& pieces, int step) {
    std::string out = "0";
    double at = 0;
    for (const Piece& piece : pieces) {
        const double rise = piece.per_minute * step;
        if (piece.minutes > 0) {
            const int steps = piece.minutes / step;
            out += fmt::format(" {}+{}x{}", at + rise, rise, steps - 1);
            at += rise * steps;
        }
    }
    return out;
}

std::vector<Series> series_of(const Case& one, const AlertOptions& options) {
    std::vector<Series> out = healthy(options, one.minutes);
    for (const Series& change : one.changes) {
        const auto found = std::ranges::find(out, change.name, &Series::name);
        if (found == out.end()) {
            out.push_back(change);
        } else {
            found->pieces = change.pieces;
        }
    }
    std::erase_if(out, [](const Series& series) { return series.pieces.empty(); });
    return out;
}

/// With the matchers of the selectors as labels: what is not selected is not there.
std::string named(const Series& series, const AlertOptions& options) {
    std::string out = "oa_stream_" + series.name;
    for (const auto& [name, value] : selected_labels(options)) {
        out.insert(out.size() - 1, fmt::format(",{}={}", name, prometheus::in_quotes(value)));
    }
    return out;
}

const Rule* find(const std::vector<Group>& groups, std::string_view name) {
    for (const Group& group : groups) {
        const auto found = std::ranges::find(group.rules, name, &Rule::name);
        if (found != group.rules.end()) {
            return &*found;
        }
    }
    return nullptr;
}

std::string alert_yaml(const Expected& expected, const Rule& rule, int minutes) {
    Labels all = labels_of(rule);
    all.insert(all.end(), expected.labels.begin(), expected.labels.end());
    return fmt::format(
        "      - eval_time: {}m\n        alertname: {}\n        exp_alerts:\n"
        "          - exp_labels: {}\n            exp_annotations: {{summary: {}}}\n",
        minutes,
        expected.alert,
        mapping(all),
        in_quotes(rule.summary)
    );
}

/// Nothing else fires: an alert nobody named would otherwise go unseen.
std::string count_yaml(const Case& one, std::string_view watched) {
    std::map<std::string, int> count;
    for (const Expected& expected : one.firing) {
        ++count[expected.alert];
    }
    const std::string expr =
        fmt::format("count by (alertname) (ALERTS{{alertstate=\"firing\",{}}})", watched);
    std::string out = fmt::format(
        "    promql_expr_test:\n      - expr: {}\n        eval_time: {}m\n        exp_samples:{}\n",
        in_quotes(expr),
        one.minutes,
        count.empty() ? " []" : ""
    );
    for (const auto& [alert, times] : count) {
        const std::string labels = fmt::format("{{alertname=\"{}\"}}", alert);
        out += fmt::format("          - {{labels: {}, value: {}}}\n", in_quotes(labels), times);
    }
    return out;
}

std::string case_yaml(
    const Case& one,
    const CaseFile& file,
    const std::vector<Group>& groups,
    const AlertOptions& options
) {
    std::string out =
        fmt::format("  # {}\n  - interval: {}m\n    input_series:\n", one.name, one.step);
    for (const Series& series : series_of(one, options)) {
        out += fmt::format(
            "      - {{series: {}, values: {}}}\n",
            in_quotes(named(series, options)),
            in_quotes(values(series.pieces, one.step))
        );
    }
    if (!one.firing.empty()) {
        out += "    alert_rule_test:\n";
    }
    for (const Expected& expected : one.firing) {
        if (const Rule* rule = find(groups, expected.alert)) {
            out += alert_yaml(expected, *rule, one.minutes);
        }
    }
    return out + count_yaml(one, file.watched);
}

} // namespace

std::string rules_yaml(const std::vector<Group>& groups) {
    std::string out = std::string(k_head) + "groups:\n";
    for (const Group& group : groups) {
        out += fmt::format("  - name: {}\n    rules:\n", group.name);
        for (const Rule& rule : group.rules) {
            out += rule_yaml(rule);
        }
    }
    return out;
}

std::string tests_yaml(
    const CaseFile& file,
    const std::vector<Group>& groups,
    const AlertOptions& options,
    std::string_view rules_file
) {
    std::string out = fmt::format(
        "{}# promtool test rules {}\nrule_files: [{}]\nevaluation_interval: {}\ntests:\n",
        k_head,
        file.name,
        rules_file,
        file.evaluation_interval
    );
    for (const Case& one : file.cases) {
        out += case_yaml(one, file, groups, options);
    }
    return out;
}

namespace {

/// Each file of rules has tests that prove it, on series that the matchers select: so they must be
/// such that a series can be made from them.
Result<void> check_testable(const std::vector<Matcher>& matchers) {
    constexpr std::array<std::string_view, 9> k_own{
        "route", "class", "code", "le", "method", "status", "lane", "alertname", "severity"
    };
    std::set<std::string> names;
    for (const Matcher& one : matchers) {
        std::string why;
        if (std::ranges::find(k_own, one.name) != k_own.end()) {
            why = fmt::format("'{}' is the rules' own label", one.name);
        } else if (!names.insert(one.name).second) {
            why = fmt::format("'{}' is given twice", one.name);
        } else if (one.op.ends_with('~') || one.value.empty()) {
            why = fmt::format(
                "the rules are written with tests that prove them, and for {}{}{} no test's series "
                "can be made up",
                one.name,
                one.op,
                prometheus::in_quotes(printable(one.value, 40))
            );
        }
        if (!why.empty()) {
            return fail(Code::usage, std::move(why), {}, R"(NAME="VALUE" and NAME!="VALUE")");
        }
    }
    return {};
}

/// Beyond it a handful of requests, which is below every event floor, is the budget of a day.
Result<void> check_strictness(Fraction objective, Fraction budget) {
    constexpr unsigned k_one_in = 100'000;
    if (static_cast<unsigned __int128>(budget.num) * k_one_in >= budget.den) {
        return {};
    }
    return fail(
        Code::usage,
        fmt::format(
            "an objective of {:.10g}% is burnt by single requests: rules are proven to fire up to "
            "99.999%",
            objective.value() * 100
        ),
        {},
        "99.9%"
    );
}

} // namespace
} // namespace alerts

Result<std::vector<TextFile>> alert_rules(const AlertOptions& options) {
    OA_TRY(const auto matchers, parse_matchers(options.matchers));
    OA_CHECK(alerts::check_testable(matchers));
    OA_TRY(const Fraction budget, budget_of(options.objective));
    if (budget.num == 0) {
        return fail(Code::usage, "an objective of 100% leaves no budget to burn", {}, "99.9%");
    }
    OA_CHECK(alerts::check_strictness(options.objective, budget));
    for (const BurnPair& pair : k_burn_pairs) {
        OA_CHECK(check_reachable(pair.factor, options.objective));
    }
    constexpr std::string_view k_rules_file = "oa-stream.rules.yml";
    const auto groups = alerts::table(options);
    std::vector<TextFile> out{{std::string(k_rules_file), alerts::rules_yaml(groups)}};
    for (const alerts::CaseFile& file : alerts::cases(options)) {
        out.push_back({file.name, alerts::tests_yaml(file, groups, options, k_rules_file)});
    }
    return out;
}

} // namespace oa_stream::measure
