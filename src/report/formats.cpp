#include "oa_stream/report/formats.hpp"

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace oa_stream::report {
namespace {

/// The formats' view of a check, as in run.json.
struct Row {
    std::string id;
    std::string verdict;
    std::string detail;
    bool required = true;
};

bool passed(const Row& row) {
    return row.verdict == to_string(Verdict::pass);
}
bool skipped(const Row& row) {
    return row.verdict == to_string(Verdict::skipped);
}

std::vector<Row> rows_of(const Json& run) {
    std::vector<Row> out;
    for (const Json& check : list_in(run, "checks")) {
        out.push_back(
            {text_in(check, "id"),
             text_in(check, "verdict"),
             text_in(check, "detail"),
             bool_member(check, "required").value_or(true)}
        );
    }
    // What a run died of, or decided as a whole, is not a check: it must not be lost in a green
    // list.
    const std::string verdict = text_in(run, "verdict");
    const bool listed =
        std::ranges::any_of(out, [&](const Row& row) { return row.verdict == verdict; });
    if (!listed) {
        out.push_back({"run", verdict.empty() ? "ERROR" : verdict, text_in(run, "headline")});
    }
    return out;
}

/// A reader of XML turns raw line breaks and tabs of an attribute into spaces.
std::string attribute_text(std::string_view text) {
    std::string out;
    for (const char c : escape_markup(text)) {
        if (c == '\n') {
            out += "&#10;";
        } else if (c == '\t') {
            out += "&#9;";
        } else {
            out += c;
        }
    }
    return out;
}

std::string junit_outcome(const Row& row) {
    if (passed(row)) {
        return {};
    }
    if (skipped(row)) {
        return fmt::format("      <skipped message=\"{}\"/>\n", attribute_text(row.detail));
    }
    const bool failure = row.verdict == to_string(Verdict::fail);
    return fmt::format(
        "      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n",
        failure ? "failure" : "error",
        escape_markup(row.verdict),
        attribute_text(row.detail),
        escape_markup(row.detail)
    );
}

/// The data and the properties of a workflow command have escapes of their own.
std::string command_text(std::string_view text, bool property) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '%':
            out += "%25";
            break;
        case '\r':
            out += "%0D";
            break;
        case '\n':
            out += "%0A";
            break;
        case ':':
            out += property ? "%3A" : ":";
            break;
        case ',':
            out += property ? "%2C" : ",";
            break;
        default:
            out += c;
        }
    }
    return out;
}

} // namespace

std::string junit_xml(const Json& run) {
    const auto rows = rows_of(run);
    const auto count = [&rows](auto&& which) { return std::ranges::count_if(rows, which); };
    const auto is = [](Verdict verdict) {
        return [verdict](const Row& row) { return row.verdict == to_string(verdict); };
    };
    const auto failures = count(is(Verdict::fail));
    const auto skips = count(skipped);
    const auto errors = static_cast<std::ptrdiff_t>(rows.size()) - failures - skips - count(passed);
    const std::string counts = fmt::format(
        R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3f}")",
        rows.size(),
        failures,
        errors,
        skips,
        number_in(run, "duration_s").value_or(0)
    );
    std::string out = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n  <testsuite name=\"{}\" "
        "timestamp=\"{}\" {}>\n",
        counts,
        escape_markup("oa-stream " + text_in(run, "kind")),
        escape_markup(text_in(run, "started_at").substr(0, 19)),
        counts
    );
    for (const Row& row : rows) {
        const std::size_t dot = row.id.find('.');
        out += fmt::format(
            "    <testcase classname=\"{}\" name=\"{}\">\n{}    </testcase>\n",
            escape_markup(dot == std::string::npos ? "run" : row.id.substr(0, dot)),
            escape_markup(row.id),
            junit_outcome(row)
        );
    }
    return out + fmt::format(
                     "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n",
                     escape_markup(fmt::format(
                         "{} run {}: {}",
                         text_in(run, "verdict"),
                         text_in(run, "id"),
                         text_in(run, "headline")
                     ))
                 );
}

std::string tap(const Json& run) {
    const auto rows = rows_of(run);
    std::string out = fmt::format("TAP version 13\n1..{}\n", rows.size());
    std::size_t number = 0;
    for (const Row& row : rows) {
        std::string id = blank_controls(row.id);
        std::ranges::replace(id, '#', '_'); // begins a directive
        out += fmt::format(
            "{} {} - {}{}\n",
            passed(row) || skipped(row) ? "ok" : "not ok",
            ++number,
            id,
            skipped(row) ? " # SKIP " + blank_controls(row.detail) : ""
        );
        if (!passed(row) && !skipped(row)) {
            out += fmt::format(
                "  ---\n  verdict: {}\n  detail: {}\n  ...\n",
                row.verdict,
                dump_json(Json(row.detail))
            );
        }
    }
    return out;
}

std::string github_summary(const Json& run) {
    const auto rows = rows_of(run);
    std::string out = fmt::format(
        "## {} {}\n\n{}\n",
        text_in(run, "verdict"),
        markdown_text(text_in(run, "kind")),
        markdown_text(text_in(run, "headline"))
    );
    if (const std::string id = text_in(run, "id");
        !id.empty()) { // of what failed before it had one
        const std::string next = text_in(run, "next");
        out += fmt::format("\nRun `{}`", id);
        out += next.empty() ? ".\n" : fmt::format("; next: `{}`\n", blank_controls(next));
    }
    std::string bad;
    std::size_t good = 0;
    for (const Row& row : rows) {
        if (passed(row)) {
            ++good;
            continue;
        }
        bad += fmt::format(
            "| `{}` | {} | {} |\n", table_cell(row.id), row.verdict, markdown_cell(row.detail)
        );
    }
    out += fmt::format("\n{} of {} passed.\n", good, counted(rows.size(), "check"));
    if (!bad.empty()) {
        out += "\n| check | verdict | detail |\n|---|---|---|\n" + bad;
    }
    return out;
}

std::string github_annotations(const Json& run) {
    std::string out;
    for (const Row& row : rows_of(run)) {
        if (passed(row) || skipped(row) || !row.required) {
            continue;
        }
        const bool proven = row.verdict == to_string(Verdict::fail);
        out += fmt::format(
            "::{} title={}::{}\n",
            proven ? "error" : "warning",
            command_text(fmt::format("{} {}", row.verdict, row.id), true),
            command_text(row.detail, false)
        );
    }
    return out;
}

} // namespace oa_stream::report
