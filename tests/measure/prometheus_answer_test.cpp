// Bodies as a real Prometheus 2.42 wrote them, and what must not be taken for one.
#include "oa_stream/measure/prometheus_answer.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <cmath>

using namespace oa_stream;
using namespace oa_stream::measure;
using namespace oa_stream::measure::prometheus;

namespace {

std::string vector_of(std::string_view result, std::string_view more = "") {
    return fmt::format(
        R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}{}}})", result, more
    );
}

std::string one(std::string_view value, std::string_view labels = "{}") {
    return fmt::format(R"({{"metric":{},"value":[1795158199.082,"{}"]}})", labels, value);
}

Reading reading(const std::string& body) {
    const auto answer = parse_answer(200, body, ResultType::vector);
    REQUIRE(answer.has_value());
    return reading_of(*answer);
}

using State = Reading::State;

struct ValueRow {
    std::string_view text;
    State state;
    double value = 0;
};
constexpr std::array k_values{
    ValueRow{"3", State::value, 3},
    ValueRow{"0", State::value, 0},
    ValueRow{"1e+00", State::value, 1},
    ValueRow{"-0.5", State::value, -0.5},
    ValueRow{"1.5e-07", State::value, 1.5e-7},
    ValueRow{"NaN", State::not_a_number},
    ValueRow{"+Inf", State::not_a_number},
    ValueRow{"-Inf", State::not_a_number},
};

struct ErrorCase {
    std::string_view name;
    int status;
    std::string_view body;
    Code want;
};
constexpr std::array k_errors{
    ErrorCase{
        "parse error",
        400,
        R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"query\""})",
        Code::config
    },
    ErrorCase{
        "many-to-many match",
        422,
        R"({"status":"error","errorType":"execution","error":"found duplicate series"})",
        Code::config
    },
    ErrorCase{
        "query timeout",
        503,
        R"({"status":"error","errorType":"timeout","error":"query timed out"})",
        Code::timeout
    },
    ErrorCase{
        "unknown errorType", 500, R"({"status":"error","errorType":"odd"})", Code::unavailable
    },
    ErrorCase{"unknown path", 404, "404 page not found\n", Code::protocol},
    ErrorCase{"wrong method", 405, "Method Not Allowed", Code::protocol},
    ErrorCase{"not ready", 503, "Service Unavailable", Code::unavailable},
    ErrorCase{"unauthorised", 401, "", Code::credentials},
    ErrorCase{
        "forbidden by a front",
        403,
        R"({"status":"error","errorType":"bad_data","error":"no"})",
        Code::credentials
    },
    ErrorCase{"too many requests", 429, "", Code::unavailable},
    ErrorCase{"an HTML page with 200", 200, "<html>sign in</html>", Code::protocol},
    ErrorCase{"empty body", 200, "", Code::protocol},
    ErrorCase{"other JSON", 200, R"({"ok":true})", Code::protocol},
    ErrorCase{
        "error with 200",
        200,
        R"({"status":"error","errorType":"timeout","error":"x"})",
        Code::timeout
    },
    ErrorCase{
        "cut short",
        200,
        R"({"status":"success","data":{"resultType":"vector","res)",
        Code::protocol
    },
    ErrorCase{"no data", 200, R"({"status":"success"})", Code::protocol},
    ErrorCase{
        "no result", 200, R"({"status":"success","data":{"resultType":"vector"}})", Code::protocol
    },
    ErrorCase{
        "another type",
        200,
        R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
        Code::protocol
    },
    ErrorCase{
        "a number that is not a string",
        200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,3]}]}})",
        Code::protocol
    },
    ErrorCase{
        "a value in another spelling",
        200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"inf"]}]}})",
        Code::protocol
    },
    ErrorCase{
        "half a number",
        200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"3x"]}]}})",
        Code::protocol
    },
    ErrorCase{
        "no labels",
        200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,"3"]}]}})",
        Code::protocol
    },
    ErrorCase{
        "the same series twice",
        200,
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"3"]},{"metric":{"a":"b"},"value":[1,"4"]}]}})",
        Code::protocol
    },
};

} // namespace

TEST_CASE("prometheus: values are strings; zero, nothing and NaN are three things") {
    for (const ValueRow& row : k_values) {
        CAPTURE(row.text);
        const Reading got = reading(vector_of(one(row.text)));
        CHECK(got.state == row.state);
        CHECK(got.value == Approx(row.value));
        CHECK(got.why.empty() == (row.state == State::value));
    }
    CHECK(reading(vector_of("")).state == State::nothing);
}

TEST_CASE("prometheus: a warning beside success makes the answer unknown, empty or not") {
    const std::string_view warning = R"(,"warnings":["remote_read: connection refused"])";
    CHECK(reading(vector_of("", warning)).state == State::unknown);
    const Reading partial = reading(vector_of(one("0"), warning));
    CHECK(partial.state == State::unknown);
    CHECK(partial.why == "Prometheus warns: remote_read: connection refused");
    CHECK(reading(vector_of(one("0"), R"(,"warnings":[])")).state == State::value);
    CHECK(reading(vector_of(one("0"), R"(,"warnings":"odd")")).state == State::unknown);
}

