// Who may be inside at once, who waits, and for how long.
#include "../harness.hpp"
#include "codex/process/turnstile.hpp"

#include <numeric>

using namespace oa_test;

namespace {

struct Gate {
    explicit Gate(Turnstile::Limits limits) : turnstile(io.get_executor(), limits) {}
    Turnstile::Pass enter(Millis patience) {
        return run(io, turnstile.enter(Clock::now() + patience));
    }
    void pause(Millis time) {
        run(io, [](Millis pause) -> Task<void> { (void)co_await sleep_for(pause); }(time));
    }
    /// One is inside for so long.
    void stay(Millis time) {
        const auto pass = enter(Millis(0));
        CHECK(pass);
        pause(time);
    }
    asio::io_context io{};
    Turnstile turnstile;
};

constexpr Millis k_long{20'000};

} // namespace

TEST_CASE("a turnstile lets in so many, and the next one when somebody leaves", "[turnstile]") {
    Gate gate({.most = 2});
    auto first = gate.enter(Millis(0));
    const auto second = gate.enter(Millis(0));
    REQUIRE(first);
    REQUIRE(second);
    CHECK_FALSE(gate.enter(Millis(20)));
    asio::steady_timer leaves(gate.io, Millis(20));
    leaves.async_wait([&](const boost::system::error_code&) { first.reset(); });
    CHECK(gate.enter(k_long));
    CHECK_FALSE(first);
}

TEST_CASE("a turnstile lets more in while some wait and all are in time", "[turnstile]") {
    Gate gate({.most = 2, .least = 1, .usual = Millis(500), .slow = Millis(10'000)});
    int inside = 0;
    std::vector<int> seen;
    const auto one = [&]() -> Task<void> {
        const auto pass = co_await gate.turnstile.enter(Clock::now() + k_long);
        CHECK(pass);
        seen.push_back(++inside);
        (void)co_await sleep_for(Millis(2));
        --inside;
    };
    for (int number = 0; number < 8; ++number) {
        asio::co_spawn(gate.io, one(), asio::detached);
    }
    gate.io.restart();
    gate.io.run_for(Millis(5'000));
    REQUIRE(seen.size() == 8);
    CHECK(seen[0] == 1);
    CHECK(seen[1] == 1);
    CHECK(std::ranges::max(seen) == 2);

    gate.stay(Millis(550)); // late
    gate.pause(Millis(100));
    const auto alone = gate.enter(Millis(0));
    CHECK(alone);
    CHECK_FALSE(gate.enter(Millis(0)));
}

TEST_CASE("a turnstile does not count who is slow for the lower limit", "[turnstile]") {
    Gate gate({.most = 3, .least = 1, .usual = Millis(5), .slow = Millis(60)});
    const auto began = Clock::now();
    const auto first = gate.enter(Millis(0));
    REQUIRE(first);
    CHECK_FALSE(gate.enter(Millis(10)));
    const auto second = gate.enter(k_long); // by itself, once the first one is slow
    REQUIRE(second);
    const auto waited = Clock::now() - began;
    CHECK(waited >= Millis(60));
    CHECK(waited < k_long / 2);
    const auto third = gate.enter(k_long);
    CHECK(third);
    gate.pause(Millis(70));
    CHECK_FALSE(gate.enter(Millis(10))); // all are slow, but inside
}

TEST_CASE("a turnstile lets a place rest for as long as who had it was late", "[turnstile]") {
    Gate gate({.most = 1, .usual = Millis(20), .slow = Millis(10'000)});
    gate.stay(Millis(0)); // the quickest one says what is usual
    auto first = gate.enter(Millis(0));
    REQUIRE(first);
    gate.pause(Millis(100));
    first.reset();
    const auto left = Clock::now();
    auto second = gate.enter(k_long);
    REQUIRE(second);
    CHECK(Clock::now() - left >= Millis(75));
    second.reset(); // in time
    CHECK(gate.enter(Millis(0)));
}

TEST_CASE("a turnstile calls nobody late who took as long as the quickest", "[turnstile]") {
    Gate gate({.most = 1, .usual = Millis(20), .slow = Millis(10'000)});
    gate.stay(Millis(400));
    gate.stay(Millis(400));
    CHECK(gate.enter(Millis(0)));
}

TEST_CASE("a turnstile serves who waits in order", "[turnstile]") {
    Gate gate({.most = 1});
    auto first = gate.enter(Millis(0));
    std::vector<int> order;
    const auto one = [&](int number) -> Task<void> {
        const auto pass = co_await gate.turnstile.enter(Clock::now() + k_long);
        CHECK(pass);
        order.push_back(number);
        (void)co_await sleep_for(Millis(1));
    };
    for (int number = 0; number < 20; ++number) {
        asio::co_spawn(gate.io, one(number), asio::detached);
    }
    gate.io.restart();
    gate.io.poll();
    CHECK(order.empty());
    first.reset();
    gate.io.restart();
    gate.io.run_for(Millis(5'000));
    std::vector<int> all(20);
    std::iota(all.begin(), all.end(), 0);
    CHECK(order == all);
}

TEST_CASE("a turnstile lets nobody in who stopped waiting", "[turnstile]") {
    Gate gate({.most = 1});
    auto first = gate.enter(Millis(0));
    asio::cancellation_signal stop;
    bool entered = true;
    asio::co_spawn(
        gate.io,
        gate.turnstile.enter(Clock::now() + k_long),
        asio::bind_cancellation_slot(
            stop.slot(),
            [&](const std::exception_ptr&, const Turnstile::Pass& pass) {
                entered = pass != nullptr;
            }
        )
    );
    gate.io.restart();
    gate.io.poll();
    stop.emit(asio::cancellation_type::terminal);
    gate.io.restart();
    gate.io.poll();
    CHECK_FALSE(entered);
    first.reset();
    CHECK(gate.enter(Millis(0)));
}
