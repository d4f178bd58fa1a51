// The canary runbook's "do not spike": more than twice stable's rate, from ten events on; and what
// nobody measured is not little.
#include "oa_stream/measure/gate.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

GateSpec gate() {
    GateSpec spec;
    spec.id = "auth-errors";
    spec.metric = Metric::spike;
    spec.against = Against::stable;
    spec.limit = 1.0; // +100 %
    spec.signal = "auth_errors";
    return spec;
}

GateRecord judge(EventCounts canary, EventCounts stable, Look look = {}) {
    GateSpec spec = gate();
    spec.reading = EventReading{canary, stable, "asserted: log, 10:05Z", true, true};
    return evaluate(spec, {.window = "stage 5%, 4s", .look = look});
}

} // namespace

TEST_CASE("spike: beyond twice stable's rate with ten events or more, and only then, it fails") {
    struct Case {
        EventCounts canary, stable;
        Verdict verdict;
        std::string_view rule;
    };
    const std::array cases{
        // The arms' shares of the traffic do not matter, their rates do.
        Case{{10, 1000}, {100, 20000}, Verdict::pass, "ratio-within-limit"}, // exactly 2x
        Case{{11, 1000}, {100, 20000}, Verdict::fail, "ratio-beyond-limit"},
        Case{{10, 999}, {100, 20000}, Verdict::fail, "ratio-beyond-limit"},
        Case{{9, 10}, {0, 20000}, Verdict::pass, "too-few-events-for-a-spike"},
        Case{{10, 1000}, {0, 20000}, Verdict::fail, "ratio-beyond-limit"}, // nothing to divide by
        Case{{0, 1000}, {0, 20000}, Verdict::pass, "too-few-events-for-a-spike"},
        Case{{50, 1000}, {1000, 20000}, Verdict::pass, "ratio-within-limit"},
        Case{{0, 0}, {5, 20000}, Verdict::inconclusive, "no-source-has-it"},
        Case{{5, 1000}, {0, 0}, Verdict::inconclusive, "no-source-has-it"},
    };
    for (const Case& one : cases) {
        const GateRecord record = judge(one.canary, one.stable);
        CAPTURE(record.sentence);
        CHECK(record.verdict == one.verdict);
        CHECK(record.rule == one.rule);
    }
}

TEST_CASE("spike: exactly at its limit it passes, whatever the limit") {
    struct Case {
        double limit;
        EventCounts canary, stable;
    };
    const std::array cases{
        Case{0.5, {45, 100}, {30, 100}},
        Case{0.5, {27, 1000}, {18, 1000}},
        Case{2.0, {27, 1000}, {9, 1000}},
        Case{1.5, {25, 300}, {10, 300}},
        Case{0.2, {54, 700}, {45, 700}},
        Case{0.14, {57, 100}, {50, 100}},
    };
    for (const Case& one : cases) {
        GateSpec spec = gate();
        spec.limit = one.limit;
        spec.reading = EventReading{one.canary, one.stable, "log", true, true};
        const GateRecord at_limit = evaluate(spec, {});
        CAPTURE(at_limit.sentence);
        CHECK(at_limit.verdict == Verdict::pass);
        CHECK_FALSE(at_limit.sentence.contains("000x")); // digits that show no difference
        ++spec.reading->canary.events;
        CHECK(evaluate(spec, {}).verdict == Verdict::fail);
    }
}

TEST_CASE("spike: a source that is absent is INCONCLUSIVE and says so") {
    const GateRecord record = evaluate(gate(), {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(
        record.sentence ==
        "canary auth_errors not measured: no source has the numbers, and unknown is not small"
    );
    CHECK(to_check(record, "g").verdict == Verdict::inconclusive);
}

TEST_CASE("spike: the sentence has both counts, the ratio, the limit and the source") {
    CHECK(
        judge({30, 1000}, {100, 20000}).sentence == "canary auth_errors 30 of 1000, 6.0x stable's "
                                                    "(100 of 20000), beyond the limit of 2.0x from "
                                                    "10 events on; source asserted: log, 10:05Z"
    );
    // Digits enough to see on which side of the limit it lies.
    CHECK(judge({2001, 100000}, {200, 20000}).sentence.contains("2.001x stable's"));
    CHECK(judge({12, 1000}, {0, 20000}).sentence.contains("stable has none (0 of 20000)"));
}

TEST_CASE("spike: stated numbers are shown as such and are not enough unless the playbook says so"
) {
    const GateRecord good = judge({1, 1000}, {1, 1000});
    CHECK(to_check(good, "g").mode == CheckMode::asserted);
    GateSpec spec = gate();
    spec.reading = EventReading{{1, 1000}, {1, 1000}, "asserted: x", true, false};
    const GateRecord held = evaluate(spec, {});
    CHECK(held.verdict == Verdict::inconclusive);
    CHECK(held.rule == "stated-is-not-enough");
    CHECK(held.sentence.contains("only stated"));
    spec.reading->canary = {30, 1000}; // what is bad is bad, whoever says so
    CHECK(evaluate(spec, {}).verdict == Verdict::fail);
}

TEST_CASE("spike: an interim look may only fail") {
    CHECK(judge({1, 1000}, {1, 1000}, {.interim = true}).verdict == Verdict::inconclusive);
    CHECK(judge({30, 1000}, {1, 1000}, {.interim = true}).verdict == Verdict::fail);
}

TEST_CASE("spike: the record keeps its counts and where they come from") {
    const Json json = to_json(judge({30, 1000}, {100, 20000}));
    CHECK(json["metric"] == "spike");
    CHECK(json["signal"] == "auth_errors");
    CHECK(json["bad"] == 30);
    CHECK(json["reference_bad"] == 100);
    CHECK(json["min_events"] == 10);
    CHECK(json["value"].get<double>() == Approx(5.0));
    CHECK(json["source"] == "asserted: log, 10:05Z");
    CHECK(json["reading"]["asserted"] == true);
}
