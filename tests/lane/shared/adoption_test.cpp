// What a dead lane left: its turn goes on here, or ends as the authority says.
#include "../turns/heard.hpp"
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// The authority tells it from its beginning.
void retell(PlayedTurn& turn) {
    turn.say("Hello");
    turn.more(", world");
    turn.complete();
}

} // namespace

TEST_CASE("adoption: the turn goes on behind what was said of it") {
    SharedRig rig;
    rig.theirs(false, begun());
    const auto played = rig.runs();
    CHECK(rig.settle());
    REQUIRE(rig.store.adopted.size() == 1);
    CHECK(rig.store.adopted.front().from.turn == "t1");
    CHECK(rig.store.adopted.front().top_end == begun().size());
    CHECK(rig.store.reaped.empty());
    const auto live = rig.own();
    REQUIRE(live);
    std::string heard;
    live->attach(
        std::make_shared<Heard>(heard), Clock::now(), false, [](const lane::ReaderReport&) {}
    );
    CHECK(heard == begun());
    retell(*played);
    rig.until("the turn's end", [&] { return live->ended(); });
    Said all("t1");
    all.text("Hello").say(turn::PartDelta{"m1", ", world"}).complete(turn::Usage{10, 2, 5, 1});
    CHECK(heard == all.frames + "(finished)");
    REQUIRE(rig.store.ended.size() == 1);
    CHECK(rig.store.ended.front().fence == 4);
    CHECK(rig.store.turns.adopted == 1);
}

TEST_CASE("adoption: what its authority does not tell again was content all the same") {
    SharedRig rig;
    Said said("t1");
    said.say(turn::PartOpened{"r1", turn::PartKind::reasoning})
        .say(turn::PartDelta{"r1", "hm"})
        .say(turn::PartClosed{"r1"});
    rig.theirs(false, said.frames);
    const auto played = rig.runs();
    CHECK(rig.settle());
    const auto live = rig.own();
    REQUIRE(live);
    played->push(turn::TurnEnded{});
    rig.until("the end", [&] { return live->ended(); });
    CHECK(live->outcome()->terminal == turn::TerminalClass::completed);
    CHECK(live->outcome()->content);
}

TEST_CASE("adoption: an answer of which no word was said yet has the id that its lane gave it") {
    const bool runs = GENERATE(true, false);
    CAPTURE(runs);
    SharedRig rig;
    rig.theirs(false, "");
    auto& head = rig.store.logs["t1"].entries.front().head;
    std::string id = "page-1";
    SECTION("of the page's message") {
        head = lane::head_text({.route = "/api/chat", .model = "m", .message_id = id});
    }
    SECTION("of the turn") {
        head = lane::head_text({.route = "/api/chat", .model = "m"});
        id = "t1";
    }
    SECTION("of the turn, as an earlier release has it") {
        head = R"({"route":"/api/chat","model":"m"})";
        id = "t1";
    }
    const auto start = R"("messageId":")" + id + '"';
    if (runs) {
        const auto played = rig.runs();
        CHECK(rig.settle());
        const auto live = rig.own();
        REQUIRE(live);
        std::string heard;
        live->attach(
            std::make_shared<Heard>(heard), Clock::now(), false, [](const lane::ReaderReport&) {}
        );
        CHECK(heard.contains(start));
    } else {
        rig.authority.past = {{.id = "t1", .user_text = "hi"}};
        CHECK(rig.settle());
        REQUIRE(rig.store.reaped.size() == 1);
        CHECK(rig.store.reaped.front().bytes.contains(start));
    }
}

TEST_CASE("adoption: results that began the turn lead to its beginning on its next lane, too") {
    SharedRig rig;
    rig.theirs(false, begun());
    const authority::CallResult sun{.call = "c1", .output = {{"sky", "sun"}}};
    rig.store.logs["t1"].entries.front().head =
        lane::head_text({.model = "m", .began_with = {lane::digest_of_result(sun)}});
    const auto played = rig.runs();
    CHECK(rig.settle());
    const auto live = rig.own();
    REQUIRE(live);
    CHECK(live->answer({}, {sun}) == 0);
    CHECK(live->answer({}, {{.call = "c1", .output = "rain"}}).error().code == "already_answered");
    CHECK(live->answer({}, {{.call = "c2", .output = "sun"}}).error().code == "unknown_tool_call");
}

TEST_CASE("adoption: who settles it as well leaves the turn alone that was adopted meanwhile") {
    SharedRig rig;
    rig.theirs(false, begun());
    const auto played = rig.runs();
    CHECK(rig.settle());
    const auto live = rig.own();
    REQUIRE(live);
    CHECK(rig.settle()); // looked at the row before the other had it
    CHECK(rig.own() == live);
    CHECK_FALSE(live->ended());
    CHECK_FALSE(live->stopping());
    CHECK(rig.authority.joins == 1);
    CHECK(rig.store.adopted.size() == 1);
    CHECK(rig.store.reaped.empty());
}

