// Sockets of somebody else's under one wait: what they tell, and when the loop has no work left.
#include "client/socket_set.hpp"
#include "support.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::net;
using namespace oa_stream::net::testing;

namespace {

using Pair = std::array<Descriptor, 2>; ///< what one side writes the other reads

Pair make_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void say(const Descriptor& end) {
    REQUIRE(::write(end.get(), "x", 1) == 1);
}
void hear(int end) {
    char byte = 0;
    REQUIRE(::read(end, &byte, 1) == 1);
}

struct Bench {
    explicit Bench(Millis between = Millis::zero()) : pause(between) {}

    Loop loop;
    std::vector<std::pair<int, SocketSet::Directions>> told;
    /// Done when a socket tells something.
    std::function<void(int, SocketSet::Directions)> then = [](int, SocketSet::Directions) {};
    Millis pause;
    std::shared_ptr<SocketSet> set = SocketSet::make(
        loop.context.get_executor(),
        pause,
        [this](int socket, SocketSet::Directions directions) {
            told.emplace_back(socket, directions);
            then(socket, directions);
        }
    );
};

constexpr SocketSet::Directions k_in{.in = true};
constexpr SocketSet::Directions k_both{.in = true, .out = true};

} // namespace

TEST_CASE("a socket set tells what is wanted, for as long as it holds") {
    Bench bench;
    const Pair pair = make_pair();
    const int own = pair[0].get();
    REQUIRE(bench.set->want(own, k_in));
    bench.loop.settle();
    CHECK(bench.told.empty());
    say(pair[1]);
    bench.loop.until([&] { return bench.told.size() >= 3; }, "a socket that is still unread");
    CHECK(bench.told[0].first == own);
    CHECK(bench.told[0].second.in);
    CHECK_FALSE(bench.told[0].second.out);

    hear(own);
    bench.told.clear();
    REQUIRE(bench.set->want(own, k_both));
    bench.loop.until([&] { return !bench.told.empty(); }, "a socket with room");
    CHECK_FALSE(bench.told[0].second.in);
    CHECK(bench.told[0].second.out);
}

TEST_CASE("a socket set is silent about what is not wanted, also when the peer has left") {
    Bench bench;
    Pair pair = make_pair();
    const int own = pair[0].get();
    REQUIRE(bench.set->want(own, k_in));
    REQUIRE(bench.set->want(own, {}));
    pair[1] = Descriptor();
    bench.loop.context.restart();
    CHECK(bench.loop.context.run() < 3); // it ends: there is nothing to wait for
    CHECK(bench.told.empty());
    REQUIRE(bench.set->want(own, k_in));
    bench.loop.until([&] { return !bench.told.empty(); }, "the end of a socket");
    CHECK(bench.told[0].second.in);
}

TEST_CASE("a socket set tells nothing of a socket that was dropped a moment ago") {
    Bench bench;
    const Pair first = make_pair();
    const Pair second = make_pair();
    for (const Pair* pair : {&first, &second}) {
        REQUIRE(bench.set->want((*pair)[0].get(), k_in));
        say((*pair)[1]);
    }
    bench.then = [&](int, SocketSet::Directions) { bench.set->clear(); };
    bench.loop.context.restart();
    bench.loop.context.run(); // it ends
    CHECK(bench.told.size() == 1);
}

TEST_CASE("a socket set knows a socket from an older one with its number") {
    Bench bench;
    Pair old = make_pair();
    Pair busy = make_pair();
    const int number = old[0].get();
    for (const Pair* pair : {&busy, &old}) {
        REQUIRE(bench.set->want((*pair)[0].get(), k_in));
        say((*pair)[1]);
    }
    Pair fresh;
    bench.then = [&](int socket, SocketSet::Directions) {
        bench.set->drop(socket);
        if (!fresh[0]) { // the other one is closed, and its number is that of a silent socket
            const bool was_old = socket == number;
            Pair& victim = was_old ? busy : old;
            const int again = victim[0].get();
            bench.set->drop(again);
            fresh = make_pair();
            REQUIRE(::dup2(fresh[0].get(), again) == again);
            REQUIRE(bench.set->want(again, k_in));
        }
    };
    bench.loop.settle();
    CHECK(bench.told.size() == 1);
    say(fresh[1]);
    bench.loop.until([&] { return bench.told.size() == 2; }, "the new socket");
}

TEST_CASE("a socket set watches a socket that was closed unnoticed and opened again") {
    Bench bench;
    const Pair pair = make_pair();
    const Pair other = make_pair();
    const int own = pair[0].get();
    REQUIRE(bench.set->want(own, k_in));
    REQUIRE(::dup2(other[0].get(), own) == own);
    REQUIRE(bench.set->want(own, k_in));
    say(other[1]);
    bench.loop.until([&] { return !bench.told.empty(); }, "the new socket");
    CHECK(bench.told[0].first == own);
}

namespace {

/// A socket that nobody reads is told of with each look.
struct Unread {
    explicit Unread(Millis pause) : bench(pause) {
        REQUIRE(bench.set->want(pair[0].get(), k_in));
        say(pair[1]);
    }
    [[nodiscard]] std::size_t ready_until(Clock::time_point end) {
        asio::steady_timer timer(bench.loop.context, end);
        bool over = false;
        timer.async_wait([&](const boost::system::error_code&) { over = true; });
        bench.loop.until([&] { return over; }, "the time");
        return std::exchange(bench.told, {}).size();
    }

    void until_much() {
        bench.loop.until([this] { return bench.told.size() >= 200; }, "what is much");
    }
    /// A busy machine may take its time to the pause.
    void until_pause() {
        until_much();
        const auto end = Clock::now() + std::chrono::seconds(20);
        while (ready_until(Clock::now() + Millis(300)) > 1) {
            REQUIRE(Clock::now() < end);
        }
    }

    Bench bench;
    Pair pair = make_pair();
};

} // namespace

TEST_CASE("a socket set that was told much looks again after its pause") {
    Unread unread(Millis(2'000));
    unread.until_pause();
    unread.bench.loop.until([&] { return !unread.bench.told.empty(); }, "the look after the pause");
}

TEST_CASE("a socket set makes no pause without being told much") {
    Unread unread(std::chrono::hours(1));
    std::size_t left = 100; // in the first span
    unread.bench.then = [&](int socket, SocketSet::Directions) {
        if (--left == 0) {
            hear(socket);
        }
    };
    unread.bench.loop.until([&] { return left == 0; }, "the last look");
    CHECK(unread.ready_until(Clock::now() + Millis(120)) == 100);
    left = 10;
    say(unread.pair[1]);
    unread.bench.loop.until([&] { return left == 0; }, "the next words");
}

TEST_CASE("a socket set makes no pause while a socket brings much at once") {
    Unread unread(std::chrono::hours(1));
    unread.bench.then = [&](int, SocketSet::Directions) { unread.bench.set->hurry(); };
    (void)unread.ready_until(Clock::now() + Millis(250)); // two spans and more
    unread.until_much();
}

TEST_CASE("a socket set in its pause keeps no loop that has nothing else to do") {
    Unread unread(std::chrono::hours(1));
    unread.until_pause();
    unread.bench.set->clear();
    unread.bench.loop.context.restart();
    unread.bench.loop.context.run(); // it ends
    CHECK(unread.bench.told.empty());
}
