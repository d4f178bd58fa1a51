// Gates on what a PromQL expression gives: the verdict and its sentence.
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/tally.hpp"

#include <catch2/catch.hpp>

namespace oa_stream::measure {
namespace {

struct Row {
    std::string name;
    GateSpec spec{};
    std::optional<double> canary{};
    std::optional<double> stable{};
    Verdict verdict{};
    std::string_view sentence;
};

GateSpec depth(double limit, bool at_least = false) {
    return {.id = "depth", .metric = Metric::expression, .limit = limit, .at_least = at_least};
}
GateSpec against_stable(double limit, bool at_least = false) {
    GateSpec out = depth(limit, at_least);
    out.against = Against::stable;
    return out;
}

} // namespace

TEST_CASE("expression: one number is within its limit or beyond it, and the sentence says so") {
    const auto row = GENERATE(
        Row{"at the limit",
            depth(10),
            10,
            {},
            Verdict::pass,
            "canary depth 10, within the limit of at most 10"},
        Row{"above it",
            depth(10),
            11,
            {},
            Verdict::fail,
            "canary depth 11, beyond the limit of at most 10"},
        Row{"at the least",
            depth(2, true),
            2,
            {},
            Verdict::pass,
            "canary depth 2, within the limit of at least 2"},
        Row{"below the least",
            depth(2, true),
            1,
            {},
            Verdict::fail,
            "canary depth 1, beyond the limit of at least 2"},
        Row{"no number",
            depth(10),
            {},
            {},
            Verdict::inconclusive,
            "depth not measured: the expression returns no number"},
        Row{"a rise within",
            against_stable(0.5),
            12,
            10,
            Verdict::pass,
            "canary depth 12 against 10 of stable (+20%), within the limit of at most +50%"},
        Row{"a rise beyond",
            against_stable(0.1),
            12,
            10,
            Verdict::fail,
            "canary depth 12 against 10 of stable (+20%), beyond the limit of at most +10%"},
        Row{"a rise of just the limit",
            against_stable(0.1),
            11,
            10,
            Verdict::pass,
            "canary depth 11 against 10 of stable (+10%), within the limit of at most +10%"},
        Row{"a fall of just the limit",
            against_stable(-0.1, true),
            0.9,
            1,
            Verdict::pass,
            "canary depth 0.9 against 1 of stable (-10%), within the limit of at least -10%"},
        Row{"a fall beyond",
            against_stable(-0.1, true),
            8,
            10,
            Verdict::fail,
            "canary depth 8 against 10 of stable (-20%), beyond the limit of at least -10%"},
        Row{"nothing on both sides",
            against_stable(0.1),
            0,
            0,
            Verdict::pass,
            "canary depth 0 against 0 of stable (+0%), within the limit of at most +10%"},
        Row{"a rise from nothing",
            against_stable(0.1),
            1,
            0,
            Verdict::inconclusive,
            "canary depth 1 against 0 of stable, limit of at most +10% not decided: a change from "
            "0 has no percentage"},
        Row{"no number of stable",
            against_stable(0.1),
            1,
            {},
            Verdict::inconclusive,
            "depth not measured: the expression returns no number"}
    );
    CAPTURE(row.name);
    const Tally canary{.value = row.canary};
    const Tally stable{.value = row.stable};
    const auto record = evaluate(row.spec, {.canary_tally = &canary, .stable_tally = &stable});
    CHECK(record.verdict == row.verdict);
    CHECK(record.sentence == row.sentence);
}

TEST_CASE("expression: before the window's end nothing is decided") {
    const Tally canary{.value = 11};
    const Tally stable;
    const GateInput input{
        .look = {.number = 1, .of = 2, .interim = true},
        .canary_tally = &canary,
        .stable_tally = &stable,
    };
    const GateRecord record = evaluate(depth(10), input);
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence == "canary depth 11, limit of at most 10 not decided");
}

} // namespace oa_stream::measure
