// A stop over several lanes, and a decision on a turn that runs on another one.
#include "../turns/heard.hpp"
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;
using Start = lane::SharedLane::Start;

namespace {

Start stop_start(SharedRig& rig, std::string turn = "") {
    return rig.run(rig.shared().stop_start("", "c", Clock::now(), std::move(turn)));
}

/// The turn of a dead lane, which goes on here.
std::shared_ptr<lane::LiveTurn> adopt(SharedRig& rig) {
    rig.theirs(false, begun());
    REQUIRE(rig.settle());
    auto live = rig.own();
    REQUIRE(live);
    auto& holding = rig.holding();
    holding.session = rig.store.session();
    holding.alive = true;
    holding.fence = 4;
    return live;
}

} // namespace

TEST_CASE("stops: a start that another lane has under way is wanted to stop, until it is over") {
    SharedRig rig;
    rig.theirs(true, "", store::Phase::starting);
    CHECK(stop_start(rig) == Start::under_way);
    REQUIRE(rig.store.wanted.size() == 1);
    CHECK(rig.store.wanted.front().reason == store::k_stopped);
    CHECK(rig.store.wanted.front().fence == k_their_fence);
}

TEST_CASE("stops: a start that was accepted meanwhile is over for whoever waits") {
    SharedRig rig;
    rig.theirs(true, "", store::Phase::starting);
    std::optional<Start> told;
    spawn(
        rig.context.get_executor(),
        "test",
        [](SharedRig* on, std::optional<Start>* out) -> Task<void> {
            const auto until = Clock::now() + Millis(60'000);
            *out = co_await on->shared().stop_start("", "c", until, "");
        }(&rig, &told)
    );
    rig.until("the wish", [&] { return !rig.store.wanted.empty(); });
    SECTION("it runs") {
        rig.holding().phase = store::Phase::live;
    }
    SECTION("the next one starts") {
        ++rig.holding().fence;
    }
    rig.until("the answer", [&] { return told.has_value(); });
    CHECK(told == Start::over);
    CHECK(rig.store.wanted.size() == 1);
}

TEST_CASE("stops: of what runs, or is started by this lane, another lane starts nothing") {
    SharedRig rig;
    SECTION("it runs elsewhere") {
        rig.theirs(true, begun());
    }
    SECTION("it is started here") {
        rig.theirs(true, "", store::Phase::starting);
        rig.holding().session = rig.store.session();
    }
    SECTION("there is no turn") {
    }
    CHECK(stop_start(rig) == Start::none);
    CHECK(rig.store.wanted.empty());
}

TEST_CASE("stops: one that names a turn means no start, and no turn behind it") {
    SharedRig rig;
    SECTION("a start") {
        rig.theirs(true, "", store::Phase::starting);
    }
    SECTION("a turn that a dead lane left") {
        rig.theirs(false, begun());
    }
    CHECK(stop_start(rig, "turn-before") == Start::none);
    CHECK(rig.store.wanted.empty());
}

TEST_CASE("stops: a turn that a dead lane left is settled, and ended first of all") {
    SharedRig rig;
    rig.theirs(false, begun());
    const auto played = rig.runs();
    CHECK(stop_start(rig, GENERATE("", "t1")) == Start::under_way);
    REQUIRE(rig.store.wanted.size() == 1);
    rig.until("somebody who has it", [&] { return rig.store.adopted.size() == 1; });
}

TEST_CASE("stops: a stop is promised for the turn that the row names, and for no other") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    CHECK(rig.run(rig.shared().promise_stop(live)));
    REQUIRE(rig.store.wanted.size() == 1);
    CHECK(rig.store.wanted.front().fence == 4);
    SECTION("another one") {
        rig.holding().turn = "t2";
    }
    SECTION("one that has ended") {
        live->end_now(lane::StopReason::stopped);
        rig.until("its end", [&] { return live->ended(); });
    }
    CHECK(rig.run(rig.shared().promise_stop(live)));
    CHECK(rig.store.wanted.size() == 1);
}

