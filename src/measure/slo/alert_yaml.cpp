// Renders rules and cases as the YAML that Prometheus and promtool read.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/measure/service_signals.hpp"

#include "alert_advice.hpp"
#include "alert_table.hpp"
#include "slo.hpp"
#include "sources/prometheus/prometheus_queries.hpp"

#include <fmt/format.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>
#include <yaml-cpp/stlemitter.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace oa_stream::measure {
namespace alerts {
namespace {

constexpr std::string_view k_head =
    "# Written by oa-stream slo rules; change the options there, not this file.\n";

/// A text in double quotes, so that YAML never reads it as a number or a truth value.
struct Quoted {
    std::string_view text;
};
YAML::Emitter& operator<<(YAML::Emitter& out, const Quoted& quoted) {
    return out << YAML::DoubleQuoted << std::string(quoted.text);
}

/// A key whose value follows.
struct Key {
    const char* name;
};
YAML::Emitter& operator<<(YAML::Emitter& out, const Key& key) {
    return out << YAML::Key << key.name << YAML::Value;
}

Labels labels_of(const Rule& rule) {
    Labels out{{"severity", rule.severity}};
    out.insert(out.end(), rule.labels.begin(), rule.labels.end());
    return out;
}

void emit_labels(YAML::Emitter& out, const Labels& labels) {
    out << YAML::Flow << YAML::BeginMap;
    for (const auto& [name, value] : labels) {
        out << YAML::Key << name << YAML::Value << Quoted{value};
    }
    out << YAML::EndMap;
}

void emit_rule(YAML::Emitter& out, const Rule& rule, const std::string& keep) {
    out << YAML::BeginMap << Key{rule.records ? "record" : "alert"} << Quoted{rule.name};
    out << Key{"expr"} << YAML::Literal << rule.expr;
    if (!rule.records) {
        out << Key{"for"} << rule.wait;
        if (!keep.empty()) {
            out << Key{"keep_firing_for"} << keep;
        }
        out << Key{"labels"};
        emit_labels(out, labels_of(rule));
        out << Key{"annotations"};
        emit_labels(
            out,
            {{"summary", rule.summary},
             {"description", rule.description},
             {"next", rule.next},
             {"runbook_url", rule.runbook}}
        );
    }
    out << YAML::EndMap;
}

/// "0 60+60x28 1740+0x4": the counter at minute 0, then one value per step.
std::string values(const Series& series, int minutes, int step) {
    if (series.constant) {
        const int from = series.absent / step;
        return fmt::format(
            "{}{}+0x{}",
            from > 0 ? fmt::format("_x{} ", from) : "",
            *series.constant,
            (series.until > 0 ? series.until : minutes) / step - from
        );
    }
    std::string out;
    for (int i = 0; !series.turns.empty() && i <= minutes / step; ++i) {
        out += fmt::format(
            "{}{}",
            i > 0 ? " " : "",
            series.turns[static_cast<std::size_t>(i) % series.turns.size()]
        );
    }
    if (!series.turns.empty()) {
        return out;
    }
    out = "0";
    double at = 0;
    for (const Piece& piece : series.pieces) {
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
            *found = change;
        }
    }
    std::erase_if(out, [](const Series& series) {
        return series.pieces.empty() && series.turns.empty() && !series.constant;
    });
    return out;
}

/// Adds the selectors' matchers as labels; without them the rules would not select the series.
std::string named(const Series& series, const AlertOptions& options) {
    std::string out = (series.foreign ? "" : std::string(telemetry::k_prefix)) + series.name;
    const bool of_run = series.name.starts_with("run_");
    for (const auto& [name, value] : of_run ? run_labels(options) : selected_labels(options)) {
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

std::string minutes_text(int minutes) {
    return fmt::format("{}m", minutes);
}

/// The annotations are templates that Prometheus fills in; the labels route and inhibit the alert.
void emit_expected(YAML::Emitter& out, const Expected& expected, const Rule& rule, int minutes) {
    Labels all = labels_of(rule);
    all.insert(all.end(), expected.labels.begin(), expected.labels.end());
    std::string labels =
        "ALERTS{alertstate=\"firing\",alertname=" + prometheus::in_quotes(expected.alert);
    for (const auto& [name, value] : all) {
        labels += fmt::format(",{}={}", name, prometheus::in_quotes(value));
    }
    labels += "}";
    const std::string expr =
        fmt::format(R"(ALERTS{{alertstate="firing",alertname="{}"}})", expected.alert);
    out << YAML::BeginMap << Key{"expr"} << Quoted{expr} << Key{"eval_time"}
        << minutes_text(minutes) << Key{"exp_samples"} << YAML::BeginSeq;
    out << YAML::Flow << YAML::BeginMap << Key{"labels"} << Quoted{labels} << Key{"value"} << 1
        << YAML::EndMap;
    out << YAML::EndSeq << YAML::EndMap;
}

/// Expects no other alert to fire: otherwise an unexpected one would go unnoticed.
void emit_count(YAML::Emitter& out, const Case& one, std::string_view watched) {
    std::map<std::string, int> count;
    for (const Expected& expected : one.firing) {
        ++count[expected.alert];
    }
    const std::string expr =
        fmt::format("count by (alertname) (ALERTS{{alertstate=\"firing\",{}}})", watched);
    out << YAML::BeginMap << Key{"expr"} << Quoted{expr};
    out << Key{"eval_time"} << minutes_text(one.minutes) << Key{"exp_samples"} << YAML::BeginSeq;
    for (const auto& [alert, times] : count) {
        const std::string labels = fmt::format("{{alertname=\"{}\"}}", alert);
        out << YAML::Flow << YAML::BeginMap << Key{"labels"} << Quoted{labels};
        out << Key{"value"} << times << YAML::EndMap;
    }
    out << YAML::EndSeq << YAML::EndMap;
}

void emit_case(
    YAML::Emitter& out,
    const Case& one,
    const CaseFile& file,
    const std::vector<Group>& groups,
    const AlertOptions& options
) {
    out << YAML::BeginMap << Key{"interval"} << minutes_text(one.step) << YAML::Comment(one.name);
    out << Key{"input_series"} << YAML::BeginSeq;
    for (const Series& series : series_of(one, options)) {
        out << YAML::Flow << YAML::BeginMap << Key{"series"} << Quoted{named(series, options)};
        out << Key{"values"} << Quoted{values(series, one.minutes, one.step)} << YAML::EndMap;
    }
    out << YAML::EndSeq;
    out << Key{"promql_expr_test"} << YAML::BeginSeq;
    emit_count(out, one, file.watched);
    for (const Expected& expected : one.firing) {
        if (const Rule* rule = find(groups, expected.alert)) {
            emit_expected(out, expected, *rule, one.minutes);
        }
    }
    out << YAML::EndSeq << YAML::EndMap;
}

} // namespace

std::string keep_of(const AlertOptions& options) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.keep).count();
    if (seconds == 0) {
        return {};
    }
    return seconds % 60 == 0 ? fmt::format("{}m", seconds / 60) : fmt::format("{}s", seconds);
}

