// The store is away while turns of this lane end, or say nothing.
#include "../turns/heard.hpp"
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

constexpr std::uint64_t k_own_fence = 4;

/// Has taken over the turn "t1", which its authority still runs.
struct Outage : SharedRig {
    explicit Outage(
        const lane::LaneConfig& config = LaneRig::quick(), lane::TurnHead head = {.model = "m"}
    )
        : SharedRig(config) {
        played->can_leave = true;
        theirs(false, begun());
        store.logs["t1"].entries.front().head = lane::head_text(head);
        REQUIRE(settle());
        live = own();
        REQUIRE(live);
    }
    void end() {
        played->say("Hello");
        played->complete();
        until("the turn's end", [this] { return live->ended(); });
    }
    /// It ends while the store is away, which the lane waits for no longer.
    void give_up() {
        store.settings.outage = Millis(0);
        store.away = true;
        end();
        go_on();
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

TEST_CASE("outages: a store that is back is told of a turn with the key that led to it") {
    Outage lane;
    const auto journal = std::make_shared<lane::TurnJournal>(
        std::make_shared<lane::WritePace>(lane.context.get_executor(), Millis(0)),
        lane.store,
        store::ThreadKey{"", "c"},
        k_own_fence,
        "t1"
    );
    lane.shared().follow(
        lane.live, journal, {.key = "k1", .attempt = "first", .request = "digest"}
    );
    lane.reach();
    CHECK(lane.store.holds == std::vector{k_own_fence});
    REQUIRE(lane.store.held_uses.size() == 1);
    CHECK(lane.store.held_uses[0].key == "k1");
    CHECK(lane.store.held_uses[0].attempt == "first");
    CHECK(lane.store.held_uses[0].request == "digest");
}

TEST_CASE("outages: a turn is dropped once whose end the store was not told in time") {
    Outage lane;
    lane.give_up();
    lane.reach(); // and is lost again
    CHECK(lane.store.forgotten.empty());
    lane.store.away = false;
    lane.reach();
    CHECK(lane.store.forgotten == std::vector{k_own_fence});
    lane.reach();
    CHECK(lane.store.forgotten.size() == 1);
    CHECK(lane.store.releases.empty()); // it was told its end, so nobody goes on with it
}

TEST_CASE("outages: a turn whose row the lane drops by itself is dropped once") {
    Outage lane;
    lane.give_up();
    lane.store.away = false;
    auto& holding = lane.holding();
    holding.session = lane.store.session();
    holding.alive = true;
    holding.fence = k_own_fence;
    lane.store.held_rows = {{"", "c"}};
    lane.shared().start();
    lane.until("a look at its rows", [&] { return !lane.store.forgotten.empty(); });
    lane.store.held_rows.clear();
    lane.reach();
    CHECK(lane.store.forgotten == std::vector{k_own_fence});
    CHECK(lane.store.releases.empty());
}

TEST_CASE("outages: the end of a turn that another lane took meanwhile is that lane's to tell") {
    Outage lane;
    lane.store.away = true;
    lane.store.appended = fail(Code::unavailable, "the store is away");
    lane.played->say("Hello");
    lane.played->more(", world");
    lane.go_on(); // this is new
    lane.played->complete();
    lane.until("its end", [&] { return lane.live->ended(); });
    CHECK(lane.store.turns.unsettled == 1);
    lane.store.appended = store::Written::fenced;
    lane.store.away = false;
    lane.until("the next try", [&] { return !lane.store.forgotten.empty(); });
    CHECK(lane.store.turns.fenced.append == 1);
    CHECK(lane.store.turns.unacked == 0);
    lane.reach();
    CHECK(lane.store.forgotten == std::vector{k_own_fence});
}

TEST_CASE("outages: a lane that is cut off leaves a turn that takes too long to whoever has it") {
    auto config = LaneRig::quick();
    const bool silent = GENERATE(true, false);
    const bool leased = GENERATE(true, false);
    CAPTURE(silent, leased);
    config.limits.idle = Millis(silent ? 60'000 : 600'000);
    config.limits.turn_wall = Millis(silent ? 600'000 : 60'000);
    config.timings.detach_grace = Millis(600'000);
    Outage lane(config);
    lane.store.lease = leased;
    lane.live->tick(Clock::now() + Millis(59'000));
    CHECK_FALSE(lane.played->left);
    CHECK(lane.played->interrupts == 0);
    lane.live->tick(Clock::now() + Millis(61'000));
    lane.go_on();
    CHECK(lane.live->ended());
    CHECK(lane.played->left == !leased);
    CHECK(lane.played->interrupts == (leased ? 1 : 0));
}

TEST_CASE("outages: a turn whose store stays away is left to whoever comes, also within the lease"
) {
    const bool leased = GENERATE(true, false);
    CAPTURE(leased);
    Outage lane;
    lane.store.lease = leased;
    lane.store.settings.outage = Millis(0);
    lane.store.away = true;
    lane.store.appended = fail(Code::unavailable, "the store is away");
    lane.played->say("Hello");
    lane.played->more(", world"); // this is new
    lane.until("its end", [&] { return lane.live->ended(); });
    CHECK(lane.played->left);
    CHECK(lane.played->interrupts == 0);
    REQUIRE(lane.live->outcome() != nullptr);
    CHECK(lane.live->outcome()->reason == lane::StopReason::store_away);
}

TEST_CASE("outages: a question that nobody answers is not declined while another lane may ask it") {
    auto config = LaneRig::quick();
    config.limits.approval = Millis(60'000);
    config.limits.idle = config.limits.turn_wall = Millis(600'000);
    config.timings.detach_grace = Millis(600'000);
    Outage lane(config, {.model = "m", .approvals = true});
    lane.played->say("Hello");
    lane.played->ask("k1", "a1");
    lane.until("the question", [&] { return lane.live->asks(); });
    lane.store.lease = false;
    lane.live->tick(Clock::now() + Millis(120'000));
    CHECK(lane.played->decisions.empty());
    lane.store.lease = true;
    lane.live->tick(Clock::now() + Millis(120'000));
    CHECK(lane.played->decisions == std::vector{std::pair(std::string("a1"), false)});
}

TEST_CASE("outages: a lane that signed on again stops nothing before the store says it is ours") {
    Outage lane;
    ++lane.store.sign_ons;
    const bool asked = GENERATE(true, false);
    CAPTURE(asked);
    if (asked) {
        lane.reach();
    }
    lane.live->stop(lane::StopReason::client_gone);
    CHECK(lane.played->left == !asked);
    CHECK(lane.played->interrupts == (asked ? 1 : 0));
}

TEST_CASE("outages: a turn whose authority is lost as well is left to whoever may have it") {
    Outage lane;
    lane.store.settings.outage = Millis(600'000);
    const bool leased = GENERATE(true, false);
    const bool away = GENERATE(true, false);
    CAPTURE(leased, away);
    lane.store.lease = leased;
    lane.store.away = away; // the lease may end before it is back
    lane.played->fail(Code::unavailable, "the Codex server stayed away");
    lane.until("its end", [&] { return lane.live->ended() && lane.played->dropped; });
    CHECK(lane.played->left == (!leased || away));
    CHECK(lane.played->interrupts == 0);
    REQUIRE(lane.live->outcome() != nullptr);
    REQUIRE(lane.live->outcome()->failure);
    CHECK(lane.live->outcome()->failure->code == turn::FailureCode::authority_lost);
    CHECK(lane.live->outcome()->elsewhere == lane.played->left);
}

TEST_CASE("outages: a turn that says nothing ends with a store that stays away, too") {
    Outage lane;
    const auto outage = Millis(60'000);
    lane.store.settings.outage = outage;
    const auto began = Clock::now();
    const auto tick = [&lane, began](Millis after) {
        lane.shared().tick(began + after);
        return lane.live->ended();
    };
    CHECK_FALSE(tick(2 * outage)); // it is there
    lane.store.lease = false;
    CHECK_FALSE(tick(3 * outage));
    lane.store.lease = true;
    CHECK_FALSE(tick(3 * outage + Millis(1)));
    lane.store.lease = false;
    CHECK_FALSE(tick(4 * outage)); // from here on it is away
    CHECK_FALSE(tick(5 * outage - Millis(1)));
    CHECK(tick(5 * outage));
    CHECK(lane.played->left);
    REQUIRE(lane.live->outcome() != nullptr);
    CHECK(lane.live->outcome()->reason == lane::StopReason::store_away);
    CHECK(lane.live->outcome()->terminal == turn::TerminalClass::turn_aborted);
}
