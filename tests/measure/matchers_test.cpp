#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/measure/prometheus_source.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::measure;

TEST_CASE("matchers: each is taken apart, its value without quotes and escapes") {
    const auto got = parse_matchers(R"(job="lane" , instance!~"a,\"}.*",env != "a\\b\n",z=~"")");
    REQUIRE(got.has_value());
    CHECK(
        *got ==
        std::vector<Matcher>{
            {"job", "=", "lane"},
            {"instance", "!~", "a,\"}.*"},
            {"env", "!=", "a\\b\n"},
            {"z", "=~", ""},
        }
    );
    CHECK(parse_matchers("")->empty());
    CHECK(parse_matchers("  ")->empty());
}

TEST_CASE("matchers: what Prometheus would not read is refused wherever it is given") {
    struct Row {
        const char* text;
        const char* says;
    };
    for (const Row& row : {
             Row{R"(job="a" foo="b")", "a comma belongs between two matchers, in character 9"},
             Row{R"(job="a\")", "closing quote is missing"},
             Row{R"(9a="x")", "no digit first"},
             Row{R"(job=lane)", "double quotes"},
             Row{R"(job='lane')", "double quotes"},
             Row{R"(job)", "followed by"},
             Row{R"(job=="a")", "double quotes"},
             Row{R"(="a")", "name is letters"},
             Row{R"(job="a",)", "nothing follows the last comma"},
             Row{R"(,job="a")", "name is letters"},
             Row{R"(job="a"})", "comma"},
             Row{R"(__name__="x")", "its name already"},
             Row{R"(job="\d")", "escapes"},
             Row{"job=\"a\nb\"", "control character"},
             Row{"job=\"\xff\"", "UTF-8"},
         }) {
        CAPTURE(row.text);
        const auto got = parse_matchers(row.text);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().message.find(row.says) != std::string::npos);
        CHECK(got.error().message.find('\n') == std::string::npos);
        CHECK_FALSE(check({.url = "http://p", .matchers = row.text}).has_value());
        CHECK_FALSE(alert_rules({.matchers = row.text}).has_value());
    }
}

TEST_CASE("alert rules: a matcher for which no test can be written is refused, with the reason") {
    struct Row {
        const char* text;
        const char* says;
    };
    for (const Row& row : {
             Row{R"(instance=~"a.*",job="lane")", "instance=~\"a.*\""},
             Row{R"(instance!~"a.*")", "instance!~\"a.*\""},
             Row{R"(env="")", "env=\"\""},
             Row{R"(env!="")", "env!=\"\""},
             Row{R"(job="a",job!="b")", "'job' is given twice"},
             Row{R"(route="/api/chat/stream")", "'route' is the rules' own"},
             Row{R"(lane="compat")", "'lane' is the rules' own"},
             Row{R"(alertname="x")", "'alertname' is the rules' own"},
         }) {
        CAPTURE(row.text);
        CHECK(check({.url = "http://p", .matchers = row.text}).has_value()); // fine for a question
        const auto got = alert_rules({.matchers = row.text});
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().message.find(row.says) != std::string::npos);
    }
}

TEST_CASE("alert rules: = is a label of the tests' series, != is none, values keep their escapes") {
    const auto files = alert_rules({.matchers = R"(job="a\"b", env!="dev")"});
    REQUIRE(files.has_value());
    CHECK(files->front().text.find(R"(job="a\"b", env!="dev")") != std::string::npos);
    const std::string& tests = (*files)[1].text;
    CHECK(tests.find(R"(job=\"a\\\"b\"}")") != std::string::npos); // YAML's quotes around it
    CHECK(tests.find("env") == std::string::npos);
    CHECK(
        tests.find(R"(method=\"POST\",job=\"a\\\"b\")") != std::string::npos
    ); // as absent() tells
}

TEST_CASE("alert rules: an objective so strict that single requests burn it is refused") {
    CHECK(alert_rules({.objective = {99999, 100'000}}).has_value());
    for (const Fraction objective : {Fraction{999'999, 1'000'000}, {999'999'999, 1'000'000'000}}) {
        const auto got = alert_rules({.objective = objective});
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().message.find("99.999%") != std::string::npos);
    }
}
