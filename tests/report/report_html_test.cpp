#include "oa_stream/report/report_html.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::report;

namespace {

StageRow stage(std::string name, std::size_t bad) {
    StageRow row;
    row.name = std::move(name);
    row.seconds = 4.2;
    row.verdict = bad > 0 ? Verdict::fail : Verdict::pass;
    for (std::size_t i = 0; i < 100; ++i) {
        measure::Sample sample;
        sample.bad = i < bad;
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
    out.stages = {stage("5%", 0), stage("25%", 30)};
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
          "oa-stream runs show last",
          "prefers-color-scheme: dark",
          "width=device-width"}) {
        CAPTURE(part);
        CHECK(page.contains(part));
    }
}

TEST_CASE("report.html: charts of latency, split, gates and budget, each with its numbers in words"
) {
    const std::string page = report_html(sample_report());
    CHECK(count(page, "<svg ") == 4);
    CHECK(count(page, "role=\"img\" aria-label=\"") == 4);
    CHECK(page.contains("25% canary: 194ms"));
    CHECK(page.contains("25% error-rate: 30%"));
    CHECK(page.contains("stream-good: 3.1%"));
    CHECK(page.contains("Share of the canary; 5% for 4.2 s; 25% for 4.2 s"));
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
