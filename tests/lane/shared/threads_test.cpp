// One turn a thread over all lanes: who may take it, what ends it, and what others are told.
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;
using store::Acquired;

namespace {

Acquired acquired(Acquired::Kind kind, std::uint64_t fence, std::size_t readers = 0) {
    Acquired out{.kind = kind, .holding = {.session = "other", .alive = true}, .readers = readers};
    out.holding.phase = store::Phase::live;
    out.holding.fence = fence;
    return out;
}

lane::LaneConfig hasty() {
    auto config = LaneRig::quick();
    config.timings.reader_leaving = Millis(60);
    config.timings.supersede_wait = Millis(120);
    return config;
}

/// "c" of nobody in particular, as it is here since this change.
void put_version(SharedRig& rig, std::uint64_t version) {
    lane::ThreadRow row{"", "c", "auth-c"};
    row.version = version;
    rig.ids->put(row);
}

using Taken = lane::Accepted<std::optional<lane::SharedHold>>;
Taken take(SharedRig& rig, bool limited = true, bool count_owner = false) {
    return rig.run(rig.shared().acquire(
        {.owner = "ann", .thread = "c", .count_owner = count_owner, .limited = limited}
    ));
}

} // namespace

TEST_CASE("threads: one that is ours is given back unless it is kept") {
    SharedRig rig;
    rig.store.acquire_answers = {acquired(Acquired::Kind::mine, 7)};
    {
        const auto taken = take(rig);
        REQUIRE(taken);
        REQUIRE(*taken);
        CHECK((*taken)->fence() == 7);
        CHECK((*taken)->key() == store::ThreadKey{"ann", "c"});
        CHECK(rig.store.forgotten.empty());
    }
    rig.until("what gives it back", [&] { return !rig.store.forgotten.empty(); });
    CHECK(rig.store.forgotten == std::vector<std::uint64_t>{7});
    {
        auto taken = take(rig);
        (*taken)->keep();
    }
    rig.context.poll();
    CHECK(rig.store.forgotten.size() == 1);
}

TEST_CASE("threads: one is ours while no other lane can have taken it since") {
    SharedRig rig;
    rig.store.acquire_answers = {acquired(Acquired::Kind::mine, 7)};
    const auto taken = take(rig);
    REQUIRE(taken);
    REQUIRE(*taken);
    CHECK((*taken)->ours());
    rig.store.lease = false;
    CHECK_FALSE((*taken)->ours());
    rig.store.lease = true;
    ++rig.store.sign_ons;
    CHECK_FALSE((*taken)->ours());
}

TEST_CASE("threads: limits are those of the lane, an owner's where owners are told apart") {
    auto config = LaneRig::quick();
    config.limits.streams = 30;
    config.limits.streams_per_owner = 4;
    SharedRig rig(config);
    CHECK(take(rig));
    CHECK(take(rig, true, true));
    CHECK(take(rig, false, true));
    REQUIRE(rig.store.acquires.size() == 3);
    CHECK(rig.store.acquires[0].most == 30);
    CHECK(rig.store.acquires[0].most_of_owner == 0);
    CHECK(rig.store.acquires[1].most_of_owner == 4);
    CHECK(rig.store.acquires[2].most > 1'000'000);
    CHECK(rig.store.acquires[2].most_of_owner == 0);
}

TEST_CASE("threads: what refuses one says which limit it is, or that the store is away") {
    SharedRig rig;
    const auto refusal = [&] {
        const auto taken = take(rig);
        REQUIRE_FALSE(taken);
        return std::pair(taken.error().status, taken.error().code);
    };
    rig.store.acquire_answers = {acquired(Acquired::Kind::full, 1)};
    CHECK(refusal().first == 503);
    rig.store.acquire_answers = {acquired(Acquired::Kind::owner_full, 1)};
    CHECK(refusal().first == 429);
    rig.store.acquire_answers = {fail(Code::unavailable, "away")};
    CHECK(refusal() == std::pair(503, std::string("store_unavailable")));
    CHECK(take(rig).error().message.contains("new messages"));
    CHECK_FALSE(take(rig, false).error().message.contains("new messages")); // a deletion
    const auto asked = rig.store.acquires.size();
    rig.store.acquire_answers = {acquired(Acquired::Kind::mine, 1)};
    rig.store.counted.memory = 0.81;
    CHECK(refusal() == std::pair(503, std::string("store_unavailable")));
    CHECK(rig.store.acquires.size() == asked);
    CHECK(take(rig, false)); // of a turn that runs already
    rig.store.counted.memory = 0.8;
    CHECK(take(rig));
}

