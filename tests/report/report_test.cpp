#include "oa_stream/base/file.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/report/report.hpp"
#include "oa_stream/report/report_html.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::report;

namespace {

std::vector<measure::Sample> samples(std::string arm, std::size_t bad, std::size_t n) {
    std::vector<measure::Sample> out(n);
    for (std::size_t i = 0; i < n; ++i) {
        out[i].arm = arm;
        out[i].bad = i < bad;
        out[i].first_content_s = 0.1 + 0.001 * static_cast<double>(i);
    }
    return out;
}

Report failed_rehearsal() {
    StageRow row;
    row.name = "5%";
    row.split = "canary 5%, stable 95%";
    row.observed = "canary 5 of 100";
    row.seconds = 4.2;
    row.verdict = Verdict::fail;
    row.canary = samples("canary", 20, 100);
    row.stable = samples("stable", 0, 100);
    const measure::GateSpec spec{.id = "error-rate", .limit = 0.05};
    row.gates.push_back(measure::evaluate(spec, {.canary = row.canary, .stable = row.stable}));

    Check check;
    check.id = "gate.error-rate@5%";
    check.verdict = Verdict::fail;
    check.detail = row.gates[0].sentence;

    RollbackFacts rollback;
    rollback.reason = "gate error-rate failed at 5%";
    rollback.from = "canary 5%, stable 95%";
    rollback.to = "stable 100%";
    rollback.fault_s = 8.0;
    rollback.seen_s = 8.2;
    rollback.decided_s = 9.5;
    rollback.written_s = 9.502;
    rollback.read_back_s = 9.503;
    rollback.user_visible_s = 9.65;
    rollback.confirmed_s = 11.2;
    rollback.probes = 10;
    rollback.row = 10;
    rollback.verified = true;
    rollback.streams = "open at the switch 3, finished 3, cut 0";

    Report report;
    report.id = "20260222T043600Z-rehearsal-0123abcd";
    report.title = "local rehearsal";
    report.verdict = Verdict::fail;
    report.exit_code = 7;
    report.headline = "Gate error-rate failed at 5%; rolled back and verified.";
    report.started_at = "2026-02-22T04:36:00.000Z";
    report.duration_s = 14.25;
    report.facts = {{"target", "local front door | two lanes"}};
    report.stages = {row};
    report.checks = {check};
    report.rollback = rollback;
    report.notes = {"Not reached: shift@25%."};
    report.next = "oa-stream check streams/x.sse";
    return report;
}

} // namespace

TEST_CASE("report: a failed rehearsal reads like a post-mortem, verdict first") {
    const auto golden = read_file(OA_SOURCE_DIR "/tests/report/report_golden.md");
    REQUIRE(golden.has_value());
    CHECK(report_markdown(failed_rehearsal()) == *golden);
}

TEST_CASE("report: text from outside cannot break a table") {
    Report report = failed_rehearsal();
    report.checks[0].detail = "a | b\nc";
    CHECK(report_markdown(report).find("a \\| b c") != std::string::npos);
}

TEST_CASE("markdown: what servers and people wrote is text, not markup") {
    Report report = failed_rehearsal();
    const std::string hostile = "got <!-- and `code\n# PASS: all is well | <script>";
    report.headline = hostile;
    report.notes = {hostile};
    report.facts.emplace_back("note", hostile);
    report.checks[0].detail = hostile;
    report.rollback->reason = hostile;
    const std::string text = report_markdown(report);
    CHECK_FALSE(text.contains("\n# PASS"));
    CHECK_FALSE(text.contains("got <"));
    CHECK_FALSE(text.contains("| <script>"));
    CHECK(text.contains("\n\ngot \\<!-- and \\`code # PASS: all is well | \\<script>\n\n"));
    CHECK(text.contains("| note | got \\<!-- and \\`code # PASS: all is well \\| \\<script> |\n"));
    CHECK(text.contains("- got \\<!--"));
    report.headline = R"(a \<b>, a \\<b>)"; // one more backslash would only escape that one
    CHECK(report_markdown(report).contains(R"(a \\&lt;b>, a \\\\&lt;b>)"));
}

TEST_CASE("report: a secret is gone from every text before its characters are escaped") {
    const std::string secret = R"(aB&cD<eF`gH"12345)";
    Redactor redactor;
    redactor.add_known(Secret(std::string(secret)));
    Report report = failed_rehearsal();
    StageRow& row = report.stages[0];
    report.drill = DrillFacts{.stage = secret, .fault = secret};
    report.series = {Series{
        .caption = secret,
        .unit = secret,
        .x_unit = secret,
        .lines = {{.name = secret, .points = {{1, 1}, {2, 3}}}},
        .limits = {{secret, 2}},
        .marks = {{1, secret}}
    }};
    report.facts = {{secret, secret}};
    report.notes = {secret};
    report.next = secret + Suggestion{"note", {secret}};
    report.checks[0].data = {{"seen", secret}};
    report.more = {{"seen", secret}};
    for (std::string* text :
         {&report.title,
          &report.headline,
          &report.appendix,
          &row.name,
          &row.split,
          &row.observed,
          &row.gates[0].spec.id,
          &row.gates[0].sentence,
          &report.checks[0].id,
          &report.checks[0].detail,
          &report.rollback->reason,
          &report.rollback->from,
          &report.rollback->to,
          &report.rollback->streams}) {
        *text = "saw " + secret;
    }
    redact(report, redactor);
    const std::string all = report_markdown(report) + report_html(report) + dump_json(report.more) +
                            dump_json(report.checks[0].data);
    CHECK_FALSE(all.contains("aB"));
    CHECK_FALSE(all.contains("12345"));
    CHECK(all.contains("saw " + std::string(secret.size(), '*')));
    CHECK(report.id == failed_rehearsal().id);
}

TEST_CASE("rollback facts: recovery and detection time are derived, missing moments are null") {
    RollbackFacts facts = *failed_rehearsal().rollback;
    Json json = to_json(facts);
    CHECK(json.at("rto_s").get<double>() == Approx(0.15));
    CHECK(json.at("detection_s").get<double>() == Approx(0.2)); // to the first bad answer
    CHECK(json.at("decision_s").get<double>() == Approx(1.3));  // from there to the verdict
    facts.user_visible_s.reset();
    json = to_json(facts);
    CHECK(json.at("rto_s").is_null());
    CHECK(
        report_markdown([&] {
            Report report = failed_rehearsal();
            facts.verified = false;
            report.rollback = facts;
            return report;
        }())
            .find("NOT VERIFIED") != std::string::npos
    );
}
