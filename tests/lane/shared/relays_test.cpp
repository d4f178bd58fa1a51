// A turn that another lane runs, read here.
#include "../turns/heard.hpp"
#include "shared_rig.hpp"

#include <map>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

std::string attach(lane::LiveTurn& turn, std::string& heard) {
    turn.attach(std::make_shared<Heard>(heard), Clock::now(), false, [](const lane::ReaderReport&) {
    });
    return heard;
}

} // namespace

TEST_CASE("relays: a turn that another lane runs is read here up to its end") {
    SharedRig rig;
    rig.shared().start();
    Said said("t1");
    said.text("Hello");
    rig.theirs(true, begun());
    const auto found = rig.find();
    REQUIRE(found);
    const auto live = *found;
    REQUIRE(live);
    CHECK(live->relayed());
    CHECK_FALSE(live->ended());
    std::string heard;
    CHECK(attach(*live, heard) == begun());
    CHECK(*rig.find() == live); // one for all who read it here
    CHECK(rig.store.reads == 1);

    said.complete();
    rig.store.tell(
        "t1", SharedRig::entry(said.frames.substr(begun().size()), begun().size(), true)
    );
    rig.until("its end", [&] { return live->ended(); });
    CHECK(heard == said.frames + "(finished)");
    CHECK(rig.watcher.turns.empty()); // the lane that runs it counts it
}

TEST_CASE("relays: without tails the first follower alone asks, for what is wanted of this lane") {
    SharedRig rig;
    rig.shared().start();
    rig.until("a follower", [&] { return !rig.store.followers.empty(); });
    rig.context.restart();
    rig.context.poll();
    CHECK(rig.store.followers == std::vector<std::size_t>{0});
}

TEST_CASE("relays: one that has ended elsewhere is read once, with its end") {
    SharedRig rig;
    const auto all = Said("t1").text("Hello").complete().frames;
    rig.theirs(true, all, store::Phase::ended);
    const auto live = rig.find().value();
    REQUIRE(live);
    CHECK(live->ended());
    std::string heard;
    CHECK(attach(*live, heard) == all + "(finished)");
}

TEST_CASE("relays: of one that ended elsewhere the results that began it get its answer") {
    SharedRig rig;
    rig.theirs(true, Said("t1").text("Hello").complete().frames, store::Phase::ended);
    const authority::CallResult sun{.call = "c1", .output = "sun"};
    auto& head = rig.store.logs["t1"].entries.front().head;
    const bool earlier = GENERATE(true, false); // a release whose heads have none
    head = earlier ? R"({"route":"/api/chat","model":"m"})"
                   : lane::head_text({.model = "m", .began_with = {lane::digest_of_result(sun)}});
    const auto live = rig.find().value();
    REQUIRE(live);
    const auto answered = live->answer({}, {sun});
    if (earlier) {
        CHECK(answered.error().code == "unknown_tool_call");
        return;
    }
    CHECK(answered == 0);
    CHECK(live->answer({}, {{.call = "c1", .output = "rain"}}).error().code == "already_answered");
}