TEST_CASE("adoption: while a turn of the thread starts here, the old one is left for later") {
    auto config = LaneRig::quick();
    config.timings.supersede_wait = Millis(50);
    SharedRig rig(config);
    rig.theirs(false, begun());
    const auto played = rig.runs();
    const auto lease =
        rig.run(rig.lane->turns.acquire({.owner = "", .thread = "c", .limited = false, .gone = [] {
                                             return false;
                                         }}));
    REQUIRE(lease);
    CHECK(rig.settle());
    CHECK(rig.authority.joins == 0);
    CHECK(rig.store.adopted.empty());
    CHECK(rig.store.reaped.empty());
}

TEST_CASE("adoption: a stop that was asked of the dead lane reaches the turn") {
    SharedRig rig;
    rig.theirs(false, begun());
    rig.holding().stop = "client_gone";
    const auto played = rig.runs();
    CHECK(rig.settle());
    const auto live = rig.own();
    REQUIRE(live);
    rig.until("the end", [&] { return live->ended(); });
    CHECK(played->interrupts == 1);
    CHECK(live->outcome()->terminal == turn::TerminalClass::client_gone);
}

TEST_CASE("adoption: what another lane took first is let run, and none of ours") {
    SharedRig rig;
    rig.theirs(false, begun());
    rig.store.adopt_answer = std::nullopt;
    const auto played = rig.runs();
    played->can_leave = true;
    CHECK(rig.settle());
    CHECK(played->left);
    CHECK(played->dropped);
    CHECK(rig.own() == nullptr);
    CHECK(rig.store.reaped.empty());
}

TEST_CASE("adoption: a lane that drains takes nothing over") {
    SharedRig rig;
    rig.theirs(false, begun());
    const auto played = rig.runs();
    rig.lane->draining = true;
    CHECK(rig.settle());
    CHECK(rig.authority.joins == 0);
    CHECK(rig.store.reaped.empty());
}

TEST_CASE("adoption: a turn of a living lane, and one of this lane, is not settled") {
    SharedRig rig;
    const auto played = rig.runs();
    SECTION("of a living lane") {
        rig.theirs(true, begun());
    }
    SECTION("of this lane, which the store takes for dead") {
        rig.theirs(false, begun());
        rig.holding().session = rig.store.session();
    }
    SECTION("of nobody") {
    }
    CHECK(rig.settle());
    CHECK(rig.store.reads == 0);
    CHECK(rig.authority.joins == 0);
    CHECK(rig.store.adopted.empty());
    CHECK(rig.store.reaped.empty());
}

TEST_CASE("adoption: a turn that its authority has ended ends as the authority's history has it") {
    SharedRig rig;
    rig.theirs(false, begun());
    authority::PastTurn past{.id = "t1", .user_text = "hi"};
    past.events = {
        turn::PartOpened{"m1", turn::PartKind::text},
        turn::PartDelta{"m1", "Hello, world"},
        turn::PartClosed{"m1"}
    };
    rig.authority.past = {past};
    CHECK(rig.settle());
    REQUIRE(rig.store.reaped.size() == 1);
    const auto& reaped = rig.store.reaped.front();
    CHECK(
        begun() + reaped.bytes ==
        Said("t1").text("Hello").say(turn::PartDelta{"m1", ", world"}).complete().frames
    );
    CHECK(reaped.outcome == R"({"outcome":"completed","owed":true})");
    CHECK(rig.store.turns.reaped == 1);
    REQUIRE(rig.watcher.turns.size() == 1);
    CHECK(rig.watcher.turns.front().outcome == turn::Outcome::completed);
}

TEST_CASE("adoption: an interrupted turn was stopped only where somebody wanted that") {
    SharedRig rig;
    rig.theirs(false, begun());
    authority::PastTurn past{.id = "t1", .user_text = "hi"};
    past.outcome = turn::Outcome::interrupted;
    std::string_view said = R"("code":"authority_lost")"; // with the server that ran it
    std::string_view outcome = R"({"outcome":"failed","owed":true})";
    auto terminal = turn::TerminalClass::codex_error;
    auto reason = lane::StopReason::none;
    SECTION("nobody did") {
    }
    SECTION("a client did") {
        reason = GENERATE(
            lane::StopReason::stopped, lane::StopReason::superseded, lane::StopReason::client_gone
        );
        rig.holding().stop = to_string(reason);
        said = R"("type":"abort")";
        outcome = R"({"outcome":"interrupted","owed":true})";
        terminal = reason == lane::StopReason::client_gone ? turn::TerminalClass::client_gone
                                                           : turn::TerminalClass::turn_interrupted;
    }
    SECTION("the lane that ran it ended it") {
        past.failure = turn::FailureCode::turn_aborted;
        said = R"("code":"turn_aborted")";
        outcome = R"({"outcome":"aborted","owed":true})";
        terminal = turn::TerminalClass::turn_aborted;
    }
    rig.authority.past = {past};
    CHECK(rig.settle());
    REQUIRE(rig.store.reaped.size() == 1);
    const auto& reaped = rig.store.reaped.front();
    CAPTURE(reaped.bytes);
    CHECK(reaped.bytes.contains(said));
    CHECK(reaped.bytes.contains(R"("type":"abort")") == !rig.holding().stop.empty());
    CHECK(reaped.outcome == outcome);
    REQUIRE(rig.watcher.turns.size() == 1);
    CHECK(rig.watcher.turns.front().terminal == terminal);
    CHECK(rig.watcher.turns.front().reason == reason);
}

