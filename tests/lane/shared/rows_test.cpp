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
                co_await on->shared().refresh_all("");
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