TEST_CASE("relays: one that ended elsewhere is resumed for as long as one that ended here") {
    SharedRig rig;
    const auto all = Said("t1").text("Hello").complete().frames;
    const auto kept = rig.lane->config.timings.ended_kept;
    for (const auto ago : {kept - Millis(1'000), kept}) {
        rig.theirs(true, all, store::Phase::ended);
        rig.holding().ended_ago = ago;
        auto live = rig.find().value();
        REQUIRE(live);
        const auto now = Clock::now();
        CHECK(live->resumable(now) == (ago < kept));
        CHECK_FALSE(live->resumable(now + Millis(1'000)));
        CHECK(live->repeatable()); // a repeated Idempotency-Key
        rig.shared().tick(now + kept);
        CHECK(rig.store.turns.relays == 1); // somebody is about to read it
        live.reset();
        rig.shared().tick(now + kept);
        CHECK(rig.store.turns.relays == 0);
    }
}

TEST_CASE("relays: one whose end nobody tells any more, or whose log nobody has, is not read") {
    SharedRig rig;
    SECTION("its last entry is not the end") {
        rig.theirs(true, begun(), store::Phase::ended);
        rig.store.logs["t1"].entries.front().outcome.clear();
    }
    SECTION("its log is gone") {
        rig.theirs(true, begun(), store::Phase::ended);
        rig.store.logs.clear();
    }
    CHECK(rig.find().value() == nullptr);
}

TEST_CASE("relays: of one that runs and whose log is gone no word is read, and it can be stopped") {
    SharedRig rig;
    rig.theirs(true, begun());
    rig.store.logs.clear();
    const auto live = rig.find().value();
    REQUIRE(live);
    CHECK_FALSE(live->ended());
    CHECK_FALSE(live->resumable(Clock::now()));
    live->stop(lane::StopReason::stopped);
    rig.until("the stop", [&] { return !rig.store.wanted.empty(); });
    CHECK(rig.store.wanted.front().reason == store::k_stopped);
    CHECK(rig.store.wanted.front().fence == k_their_fence);
}

TEST_CASE("relays: what one said is lost with a hole in its log, and the log is read once more") {
    SharedRig rig;
    rig.shared().start();
    rig.theirs(true, begun());
    const auto live = rig.find().value();
    REQUIRE(live);
    std::string heard;
    attach(*live, heard);
    rig.store.tell("t1", SharedRig::entry("data: {}\n\n", begun().size() + 7));
    rig.until("the loss", [&] { return live->gone(); });
    CHECK(heard == begun() + "(cut)");
    CHECK(rig.store.turns.gaps == 1);
    const auto again = rig.find().value();
    REQUIRE(again);
    CHECK(again != live);
    CHECK_FALSE(again->ended());
}

TEST_CASE("relays: one that nobody reads is forgotten after half a minute, one that is read is not"
) {
    SharedRig rig;
    rig.theirs(true, begun());
    auto live = rig.find().value();
    REQUIRE(live);
    const auto began = Clock::now();
    std::string heard;
    const bool read = GENERATE(true, false);
    CAPTURE(read);
    if (read) {
        attach(*live, heard);
    }
    live.reset();
    rig.shared().tick(began);
    CHECK(rig.store.turns.relays == 1);
    rig.shared().tick(began + Millis(29'000));
    CHECK(rig.store.turns.relays == 1);
    rig.shared().tick(began + Millis(31'000));
    CHECK(rig.store.turns.relays == (read ? 1 : 0));
}

TEST_CASE("relays: more than may be read at once are refused to readers, and can be stopped") {
    SharedRig rig;
    if (GENERATE(true, false)) {
        rig.store.settings.tails = 0;
    } else { // or all logs together are full
        rig.lane->host->log_bytes = rig.lane->host->limits.total_log_bytes + 1;
    }
    rig.theirs(true, begun());
    const auto refused = rig.find();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status == 503);
    const auto to_stop = rig.find(lane::FoundFor::stopping).value();
    REQUIRE(to_stop);
    CHECK_FALSE(to_stop->resumable(Clock::now()));
}

TEST_CASE("relays: one that grows while all logs are full is read no further, and runs on") {
    auto config = LaneRig::quick();
    config.limits.total_log_bytes = 100'000;
    SharedRig rig(config);
    rig.shared().start();
    rig.theirs(true, begun());
    auto live = rig.find().value();
    REQUIRE(live);
    std::string heard;
    attach(*live, heard);
    Said said("t1");
    said.text("Hello").say(turn::PartDelta{"m1", std::string(200'000, 'x')});
    rig.store.tell("t1", SharedRig::entry(said.frames.substr(begun().size()), begun().size()));
    rig.until("the cut", [&] { return live->gone(); });
    CHECK((heard == said.frames + "(cut)"));
    CHECK(rig.store.wanted.empty());
    live.reset();
    CHECK(rig.lane->host->log_bytes == 0);
}

TEST_CASE("relays: of those that are asked for at once no more are read than may be") {
    SharedRig rig;
    rig.store.settings.tails = 1;
    rig.store.late = true;
    rig.theirs(true, begun());
    rig.store.states["d"] = rig.store.states["c"];
    rig.store.states["d"].holding.turn = "t2";
    rig.store.logs["t2"] = rig.store.logs["t1"];
    std::map<int, SharedRig::Found> found;
    int asked = 0;
    for (const auto* id : {"c", "d", "c"}) {
        spawn(
            rig.executor(),
            "test",
            [](SharedRig* on, std::string id, auto* to, int number) -> Task<void> {
                to->emplace(number, co_await on->shared().find("", std::move(id)));
            }(&rig, id, &found, asked++)
        );
    }
    rig.until("all answers", [&] { return found.size() == 3; });
    REQUIRE(found.at(0));
    REQUIRE(found.at(2));
    CHECK(*found.at(0) == *found.at(2));
    REQUIRE_FALSE(found.at(1));
    CHECK(found.at(1).error().status == 503);
    CHECK(rig.store.turns.tails == 1);
}

TEST_CASE("relays: whoever decides reads the turn however many are read") {
    SharedRig rig;
    if (GENERATE(true, false)) {
        rig.store.settings.tails = 0;
    } else { // or all logs together are full
        rig.lane->host->log_bytes = rig.lane->host->limits.total_log_bytes + 1;
    }
    rig.theirs(true, begun());
    const auto live = rig.find(lane::FoundFor::deciding).value();
    REQUIRE(live);
    std::string heard;
    CHECK_FALSE(attach(*live, heard).empty());
}

TEST_CASE("relays: one whose log is lost ends without a word of news, one that is stored does not"
) {
    SharedRig rig;
    rig.shared().start();
    rig.theirs(true, begun());
    const bool whole = GENERATE(true, false);
    CAPTURE(whole);
    if (!whole) { // it was lost before: that it runs is all that is known
        rig.store.states["c"].has_log = false;
        rig.store.logs.clear();
    }
    const auto live = rig.find().value();
    REQUIRE(live);
    const auto looks = rig.store.looks;
    rig.until("a look at it", [&] { return rig.store.looks > looks; });
    rig.context.restart();
    rig.context.poll();
    CHECK_FALSE(live->ended());
    if (whole) {
        rig.store.states["c"].has_log = false;
        rig.store.logs.clear();
    } else {
        rig.holding().phase = store::Phase::ended;
    }
    rig.until("its end", [&] { return live->ended(); });
    CHECK(live->gone());
    CHECK(rig.store.turns.gaps == (whole ? 1 : 0));
}

TEST_CASE("relays: whoever comes back while another lane starts the turn waits as on that lane") {
    auto config = LaneRig::quick();
    CHECK(config.timings.start_wait == Millis(30'000));
    SECTION("it is accepted") {
        SharedRig rig(config);
        rig.theirs(true, begun(), store::Phase::starting);
        std::optional<SharedRig::Found> found;
        spawn(rig.executor(), "test", [](SharedRig* on, auto* to) -> Task<void> {
            *to = co_await on->shared().find("", "c");
        }(&rig, &found));
        rig.until("some looks", [&] { return rig.store.looks > 2; });
        CHECK_FALSE(found);
        rig.holding().phase = store::Phase::live;
        rig.until("the turn", [&] { return found.has_value(); });
        REQUIRE(*found);
        CHECK(**found != nullptr);
    }
    SECTION("not in time, or not for so long") {
        constexpr Millis k_short{50};
        const bool asked = GENERATE(true, false);
        CAPTURE(asked);
        config.timings.start_wait = asked ? Millis(600'000) : k_short;
        SharedRig rig(config);
        rig.theirs(true, begun(), store::Phase::starting);
        rig.holding().turn.clear();
        const auto began = Clock::now();
        const auto most = asked ? std::optional(k_short) : std::nullopt;
        const auto found = rig.run(rig.shared().find(
            "", "c", [] { return false; }, lane::FoundFor::reading, most
        ));
        REQUIRE(found);
        CHECK(*found == nullptr);
        CHECK(Clock::now() - began >= k_short);
        CHECK(rig.store.looks > 1);
    }
}