std::string rules_yaml(const std::vector<Group>& groups) {
    YAML::Emitter out;
    out << YAML::BeginMap << Key{"groups"} << YAML::BeginSeq;
    for (const Group& group : groups) {
        out << YAML::BeginMap << Key{"name"} << group.name << Key{"rules"} << YAML::BeginSeq;
        for (const Rule& rule : group.rules) {
            emit_rule(out, rule, group.keep);
        }
        out << YAML::EndSeq << YAML::EndMap;
    }
    out << YAML::EndSeq << YAML::EndMap;
    return fmt::format("{}{}\n", k_head, out.c_str());
}

std::string tests_yaml(
    const CaseFile& file,
    const std::vector<Group>& groups,
    const AlertOptions& options,
    std::string_view rules_file
) {
    YAML::Emitter out;
    out << YAML::BeginMap << Key{"rule_files"};
    out << YAML::Flow << YAML::BeginSeq << std::string(rules_file) << YAML::EndSeq;
    out << Key{"evaluation_interval"} << file.evaluation_interval << Key{"tests"};
    out << YAML::BeginSeq;
    for (const Case& one : file.cases) {
        emit_case(out, one, file, groups, options);
    }
    out << YAML::EndSeq << YAML::EndMap;
    return fmt::format("{}# promtool test rules {}\n{}\n", k_head, file.name, out.c_str());
}

namespace {

constexpr std::string_view k_template = "{{";

/// Alert texts are templates, and each alert appends its own fragment to the address.
Result<void> check_runbook(std::string_view address) {
    const bool has_template = address.contains(k_template);
    if (!has_template && !address.contains('#')) {
        return {};
    }
    return fail(
        Code::usage,
        has_template
            ? fmt::format("Prometheus reads {} in the runbook's address as a template", k_template)
            : "the runbook's address has a fragment: each alert adds '#' and its own name",
        {},
        "https://wiki.example/on-call"
    );
}

/// Every rules file has tests on series that the matchers select, so it must be possible to build a
/// series from the matchers.
Result<void> check_testable(const std::vector<Matcher>& matchers) {
    constexpr std::array<std::string_view, 13> k_own{
        "route",
        "class",
        "code",
        "le",
        "method",
        "status",
        "lane",
        "alertname",
        "severity",
        "service",
        "tier",
        "probe",
        "run"
    };
    std::set<std::string> names;
    for (const Matcher& one : matchers) {
        std::string why;
        const bool of_service = contains(k_service_signals, one.name, &ServiceSignal::apart);
        if (of_service || contains(k_own, one.name)) {
            why = fmt::format("'{}' is the rules' own label", one.name);
        } else if (!names.insert(one.name).second) {
            why = fmt::format("'{}' is given twice", one.name);
        } else if (one.value.contains(k_template)) {
            why =
                fmt::format("Prometheus reads {} in the texts of alerts as a template", k_template);
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

/// With a stricter objective a handful of requests, fewer than every event floor, would be the
/// budget of a day.
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
    OA_CHECK(alerts::check_runbook(options.runbook));
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
    out.push_back({"oa-stream.alertmanager.yml", alerts::alertmanager_yaml(groups)});
    return out;
}

} // namespace oa_stream::measure
