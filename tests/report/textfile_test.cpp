#include "oa_stream/report/textfile.hpp"

#include <catch2/catch.hpp>

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
         .verdict = Verdict::fail,
         .exit_code = 1,
         .ended = at(1800000000),
         .duration_s = 12.5,
         .checks = {check(Verdict::pass), check(Verdict::fail), check(Verdict::pass)},
         .passed_before_s = 1799000000}
    );
    for (const char* line :
         {"oa_stream_run_verdict{run=\"steady-state\",verdict=\"FAIL\"} 1\n",
          "oa_stream_run_verdict{run=\"steady-state\",verdict=\"PASS\"} 0\n",
          "oa_stream_run_verdict{run=\"steady-state\",verdict=\"ERROR\"} 0\n",
          "oa_stream_run_checks{run=\"steady-state\",verdict=\"PASS\"} 2\n",
          "oa_stream_run_checks{run=\"steady-state\",verdict=\"INCONCLUSIVE\"} 0\n",
          "oa_stream_run_exit_code{run=\"steady-state\"} 1\n",
          "oa_stream_run_end_timestamp_seconds{run=\"steady-state\"} 1800000000.000\n",
          "oa_stream_run_duration_seconds{run=\"steady-state\"} 12.500\n",
          "oa_stream_run_last_pass_timestamp_seconds{run=\"steady-state\"} 1799000000.000\n"}) {
        CAPTURE(text, line);
        CHECK(text.contains(line));
    }
}

TEST_CASE("textfile: the last PASS lives on in the files of runs that did not pass") {
    const std::string passed =
        textfile({.name = "a \"b\"", .verdict = Verdict::pass, .ended = at(1800000000)});
    CHECK(last_pass_in(passed, "a \"b\"") == 1800000000);
    const std::string failed = textfile(
        {.name = "a \"b\"",
         .verdict = Verdict::error,
         .ended = at(1800600000),
         .passed_before_s = last_pass_in(passed, "a \"b\"")}
    );
    CHECK(last_pass_in(failed, "a \"b\"") == 1800000000);
    CHECK_FALSE(failed.contains("duration"));
}

TEST_CASE("textfile: what tells of no PASS is none") {
    CHECK(last_pass_in("", "a") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"b\"} 5\n", "a") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} x\n", "a") == 0);
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} 5", "a") == 0); // torn
    CHECK(last_pass_in("oa_stream_run_last_pass_timestamp_seconds{run=\"a\"} -5\n", "a") == 0);
}
