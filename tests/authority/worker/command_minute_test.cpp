#include "worker/control/command_minute.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::authority;
using Seconds = std::chrono::seconds;
using Command = CommandMinute::Kind;

namespace {

/// Sends commands of the kind, one a second from `from` on, until one is refused; how many.
std::int64_t send_all(CommandMinute& minute, Command kind, Clock::time_point from) {
    auto at = from;
    while (!minute.wait_for(1, kind, at)) {
        minute.count(kind, at);
        at += Seconds(1);
    }
    return (at - from) / Seconds(1);
}

} // namespace

TEST_CASE("worker commands: reads get half of a minute, turns the rest, stops are always sent") {
    CommandMinute minute(60);
    const auto now = Clock::now();
    CHECK(send_all(minute, Command::read, now) == 30);
    CHECK_FALSE(minute.wait_for(24, Command::act, now + Seconds(30)));
    CHECK(minute.wait_for(25, Command::act, now + Seconds(30)));
    CHECK(send_all(minute, Command::act, now + Seconds(30)) == 24);
    CHECK_FALSE(minute.wait_for(1, Command::stop, now + Seconds(54)));
}

TEST_CASE("worker commands: the wait ends when all wanted commands may be sent") {
    CommandMinute minute(60);
    const auto now = Clock::now();
    REQUIRE(send_all(minute, Command::act, now) == 54);
    const auto later = now + Seconds(54);
    CHECK(minute.wait_for(1, Command::act, later) == Seconds(6)); // until the first is a minute old
    CHECK(minute.wait_for(2, Command::act, later) == Seconds(7)); // and the second
    CHECK_FALSE(minute.wait_for(2, Command::act, later + Seconds(7)));

    CommandMinute reads(60);
    reads.count(Command::act, now);
    for (int i = 1; i <= 30; ++i) {
        reads.count(Command::read, now + Seconds(i));
    }
    CHECK(reads.wait_for(1, Command::read, now + Seconds(31)) == Seconds(30)); // of the first read
}

TEST_CASE("worker commands: what is reserved for a turn counts until it is given back") {
    CommandMinute minute(10);
    const auto now = Clock::now();
    minute.reserve(8);
    CHECK_FALSE(minute.wait_for(1, Command::act, now));
    CHECK(minute.wait_for(2, Command::act, now) == Seconds(60)); // nothing was sent that gets older
    minute.reserve(-1);
    CHECK_FALSE(minute.wait_for(2, Command::act, now));
}

TEST_CASE("worker commands: methods have their kind") {
    CHECK(CommandMinute::kind_of("thread/read") == Command::read);
    CHECK(CommandMinute::kind_of("thread/list") == Command::read);
    CHECK(CommandMinute::kind_of("turn/interrupt") == Command::stop);
    CHECK(CommandMinute::kind_of("turn/start") == Command::act);
}