TEST_CASE("threads: one of a dead lane is settled first") {
    SharedRig rig;
    rig.store.acquire_answers = {acquired(Acquired::Kind::orphan, 1)};
    const auto taken = take(rig);
    REQUIRE(taken);
    CHECK_FALSE(*taken);
}

TEST_CASE("threads: a turn elsewhere that nobody reads is wanted to end, once, and then taken") {
    SharedRig rig;
    rig.store.acquire_answers = {
        acquired(Acquired::Kind::busy, 5),
        acquired(Acquired::Kind::busy, 5),
        acquired(Acquired::Kind::mine, 6)
    };
    const auto taken = take(rig);
    REQUIRE(taken);
    REQUIRE(*taken);
    REQUIRE(rig.store.wanted.size() == 1);
    CHECK(rig.store.wanted.front().fence == 5);
    CHECK(rig.store.wanted.front().reason == "superseded");
    const auto& asked = rig.store.acquires;
    REQUIRE(asked.size() == 3);
    CHECK(asked.front().request == asked.back().request); // one attempt
}

TEST_CASE("threads: a turn elsewhere ends for nothing but the next message") {
    SharedRig rig;
    auto starting = acquired(Acquired::Kind::busy, 5);
    starting.holding.phase = store::Phase::starting;
    rig.store.acquire_answers = {starting, acquired(Acquired::Kind::busy, 5)};
    const auto taken =
        rig.run(rig.shared().acquire({.owner = "ann", .thread = "c", .supersedes = false}));
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == "turn_in_progress");
    CHECK(rig.store.acquires.size() == 2); // a start may come to nothing
    CHECK(rig.store.wanted.empty());
}

TEST_CASE("threads: results are refused for now by a turn that another lane has just begun") {
    SharedRig rig;
    auto starting = acquired(Acquired::Kind::busy, 5);
    starting.holding.phase = store::Phase::starting;
    auto ours = acquired(Acquired::Kind::busy, 5);
    ours.holding.session = rig.store.session(); // its end is on its way to the store
    const auto ends = [&](Acquired last) {
        rig.store.acquires.clear();
        rig.store.acquire_answers = {starting, ours, std::move(last)};
        return rig.run(rig.shared().acquire({.owner = "ann", .thread = "c", .answers = true}));
    };
    const auto refused = ends(acquired(Acquired::Kind::busy, 5));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "turn_in_progress");
    CHECK(rig.store.acquires.size() == 3);
    CHECK(ends(acquired(Acquired::Kind::mine, 6)));
}

TEST_CASE("threads: a turn elsewhere that is read is left alone, and one that stays keeps its place"
) {
    SharedRig rig(hasty());
    const bool read = GENERATE(true, false);
    CAPTURE(read);
    rig.store.acquire_answers = {acquired(Acquired::Kind::busy, 5, read ? 1 : 0)};
    const auto began = Clock::now();
    const auto taken = take(rig);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().status == 409);
    CHECK(rig.store.wanted.size() == (read ? 0 : 1));
    CHECK(Clock::now() - began >= Millis(read ? 60 : 120));
}

TEST_CASE("threads: a turn that was just accepted elsewhere has time for its reader to come") {
    SharedRig rig(hasty());
    auto starts = acquired(Acquired::Kind::busy, 5);
    starts.holding.phase = store::Phase::starting;
    rig.store.acquire_answers = {starts, acquired(Acquired::Kind::busy, 5)};
    const auto began = Clock::now();
    spawn(rig.context.get_executor(), "test", [](SharedRig* on) -> Task<void> {
        (void)co_await on->shared().acquire({.owner = "ann", .thread = "c"});
    }(&rig));
    rig.until("a look at it as accepted", [&] { return rig.store.acquires.size() >= 2; });
    CHECK(rig.store.wanted.empty());
    rig.until("its end is wanted", [&] { return !rig.store.wanted.empty(); });
    CHECK(Clock::now() - began >= Millis(60));
}

