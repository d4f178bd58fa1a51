#include "oa_stream/report/report_html.hpp"

#include "plot.hpp"
#include "run_series.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <limits>

using namespace oa_stream;
using namespace oa_stream::report;

namespace {

StageRow stage(std::string name, std::size_t bad, double began_s) {
    StageRow row;
    row.began_s = began_s;
    row.name = std::move(name);
    row.seconds = 4.2;
    row.verdict = bad > 0 ? Verdict::fail : Verdict::pass;
    for (std::size_t i = 0; i < 100; ++i) {
        measure::Sample sample;
        sample.bad = i < bad;
        sample.at_s = began_s + 0.042 * static_cast<double>(i);
        sample.first_content_s = 0.1 + 0.001 * static_cast<double>(i);
        row.canary.push_back(sample);
        row.stable.push_back(sample);
    }
    const measure::GateSpec spec{.id = "error-rate", .limit = 0.05};
    row.gates.push_back(measure::evaluate(spec, {.canary = row.canary, .stable = row.stable}));
    return row;
}

Report sample_report() {
    Report out;
    out.id = "20261120T101112Z-rehearsal-0a1b2c3d";
    out.title = "local <rehearsal>";
    out.verdict = Verdict::fail;
    out.headline = "It said \"<script>alert(1)</script>\".";
    out.stages = {stage("5%", 0, 1), stage("25%", 30, 5.2)};
    Check check;
    check.id = "budget.stream-good";
    check.verdict = Verdict::pass;
    check.data = {{"consumed", 0.031}, {"limit", 0.05}};
    out.checks = {check};
    RollbackFacts facts;
    facts.reason = "gate error-rate failed at 25%";
    facts.decided_s = 9.5;
    facts.user_visible_s = 9.65;
    out.rollback = facts;
    out.next = "oa-stream runs show last";
    return out;
}

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t out = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++out;
    }
    return out;
}

} // namespace

TEST_CASE("report.html: nothing of a run is markup, nothing is fetched, nothing is run") {
    const std::string page = report_html(sample_report());
    CHECK_FALSE(page.contains("<script"));
    CHECK(page.contains("&lt;script&gt;alert(1)"));
    CHECK(page.contains("local &lt;rehearsal&gt;"));
    for (const char* fetched : {"http://", "https://", "url(", "@import", "<link", "<img"}) {
        CAPTURE(fetched);
        CHECK_FALSE(page.contains(fetched));
    }
}

TEST_CASE("report.html: verdict, stages, gates, way back, budget, and what to type next") {
    const std::string page = report_html(sample_report());
    for (const char* part :
         {"<h2>Stages</h2>",
          "<h2>Gates</h2>",
          "Rollback: <span class=\"fail\">NOT VERIFIED",
          "+0.150 s",
          "not reached",
          "<pre class=\"command\" tabindex=\"0\"><span>oa-stream</span> <span>runs</span> "
          "<span>show</span> <span>last</span></pre>",
          "prefers-color-scheme: dark",
          "width=device-width"}) {
        CAPTURE(part);
        CHECK(page.contains(part));
    }
}

TEST_CASE("report.html: charts over time and by stage, each with its numbers in words") {
    const std::string page = report_html(sample_report());
    CHECK(count(page, "<svg ") == 6); // share, bad answers, times; p95 by stage, gates, budget
    CHECK(count(page, "role=\"img\" aria-label=\"") == 6);
    CHECK(count(page, "<summary>Numbers</summary>") == 3);
    CHECK(page.contains("25% canary: 194ms"));
    CHECK(page.contains("25% error-rate: 30%"));
    CHECK(page.contains("stream-good: 3.1%"));
    CHECK(page.contains("Share of the canary; canary: at most 25%"));
    CHECK(page.contains("┄ limit error-rate 5%"));
    CHECK(page.contains("1: decided at 9.50 s"));
    CHECK(page.contains("2: fresh connections on stable at 9.65 s"));
}

