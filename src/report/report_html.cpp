#include "oa_stream/report/report_html.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/base/seconds.hpp"

#include "charts.hpp"
#include "html.hpp"
#include "judge_again.hpp"
#include "rollback_moments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <span>

namespace oa_stream::report {
namespace {

using html::badge;

std::string fact(std::string_view name, std::string_view value) {
    return fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_markup(name), escape_markup(value));
}

/// Each word as an element of its own: a line ends between two, not behind a hyphen of an option.
std::string whole_words(std::string_view command) {
    std::string out;
    for (bool more = true; more;) {
        const std::size_t blank = command.find(' ');
        more = blank != std::string_view::npos;
        out += fmt::format(
            "<span>{}</span>{}", escape_markup(command.substr(0, blank)), more ? " " : ""
        );
        command.remove_prefix(more ? blank + 1 : 0);
    }
    return out;
}

std::string html_head(const Report& report) {
    std::string out =
        html::page_head(fmt::format("{}: {}", to_string(report.verdict), report.title));
    out += fmt::format(
        "<h1>{} {}</h1>\n<p>{}</p>\n<dl>\n",
        badge(report.verdict),
        escape_markup(report.title),
        escape_markup(report.headline)
    );
    out += fact("run", report.id);
    out += fact("started", report.started_at);
    out += fact("took", seconds_text(report.duration_s));
    out += fact("exit code", fmt::format("{}", report.exit_code));
    for (const auto& [name, value] : report.facts) {
        out += fact(name, value);
    }
    out += "</dl>\n";
    if (!report.next.empty()) {
        out += fmt::format(
            "<p>Next:</p>\n<pre class=\"command\" tabindex=\"0\">{}</pre>\n",
            whole_words(report.next.text())
        );
    }
    return out;
}

std::string bad_of(std::span<const measure::Sample> samples) {
    const auto counts = measure::count_bad(samples);
    return counts.total == 0 ? "–" : fmt::format("{} of {}", counts.bad, counts.total);
}

std::string p95_of(std::span<const measure::Sample> samples) {
    const auto latency = measure::latency_of(samples);
    return latency ? seconds_text(latency->p95) : "–";
}

std::string cells(std::initializer_list<std::string> texts) {
    std::string out = "<tr>";
    for (const std::string& text : texts) {
        out += fmt::format("<td>{}</td>", text);
    }
    return out + "</tr>\n";
}

std::string heads(std::initializer_list<std::string_view> names) {
    std::string out;
    for (const std::string_view name : names) {
        out += fmt::format("<th scope=\"col\">{}</th>", name);
    }
    return out;
}

std::string stages(const Report& report) {
    if (report.stages.empty()) {
        return {};
    }
    std::string rows;
    for (const StageRow& row : report.stages) {
        rows += cells(
            {escape_markup(row.name),
             seconds_text(row.seconds),
             badge(row.verdict, verdict_word(row)),
             escape_markup(row.observed.empty() ? "–" : row.observed),
             bad_of(row.canary),
             bad_of(row.stable),
             p95_of(row.canary),
             p95_of(row.stable)}
        );
    }
    return "<h2>Stages</h2>\n<div class=\"charts\">\n" + time_charts(report) +
           latency_chart(report) + "</div>\n" +
           html::table(
               "Stages",
               heads(
                   {"stage",
                    "held",
                    "verdict",
                    "unpinned probes met",
                    "canary bad",
                    "stable bad",
                    "canary p95 first content",
                    "stable p95"}
               ),
               rows
           );
}

/// What did not pass, the worst first: nobody looks for it below dozens of others. What passed is
/// folded: in print only its number is left. `rows` gives those of a verdict.
template <class Rows>
std::string
judged_tables(std::string_view what, std::ptrdiff_t passed, std::string_view head, Rows&& rows) {
    std::string open;
    for (const Verdict verdict :
         {Verdict::fail, Verdict::error, Verdict::inconclusive, Verdict::skipped}) {
        open += rows(verdict);
    }
    std::string out =
        open.empty() ? "" : html::table(fmt::format("{}s that did not pass", what), head, open);
    if (passed > 0) {
        out += fmt::format(
            "<details><summary>{} passed</summary>\n{}</details>\n",
            counted(static_cast<std::uint64_t>(passed), what),
            html::table(fmt::format("{}s that passed", what), head, rows(Verdict::pass))
        );
    }
    return out;
}

std::string gate_rows(const Report& report, Verdict verdict) {
    std::string rows;
    for (const StageRow& row : report.stages) {
        for (const measure::GateRecord& gate : row.gates) {
            if (gate.verdict == verdict) {
                rows += fmt::format(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"wide\">{}</td></tr>\n",
                    escape_markup(row.name),
                    escape_markup(gate.spec.id),
                    badge(gate.verdict),
                    escape_markup(gate.sentence)
                );
            }
        }
    }
    return rows;
}

std::string gates(const Report& report) {
    std::ptrdiff_t passed = 0;
    bool any = false;
    for (const StageRow& row : report.stages) {
        passed += std::ranges::count(row.gates, Verdict::pass, &measure::GateRecord::verdict);
        any = any || !row.gates.empty();
    }
    if (!any) {
        return {};
    }
    return "<h2>Gates</h2>\n" + gate_chart(report) +
           judged_tables(
               "gate",
               passed,
               heads({"stage", "gate", "verdict", "why"}),
               [&report](Verdict verdict) { return gate_rows(report, verdict); }
           );
}

std::string html_event_row(std::string_view what, const std::optional<double>& at, double decided) {
    return at ? cells(
                    {escape_markup(what),
                     fmt::format("{:.3f} s", *at),
                     fmt::format("{:+.3f} s", *at - decided)}
                )
              : cells({escape_markup(what), "not reached", "–"});
}

std::string rollback_part(const Report& report) {
    if (!report.rollback) {
        return {};
    }
    const RollbackFacts& facts = *report.rollback;
    std::string rows;
    for (const auto& [name, at] : rollback_moments(facts)) {
        rows += html_event_row(name, at, facts.decided_s);
    }
    return fmt::format(
        "<h2>{}: <span class=\"{}\">{}</span></h2>\n<p>{}</p>\n<p>From {} to {}. {} fresh "
        "connections, the last {} in a row answered well by stable.</p>\n{}",
        facts.planned ? "Restore" : "Rollback",
        facts.verified ? "pass" : "fail",
        facts.verified ? "verified" : "NOT VERIFIED",
        escape_markup(facts.reason),
        escape_markup(facts.from),
        escape_markup(facts.to),
        facts.probes,
        facts.row,
        html::table(
            "Events of the rollback",
            heads({"event", "since the run began", "since the decision"}),
            rows
        )
    );
}

std::string drill(const Report& report) {
    if (!report.drill) {
        return {};
    }
    const DrillFacts& facts = *report.drill;
    const auto recovery = facts.recovery_s();
    return fmt::format(
        "<h2>Drill</h2>\n<dl>\n{}{}{}{}</dl>\n",
        fact("made to fail", facts.stage),
        fact("fault", facts.fault.empty() ? "ruled, not planted" : facts.fault),
        fact("recovery (RTO)", recovery ? fmt::format("{:.3f} s", *recovery) : "not measured"),
        fact(
            "unpinned probes meanwhile",
            fmt::format("{}, {} of them bad", counted(facts.users, "answer"), facts.users_bad)
        )
    );
}

/// The ids of those that share a row are folded.
std::string name_cell(const std::vector<const Check*>& row) {
    std::string ids;
    for (const Check* check : row) {
        ids +=
            fmt::format("{}<code>{}</code>", ids.empty() ? "" : "<br>", escape_markup(check->id));
    }
    return row.size() == 1
               ? ids
               : fmt::format(
                     "<details><summary>{}</summary>{}</details>", counted(row.size(), "check"), ids
                 );
}

std::string check_rows(const Report& report, Verdict verdict) {
    std::string rows;
    for (const auto& row : rows_of_checks(report.checks)) {
        const Check& check = *row.front();
        if (check.verdict == verdict) {
            rows += fmt::format(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"wide\">{}</td></tr>\n",
                name_cell(row),
                badge(check.verdict),
                to_string(check.mode),
                escape_markup(check.detail)
            );
        }
    }
    return rows;
}

std::string checks(const Report& report) {
    if (report.checks.empty()) {
        return {};
    }
    return "<h2>Checks</h2>\n" + check_charts(report) +
           judged_tables(
               "check",
               std::ranges::count(report.checks, Verdict::pass, &Check::verdict),
               heads({"check", "verdict", "mode", "detail"}),
               [&report](Verdict verdict) { return check_rows(report, verdict); }
           );
}

/// Whether a line is of a table: numbers that wrap stand below no column.
bool has_columns(std::string_view line) {
    constexpr int k_least = 5; // prose has a verdict, an id, a sentence and an aside at most
    int columns = 0;
    for (std::size_t at = 0; (at = line.find_first_not_of(' ', at)) != std::string_view::npos;
         at = line.find("  ", at)) {
        ++columns;
    }
    return columns >= k_least;
}

/// What report.md has as a fenced block. A line is an element of its own, so that what is broken
/// off hangs below it; its line break stays inside, for who copies the text.
std::string appendix(const Report& report) {
    constexpr std::string_view k_fence = "```\n";
    const std::string_view text = report.appendix;
    const std::size_t begin = text.find(k_fence);
    const std::size_t end = text.rfind(k_fence);
    if (begin == std::string_view::npos || end <= begin) {
        return {};
    }
    std::string out = "<h2>Summary</h2>\n<pre class=\"rows\" tabindex=\"0\">";
    for (std::string_view inner = text.substr(begin + k_fence.size(), end - begin - k_fence.size());
         !inner.empty();) {
        const std::size_t size = std::min(inner.find('\n'), inner.size() - 1) + 1;
        const std::string_view line = inner.substr(0, size);
        out += fmt::format(
            "<span{}>{}</span>", has_columns(line) ? R"( class="row")" : "", escape_markup(line)
        );
        inner.remove_prefix(size);
    }
    return out + "</pre>\n";
}

std::string html_tail(const Report& report) {
    std::string out;
    if (!report.notes.empty()) {
        out += "<h2>Notes</h2>\n<ul>\n";
        for (const std::string& note : report.notes) {
            out += fmt::format("<li>{}</li>\n", escape_markup(note));
        }
        out += "</ul>\n";
    }
    const std::string rejudge = judge_again(report.kept);
    out += rejudge.empty()
               ? "<h2>Evidence</h2>\n<p>The sums of all files of this run.</p>\n"
               : "<h2>Judge it again</h2>\n<p>Streams were kept as bytes, each with its "
                 "head, and can be judged again offline.</p>\n";
    return out + "<pre tabindex=\"0\">" + rejudge +
           "sha256sum -c SHA256SUMS</pre>\n</main>\n</body>\n</html>\n";
}

} // namespace

std::string report_html(const Report& report) {
    return html_head(report) + drill(report) + stages(report) + gates(report) +
           rollback_part(report) + appendix(report) + further_charts(report) + checks(report) +
           html_tail(report);
}

} // namespace oa_stream::report
