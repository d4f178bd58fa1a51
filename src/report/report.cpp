#include "oa_stream/report/report.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/base/seconds.hpp"

#include "judge_again.hpp"
#include "rollback_moments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace oa_stream::report {
namespace {

using measure::Sample;

std::string bad_text(std::span<const Sample> samples) {
    const auto counts = measure::count_bad(samples);
    const auto interval = measure::wilson(counts, 0.95, measure::Side::two);
    if (!interval) {
        return "–";
    }
    return fmt::format(
        "{} of {} ({} to {})",
        counts.bad,
        counts.total,
        percent_text(interval->low),
        percent_text(interval->high)
    );
}

std::string p95_with_bounds(std::span<const Sample> samples) {
    const auto latency = measure::latency_of(samples);
    return latency ? measure::p95_text(*latency) : "–";
}

std::string head(const Report& report) {
    std::string out = fmt::format(
        "# {}: {}\n\n{}\n\n",
        to_string(report.verdict),
        markdown_text(report.title),
        markdown_text(report.headline)
    );
    out += "| | |\n|---|---|\n";
    out += fmt::format("| run | `{}` |\n", report.id);
    out += fmt::format("| started | {} |\n", report.started_at);
    out += fmt::format("| took | {} |\n", seconds_text(report.duration_s));
    out += fmt::format("| exit code | {} |\n", report.exit_code);
    for (const auto& [name, value] : report.facts) {
        out += fmt::format("| {} | {} |\n", markdown_cell(name), markdown_cell(value));
    }
    if (!report.next.empty()) {
        out += fmt::format("| next | `{}` |\n", table_cell(report.next.text()));
    }
    return out;
}

std::string stage_table(const Report& report) {
    if (report.stages.empty()) {
        return {};
    }
    std::string out =
        "\n## Stages\n\nIntervals hold with 95 %. Both arms are probed at the same rate, each by "
        "its own address.\n\n"
        "| stage | held | verdict | unpinned probes met | canary bad | stable bad | canary p95 "
        "first content | stable p95 |\n|---|---|---|---|---|---|---|---|\n";
    for (const StageRow& row : report.stages) {
        out += fmt::format(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            row.name,
            seconds_text(row.seconds),
            verdict_word(row),
            markdown_cell(row.observed.empty() ? "–" : row.observed),
            bad_text(row.canary),
            bad_text(row.stable),
            p95_with_bounds(row.canary),
            p95_with_bounds(row.stable)
        );
    }
    return out;
}

std::string gate_table(const Report& report) {
    std::string rows;
    for (const StageRow& row : report.stages) {
        for (const measure::GateRecord& gate : row.gates) {
            rows += fmt::format(
                "| {} | {} | {} | {} |\n",
                row.name,
                markdown_cell(gate.spec.id),
                to_string(gate.verdict),
                markdown_cell(gate.sentence)
            );
        }
    }
    if (rows.empty()) {
        return {};
    }
    return "\n## Gates\n\n| stage | gate | verdict | why |\n|---|---|---|---|\n" + rows;
}

std::string event_row(std::string_view what, const std::optional<double>& at, double decided) {
    if (!at) {
        return fmt::format("| {} | not reached | |\n", what);
    }
    return fmt::format("| {} | {:.3f} s | {:+.3f} s |\n", what, *at, *at - decided);
}

/// A drill's recovery is what its users saw; the run's own probes say nothing beside it.
std::string rollback_part(const RollbackFacts& facts, bool drill) {
    std::string out = fmt::format(
        "\n## {}: {}\n\n{}\n\nFrom {} to {}.\n\n",
        facts.planned ? "Restore" : "Rollback",
        facts.verified ? "verified" : "NOT VERIFIED",
        markdown_text(facts.reason),
        markdown_text(facts.from),
        markdown_text(facts.to)
    );
    out += "| event | since the run began | since the decision |\n|---|---|---|\n";
    for (const auto& [name, at] : rollback_moments(facts)) {
        out += event_row(name, at, facts.decided_s);
    }
    out += fmt::format(
        "\n{} fresh connections, the last {} in a row answered well by stable.\n",
        facts.probes,
        facts.row
    );
    if (facts.user_visible_s && !drill) {
        out += fmt::format(
            "Recovery time (decision to fresh connections on stable): **{:.3f} s**.\n",
            *facts.user_visible_s - facts.decided_s
        );
    }
    if (!facts.streams.empty()) {
        out += fmt::format("Streams on the canary: {}.\n", facts.streams);
    }
    return out;
}

std::string time_row(std::string_view what, const std::optional<double>& s, std::string_view how) {
    return fmt::format(
        "| {} | {} | {} |\n", what, s ? fmt::format("**{:.3f} s**", *s) : "not measured", how
    );
}

std::optional<double> between(const std::optional<double>& a, const std::optional<double>& b) {
    return a && b ? std::optional(*b - *a) : std::nullopt;
}

std::string drill_part(const DrillFacts& facts, const RollbackFacts& rollback) {
    std::string out = fmt::format(
        "\n## Drill: {} at {}\n\n| time | | how it was measured |\n|---|---|---|\n",
        facts.fault.empty() ? "a ruled failure" : facts.fault,
        markdown_cell(facts.stage)
    );
    out += time_row(
        "detection",
        between(rollback.fault_s, rollback.seen_s),
        facts.fault.empty() ? "nothing was planted, so there was nothing to detect"
                            : "from planting the fault to the first bad answer to a probe"
    );
    out += time_row(
        "decision",
        between(rollback.seen_s, rollback.decided_s),
        facts.fault.empty() ? "the failure was ruled at the end of the stage"
                            : "from that answer to the gate that failed for good"
    );
    out += time_row(
        "recovery (RTO)",
        facts.recovery_s(),
        fmt::format(
            "from the decision to the first of an unbroken row of good answers by the "
            "baseline; unpinned probes over fresh connections, {:g}/s from the first shift to the "
            "end, so known to within {:.3f} s",
            facts.users_per_s,
            facts.known_to_within_s()
        )
    );
    out += fmt::format(
        "\nUnpinned probes meanwhile: {}, {} of them bad, {} by the revision that was made to "
        "fail.\n",
        counted(facts.users, "answer"),
        facts.users_bad,
        facts.users_canary
    );
    return out;
}

std::string check_table(const Report& report) {
    if (report.checks.empty()) {
        return {};
    }
    std::string out = "\n## Checks\n\n| check | verdict | mode | detail |\n|---|---|---|---|\n";
    for (const auto& row : rows_of_checks(report.checks)) {
        std::string ids;
        for (const Check* one : row) {
            ids += fmt::format("{}`{}`", ids.empty() ? "" : ", ", table_cell(one->id));
        }
        const Check& check = *row.front();
        out += fmt::format(
            "| {} | {} | {} | {} |\n",
            ids,
            to_string(check.verdict),
            to_string(check.mode),
            markdown_cell(check.detail)
        );
    }
    return out;
}

std::string tail(const Report& report) {
    std::string out;
    if (!report.notes.empty()) {
        out += "\n## Notes\n\n";
        for (const std::string& note : report.notes) {
            out += "- " + markdown_text(note) + "\n";
        }
    }
    const KeptEvidence& kept = report.kept;
    const std::string rejudge = judge_again(kept);
    out += rejudge.empty()
               ? "\n## Evidence\n\nThe sums of all files of this run:\n\n```sh\n"
               : "\n## Judge it again\n\nStreams were kept as bytes, each with its head, "
                 "and can be judged again offline:\n\n```sh\n";
    out += rejudge + "sha256sum -c SHA256SUMS\n```\n\n`timeline.ndjson` has every event in order";
    out += kept.journal ? ", `journal.ndjson` every change of traffic" : "";
    out += kept.measure ? ", `measure/` every sample and gate" : "";
    return out + ".\n";
}

} // namespace