TEST_CASE("stops: a stop of a turn that is read here is not one of the turn behind it") {
    SharedRig rig;
    rig.theirs(true, begun());
    const auto found = rig.find(lane::FoundFor::stopping);
    REQUIRE(found);
    REQUIRE(*found);
    auto& holding = rig.holding();
    ++holding.fence;
    const bool same = GENERATE(true, false);
    CAPTURE(same);
    if (!same) { // its end has not come here yet
        holding.turn = GENERATE("t2", ""); // which runs, or is started
    }
    const auto looks = rig.store.looks;
    (*found)->stop(lane::StopReason::stopped);
    rig.until("the look", [&] { return rig.store.looks > looks; });
    rig.context.poll();
    REQUIRE(rig.store.wanted.size() == (same ? 1 : 0));
    CHECK((!same || rig.store.wanted.front().fence == k_their_fence + 1));
}

TEST_CASE("stops: a turn that another lane has since ends here, one that is ours still goes on") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    rig.store.held_again = GENERATE(true, false);
    CAPTURE(rig.store.held_again);
    rig.store.on_unsure();
    rig.until("the question", [&] { return !rig.store.holds.empty(); });
    rig.context.restart();
    rig.context.poll();
    CHECK(rig.store.holds == std::vector<std::uint64_t>{4});
    CHECK(live->ended() == !rig.store.held_again);
    CHECK(live->gone() == !rig.store.held_again);
    CHECK(rig.store.turns.fenced.validate == (rig.store.held_again ? 0 : 1));
}

TEST_CASE("stops: what is wanted of a turn holds where the store says so") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    const auto want = [&](const char* reason) {
        rig.store.on_wanted({.turn = "t1", .reason = reason, .request = {}, .from = {}, .body = {}}
        );
        const auto before = rig.store.looks;
        rig.until("a look at the row", [&] { return rig.store.looks > before; });
        rig.context.restart();
        rig.context.poll();
    };
    SECTION("nobody asked for it") {
        want("stopped");
        CHECK_FALSE(live->stopping());
    }
    SECTION("it is another lane's since") {
        rig.holding().stop = "stopped";
        rig.holding().session = "other";
        want("stopped");
        CHECK_FALSE(live->stopping());
    }
    SECTION("it was taken over since") {
        rig.holding().stop = "stopped";
        rig.holding().fence = 5;
        want("stopped");
        CHECK_FALSE(live->stopping());
    }
    SECTION("a client stops it") {
        rig.holding().stop = "stopped";
        want("stopped");
        CHECK(live->stopping());
    }
    SECTION("the next message ends it, which nobody reads") {
        rig.holding().stop = "superseded";
        want("superseded");
        CHECK(live->stopping());
    }
    SECTION("the next message does not end it while somebody reads it") {
        std::string heard;
        live->attach(std::make_shared<Heard>(heard), Clock::now(), true, [](const auto&) {});
        rig.holding().stop = "superseded";
        want("superseded");
        CHECK_FALSE(live->stopping());
        REQUIRE(rig.store.wanted.size() == 1); // nor when another lane has it
        CHECK(rig.store.wanted.front().reason.empty());
        CHECK(rig.store.wanted.front().fence == 4);
    }
}

TEST_CASE("stops: what this lane stops itself is known to the others, should it die over it") {
    using lane::StopReason;
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    const auto reason =
        GENERATE(StopReason::stopped, StopReason::superseded, StopReason::client_gone);
    live->stop(reason);
    CHECK(played->interrupts == 1); // it waits for nothing
    rig.until("the wish", [&] { return !rig.store.wanted.empty(); });
    const auto wish = rig.store.wanted.front();
    CHECK(wish.key.id == "c");
    CHECK(wish.fence == 4);
    CHECK(wish.reason == to_string(reason));
    // As the store tells it to whoever holds the turn.
    rig.holding().stop = wish.reason;
    rig.store.on_wanted({.turn = "t1", .reason = wish.reason, .request = {}, .from = {}, .body = {}}
    );
    const auto before = rig.store.looks;
    rig.until("a look at the row", [&] { return rig.store.looks > before; });
    rig.context.restart();
    rig.context.poll();
    CHECK(played->interrupts == 1);
    CHECK(rig.store.wanted.size() == 1);
}