TEST_CASE("prometheus: several series where one number was asked for are unknown") {
    const Reading got =
        reading(vector_of(one("1", R"({"instance":"a"})") + "," + one("2", R"({"instance":"b"})")));
    CHECK(got.state == State::unknown);
    CHECK(got.why == "2 series where one number was asked for");
}

TEST_CASE("prometheus: every error has its code and the server's words, never a value") {
    for (const ErrorCase& row : k_errors) {
        INFO(row.name);
        const auto got = parse_answer(row.status, row.body, ResultType::vector);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == row.want);
        CHECK_FALSE(got.error().message.empty());
    }
    const auto refused = parse_answer(k_errors[0].status, k_errors[0].body, ResultType::vector);
    CHECK(refused.error().message.find("invalid parameter") != std::string::npos);
    // A lane in its place.
    const auto other = parse_answer(
        404,
        R"({"message":"there is no such route","error":{"code":"not_found"}})",
        ResultType::vector
    );
    CHECK(other.error().message == "Prometheus answered 404: there is no such route");
    CHECK(other.error().hint == "is it Prometheus? The base URL goes before /api/v1/query");
    CHECK(parse_answer(401, "", ResultType::vector).error().message == "Prometheus answered 401");
}

TEST_CASE("prometheus: every cut of an answer is an error") {
    const std::string body = vector_of(one("3", R"({"a":"b"})"));
    for (std::size_t length = 0; length < body.size(); ++length) {
        CHECK_FALSE(parse_answer(200, body.substr(0, length), ResultType::vector).has_value());
    }
    CHECK(parse_answer(200, body, ResultType::vector).has_value());
}

TEST_CASE("prometheus: what is too large is refused whole") {
    const std::string body = vector_of(one("1", R"({"i":"a"})") + "," + one("2", R"({"i":"b"})"));
    const auto code = [&](const Limits& limits) {
        const auto got = parse_answer(200, body, ResultType::vector, limits);
        return got ? std::nullopt : std::optional(got.error().code);
    };
    CHECK(code({.bytes = body.size() - 1}) == Code::too_large);
    CHECK(code({.series = 1}) == Code::too_large);
    CHECK(code({.points = 1}) == Code::too_large);
    CHECK_FALSE(code({.bytes = body.size(), .series = 2, .points = 2}).has_value());
}

TEST_CASE("prometheus: a matrix has its points in order, a scalar is one number") {
    const auto matrix = parse_answer(
        200,
        R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[10,"1"],[20,"NaN"],[30.5,"2"]]}]}})",
        ResultType::matrix
    );
    REQUIRE(matrix.has_value());
    REQUIRE(matrix->series.size() == 1);
    CHECK(matrix->series[0].label("a") == "b");
    CHECK(matrix->series[0].label("c").empty());
    CHECK(matrix->series[0].points[2].at_s == 30.5);
    CHECK(std::isnan(matrix->series[0].points[1].value));
    CHECK_FALSE(
        parse_answer(
            200,
            R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[20,"1"],[10,"1"]]}]}})",
            ResultType::matrix
        )
            .has_value()
    );
    const auto scalar = parse_answer(
        200,
        R"({"status":"success","data":{"resultType":"scalar","result":[1795158199.082,"NaN"]}})",
        ResultType::scalar
    );
    REQUIRE(scalar.has_value());
    CHECK(reading_of(*scalar).state == State::not_a_number);
}

TEST_CASE("prometheus: replicas count once, by the one that saw more") {
    const std::string body = vector_of(
        one("7", R"({"job":"lane","replica":"0"})") + "," +
        one("9", R"({"job":"lane","replica":"1"})") + "," +
        one("NaN", R"({"job":"other","replica":"0"})") + "," +
        one("2", R"({"job":"other","replica":"1"})")
    );
    const auto answer = parse_answer(200, body, ResultType::vector);
    REQUIRE(answer.has_value());
    const Answer merged = merge_replicas(*answer, k_replica_labels);
    REQUIRE(merged.series.size() == 2);
    CHECK(merged.series[0].label("job") == "lane");
    CHECK(merged.series[0].points[0].value == 9);
    CHECK(merged.series[1].points[0].value == 2);
    CHECK(merged.series[0].label("replica").empty());
}

TEST_CASE("prometheus: buckets by le, and nothing else by le") {
    const auto parse = [](const std::string& body) {
        return buckets_of(*parse_answer(200, body, ResultType::vector));
    };
    const auto got = parse(vector_of(
        one("12.5", R"({"le":"+Inf"})") + "," + one("3", R"({"le":"0.5"})") + "," +
        one("9", R"({"le":"2.5"})")
    ));
    REQUIRE(got.has_value());
    REQUIRE(got->size() == 3);
    CHECK((*got)[0] == Bucket{0.5, 3});
    CHECK((*got)[2].count == 12.5);
    CHECK(parse(vector_of("")).value().empty());
    CHECK_FALSE(parse(vector_of(one("3", R"({"le":"x"})"))).has_value());
    CHECK_FALSE(parse(vector_of(one("3", R"({"route":"a"})"))).has_value());
    CHECK_FALSE(parse(vector_of(one("3", R"({"le":"1","route":"a"})"))).has_value());
    CHECK_FALSE(parse(vector_of(one("NaN", R"({"le":"1"})"))).has_value());
    CHECK_FALSE(parse(vector_of(one("3", R"({"le":"1"})"), R"(,"warnings":["w"])")).has_value());
}
