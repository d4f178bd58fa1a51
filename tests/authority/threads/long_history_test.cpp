// Threads whose turns together, or one by one, are longer than a line of codex may be.
#include "../fake_stage.hpp"

using namespace oa_test;

namespace {

struct LongStage : FakeStage {
    LongStage() {
        options.program = OA_FAKE_THREADS;
        options.limits.line_bytes = 1'000'000; // of the fake's turns two fit in, or two items
    }
    Mode mode{"long"};
};

} // namespace

TEST_CASE("codex: a history longer than a line is listed whole, and costs no other turn") {
    LongStage stage;
    stage.opened();
    const auto other = must(stage.start(ask("stall")));
    const bool newest_first = GENERATE(false, true);
    TurnsQuery query{.thread = "long", .newest_first = newest_first};
    const auto page = must(run(stage.io, stage.authority->turns_page(query)));
    CHECK_FALSE(page.more);
    REQUIRE(page.turns.size() == 5);
    for (const PastTurn& turn : page.turns) {
        const std::size_t answers = turn.id == "turn-3" ? 4 : 1; // they alone are too much for one
        CHECK(Transcript{.events = turn.events}.text().size() == answers * 400'000);
    }
    CHECK(stage.reading("codex_restarts_total") == 0);
    CHECK(stage.reading("codex_busy_threads") == 1);
}

TEST_CASE("codex: an item longer than a line is an error of its list alone") {
    LongStage stage;
    stage.opened();
    const auto other = must(stage.start(ask("stall")));
    const auto turns = run(stage.io, stage.authority->turns("longer"));
    REQUIRE_FALSE(turns);
    CHECK(turns.error().code == Code::too_large);
    TurnsQuery bare{.thread = "longer", .detail = TurnsQuery::Detail::none};
    CHECK(must(run(stage.io, stage.authority->turns_page(bare))).turns.size() == 5);
    CHECK(stage.reading("codex_restarts_total") == 0);
    CHECK(stage.reading("codex_busy_threads") == 1);
}