std::vector<std::vector<const Check*>> rows_of_checks(const std::vector<Check>& checks) {
    std::vector<std::vector<const Check*>> out;
    std::map<std::string_view, std::size_t> skips; // row by reason
    for (const Check& check : checks) {
        const auto row = check.verdict == Verdict::skipped
                             ? skips.try_emplace(check.detail, out.size()).first->second
                             : out.size();
        out.resize(std::max(out.size(), row + 1));
        out[row].push_back(&check);
    }
    return out;
}

std::string report_markdown(const Report& report) {
    std::string out = head(report);
    if (report.drill && report.rollback) {
        out += drill_part(*report.drill, *report.rollback);
    }
    if (report.rollback && !report.rollback->planned) {
        out += rollback_part(*report.rollback, report.drill.has_value());
    }
    out += stage_table(report);
    out += gate_table(report);
    if (report.rollback && report.rollback->planned) {
        out += rollback_part(*report.rollback, report.drill.has_value());
    }
    out += check_table(report);
    out += tail(report);
    return out + report.appendix;
}

Json to_json(const RollbackFacts& facts) {
    Json out = {
        {"reason", facts.reason},
        {"from", facts.from},
        {"to", facts.to},
        {"verified", facts.verified},
        {"fault_s", or_null(facts.fault_s)},
        {"seen_s", or_null(facts.seen_s)},
        {"decided_s", facts.decided_s},
        {"written_s", or_null(facts.written_s)},
        {"read_back_s", or_null(facts.read_back_s)},
        {"user_visible_s", or_null(facts.user_visible_s)},
        {"confirmed_s", or_null(facts.confirmed_s)},
        {"probes", facts.probes},
        {"row", facts.row},
    };
    out["detection_s"] = or_null(between(facts.fault_s, facts.seen_s));
    out["decision_s"] = or_null(between(facts.seen_s, facts.decided_s));
    out["rto_s"] = or_null(between(facts.decided_s, facts.user_visible_s));
    if (!facts.streams.empty()) {
        out["streams"] = facts.streams;
    }
    return out;
}

std::optional<double> DrillFacts::recovery_s() const noexcept {
    return well_s ? std::optional(std::max(0.0, *well_s - decided_s)) : std::nullopt;
}

Json to_json(const DrillFacts& facts) {
    return {
        {"stage", facts.stage},
        {"fault", or_null(facts.fault)},
        {"users_per_s", facts.users_per_s},
        {"users", facts.users},
        {"users_bad", facts.users_bad},
        {"users_canary", facts.users_canary},
        {"decided_s", facts.decided_s},
        {"hurt_s", or_null(facts.hurt_s)},
        {"well_s", or_null(facts.well_s)},
        {"recovery_s", or_null(facts.recovery_s())},
        {"limit_s", facts.limit_s},
    };
}

std::string_view verdict_word(const StageRow& row) noexcept {
    return row.judged ? to_string(row.verdict) : "not judged";
}

Json to_json(const StageRow& row) {
    const auto counts = [](std::span<const Sample> samples) {
        const auto sum = measure::count_bad(samples);
        return Json{{"bad", sum.bad}, {"total", sum.total}};
    };
    return {
        {"name", row.name},
        {"split", row.split},
        {"observed", row.observed},
        {"seconds", row.seconds},
        {"verdict", to_string(row.verdict)},
        {"judged", row.judged},
        {"canary", counts(row.canary)},
        {"stable", counts(row.stable)},
        {"gates", json_list(row.gates)},
    };
}

} // namespace oa_stream::report
