// How a rate is told from what came.
#include "oa_stream/net/event_rate.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::net;

TEST_CASE("events are many from a rate on, whatever the silence before") {
    const Clock::time_point start{};
    const auto at = [&](int ms) { return start + Millis(ms); };
    EventRate rate(500, start);
    rate.add(1'000, at(99));
    CHECK_FALSE(rate.many()); // no whole span yet
    rate.add(0, at(100));
    CHECK(rate.many());
    for (int ms = 110; ms <= 200; ms += 10) {
        rate.add(5, at(ms)); // 50 in 100 ms
    }
    CHECK(rate.many());
    for (int ms = 210; ms <= 300; ms += 10) {
        rate.add(4, at(ms));
    }
    CHECK_FALSE(rate.many());
    rate.add(60, at(5'300)); // a burst behind five seconds of silence
    CHECK_FALSE(rate.many());
    rate.add(60, at(5'410));
    CHECK(rate.many());
}
