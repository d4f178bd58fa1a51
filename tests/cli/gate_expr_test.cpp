#include "slo/gate_expr.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;
using measure::Against;
using measure::Metric;

namespace {

struct Row {
    std::string_view text;
    std::string_view id;
    Metric metric;
    Against against;
    double limit;
    std::string_view events;
};
constexpr std::array k_rows{
    Row{"bad: http_5xx | terminal_error <= 1%",
        "error-rate",
        Metric::bad_rate,
        Against::limit,
        0.01,
        "http_5xx | terminal_error"},
    Row{"bad:empty<=0.5%", "error-rate", Metric::bad_rate, Against::limit, 0.005, "empty"},
    Row{"bad: http_5xx <= +1pp",
        "error-rate-vs-stable",
        Metric::bad_rate,
        Against::stable,
        0.01,
        "http_5xx"},
    Row{"bad: http_5xx <= +1pp versus stable",
        "error-rate-vs-stable",
        Metric::bad_rate,
        Against::stable,
        0.01,
        "http_5xx"},
    Row{"p95: first_content <= 250ms", "first-content", Metric::quantile, Against::limit, 0.25, ""},
    Row{" p95 : first_content <= +20% ",
        "first-content-vs-stable",
        Metric::quantile,
        Against::stable,
        0.2,
        ""},
    Row{"p95: duration <= 30s", "duration", Metric::quantile, Against::limit, 30, ""},
    // as `load --limit` writes them
    Row{"bad <= 1%",
        "error-rate",
        Metric::bad_rate,
        Against::limit,
        0.01,
        "http_5xx | terminal_error"},
    Row{"p95 first_content <= 2.5s", "first-content", Metric::quantile, Against::limit, 2.5, ""},
    Row{"p95-end<=2.5s", "duration", Metric::quantile, Against::limit, 2.5, ""},
    Row{"p99.5: duration <= +20%",
        "duration-p99.5-vs-stable",
        Metric::quantile,
        Against::stable,
        0.2,
        ""},
};

constexpr std::array k_wrong{
    "",
    "<= 1%",
    "bad",
    "bad: : http_5xx <= 1%",
    "good <= 1%",
    "bad: http_5xx < 1%",
    "bad: http_5xx <=",
    "bad: http_5xx <= 1",
    "bad: http_5xx <= 2.5s",
    "bad: http_5xx <= +20%",
    "bad: http_5xx <= 100%",
    "bad: http_5xx <= 500%",
    "bad: http_5xx <= +100pp",
    "bad: http_5xx <= 1% versus stable",
    "bad: http_5xx <= 1% versus canary",
    "bad: any <= 1%",
    "p95: first_content <= 1%",
    "p95: length <= 1s",
    "p95: chunk_gap <= 1s", // probes alone measure these two
    "p99 gap <= 1s",
    "p50: tokens_per_s <= 20s",
    "p0: duration <= 1s",
    "p100: duration <= 1s",
    "px: duration <= 1s",
    "p95: first_content <= 2.5s versus stable",
};

} // namespace

TEST_CASE("gate expression: a playbook's words and limits, in one line") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.text) {
            const auto gate = parse_gate_expr(row.text);
            REQUIRE(gate.has_value());
            CHECK(gate->spec.id == row.id);
            CHECK(gate->spec.metric == row.metric);
            CHECK(gate->spec.against == row.against);
            CHECK(gate->spec.limit == Approx(row.limit));
            CHECK(gate->spec.events == row.events);
            CHECK_FALSE(gate->bad.empty());
        }
    }
}

TEST_CASE("gate expression: what means something else, or nothing, is refused") {
    for (const std::string_view text : k_wrong) {
        CAPTURE(text);
        const auto gate = parse_gate_expr(text);
        REQUIRE_FALSE(gate.has_value());
        CHECK(gate.error().code == Code::usage);
        CHECK(gate.error().where == "EXPR");
    }
}