TEST_CASE("stops: a stop that the authority tells of itself is not looked after any more") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    const bool told = GENERATE(true, false);
    CAPTURE(told);
    played->answers_interrupt = told;
    live->stop(lane::StopReason::stopped);
    if (!told) {
        live->end_now(lane::StopReason::stopped); // it may run on
    }
    rig.until("its end", [&] { return live->ended(); });
    rig.context.restart();
    rig.context.poll();
    REQUIRE(rig.store.ended.size() == 1);
    CHECK(rig.store.wanted.size() == 1);
    CHECK(rig.store.stopped.size() == (told ? 1 : 0));
}

TEST_CASE("stops: a turn that a limit ends is not one that somebody wanted to stop") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    live->stop(lane::StopReason::wall_time);
    CHECK(played->interrupts == 1);
    rig.context.restart();
    rig.context.poll();
    CHECK(rig.store.wanted.empty());
}

TEST_CASE("stops: a turn that was to stop and whose lane is gone stops at its authority as well") {
    SharedRig rig;
    rig.theirs(true, begun(), store::Phase::ended);
    rig.holding().session.clear();
    rig.holding().stop = store::k_stopped;
    authority::PastTurn past{.id = "t1", .user_text = "hi"};
    past.running = true;
    rig.authority.past = {past};
    bool settled = false;
    spawn(rig.context.get_executor(), "test", [](SharedRig* on, bool* done) -> Task<void> {
        *done = co_await on->shared().settle({"", "c"});
    }(&rig, &settled));
    rig.until("the stop", [&] { return !rig.authority.stops.empty(); });
    CHECK(rig.authority.stops.front() == std::pair<std::string, std::string>("auth-c", "t1"));
    CHECK(rig.store.stopped.empty());
    rig.authority.past.front().running = false;
    rig.until("the end of it", [&] { return settled; });
    CHECK(rig.store.stopped == std::vector{store::ThreadKey{"", "c"}});
}

TEST_CASE("stops: a stop is done where the thread is gone, and not while its authority is away") {
    SharedRig rig;
    rig.theirs(true, begun(), store::Phase::ended);
    rig.holding().session.clear();
    rig.holding().stop = store::k_stopped;
    rig.authority.history_error = Error{.code = Code::unavailable, .message = "away"};
    CHECK(rig.settle());
    CHECK(rig.store.stopped.empty());
    rig.authority.history_error = Error{.code = Code::not_found, .message = "no such thread"};
    CHECK(rig.settle());
    CHECK(rig.store.stopped.size() == 1);
    CHECK(rig.authority.stops.empty());
}

TEST_CASE("stops: a turn that ended without a wish to stop it is not stopped") {
    SharedRig rig;
    rig.theirs(true, begun(), store::Phase::ended);
    rig.holding().session.clear();
    authority::PastTurn past{.id = "t1", .user_text = "hi"};
    past.running = true;
    rig.authority.past = {past};
    CHECK(rig.settle());
    CHECK(rig.authority.stops.empty());
    CHECK(rig.store.stopped.size() == 1);
}

namespace {

/// What the other lane says to a decision on the turn that it runs.
lane::Accepted<std::size_t> decided(SharedRig& rig, const std::string& verdict) {
    rig.theirs(true, begun());
    const auto live = rig.find(lane::FoundFor::deciding).value();
    REQUIRE(live);
    std::optional<lane::Accepted<std::size_t>> out;
    spawn(
        rig.context.get_executor(),
        "test",
        [](SharedRig* on, std::shared_ptr<lane::LiveTurn> turn, auto* to) -> Task<void> {
            std::vector<lane::ApprovalAnswer> answers;
            answers.push_back({.id = "a1", .approved = true});
            std::vector<authority::CallResult> results;
            results.push_back({.call = "k1", .output = Json("sunny"), .failed = true});
            *to = co_await on->shared().decide(turn, std::move(answers), std::move(results));
        }(&rig, live, &out)
    );
    rig.until("the question", [&] { return !rig.store.passed.empty(); });
    const auto asked = rig.store.passed.front();
    CHECK(asked.turn == "t1");
    CHECK(asked.reason == lane::k_decide);
    CHECK(
        asked.body ==
        R"([{"id":"a1","approved":true},{"call":"k1","failed":true,"output":"sunny"}])"
    );
    rig.store.on_wanted(
        {.turn = "t1",
         .reason = std::string(store::k_answer),
         .request = asked.request,
         .from = {},
         .body = verdict}
    );
    rig.until("the verdict", [&] { return out.has_value(); });
    return *std::move(out);
}

} // namespace

