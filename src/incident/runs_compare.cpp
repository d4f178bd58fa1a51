#include "oa_stream/incident/runs_compare.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/sample.hpp"

#include "stored_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace oa_stream::incident {
namespace {

constexpr std::string_view k_none = "–";

/// What is compared, in the order in which it is met.
class Table {
public:
    void put(const std::string& what, std::string value, bool second) {
        auto row = std::ranges::find(rows_, what, &ComparedRow::what);
        if (row == rows_.end()) {
            row = rows_.insert(
                rows_.end(), {what, std::string(k_none), std::string(k_none), false, false}
            );
        }
        (second ? row->b : row->a) = value.empty() ? std::string(k_none) : std::move(value);
    }
    [[nodiscard]] std::vector<ComparedRow> take() {
        for (ComparedRow& row : rows_) {
            row.differs = row.a != row.b;
        }
        return std::move(rows_);
    }

private:
    std::vector<ComparedRow> rows_;
};

std::optional<int> badness_of(std::string_view text) {
    return badness(text.substr(0, text.find_first_of(" ,")));
}

void mark_worse(std::vector<ComparedRow>& rows) {
    for (ComparedRow& row : rows) {
        const auto a = badness_of(row.a);
        const auto b = badness_of(row.b);
        row.worse = a && b && *b > *a;
    }
}

/// Differ in any two runs, and explain nothing.
constexpr std::array<std::string_view, 3> k_always{"started", "took", "why"};

void weigh_facts(std::vector<ComparedRow>& rows) {
    for (ComparedRow& row : rows) {
        const bool time = row.what.starts_with("rollback.") || contains(k_always, row.what);
        row.matters = row.differs && !time;
        row.meaning = row.differs && time ? "not compared" : "";
    }
}

void weigh_checks(std::vector<ComparedRow>& rows) {
    for (ComparedRow& row : rows) {
        row.matters = row.differs;
        row.meaning = !row.differs                             ? ""
                      : row.a == k_none                        ? "only in b"
                      : row.b == k_none                        ? "only in a"
                      : row.worse                              ? "b is worse"
                      : badness_of(row.a) && badness_of(row.b) ? "b is better"
                                                               : "";
    }
}

/// Of a spike or an expression only the value is known, however much of it chance may be.
bool has_interval(const Json& gate) {
    const std::string metric = text_in(gate, "metric");
    return metric != "spike" && metric != "expression";
}

/// Measured in seconds a token, and spoken of in tokens per second.
bool is_turned(const Json& gate) {
    return text_in(gate, "metric").starts_with(measure::to_string(measure::Timing::per_token));
}

/// What a gate measured; an interval that is open on one side is open there.
std::optional<measure::Interval> measured_by(const Json& gate) {
    constexpr double k_open = std::numeric_limits<double>::infinity();
    const auto value = number_in(gate, "value");
    if (!value || !has_interval(gate)) {
        return value ? std::optional(measure::Interval{*value, *value}) : std::nullopt;
    }
    return measure::Interval{
        number_in(gate, "low").value_or(-k_open), number_in(gate, "high").value_or(k_open)
    };
}

/// The gate of that stage in run.json.
const Json* gate_in(const run::RunEntry& run, std::string_view what) {
    for (const Json& stage : list_in(run.document, "stages")) {
        for (const Json& gate : list_in(stage, "gates")) {
            if (fmt::format("{}@{}", text_in(gate, "id"), text_in(stage, "name")) == what) {
                return &gate;
            }
        }
    }
    return nullptr;
}

bool same_rule(const Json& a, const Json& b) {
    return std::ranges::all_of(
        std::array<std::string_view, 9>{
            "metric",
            "against",
            "limit",
            "events",
            "signal",
            "promql",
            "promql_of",
            "quantity",
            "at_least"
        },
        [&](std::string_view key) {
            const Json* left = member(a, key);
            const Json* right = member(b, key);
            return (left == nullptr) == (right == nullptr) && (left == nullptr || *left == *right);
        }
    );
}

/// Of a gate that both measured.
void weigh_values(
    ComparedRow& row,
    const Json& gate,
    const measure::Interval& first,
    const measure::Interval& second,
    bool verdicts
) {
    const bool higher = second.low > first.high;
    const bool lower = second.high < first.low;
    row.matters = higher || lower || verdicts;
    if (higher || lower) {
        row.meaning = higher != is_turned(gate) ? "b is higher" : "b is lower";
        row.meaning += has_interval(gate) ? "" : " (there is no interval)";
    } else if (has_interval(gate)) {
        row.meaning = verdicts ? "the verdicts differ, the values only by chance"
                               : "within chance: the intervals overlap";
    } else {
        row.meaning.clear();
    }
}

/// Intervals that do not touch show a difference that chance does not explain: with bounds of 95 %
/// equal values come out as different about twice in a hundred comparisons, and at most in ten.
/// Where there is no interval, every other value is a difference.
void weigh_gates(std::vector<ComparedRow>& rows, const run::RunEntry& a, const run::RunEntry& b) {
    weigh_checks(rows);
    for (ComparedRow& row : rows) {
        const Json* left = gate_in(a, row.what);
        const Json* right = gate_in(b, row.what);
        if (!row.differs || left == nullptr || right == nullptr) {
            continue;
        }
        const auto first = measured_by(*left);
        const auto second = measured_by(*right);
        const bool verdicts = text_in(*left, "verdict") != text_in(*right, "verdict");
        if (!same_rule(*left, *right)) {
            row.meaning = "judged by another rule";
        } else if (!first && !second) { // each says why, and when
            row.matters = verdicts;
            row.meaning = "measured in neither";
        } else if (!first || !second) {
            row.meaning = "not measured in one of them";
        } else {
            weigh_values(row, *left, *first, *second, verdicts);
        }
    }
}

void put_facts(Table& table, const run::RunEntry& run, bool second) {
    table.put("verdict", run.verdict, second);
    table.put("state", std::string(run::to_string(run.life)), second);
    table.put("exit code", run.exit_code ? fmt::format("{}", *run.exit_code) : "", second);
    table.put("why", run.headline, second);
    table.put("kind", run.kind, second);
    table.put("playbook", run.name, second);
    table.put("started", run.started_at, second);
    table.put("took", run.duration_s ? seconds_text(*run.duration_s) : "", second);
    for (const char* group : {"versions", "target"}) {
        for (const auto& [key, value] : object_in(run.document, group).items()) {
            table.put(
                fmt::format("{}.{}", group, key),
                value.is_string() ? value.get<std::string>() : dump_json(value),
                second
            );
        }
    }
    if (const Json* faults = member(run.document, "faults"); faults && !faults->empty()) {
        table.put("planted faults", dump_json(*faults), second);
    }
    for (const char* key : {"detection_s", "decision_s", "rto_s"}) {
        if (const auto s = number_in(object_in(run.document, "rollback"), key)) {
            table.put(fmt::format("rollback.{}", key), fmt::format("{:.3f}", *s), second);
        }
    }
}

void put_checks(Table& table, const run::RunEntry& run, bool second) {
    for (const Json& check : list_in(run.document, "checks")) {
        table.put(text_in(check, "id"), text_in(check, "verdict"), second);
    }
}

/// In the gate's own words: only they know what kind of number it is.
std::string gate_text(const Json& gate) {
    return fmt::format("{} {}", text_in(gate, "verdict"), text_in(gate, "sentence"));
}

void put_gates(Table& table, const run::RunEntry& run, bool second) {
    for (const Json& stage : list_in(run.document, "stages")) {
        for (const Json& gate : list_in(stage, "gates")) {
            table.put(
                fmt::format("{}@{}", text_in(gate, "id"), text_in(stage, "name")),
                gate_text(gate),
                second
            );
        }
    }
}

void put_latencies(Table& table, const run::RunEntry& run, bool second) {
    for (const SampleGroup& group : stored_samples(run.folder)) {
        table.put(
            fmt::format("{}{}{}", group.arm, group.stage.empty() ? "" : " at ", group.stage),
            latency_text(measure::latency_of(group.samples)),
            second
        );
    }
}

Json rows_json(const std::vector<ComparedRow>& rows) {
    return json_list(rows, [](const ComparedRow& row) -> Json {
        return {
            {"what", row.what},
            {"a", row.a},
            {"b", row.b},
            {"differs", row.differs},
            {"worse", row.worse},
            {"matters", row.matters},
            {"meaning", row.meaning},
        };
    });
}

} // namespace

