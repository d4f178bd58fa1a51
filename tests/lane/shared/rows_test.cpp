// The rows of an owner with very many, as a lane takes them over from the store.
#include "../../support/loop_watch.hpp"
#include "shared_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// `times` at once.
void refresh_all(SharedRig& rig, std::size_t times) {
    std::size_t done = 0;
    for (std::size_t i = 0; i < times; ++i) {
        spawn(
            rig.context.get_executor(),
            "list",
            [](SharedRig* on, std::size_t* count) -> Task<void> {
                (void)co_await on->shared().refresh_all("");
                ++*count;
            }(&rig, &done)
        );
    }
    rig.until("the lists", [&] { return done == times; });
}

} // namespace

TEST_CASE("rows: those of an owner with very many are taken over without holding the loop") {
    constexpr std::size_t k_many = 100'000;
    constexpr double k_longest = 0.05;
    SharedRig rig;
    for (std::size_t i = 0; i < k_many; ++i) {
        rig.store.listed.push_back("thread_0123456789abcdef0123456789" + std::to_string(i));
    }
    const LoopWatch watch(rig.context);
    refresh_all(rig, 1);
    CHECK(watch.longest_s() < k_longest);
    CHECK(rig.ids->size() == k_many);
}

TEST_CASE("rows: of many lists at once one reads all rows of their owner") {
    SharedRig rig;
    rig.store.listed = {"a", "b", "c"};
    rig.ids->put({"", "b", "auth-old"});
    refresh_all(rig, 20);
    CHECK(rig.store.lists == 1);
    CHECK(rig.ids->size() == 3);
    CHECK(rig.ids->find("", "b")->thread == "auth-b");
    refresh_all(rig, 2);
    CHECK(rig.store.lists == 1);
}

TEST_CASE("rows: those of a list are not all there while the store lacks those of other lanes") {
    SharedRig rig;
    rig.store.listed = {"a"};
    auto& unknown = rig.store.states[""];
    unknown.awaited = true;
    CHECK_FALSE(rig.run(rig.shared().refresh_all("")));
    CHECK(rig.store.lists == 0);
    unknown.awaited = false;
    CHECK(rig.run(rig.shared().refresh_all("")));
    CHECK(rig.ids->size() == 1);
    unknown.awaited = true; // what has changed since is known
    CHECK(rig.run(rig.shared().refresh_all("")));
}

TEST_CASE("rows: a store that lost them is offered all of this lane's, page by page") {
    constexpr std::size_t k_some = 250;
    SharedRig rig;
    for (std::size_t i = 0; i < k_some; ++i) {
        lane::ThreadRow row{i % 2 == 0 ? "ann" : "bob", "c" + std::to_string(i), "auth"};
        row.version = i;
        rig.ids->put(row);
    }
    rig.store.away = true;
    rig.store.on_lost();
    rig.context.poll();
    CHECK(rig.store.all_offered == 0);
    rig.store.away = false; // it is tried until the store takes them
    rig.until("all rows", [&] { return rig.store.all_offered > 0; });
    CHECK(rig.store.pages == std::vector<std::size_t>{100, 100, 50});
    CHECK(rig.store.offers[7].key == store::ThreadKey{"bob", "c7"});
    CHECK(rig.store.offers[7].fields.thread == "auth");
    CHECK(rig.store.offers[7].fields.version == 7);
    SECTION("lost once more while it is offered them, it is offered all again") {
        rig.store.pages.clear();
        rig.store.away = true;
        rig.store.on_lost();
        rig.context.restart();
        rig.context.poll();
        rig.store.on_lost();
        rig.store.away = false;
        rig.until("all rows", [&] { return rig.store.all_offered > 1; });
        CHECK(rig.store.pages.size() == 6);
        CHECK(rig.store.all_offered == 2);
    }
}

TEST_CASE("rows: a lane that starts offers its own to a store that has lost some, and to no other"
) {
    SharedRig rig;
    rig.ids->put({"", "c", "auth-c"});
    rig.store.rows_lost = GENERATE(true, false);
    CAPTURE(rig.store.rows_lost);
    rig.shared().start();
    if (rig.store.rows_lost) {
        rig.until("all rows", [&] { return rig.store.all_offered > 0; });
    } else {
        rig.context.poll();
    }
    CHECK(rig.store.offers.size() == (rig.store.rows_lost ? 1 : 0));
}

TEST_CASE("rows: a store that lost them is told what was deleted, as this lane learned of it") {
    SharedRig rig;
    rig.ids->put({"", "here", "auth-1"});
    rig.ids->put({"", "elsewhere", "auth-2"});
    rig.ids->erase("", "here");
    CHECK(rig.run(rig.shared().store_row("", "here")));
    auto& state = rig.store.states["elsewhere"];
    state.erased = true;
    state.version = 9;
    CHECK(rig.run(rig.shared().refresh("", "elsewhere")));
    rig.store.on_lost();
    rig.until("all rows", [&] { return rig.store.all_offered > 0; });
    REQUIRE(rig.store.offers.size() == 2);
    CHECK(rig.store.offers[0].key.id == "here");
    CHECK(rig.store.offers[0].fields.thread.empty());
    CHECK(rig.store.offers[0].fields.version == rig.store.version);
    CHECK(rig.store.offers[1].key.id == "elsewhere");
    CHECK(rig.store.offers[1].fields.version == 9);
}

TEST_CASE("rows: in a list, the newer copy of a row counts") {
    SharedRig rig;
    rig.store.listed = {"a"};
    lane::ThreadRow row{"", "a", "auth-new"};
    row.version = 5; // the store's has none
    rig.ids->put(row);
    refresh_all(rig, 1);
    CHECK(rig.ids->find("", "a")->thread == "auth-new");
    CHECK(rig.store.offers.size() == 1);
}