TEST_CASE("report.html: an arm that never answered, or had no content, has a bar of its own") {
    Report report = sample_report();
    for (std::size_t i = 0; i < 100; ++i) {
        report.stages[0].canary[i].first_content_s.reset();
        report.stages[1].canary[i].first_content_s = std::numeric_limits<double>::infinity();
    }
    const std::string page = report_html(report);
    CHECK(page.contains("5% stable: 194ms; 5% canary: no content"));
    CHECK(page.contains("25% stable: 194ms; 25% canary: never"));
    CHECK_FALSE(page.contains("inf"));
    const std::size_t begin = page.find("p95 of the time to the first content by stage");
    const std::string chart = page.substr(begin, page.find("</svg>", begin) - begin);
    CHECK(count(chart, "<circle ") == 2);
    CHECK(count(chart, "<rect ") == 0); // neither of the canary's has a value
    CHECK(count(chart, "l-7-4v8z") == 1);
    CHECK(chart.contains(">200 ms</text>")); // as far as stable goes
}

TEST_CASE("report.html: a time in which no answer came stands as high as the latest that did") {
    Report report = sample_report();
    for (measure::Sample& sample : report.stages[1].canary) {
        sample.first_content_s = std::numeric_limits<double>::infinity();
    }
    const Series times = run_series(report).back();
    const SeriesPoint& last = times.lines.at(1).points.back();
    CHECK(last.open);
    CHECK(last.y == Approx(0.199));
}

TEST_CASE("report.html: of many stages and gates the charts have what matters") {
    Report report;
    report.title = "cutover";
    for (std::size_t i = 0; i < 20; ++i) {
        StageRow row = stage(fmt::format("{}%", i), i == 18 ? 30 : 0, static_cast<double>(i));
        for (const char* id : {"five", "terminal"}) {
            row.gates.push_back(row.gates.front());
            row.gates.back().spec.id = id;
        }
        if (i == 4) { // the slowest
            for (measure::Sample& sample : row.canary) {
                sample.first_content_s = 1.1;
            }
            row.gates.back().high = 0.049; // the widest
        }
        report.stages.push_back(std::move(row));
    }
    const std::string page = report_html(report);
    CHECK(page.contains(
        "Bad requests at the canary against the gate&#39;s limit, and 54 that passed; 18% "
        "error-rate: 30%; 18% five: 30%; 18% terminal: 30%; "
    ));
    CHECK(page.contains("; 4% terminal: 0%"));
    CHECK(page.contains("; the last and the slowest, 6 of 20; "));
    for (const char* row : {"4% canary: 1.1s", "17% stable: 194ms", "19% canary: 194ms"}) {
        CAPTURE(row);
        CHECK(page.contains(row));
    }
    CHECK_FALSE(page.contains("16% canary:"));
    CHECK(count(page, "class=\"wide\"") == 60); // the tables have them all
}

TEST_CASE("report.html: checks that passed are folded, the others are not") {
    Report report = sample_report();
    report.checks.push_back({.id = "smoke.reach", .verdict = Verdict::fail});
    const std::string page = report_html(report);
    CHECK(page.contains("<summary>1 check passed</summary>"));
    CHECK(page.find("smoke.reach") < page.find("<summary>1 check passed"));
    CHECK(page.find("<code>budget.stream-good") > page.find("<summary>1 check passed"));
}

TEST_CASE("report.html: what failed comes before what was skipped") {
    Report report;
    report.title = "smoke";
    report.checks = {
        {.id = "first.skipped", .verdict = Verdict::skipped},
        {.id = "unsure", .verdict = Verdict::inconclusive},
        {.id = "second.skipped", .verdict = Verdict::skipped},
        {.id = "failed", .verdict = Verdict::fail},
        {.id = "error", .verdict = Verdict::error},
    };
    const std::string page = report_html(report);
    std::size_t before = 0;
    for (const char* id : {"failed", "error", "unsure", "first.skipped", "second.skipped"}) {
        const std::size_t at = page.find(fmt::format("<code>{}</code>", id));
        REQUIRE(at != std::string::npos);
        CHECK(at > before);
        before = at;
    }
}

TEST_CASE("report.html: gates that passed are folded, and the one that failed comes first") {
    Report report = sample_report();
    std::string page = report_html(report);
    const std::size_t failed = page.find("<td>25%</td><td>error-rate</td>");
    const std::size_t fold = page.find("<summary>1 gate passed</summary>");
    REQUIRE(failed != std::string::npos);
    CHECK(failed < fold);
    CHECK(page.find("<td>5%</td><td>error-rate</td>") > fold);
    CHECK(page.contains("aria-label=\"gates that did not pass\""));
    report.stages.pop_back(); // of a healthy run only the number is left
    page = report_html(report);
    CHECK(page.contains("<summary>1 gate passed</summary>"));
    CHECK_FALSE(page.contains("gates that did not pass"));
}

