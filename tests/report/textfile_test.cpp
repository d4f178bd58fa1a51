#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/report/textfile.hpp"

#include <catch2/catch.hpp>

#include <regex>

using namespace oa_stream;
using namespace oa_stream::report;

namespace {

WallTime at(int seconds) {
    return WallTime(std::chrono::seconds(seconds));
}

Check check(Verdict verdict) {
    Check out;
    out.verdict = verdict;
    return out;
}

} // namespace

TEST_CASE("textfile: one verdict is 1, the others are there at 0") {
    const std::string text = textfile(
        {.name = "steady-state",
         .target = "https://a.example",
         .verdict = Verdict::fail,
         .exit_code = 1,
         .ended = at(1800000000),
         .duration_s = 12.5,
         .checks = {check(Verdict::pass), check(Verdict::fail), check(Verdict::pass)},
         .passed_before_s = 1799000000}
    );
    for (const char* line :
         {"oa_stream_run_verdict{run=\"steady-state\",target=\"https://"
          "a.example\",verdict=\"FAIL\"} 1\n",
          "oa_stream_run_verdict{run=\"steady-state\",target=\"https://"
          "a.example\",verdict=\"PASS\"} 0\n",
          "oa_stream_run_verdict{run=\"steady-state\",target=\"https://"
          "a.example\",verdict=\"ERROR\"} 0\n",
          "oa_stream_run_checks{run=\"steady-state\",target=\"https://"
          "a.example\",verdict=\"PASS\"} 2\n",
          "oa_stream_run_checks{run=\"steady-state\",target=\"https://"
          "a.example\",verdict=\"INCONCLUSIVE\"} 0\n",
          "oa_stream_run_exit_code{run=\"steady-state\",target=\"https://a.example\"} 1\n",
          "oa_stream_run_end_timestamp_seconds{run=\"steady-state\",target=\"https://a.example\"} "
          "1800000000.000\n",
          "oa_stream_run_duration_seconds{run=\"steady-state\",target=\"https://a.example\"} "
          "12.500\n",
          "oa_stream_run_last_pass_timestamp_seconds{run=\"steady-state\",target=\"https://"
          "a.example\"} 1799000000.000\n"}) {
        CAPTURE(text, line);
        CHECK(text.contains(line));
    }
}

TEST_CASE("textfile: how many checks a file counted, of that run and target") {
    const std::string text = textfile(
        {.name = "a \"b\"",
         .target = "t",
         .checks = {check(Verdict::pass), check(Verdict::fail), check(Verdict::pass)}}
    );
    CHECK(checks_in(text, "a \"b\"", "t") == 3);
    CHECK(checks_in(text, "a \"b\"", "u") == 0);
    CHECK(checks_in(text, "b", "t") == 0);
    CHECK(checks_in("", "b", "t") == 0);
    CHECK(checks_in("oa_stream_run_checks{run=\"b\",target=\"t\"} 1e300\n", "b", "t") == 0);
}

TEST_CASE("textfile: the last PASS lives on in the files of runs that did not pass") {
    const std::string passed =
        textfile({.name = "a \"b\"", .verdict = Verdict::pass, .ended = at(1800000000)});
    CHECK(last_pass_in(passed, "a \"b\"", "") == 1800000000);
    const std::string failed = textfile(
        {.name = "a \"b\"",
         .verdict = Verdict::error,
         .ended = at(1800600000),
         .passed_before_s = last_pass_in(passed, "a \"b\"", "")}
    );
    CHECK(last_pass_in(failed, "a \"b\"", "") == 1800000000);
    CHECK_FALSE(failed.contains("duration"));
}

TEST_CASE("textfile: the last PASS is that of one target, or of a release that named none") {
    const std::string one =
        textfile({.name = "a", .target = "t", .verdict = Verdict::pass, .ended = at(1800000000)});
    CHECK(last_pass_in(one, "a", "t") == 1800000000);
    CHECK(last_pass_in(one, "a", "u") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} 5\n", "a", "t") == 5);
    constexpr std::string_view k_other_order =
        "oa_stream_run_last_pass_timestamp_seconds{target=\"t\",run=\"a\"} 5\n";
    CHECK(last_pass_in(k_other_order, "a", "t") == 5);
}

TEST_CASE("textfile: what tells of no PASS is none") {
    CHECK(last_pass_in("", "a", "t") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"b\"} 5\n", "a", "t") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} x\n", "a", "t") == 0);
    CHECK(
        last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} 5", "a", "t") == 0
    ); // torn
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} -5\n", "a", "t") == 0);
}

TEST_CASE("textfile: of which run and target a file tells, whatever they are called") {
    const std::string name = "a \"b\", c}", target = R"(https://a.example/\x)";
    const auto metrics = metrics_in(textfile({.name = name, .target = target}));
    REQUIRE(metrics.has_value());
    CHECK(metrics->name == name);
    CHECK(metrics->target == target);
    CHECK(metrics->verdict == Verdict::error);
    for (const char* text :
         {"",
          "# a comment\n",
          "\noa_stream_run_last_pass_timestamp_seconds{run=\"a\"} 5\n",
          "\noa_stream_run_last_pass_timestamp_seconds{run=\"a\",target=\"t",
          "\noa_stream_run_last_pass_timestamp_seconds{run=\"a"}) {
        CAPTURE(text);
        CHECK_FALSE(metrics_in(text).has_value());
    }
}

TEST_CASE("textfile: what the alerts of runs select is written") {
    const std::string text = textfile({.name = "verify", .duration_s = 1});
    const auto files = measure::alert_rules({});
    REQUIRE(files.has_value());
    const std::string& rules = files->front().text;
    const std::regex metric("oa_stream_run_[a-z_]+");
    int selected = 0;
    for (std::sregex_iterator at(rules.begin(), rules.end(), metric), end; at != end; ++at) {
        CAPTURE(at->str());
        CHECK(text.contains("\n" + at->str() + "{"));
        ++selected;
    }
    CHECK(selected >= 3);
}
