#include "completions/completions_guard.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>

using namespace oa_stream::lane;

TEST_CASE("completions guard: a place is given back once, by its end or by that of the turn") {
    CompletionsGuard guard;
    auto first = guard.reserve(2);
    auto second = guard.reserve(2);
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    CHECK_FALSE(guard.reserve(2).has_value());
    second.reset();
    CHECK(guard.active() == 1);
    {
        auto moved = *std::move(first);
        first.reset();
        CHECK(guard.active() == 1);
        moved.hand_over();
    }
    CHECK(guard.active() == 1);
    guard.release();
    CHECK(guard.active() == 0);
}

TEST_CASE("completions guard: a place that outlives its guard leaves that one's memory alone") {
    alignas(CompletionsGuard) std::array<std::byte, sizeof(CompletionsGuard)> memory{};
    auto* const guard = new (memory.data()) CompletionsGuard;
    auto place = guard->reserve(1);
    std::destroy_at(guard);
    memory.fill(std::byte{7});
    place.reset();
    CHECK(memory == [] {
        std::array<std::byte, sizeof(CompletionsGuard)> untouched{};
        untouched.fill(std::byte{7});
        return untouched;
    }());
}