TEST_CASE("report: skips of one reason share a row, which keeps their names") {
    Report report;
    report.title = "smoke";
    report.checks = {
        {.id = "a", .verdict = Verdict::skipped, .detail = "nobody is there"},
        {.id = "b", .verdict = Verdict::fail, .detail = "nobody is there"},
        {.id = "c", .verdict = Verdict::skipped, .detail = "nobody is there"},
        {.id = "d", .verdict = Verdict::skipped, .detail = "not asked for"},
    };
    const std::string page = report_html(report);
    CHECK(page.contains("<td><details><summary>2 checks</summary><code>a</code><br>"
                        "<code>c</code></details></td>"));
    CHECK(page.contains("<td><code>d</code></td>"));
    CHECK(count(page, "nobody is there") == 2);
    const std::string text = report_markdown(report);
    CHECK(text.contains("| `a`, `c` | SKIPPED |"));
    CHECK(text.contains("| `d` | SKIPPED |"));
    CHECK(count(text, "nobody is there") == 2);
}

TEST_CASE("report.html: series of a command, with limits, open ends and marks") {
    Report report;
    report.title = "load";
    Series series{.caption = "Bad <answers>", .unit = "%", .scale = 100};
    series.lines = {{"bad", SeriesTone::canary}};
    series.lines[0].points = {
        {1, 0.01, 0.0, 0.02}, {2, 0.03, 0.01, 0.06}, {.x = 3, .y = 0, .low = 0, .open = true}
    };
    series.limits = {{"bad<=5%", 0.05}};
    series.marks = {{2.5, "restart"}};
    report.series = {series};
    report.appendix = "\n```\nPASS  load <x>\n  end  150  1.98s  1.98s  2.01s\n```\n";
    const std::string page = report_html(report);
    CHECK(page.contains("<figcaption>Bad &lt;answers&gt;</figcaption>"));
    CHECK(page.contains("<pre class=\"rows\" tabindex=\"0\"><span>PASS  load &lt;x&gt;\n</span>"
                        "<span class=\"row\">  end  150  1.98s  1.98s  2.01s\n</span></pre>"));
    CHECK(page.contains("┄ bad&lt;=5% 5%"));
    CHECK(page.contains("1: restart at 2.50 s"));
    CHECK(page.contains("<td>open</td>"));
    CHECK(count(page, " range\"") == 3);
    CHECK(count(page, "l4 7h-8z") == 1); // the arrow of the open interval
    // The axis ends at a round number above everything, and has a line a quarter.
    CHECK(page.contains(">6%</text>"));
    CHECK(page.contains(">2%</text>"));
}

TEST_CASE("report.html: the commands to judge it again name files that are there") {
    const std::string page = report_html(sample_report());
    CHECK(page.contains("oa-stream check --headers streams/NAME.head streams/NAME.sse\n"));
    CHECK_FALSE(page.contains("html_head"));
    CHECK_FALSE(page.contains("--profile"));
    Report api;
    api.kept = {.streams = false, .completions = true, .responses = true};
    for (const std::string& text : {report_html(api), report_markdown(api)}) {
        CHECK(text.contains("oa-stream check --profile chat-completions --headers "
                            "streams/completions-NAME.head streams/completions-NAME.sse\n"));
        CHECK(text.contains("oa-stream check --profile responses --headers "
                            "streams/responses-NAME.head streams/responses-NAME.sse\n"));
        CHECK_FALSE(text.contains("streams/NAME.sse"));
    }
}

