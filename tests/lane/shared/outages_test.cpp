// The store is away while turns of this lane end, or say nothing.
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

constexpr std::uint64_t k_own_fence = 4;

/// Has taken over the turn "t1", which its authority still runs.
struct Outage : SharedRig {
    explicit Outage(const lane::LaneConfig& config = LaneRig::quick()) : SharedRig(config) {
        played->can_leave = true;
        theirs(false, begun());
        REQUIRE(settle());
        live = own();
        REQUIRE(live);
    }
    void end() {
        played->say("Hello");
        played->complete();
        until("the turn's end", [this] { return live->ended(); });
    }
    /// The store was reached again.
    void reach() {
        store.on_unsure();
        go_on();
    }
    /// All that waits for nothing.
    void go_on() {
        context.restart();
        context.run_for(Millis(20));
    }

    std::shared_ptr<PlayedTurn> played = runs();
    std::shared_ptr<lane::LiveTurn> live{};
};

} // namespace

TEST_CASE("outages: an end that is still told to the store is not dropped there when it is back") {
    Outage lane;
    lane.store.away = true;
    lane.end();
    CHECK(lane.store.turns.unsettled == 1);
    const auto tried = lane.store.ended.size();
    lane.store.away = false;
    lane.reach(); // before the next try
    CHECK(lane.store.forgotten.empty());
    lane.until("the next try", [&] { return lane.store.ended.size() > tried; });
    lane.reach();
    CHECK(lane.store.forgotten.empty());
    CHECK(lane.store.releases.empty());
    CHECK(lane.store.ended.back().fence == k_own_fence);
}

TEST_CASE("outages: a turn is dropped once whose end the store was not told in time") {
    Outage lane;
    lane.store.settings.outage = Millis(0);
    lane.store.away = true;
    lane.end();
    lane.go_on(); // it gives up
    lane.reach(); // and is lost again
    CHECK(lane.store.forgotten.empty());
    lane.store.away = false;
    lane.reach();
    CHECK(lane.store.forgotten == std::vector{k_own_fence});
    lane.reach();
    CHECK(lane.store.forgotten.size() == 1);
    CHECK(lane.store.releases.empty()); // it was told its end, so nobody goes on with it
}
