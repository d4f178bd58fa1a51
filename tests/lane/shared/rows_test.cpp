// The rows of an owner with very many, as a lane takes them over from the store.
#include "../../support/cpu_time.hpp"
#include "shared_rig.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

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
    double longest = 0;
    double before = 0;
    std::function<void()> look = [&] {
        const auto now = thread_cpu_seconds();
        longest = before == 0 ? 0 : std::max(longest, now - before);
        before = now;
        asio::post(rig.context, look);
    };
    asio::post(rig.context, look);
    refresh_all(rig, 1);
    CHECK(longest < k_longest);
    CHECK(rig.ids->size() == k_many);
    rig.context.stop();
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