TEST_CASE("report.html: times have a unit that fits, short ones and those of hours") {
    const auto page_of = [](double y, double to, SeriesMark mark) {
        Report report;
        report.title = "load";
        Series series{.caption = "Times", .unit = " s"};
        series.lines = {{"p95", SeriesTone::canary}};
        series.lines[0].points = {{.x = 1, .y = y}, {.x = to, .y = y}};
        series.marks = {std::move(mark)};
        report.series = {series};
        return report_html(report);
    };
    const std::string brief = page_of(0.006, 3, {2, "restart"});
    CHECK(brief.contains(">2 ms</text>"));
    CHECK(brief.contains(">6 ms</text>"));
    CHECK(brief.contains("p95: at most 6 ms"));
    CHECK(brief.contains("1: restart at 2.00 s"));
    CHECK(page_of(0.99, 3, {2, "restart"}).contains("p95: at most 990 ms"));
    CHECK(page_of(1, 3, {2, "restart"}).contains("p95: at most 1 s"));
    // From more than ten minutes on, and from more than ten hours on; the first point is at 1 s.
    CHECK(page_of(2, 601, {300, "restart"}).contains("1: restart at 300.00 s"));
    CHECK(page_of(2, 602, {300, "restart"}).contains("1: restart at 5.00 min"));
    CHECK(page_of(2, 36'001, {3600, "restart"}).contains("1: restart at 60.00 min"));
    CHECK(page_of(2, 36'002, {3600, "restart"}).contains("1: restart at 1.00 h"));
    const std::string minutes = page_of(2, 3601, {1800, "restart"});
    CHECK(minutes.contains(">60 min</text>"));
    CHECK(minutes.contains("1: restart at 30.00 min"));
    const std::string hours = page_of(20'000, 43'201, {10'800, "restart"});
    CHECK(hours.contains(">10 h</text>"));
    CHECK(hours.contains("1: restart at 3.00 h"));
    CHECK(hours.contains(">20000 s</text>"));
    CHECK_FALSE(hours.contains("e+0"));
}

TEST_CASE("report.html: a point alone has one line of the grid at most") {
    Report report;
    report.title = "load";
    Series series{.caption = "Late", .unit = "%"};
    series.lines = {{"bad", SeriesTone::canary, {{.x = 100'000, .y = 1}}}};
    report.series = {series};
    const std::string page = report_html(report);
    CHECK(count(page, " s</text>") <= 1);
    CHECK(count(page, " min</text>") + count(page, " h</text>") == 0); // it is no hours from 0 s
}

TEST_CASE("report.html: the numbers of an axis have the room that they need") {
    const auto place = [](double most, std::string_view number) {
        Series series{.caption = "times", .unit = " s"};
        series.lines.push_back({.name = "p95", .points = {{0, most}, {1, most / 2}}});
        const std::string page = plot(series);
        const std::size_t end = page.find(fmt::format(">{}</text>", number));
        REQUIRE(end != std::string::npos);
        const std::size_t x = page.rfind("x=\"", end);
        return std::stod(page.substr(x + 3));
    };
    constexpr double k_digit = 8; // of these texts, in units of the picture
    CHECK(place(0.0009, "0.25 ms") >= 7 * k_digit);
    CHECK(place(0.09, "100 ms") >= 6 * k_digit);
    CHECK(place(4, "4 s") == 40); // a short one moves nothing
}

TEST_CASE("report.html: a long name of a bar leaves its number alone") {
    const std::string name(90, 'n');
    const std::string page =
        bar_chart("times", " s", 1, {{.label = name, .high = 1, .text = "1.25 s"}});
    CHECK(page.contains("nnn…</text>"));
    CHECK(page.contains(">1.25 s</text>"));
    CHECK(page.contains("times; " + name)); // in words it is whole
}

TEST_CASE("report.html: what the checks of a run without stages measured is drawn") {
    struct Row {
        const char* name;
        std::string id;
        Json data;
        std::size_t charts;
        std::vector<const char*> parts;
    };
    const auto row = GENERATE(
        Row{"a share against its limit",
            "gate.error-rate",
            {{"metric", "bad_rate"},
             {"against", "limit"},
             {"value", 0.02},
             {"low", 0.01},
             {"high", nullptr},
             {"limit", 0.05}},
            1,
            {"error-rate: 2%", "class=\"limit\"", "l-7-4v8z"}},
        Row{"a time against its limit",
            "gate.ttft",
            {{"metric", "first_content_p95"},
             {"against", "limit"},
             {"value", 1.5},
             {"low", 1.25},
             {"high", 2.0},
             {"limit", 2.5}},
            1,
            {"ttft: 1.5s", "class=\"limit\"", "Times against the limit"}},
        Row{"a time that no answer reached",
            "gate.ttft",
            {{"metric", "first_content_p95"},
             {"against", "limit"},
             {"value", nullptr},
             {"low", 3.0},
             {"high", nullptr},
             {"limit", 2.5}},
            1,
            {"ttft: never", "class=\"limit\"", "l-7-4v8z"}},
        Row{"two revisions",
            "gate.error-rate",
            {{"metric", "bad_rate"},
             {"against", "stable"},
             {"value", -0.01},
             {"measured", 0.02},
             {"reference", 0.03}},
            1,
            {"error-rate: 2%", "error-rate, reference: 3%"}},
        Row{"a gate without a number",
            "gate.error-rate",
            {{"metric", "bad_rate"}, {"against", "limit"}, {"value", nullptr}, {"limit", 0.05}},
            0,
            {}},
        Row{"a budget and its windows",
            "slo.turns",
            {{"consumed", 0.4},
             {"at_most", 1},
             {"blur", 0.1},
             {"burn_rates",
              Json::array(
                  {Json{
                       {"long", "1h"},
                       {"short", "5m"},
                       {"factor", 14.4},
                       {"long_burn", 3.0},
                       {"short_burn", 20.0}
                   },
                   Json{{"long", "6h"}, {"short", "30m"}, {"measured", false}}}
              )}},
            2,
            {"turns: 40%", "last 1h: 3×; last 5m: 20×", "class=\"limit\""}},
        Row{"a budget of an outage",
            "slo.turns",
            {{"consumed", 1000.0},
             {"at_most", 1},
             {"burn_rates",
              Json::array({Json{
                  {"long", "1h"},
                  {"short", "5m"},
                  {"factor", 14.4},
                  {"long_burn", 1000.0},
                  {"short_burn", 12345.6}
              }})}},
            2,
            {"turns: 100000%", "last 1h: 1000×; last 5m: 12346×"}},
        Row{"pairs of turns",
            "shadow.latency.whole",
            {{"ratio", 1.1}, {"ratio_low", 0.9}, {"ratio_high", 1.3}, {"limit_ratio", 1.2}},
            1,
            {"latency.whole: 1.1×", "class=\"limit\""}},
        Row{"an answer over its clocks",
            "stream.happy.chat",
            {{"clocks", Json{{"headers", 0.1}, {"first_content", 0.25}, {"end", 1.5}}}},
            1,
            {"happy.chat: 250ms", ">1.5 s</text>"}},
        Row{"a quick answer",
            "stream.happy.chat",
            {{"clocks", Json{{"headers", 0.0004}, {"first_content", 0.0005}, {"end", 0.0011}}}},
            1,
            {"happy.chat: 0.5ms", ">1.5 ms</text>"}},
        Row{"an answer over its times",
            "completions.whole",
            {{"headers_s", 0.5}, {"first_content_s", nullptr}, {"end_s", 0.6}},
            1,
            {"whole: 500ms"}}
    );
    DYNAMIC_SECTION(row.name) {
        Report report;
        report.checks.push_back({.id = row.id, .verdict = Verdict::pass, .data = row.data});
        const std::string page = report_html(report);
        CHECK(count(page, "<svg ") == row.charts);
        for (const char* part : row.parts) {
            CAPTURE(part);
            CHECK(page.contains(part));
        }
        CHECK_FALSE(page.contains("nan"));
    }
}

TEST_CASE("report.html: ticks are round, begin at 0 and reach beyond the largest value") {
    CHECK(ticks_up_to(0.194, 4) == std::vector<double>{0, 0.05, 0.1, 0.15000000000000002, 0.2});
    CHECK(ticks_up_to(5, 4).back() == 6);
    CHECK(ticks_up_to(100, 4).size() == 5);
    CHECK(ticks_up_to(0, 4).size() >= 2);
    CHECK(ticks_up_to(4e-323, 4).size() == 5); // without end where the step is 0
    CHECK(ticks_up_to(std::numeric_limits<double>::infinity(), 4).size() >= 2);
}

TEST_CASE("report.html: a run without stages has no empty sections and no charts") {
    Report bare;
    bare.title = "smoke";
    bare.verdict = Verdict::inconclusive;
    const std::string page = report_html(bare);
    for (const char* part : {"<svg", "Stages", "Gates", "Checks", "Rollback", "Drill", "NaN"}) {
        CAPTURE(part);
        CHECK_FALSE(page.contains(part));
    }
    CHECK(page.ends_with("</html>\n"));
}