std::size_t Comparison::differences() const noexcept {
    std::size_t out = 0;
    for (const auto* rows : {&facts, &checks, &gates}) {
        out += static_cast<std::size_t>(std::ranges::count(*rows, true, &ComparedRow::differs));
    }
    return out;
}

std::size_t Comparison::that_matter() const noexcept {
    std::size_t out = 0;
    for (const auto* rows : {&facts, &checks, &gates}) {
        out += static_cast<std::size_t>(std::ranges::count(*rows, true, &ComparedRow::matters));
    }
    return out;
}

bool Comparison::worse() const noexcept {
    return std::ranges::any_of(std::array{&facts, &checks, &gates}, [](const auto* rows) {
        return std::ranges::any_of(*rows, &ComparedRow::worse);
    });
}

Comparison compare_runs(const run::RunEntry& a, const run::RunEntry& b) {
    Comparison out;
    const auto both = [&](auto put) {
        Table table;
        put(table, a, false);
        put(table, b, true);
        auto rows = table.take();
        mark_worse(rows);
        return rows;
    };
    out.facts = both(put_facts);
    out.checks = both(put_checks);
    out.gates = both(put_gates);
    out.latencies = both(put_latencies);
    weigh_facts(out.facts);
    weigh_checks(out.checks);
    weigh_gates(out.gates, a, b);
    return out;
}

Json to_json(const Comparison& comparison) {
    return {
        {"facts", rows_json(comparison.facts)},
        {"checks", rows_json(comparison.checks)},
        {"gates", rows_json(comparison.gates)},
        {"latencies", rows_json(comparison.latencies)},
        {"differences", comparison.differences()},
        {"matter", comparison.that_matter()},
        {"worse", comparison.worse()},
    };
}

} // namespace oa_stream::incident
