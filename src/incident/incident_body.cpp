// The issue's text.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/incident/incident.hpp"
#include "oa_stream/measure/gate.hpp"

#include "body_parts.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::incident {
namespace {

/// One cell of a table, or a line.
std::string cell(std::string_view text) {
    return text.empty() ? "–" : markdown_cell(text, MarkdownFor::issue);
}

/// Inside a fence: nothing may end it.
std::string fenced(std::string text) {
    for (std::size_t at = text.find("```"); at != std::string::npos; at = text.find("```", at)) {
        text.replace(at, 3, "'''");
    }
    return text;
}

Part head_part(const Incident& incident) {
    Part out;
    out.head = fmt::format("# {}\n\n", cell(incident.title));
    out.head +=
        "| | run | verdict | state | started | took | exit |\n|---|---|---|---|---|---|---|\n";
    for (const IncidentRun& run : incident.runs) {
        const run::RunEntry& one = run.entry;
        out.head += fmt::format(
            "| {} | `{}` | {} | {} | {} | {} | {} |\n",
            run.label,
            one.id,
            one.verdict.empty() ? "none" : one.verdict,
            run::to_string(one.life),
            one.started_at,
            one.duration_s ? seconds_text(*one.duration_s) : "–",
            one.exit_code ? fmt::format("{}", *one.exit_code) : "–"
        );
    }
    for (const IncidentRun& run : incident.runs) {
        if (!run.entry.headline.empty()) {
            out.head += fmt::format("\n**{}**: {}\n", run.label, cell(run.entry.headline));
        }
        if (!run.open.empty()) {
            out.head += fmt::format("\n**{} needs somebody**: {}\n", run.label, cell(run.open));
        }
        if (!run.sums.whole()) {
            out.head += fmt::format("\n**{}**: {}\n", run.label, cell(run::sums_text(run.sums)));
        }
    }
    return out;
}

/// Where its report, which is written at its end, has none.
std::string_view without_checks(const IncidentRun& run) {
    if (text_in(run.entry.document, "state") == "finished") {
        return "its report has no checks";
    }
    return run.entry.life == run::RunLife::running
               ? "its report is not written yet; the timeline has the checks that it recorded"
               : "its report was not written; the timeline has the checks that it recorded";
}

Part checks_part(const Incident& incident) {
    Part out;
    bool all_judged = true;
    for (const IncidentRun& run : incident.runs) {
        const Json& checks = list_in(run.entry.document, "checks");
        if (checks.empty()) {
            all_judged = false;
            out.foot += fmt::format("\n{}: {}.\n", run.label, without_checks(run));
            continue;
        }
        std::size_t passed = 0;
        for (const Json& check : checks) {
            const std::string verdict = text_in(check, "verdict");
            if (is_quiet(verdict)) {
                ++passed;
                continue;
            }
            out.lines.push_back(
                {fmt::format(
                     "| {} | {} | {} | {} |",
                     run.label,
                     verdict,
                     cell(text_in(check, "id")),
                     cell(text_in(check, "detail"))
                 ),
                 verdict == to_string(Verdict::inconclusive) ? Rank::open_check : Rank::never}
            );
        }
        out.foot += fmt::format(
            "\n{}: {} of {} passed or skipped.\n",
            run.label,
            passed,
            counted(checks.size(), "check")
        );
    }
    out.head = "\n## What did not pass\n\n";
    if (!out.lines.empty()) {
        out.head += "| | verdict | check | why |\n|---|---|---|---|\n";
    } else if (all_judged) {
        out.head += "Nothing that was judged.\n";
    }
    return out;
}

std::string seconds_in(const Json& json, std::string_view key) {
    const auto found = number_in(json, key);
    return found ? fmt::format("{:.3f} s", *found) : "not measured";
}

Part rollback_part(const Incident& incident) {
    Part out;
    for (const IncidentRun& run : incident.runs) {
        const Json& rollback = object_in(run.entry.document, "rollback");
        if (rollback.empty()) {
            continue;
        }
        const bool verified = bool_member(rollback, "verified").value_or(false);
        out.lines.push_back({fmt::format(
            "{}: from {} to {}, **{}**. Detection {}, decision {}, recovery {}.",
            run.label,
            cell(text_in(rollback, "from")),
            cell(text_in(rollback, "to")),
            verified ? "verified" : "NOT VERIFIED",
            seconds_in(rollback, "detection_s"),
            seconds_in(rollback, "decision_s"),
            seconds_in(rollback, "rto_s")
        )});
    }
    if (!out.lines.empty()) {
        out.head = "\n## Rollback\n\n";
    }
    return out;
}

Rank rank_of(Weight weight) {
    static constexpr std::array k_ranks{
        Rank::access, Rank::passed, Rank::routine, Rank::turning, Rank::key_event
    };
    return k_ranks[static_cast<std::size_t>(weight)];
}

/// What the access logs count, and what keeps the counts from being the whole truth.
std::string requests_text(const Timeline& timeline) {
    std::uint64_t turns = 0;
    std::uint64_t bad = 0;
    std::uint64_t lost = 0;
    for (const TimelineEvent& event : timeline.events) {
        turns += event.bad_turn.has_value() ? 1 : 0;
        bad += event.bad_turn.value_or(false) ? 1 : 0;
        lost += event.lost;
    }
    std::string out;
    if (turns + lost + timeline.damaged > 0) {
        out += fmt::format(
            "\nThe logs hold {}, {} of them bad.\n", counted(turns, "turn request"), bad
        );
    }
    const auto add = [&](std::uint64_t lines, std::string_view what, std::string_view so) {
        if (lines > 0) {
            out += fmt::format(
                "\n{} {} {}: {}.\n",
                counted(lines, "access line"),
                lines == 1 ? "was" : "were",
                what,
                so
            );
        }
    };
    add(timeline.repeated, "repeated", "each request counts once");
    add(lost, "lost", "each may have been a request, good or bad");
    add(timeline.damaged, "damaged", "each may have been a request, good or bad");
    return out;
}

Part timeline_part(const Incident& incident) {
    Part out;
    const auto& events = incident.timeline.events;
    if (events.empty()) {
        return out;
    }
    out.head =
        fmt::format("\n## Timeline\n\nUTC; seconds since {}.\n\n```text\n", events.front().at);
    for (const TimelineEvent& event : events) {
        constexpr std::size_t k_date = 11; // 2026-02-22T
        out.lines.push_back(
            {fenced(fmt::format(
                 "{:>10.3f} {} {}: {}", event.t, event.at.substr(k_date), event.source, event.text
             )),
             rank_of(event.weight)}
        );
    }
    out.foot = "```\n";
    out.foot += requests_text(incident.timeline);
    if (incident.timeline.undated > 0) {
        out.foot += fmt::format(
            "\n{} of the logs without a time left out.\n",
            counted(incident.timeline.undated, "line")
        );
    }
    return out;
}

Part chart_part(const Incident& incident) {
    Part out;
    for (const IncidentRun& run : incident.runs) {
        const std::string charts = text_charts(run.samples);
        if (charts.empty()) {
            continue;
        }
        out.lines.push_back({run.label, Rank::chart});
        for (std::string_view text = charts; !text.empty();) {
            out.lines.push_back({std::string(cut_line(text)), Rank::chart});
        }
    }
    if (!out.lines.empty()) {
        out.head = "\n## Measured\n\n```text\n";
        out.foot = "```\n";
    }
    return out;
}

Part facts_part(const Incident& incident) {
    Part out;
    out.head = "\n## Facts\n\n| | |\n|---|---|\n";
    const auto add = [&](std::string_view name, std::string_view value) {
        out.lines.push_back({fmt::format("| {} | {} |", cell(name), cell(value))});
    };
    for (const IncidentRun& run : incident.runs) {
        for (const char* group : {"versions", "target", "process"}) {
            for (const auto& [key, value] : object_in(run.entry.document, group).items()) {
                add(fmt::format("{} {}.{}", run.label, group, key),
                    value.is_string() ? value.get<std::string>() : dump_json(value));
            }
        }
    }
    for (const auto& [name, value] : incident.facts) {
        add(name, value);
    }
    return out;
}

/// What this machine is like, as far as it could have to do with it: what is in order goes early.
Part doctor_part(const Incident& incident, const Redactor& redactor) {
    Part out;
    if (incident.doctor.empty() && incident.settings.empty()) {
        return out;
    }
    out.head = "\n## This machine now\n\n| | | |\n|---|---|---|\n";
    for (const Check& check : incident.doctor) {
        const std::string fix = text_in(check.data, "mend");
        const bool wrong = check.verdict != Verdict::pass && check.verdict != Verdict::skipped;
        out.lines.push_back(
            {fmt::format(
                 "| doctor {} | {} | {}{} |",
                 cell(check.id),
                 to_string(check.verdict),
                 cell(redactor.apply(check.detail)),
                 wrong && !fix.empty() ? cell("; fix: " + redactor.apply(fix)) : ""
             ),
             wrong ? Rank::open_check : Rank::passed}
        );
    }
    for (const auto& [name, value] : incident.settings) {
        out.lines.push_back(
            {fmt::format("| {} | setting | {} |", cell(name), cell(redactor.apply(value))),
             Rank::routine}
        );
    }
    return out;
}

Part artefact_part(const Incident& incident) {
    Part out;
    out.head = fmt::format(
        "\n## Evidence\n\nSHA-256 and path within a bundle of these runs.\n\n"
        "<details><summary>{}</summary>\n\n```text\n",
        counted(incident.artefacts.size(), "file")
    );
    for (const Artefact& artefact : incident.artefacts) {
        constexpr std::size_t k_digest = 64; // characters of a SHA-256
        const bool many = artefact.path.contains("/streams/") || artefact.path.contains("/logs/");
        out.lines.push_back(
            {fenced(fmt::format(
                 "{:<{}}  {}",
                 artefact.digest.empty() ? "no sum yet, its run goes on" : artefact.digest,
                 k_digest,
                 artefact.path
             )),
             many ? Rank::stream_file : Rank::other_file}
        );
    }
    out.foot = "```\n\n</details>\n";
    return out;
}

Part check_part(const Incident& incident) {
    Part out;
    std::string bundle = incident.bundle_command;
    if (bundle.empty()) {
        bundle = Suggestion{
            "incident bundle",
            mapped(incident.runs, [](const IncidentRun& run) { return run.entry.id; })
        }.text();
    }
    out.head = fmt::format(
        "\n## Look for yourself\n\n```sh\n"
        "{} --out incident.tar.zst\n"
        "oa-stream incident verify incident.tar.zst\n"
        "tar --zstd -xf incident.tar.zst && cd incident-{} && sha256sum --quiet -c SHA256SUMS\n"
        "oa-stream check --headers STREAM.head STREAM.sse\n```\n",
        bundle,
        incident.id
    );
    return out;
}

} // namespace

std::string incident_body(const Incident& incident, const Redactor& redactor, std::size_t limit) {
    const std::vector<Part> parts{
        head_part(incident),
        checks_part(incident),
        rollback_part(incident),
        timeline_part(incident),
        chart_part(incident),
        facts_part(incident),
        doctor_part(incident, redactor),
        check_part(incident),
        artefact_part(incident),
    };
    std::string out = blank_controls(redactor.apply(render(parts, limit)), "\n");
    if (out.size() > limit) { // thousands of failed checks: the end goes, and says so
        static constexpr std::string_view k_end = "\n*Left out here: everything after this.*\n";
        const std::size_t room = limit > k_end.size() ? limit - k_end.size() : 0;
        const std::size_t line = out.rfind('\n', room);
        out.resize(
            line != std::string::npos ? line
                                      : whole_utf8_prefix(std::string_view(out).substr(0, room))
        );
        out += k_end;
    }
    return out;
}

} // namespace oa_stream::incident
