#include "oa_stream/report/formats.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::report;

namespace {

Json check(std::string_view id, std::string_view verdict, std::string_view detail) {
    return {
        {"id", id}, {"verdict", verdict}, {"mode", "live"}, {"required", true}, {"detail", detail}
    };
}

Json run(std::string_view verdict, Json checks) {
    return {
        {"id", "20261120T101112Z-rehearsal-0a1b2c3d"},
        {"kind", "rehearsal"},
        {"verdict", verdict},
        {"started_at", "2026-11-20T10:11:12.345Z"},
        {"duration_s", 18.7534},
        {"headline", "Gate error-rate failed <badly>; rolled back."},
        {"next", "less report.md"},
        {"checks", std::move(checks)},
    };
}

Json mixed() {
    return run(
        "FAIL",
        Json::array(
            {check("stream.happy", "PASS", "HTTP 200"),
             check("gate.error-rate@25%", "FAIL", "36.8% \"bad\" & beyond <5%>\x01"),
             check("gate.p95@25%", "INCONCLUSIVE", "needs n ≥ 59, has 7"),
             check("shift@50%", "SKIPPED", "not reached"),
             check("fault", "ERROR", "line one\nline two | pipe")}
        )
    );
}

} // namespace

TEST_CASE("junit: failures, errors and skips are counted apart, and nothing unproven passes") {
    const std::string xml = junit_xml(mixed());
    CAPTURE(xml);
    CHECK(xml.contains("<testsuites tests=\"5\" failures=\"1\" errors=\"2\" skipped=\"1\" "
                       "time=\"18.753\">"));
    CHECK(xml.contains("name=\"oa-stream rehearsal\" timestamp=\"2026-11-20T10:11:12\""));
    CHECK(xml.contains("<testcase classname=\"gate\" name=\"gate.error-rate@25%\">\n      <failure "
                       "type=\"FAIL\" message=\"36.8% &quot;bad&quot; &amp; beyond &lt;5%&gt;?\">")
    );
    CHECK(xml.contains("<error type=\"INCONCLUSIVE\""));
    CHECK(xml.contains("<error type=\"ERROR\""));
    CHECK(xml.contains("<skipped message=\"not reached\"/>"));
    CHECK_FALSE(xml.contains('\x01'));
}

TEST_CASE("junit: what XML cannot write is replaced, and an attribute keeps its lines") {
    const std::string xml = junit_xml(
        run("FAIL",
            Json::array({check("gate", "FAIL", "label \xEF\xBF\xBF\xEF\xBF\xBE is odd\n\tat 1")}))
    );
    CAPTURE(xml);
    CHECK(xml.contains("message=\"label \xEF\xBF\xBD\xEF\xBF\xBD is odd&#10;&#9;at 1\">label "
                       "\xEF\xBF\xBD\xEF\xBF\xBD is odd\n\tat 1</failure>"));
}

TEST_CASE("junit and tap: a run's own verdict is a case when no check tells it") {
    const Json died = run("ERROR", Json::array({check("stream.happy", "PASS", "HTTP 200")}));
    CHECK(junit_xml(died).contains("tests=\"2\" failures=\"0\" errors=\"1\""));
    CHECK(tap(died).contains("not ok 2 - run\n"));
    Json nothing = run("PASS", Json::array());
    nothing["verdict"] = nullptr; // a run that crashed
    CHECK(junit_xml(nothing).contains("tests=\"1\" failures=\"0\" errors=\"1\""));
    CHECK(tap(Json::object()).contains("not ok 1 - run\n"));
}

TEST_CASE("tap: skipped is ok with a directive, everything else but PASS is not ok") {
    CHECK(
        tap(mixed()) == "TAP version 13\n1..5\n"
                        "ok 1 - stream.happy\n"
                        "not ok 2 - gate.error-rate@25%\n  ---\n  verdict: FAIL\n"
                        "  detail: \"36.8% \\\"bad\\\" & beyond <5%>\\u0001\"\n  ...\n"
                        "not ok 3 - gate.p95@25%\n  ---\n  verdict: INCONCLUSIVE\n"
                        "  detail: \"needs n ≥ 59, has 7\"\n  ...\n"
                        "ok 4 - shift@50% # SKIP not reached\n"
                        "not ok 5 - fault\n  ---\n  verdict: ERROR\n"
                        "  detail: \"line one\\nline two | pipe\"\n  ...\n"
    );
}

TEST_CASE("github: the summary shows what did not pass, and no markup of a server") {
    const std::string text = github_summary(mixed());
    CAPTURE(text);
    CHECK(text.starts_with("## FAIL rehearsal\n\nGate error-rate failed \\<badly>; rolled back."));
    CHECK(text.contains("1 of 5 checks passed."));
    CHECK(text.contains("next: `less report.md`"));
    CHECK(text.contains("| `fault` | ERROR | line one line two \\| pipe |\n"));
    CHECK_FALSE(text.contains("stream.happy"));
    CHECK_FALSE(
        github_summary(run("PASS", Json::array({check("a", "PASS", "fine")}))).contains("| check |")
    );
}

TEST_CASE("github: the summary of what failed before it was a run names none") {
    const Json none = {
        {"id", ""}, {"kind", "smoke stream"}, {"verdict", "ERROR"}, {"headline", "h"}
    };
    CHECK(github_summary(none).starts_with("## ERROR smoke stream\n\nh\n\n0 of 1 check passed.\n"));
}

TEST_CASE("github: an annotation for each required check, breaks and colons escaped") {
    CHECK(
        github_annotations(mixed()) ==
        "::error title=FAIL gate.error-rate@25%25::36.8%25 \"bad\" & beyond <5%25>\x01\n"
        "::warning title=INCONCLUSIVE gate.p95@25%25::needs n ≥ 59, has 7\n"
        "::warning title=ERROR fault::line one%0Aline two | pipe\n"
    );
    Json optional = run("PASS", Json::array({check("x", "FAIL", "d"), check("y", "PASS", "d")}));
    optional["checks"][0]["required"] = false;
    CHECK_FALSE(github_annotations(optional).contains("title=FAIL x"));
}