TEST_CASE("threads: a place for a turn without a log is given back with it") {
    SharedRig rig;
    rig.store.acquire_answers = {acquired(Acquired::Kind::mine, 0)};
    {
        const auto place = rig.run(rig.shared().take_place("ann", true));
        REQUIRE(place);
        CHECK(rig.store.places_given.empty());
    }
    CHECK(rig.store.places_given == std::vector<std::string>{"ann"});
    rig.store.acquire_answers = {acquired(Acquired::Kind::full, 0)};
    const auto refused = rig.run(rig.shared().take_place("ann", true));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status == 503);
    CHECK(rig.store.places_given.size() == 1);
    rig.store.acquire_answers = {acquired(Acquired::Kind::mine, 0)};
    rig.store.counted.memory = 0.81; // the rest is of what runs
    CHECK(rig.run(rig.shared().take_place("ann", true)).error().code == "store_unavailable");
    CHECK(rig.store.places_given.size() == 1);
}

TEST_CASE("threads: of deleted threads the rows go that name them, whatever fails meanwhile") {
    SharedRig rig;
    rig.store.states["gone-on"].fields = store::ThreadFields{.thread = "newer", .version = 9};
    rig.store.states["last"].fields = store::ThreadFields{.thread = "auth-last"};
    rig.store.unerasable = "away";
    std::vector<std::string> threads;
    for (const std::string id : {"away", "gone-on", "kept", "last"}) {
        rig.ids->put({"", id, "auth-" + id});
        threads.push_back("auth-" + id);
    }
    std::erase(threads, "auth-kept");
    rig.authority.forgetful = true;
    if (const bool here = GENERATE(true, false); here) {
        rig.run(rig.shared().forget_deleted(threads));
        CHECK(rig.store.deleted == threads); // others may have been asked for them alone
    } else { // … as this lane may
        rig.store.on_wanted(
            {.turn = "-",
             .reason = std::string(store::k_deleted),
             .request = {},
             .from = {},
             .body = fmt::to_string(fmt::join(threads, "\n"))}
        );
        rig.until("the last of them", [&] { return !rig.store.erased.empty(); });
        CHECK(rig.store.deleted.empty());
    }
    CHECK(rig.store.erased == std::vector<std::string>{"last"});
    CHECK(rig.ids->find("", "kept"));
    CHECK_FALSE(rig.ids->find("", "away"));
    CHECK_FALSE(rig.ids->find("", "last"));
    REQUIRE(rig.ids->find("", "gone-on"));
    CHECK(rig.ids->find("", "gone-on")->thread == "newer");
}

TEST_CASE("threads: the others are told of a deletion until the store has taken it") {
    SharedRig rig;
    rig.store.unreported = 1;
    rig.shared().tell_deleted_later("auth-c");
    rig.until("the news", [&] { return !rig.store.deleted.empty(); });
    CHECK(rig.store.deleted == std::vector<std::string>{"auth-c"});
    CHECK(rig.store.erased.empty()); // its request has done that
}

TEST_CASE("threads: what another lane is said to have deleted stays where the authority has it") {
    SharedRig rig;
    rig.ids->put({"", "c", "auth-c"});
    rig.store.on_wanted(
        {.turn = "-",
         .reason = std::string(store::k_deleted),
         .request = {},
         .from = {},
         .body = "auth-c"}
    );
    rig.context.restart();
    rig.context.poll();
    CHECK(rig.ids->find("", "c"));
    CHECK(rig.store.erased.empty());
}

TEST_CASE("threads: a row is stored as the lane has it, and one that the lane lacks is erased") {
    SharedRig rig;
    rig.ids->put({"", "c", "auth-c"});
    CHECK(rig.run(rig.shared().store_row("", "c")));
    CHECK(rig.store.put_rows == std::vector{std::pair<std::string, std::string>("c", "auth-c")});
    CHECK(rig.run(rig.shared().store_row("", "d", 7)));
    CHECK(rig.store.erased == std::vector<std::string>{"d"});
    CHECK(rig.store.row_fences == std::vector<std::uint64_t>{0, 7});
}