TEST_CASE("decisions: the lane that runs the turn says in which part of it they are answered") {
    SharedRig rig;
    const auto segment = decided(rig, R"({"segment":0})");
    REQUIRE(segment);
    CHECK(*segment == 0);
}

TEST_CASE("decisions: one that no lane is told of is refused at once") {
    SharedRig rig;
    rig.store.passes = false; // the turn's log is lost, say
    const auto no = decided(rig, R"({"segment":0})");
    REQUIRE_FALSE(no);
    CHECK(no.error().status == 503);
    CHECK(no.error().message == "only the replica that runs this turn can take it now");
    CHECK(no.error().headers.has("retry-after"));
}

TEST_CASE("decisions: what the lane that runs the turn refuses is refused here in its words") {
    SharedRig rig;
    const auto no = decided(
        rig, R"({"status":422,"code":"invalid","message":"no","fields":{"messages":"it was not"}})"
    );
    REQUIRE_FALSE(no);
    CHECK(no.error().status == 422);
    CHECK(no.error().code == "invalid");
    CHECK(no.error().message == "no");
    REQUIRE(no.error().fields.size() == 1);
    CHECK(no.error().fields.front().first == "messages");
    CHECK(no.error().fields.front().second == "it was not");
    CHECK_FALSE(no.error().headers.has("retry-after"));
}

TEST_CASE("decisions: a conflict may be tried again, and what makes no sense counts as no answer") {
    SharedRig conflict;
    const auto busy = decided(conflict, R"({"status":409,"code":"busy","message":"no"})");
    REQUIRE_FALSE(busy);
    CHECK(busy.error().status == 409);
    CHECK(busy.error().headers.has("retry-after"));
    for (const auto* text : {"", "{}", R"({"segment":-1})", "[1]"}) {
        CAPTURE(text);
        SharedRig rig;
        const auto no = decided(rig, text);
        REQUIRE_FALSE(no);
        CHECK(no.error().status == 503);
    }
}

TEST_CASE("decisions: of another lane's client they are judged here, where the turn runs") {
    SharedRig rig;
    const auto played = rig.runs();
    const auto live = adopt(rig);
    const auto ask = [&](const char* text = R"([{"id":"a1","approved":true}])") {
        rig.store.on_wanted(
            {.turn = "t1",
             .reason = std::string(lane::k_decide),
             .request = "r1",
             .from = "other",
             .body = text}
        );
    };
    SECTION("unknown ones are refused") {
        ask();
        rig.until("the verdict", [&] { return !rig.store.answers.empty(); });
        const auto said = parse_json(rig.store.answers.front()).value();
        CHECK(said.at("status") == 422);
        CHECK(said.at("fields").contains("messages"));
    }
    SECTION("what is neither a decision nor a result decides nothing") {
        ask(R"([{"id":"a1"},{"approved":true},{"call":"k1"},{"output":1},7])");
        rig.until("the verdict", [&] { return !rig.store.answers.empty(); });
        CHECK(parse_json(rig.store.answers.front()).value().at("status") == 409);
    }
    SECTION("of a turn that is not ours any more nothing is said") {
        rig.holding().session = "other";
        const auto before = rig.store.looks;
        ask();
        rig.until("a look at the row", [&] { return rig.store.looks > before; });
        rig.context.restart();
        rig.context.poll();
        CHECK(rig.store.answers.empty());
    }
}