TEST_CASE("adoption: a turn is called worth another try where it is, as on a lane that lives") {
    SharedRig rig;
    rig.theirs(false, begun());
    authority::PastTurn past{.id = "t1", .user_text = "hi"};
    const bool failed = GENERATE(true, false); // else its server took it along
    past.outcome = failed ? turn::Outcome::failed : turn::Outcome::interrupted;
    rig.authority.past = {past};
    CHECK(rig.settle());
    REQUIRE(rig.store.reaped.size() == 1);
    const auto& bytes = rig.store.reaped.front().bytes;
    CAPTURE(bytes);
    CHECK(bytes.contains(failed ? R"("code":"turn_failed")" : R"("code":"authority_lost")"));
    CHECK(bytes.contains(failed ? R"("retryable":false)" : R"("retryable":true)"));
}

TEST_CASE("adoption: a turn of which its authority knows nothing ends as lost") {
    SharedRig rig;
    rig.theirs(false, begun());
    CHECK(rig.settle());
    REQUIRE(rig.store.reaped.size() == 1);
    CHECK(rig.store.reaped.front().bytes.contains(R"("type":"error")"));
    CHECK(rig.store.reaped.front().outcome == R"({"outcome":"aborted","owed":true})");
}

TEST_CASE("adoption: for an authority that is away the turn waits, and then ends as lost") {
    auto config = LaneRig::quick();
    config.timings.authority_away = Millis(60'000);
    SECTION("its time is not over") {
        SharedRig rig(config);
        rig.theirs(false, begun());
        rig.authority.join_error = Error{.code = Code::unavailable, .message = "away"};
        CHECK_FALSE(rig.settle());
        CHECK_FALSE(rig.settle());
        CHECK(rig.store.reaped.empty());
    }
    SECTION("its time is over") {
        config.timings.authority_away = Millis(0);
        SharedRig rig(config);
        rig.theirs(false, begun());
        rig.authority.join_error = Error{.code = Code::unavailable, .message = "away"};
        CHECK(rig.settle());
        REQUIRE(rig.store.reaped.size() == 1);
        CHECK(rig.store.reaped.front().outcome == R"({"outcome":"aborted","owed":true})");
    }
}

TEST_CASE("adoption: a log with a hole, or of a later release, is not gone on with") {
    SharedRig rig;
    rig.theirs(false, begun());
    const auto played = rig.runs();
    auto& entry = rig.store.logs["t1"].entries.front();
    SECTION("a hole") {
        entry.end += 1;
    }
    SECTION("a later release") {
        entry.strange = true;
    }
    CHECK(rig.settle());
    CHECK(rig.authority.joins == 0);
    CHECK(rig.store.reaped.size() == 1);
}

TEST_CASE("adoption: a server that hangs holds up the turns of no other one") {
    constexpr std::size_t k_hang = 100;
    constexpr std::size_t k_others = 20;
    constexpr std::size_t k_asked = 16; ///< at once, of one server
    SharedRig rig;
    rig.authority.hanging = "0";
    const auto leave = [&rig](const std::string& server, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto id = server + "-" + std::to_string(i);
            auto& state = rig.store.states[id];
            state.fields = store::ThreadFields{.thread = server + "_" + id};
            state.holding = {.session = "other", .phase = store::Phase::live};
            state.holding.turn = "turn-" + id;
            rig.store.logs[state.holding.turn].entries = {SharedRig::entry(begun(), 0)};
            rig.store.left_rows.push_back({"", id});
        }
    };
    const auto settled = [&rig](std::string_view server) {
        return static_cast<std::size_t>(std::ranges::count_if(
            rig.store.reaped,
            [server](const auto& one) { return one.take.key.id.starts_with(server); }
        ));
    };
    leave("0", k_hang);
    leave("1", k_others);
    rig.shared().start();
    rig.until("those of the other server", [&] { return settled("1") == k_others; });
    rig.store.left_rows.clear();
    leave("2", 1); // a lane that dies meanwhile
    rig.until("the next look", [&] { return settled("2") == 1; });
    CHECK(settled("0") == 0);
    CHECK(rig.authority.joins == k_asked + k_others + 1);
    rig.authority.answer_again();
    rig.until("the rest", [&] { return settled("0") == k_hang; });
    CHECK(rig.store.reaped.size() == k_hang + k_others + 1); // each once
}