TEST_CASE("threads: a look takes over the store's row, and offers it one that it never had") {
    SharedRig rig;
    auto& state = rig.store.states["c"];
    SECTION("the store's row counts") {
        rig.ids->put({"", "c", "auth-old"});
        state.fields = store::ThreadFields{.thread = "auth-new"};
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.ids->find("", "c")->thread == "auth-new");
        CHECK(rig.store.offers.empty());
    }
    SECTION("the store never had it") {
        rig.ids->put({"", "c", "auth-c"});
        CHECK(rig.run(rig.shared().refresh("", "c")));
        REQUIRE(rig.store.offers.size() == 1);
        CHECK(rig.store.offers.front().fields.thread == "auth-c");
    }
    SECTION("the store never had it, and another lane is about to make it") {
        rig.ids->put({"", "c", "auth-c"});
        state.holding.phase = store::Phase::starting;
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.store.offers.empty());
    }
    SECTION("the store has it as it was before") {
        put_version(rig, 7);
        state.fields = store::ThreadFields{.thread = "auth-old"};
        state.version = state.fields->version = 6;
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.ids->find("", "c")->thread == "auth-c");
        REQUIRE(rig.store.offers.size() == 1);
        CHECK(rig.store.offers.front().fields.version == 7);
    }
    SECTION("it was deleted before it was made again here") {
        put_version(rig, 7);
        state.erased = true;
        state.version = 6;
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.ids->contains("", "c"));
        CHECK(rig.store.offers.size() == 1);
    }
    SECTION("the store has it as it is here") {
        put_version(rig, 7);
        state.fields = store::ThreadFields{.thread = "auth-new"}; // by a lane of an old release
        state.version = state.fields->version = 7;
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.ids->find("", "c")->thread == "auth-new");
        CHECK(rig.store.offers.empty());
    }
    SECTION("others have still to offer what they have") {
        state.awaited = true;
        CHECK_FALSE(rig.run(rig.shared().refresh("", "c")));
        rig.ids->put({"", "c", "auth-c"});
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK(rig.store.offers.size() == 1);
    }
    SECTION("it was deleted") {
        rig.ids->put({"", "c", "auth-c"});
        state.erased = true;
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK_FALSE(rig.ids->contains("", "c"));
        CHECK(rig.store.offers.empty());
    }
    SECTION("nobody knows it") {
        CHECK(rig.run(rig.shared().refresh("", "c")));
        CHECK_FALSE(rig.ids->contains("", "c"));
        CHECK(rig.store.offers.empty());
    }
}

TEST_CASE("threads: a change of a row that the store lacks is made once it has the row") {
    SharedRig rig;
    rig.ids->put({"", "c", "auth-c"});
    rig.store.unchanged = GENERATE(0, 1, 2);
    CAPTURE(rig.store.unchanged);
    const auto stored = rig.run(rig.shared().change_row("", "c", {.title = "New"}));
    const bool known = rig.store.unchanged == 0;
    CHECK(stored.has_value() == (rig.store.unchanged < 2)); // else the store took no offer
    CHECK(rig.store.changes == (known ? 1 : 2));
    CHECK(rig.store.looks == (known ? 0 : 1));
    CHECK(rig.store.offers.size() == (known ? 0 : 1));
    CHECK(rig.ids->find("", "c")->version == (stored ? 7U : 0U));
}

TEST_CASE(
    "threads: of a row that was deleted a change is over, of one that others may have it fails"
) {
    SharedRig rig;
    rig.store.unchanged = 1;
    auto& state = rig.store.states["c"];
    SECTION("it was deleted") {
        rig.ids->put({"", "c", "auth-c"});
        state.erased = true;
        CHECK(rig.run(rig.shared().change_row("", "c", {.archived = true})));
        CHECK_FALSE(rig.ids->contains("", "c"));
    }
    SECTION("others have still to offer what they have") {
        state.awaited = true;
        CHECK_FALSE(rig.run(rig.shared().change_row("", "c", {.archived = true})));
    }
    CHECK(rig.store.changes == 1);
}

TEST_CASE("threads: one that other lanes may have is waited for as long as they may take to come") {
    SharedRig rig(hasty());
    const auto awaited = acquired(Acquired::Kind::awaited, 0);
    SECTION("they have offered all of theirs") {
        rig.store.acquire_answers = {awaited, awaited, acquired(Acquired::Kind::mine, 7)};
        const auto taken = take(rig);
        REQUIRE(taken);
        CHECK(*taken);
    }
    SECTION("they do not come") {
        rig.store.settings.lease = Millis(80);
        rig.store.acquire_answers = {awaited};
        const auto began = Clock::now();
        const auto taken = take(rig);
        REQUIRE_FALSE(taken);
        CHECK(taken.error().status == 503);
        CHECK(taken.error().code == "store_unavailable");
        CHECK(Clock::now() - began >= Millis(80));
        CHECK(rig.store.offers.empty());
    }
    SECTION("this lane has it itself") {
        rig.ids->put({"ann", "c", "auth-c"});
        rig.store.acquire_answers = {awaited, acquired(Acquired::Kind::mine, 7)};
        CHECK(take(rig));
        CHECK(rig.store.offers.size() == 1);
    }
}
