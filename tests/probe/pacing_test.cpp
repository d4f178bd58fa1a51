#include "oa_stream/probe/pacing.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::probe;

namespace {

struct Row {
    const char* name;
    PacingFacts facts; ///< frames, reads, first event, first content, last content
    std::optional<Millis> paced;
    Pacing want;
};

const std::array k_rows{
    Row{"an instant short answer is not decidable", {3, 1, 0.01, 0.01, 0.01}, {}, Pacing::undecided
    },
    Row{"seven frames held back are still too few", {7, 1, 2.0, 2.0, 2.0}, {}, Pacing::undecided},
    Row{"an instant long answer is not decidable", {50, 1, 0.02, 0.02, 0.03}, {}, Pacing::undecided
    },
    Row{"content spread over reads is streamed", {20, 20, 0.05, 0.10, 0.50}, {}, Pacing::streamed},
    Row{"a long wait, then everything at once is buffered",
        {20, 1, 0.9, 0.9, 0.9},
        {},
        Pacing::buffered},
    Row{"the lump rule begins at 300 ms", {20, 1, 0.3, 0.3, 0.31}, {}, Pacing::buffered},
    Row{"just before 300 ms it is not decidable", {20, 1, 0.29, 0.29, 0.3}, {}, Pacing::undecided},
    Row{"an early start and all content in one lump at the end is buffered",
        {12, 1, 0.01, 1.5, 1.51},
        {},
        Pacing::buffered},
    Row{"an early start and a quick model is not decidable",
        {12, 1, 0.01, 0.5, 0.51},
        {},
        Pacing::undecided},
    Row{"few frames after a slow first one are not decidable",
        {11, 1, 0.01, 1.5, 1.51},
        {},
        Pacing::undecided},
    Row{"blocks over time from an unknown source are not decidable",
        {200, 4, 0.01, 0.5, 3.0},
        {},
        Pacing::undecided},
    Row{"known pace, all at its end: buffered",
        {20, 1, 0.01, 0.40, 0.40},
        Millis(340),
        Pacing::buffered},
    Row{"known pace, kept: streamed", {20, 20, 0.01, 0.05, 0.42}, Millis(340), Pacing::streamed},
    Row{"known pace, in three blocks: buffered",
        {20, 3, 0.01, 0.05, 0.42},
        Millis(340),
        Pacing::buffered},
    Row{"known pace, over sooner than it can be: not paced at all",
        {20, 1, 0.01, 0.02, 0.03},
        Millis(340),
        Pacing::undecided},
    Row{"known pace, the tail half alone: buffered",
        {20, 8, 0.01, 0.30, 0.42},
        Millis(340),
        Pacing::buffered},
};

} // namespace

TEST_CASE("pacing: buffered is said only with evidence that time passed while content was made") {
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const PacingVerdict verdict = judge_pacing(row.facts, row.paced);
        CAPTURE(verdict.why);
        CHECK(to_string(verdict.pacing) == to_string(row.want));
        CHECK_FALSE(verdict.why.empty());
    }
}
