// How far and how long a reader may be behind. The body takes what the test lets it take.
#include "turns/reader.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace oa_stream;
using lane::LogView;
using lane::ReaderEnd;
using lane::TurnReader;

namespace {

class NarrowBody final : public net::BodyStream {
public:
    State state() const noexcept override {
        if (given_ > gone_behind) {
            return State::gone;
        }
        return sent_ < given_ && narrow ? State::blocked : State::open;
    }
    State send(std::span<const net::Slice> slices) override {
        for (const auto& slice : slices) {
            given_ += slice.bytes.size();
        }
        return state();
    }
    void finish() override {}
    void cut() override { was_cut = true; }
    void on_writable(std::function<void()> /*fn*/) override {}
    void on_gone(std::function<void()> /*fn*/) override {}
    std::uint64_t bytes_sent() const noexcept override { return sent_; }

    /// The socket takes so much of what it was given: how much of it there was.
    std::uint64_t take(std::uint64_t bytes) {
        const auto taken = std::min(given_ - sent_, bytes);
        sent_ += taken;
        return taken;
    }
    bool was_cut = false;
    bool narrow = true; ///< blocked until the client has all that it was given
    std::uint64_t gone_behind = ~std::uint64_t{0}; ///< the peer leaves when it is given more

private:
    std::uint64_t given_ = 0;
    std::uint64_t sent_ = 0;
};

/// One reader of one log, and a clock that the test moves.
struct Rig {
    Rig() {
        limits.max_lag_bytes = 1'000'000;
        limits.max_lag_time = Millis(30'000);
        reader.place(log, {});
    }
    void say(std::size_t bytes) {
        for (; bytes > 0; bytes -= std::min<std::size_t>(bytes, 100'000)) {
            log.append(std::string(std::min<std::size_t>(bytes, 100'000), 'x'));
        }
        send();
    }
    void send() { reader.send(log, LogView{{}, log.end(), false, &gaps}, now); }
    /// The client reads so much.
    void take(std::uint64_t bytes) {
        while (const auto taken = body->take(bytes)) {
            bytes -= taken;
            if (body->state() == net::BodyStream::State::open) {
                reader.writable();
                send();
            }
        }
    }
    /// A second passes.
    bool too_slow() {
        now += Millis(1000);
        return reader.too_slow(limits, now);
    }

    Clock::time_point now = Clock::now();
    lane::LaneLimits limits{};
    std::size_t total = 0;
    lane::FrameLog log{total};
    std::vector<lane::LogGap> gaps{};
    std::shared_ptr<NarrowBody> body = std::make_shared<NarrowBody>();
    lane::ReaderReport told{};
    TurnReader reader{1, body, now, true, [this](const lane::ReaderReport& report) {
                          told = report;
                      }};
};

} // namespace

TEST_CASE("reader: a burst longer than the lag that is allowed is read at the reader's speed") {
    Rig rig;
    rig.say(20'000'000);
    CHECK(rig.reader.lags(rig.limits));
    for (int second = 0; second < 20; ++second) {
        CAPTURE(second);
        CHECK_FALSE(rig.too_slow());
        rig.take(1'000'000);
    }
    CHECK_FALSE(rig.reader.lags(rig.limits));
    // And the next one: its time is its own.
    for (int second = 0; second < 15; ++second) {
        CHECK_FALSE(rig.too_slow());
    }
    rig.say(20'000'000);
    for (int second = 0; second < 20; ++second) {
        CAPTURE(second);
        CHECK_FALSE(rig.too_slow());
        rig.take(1'000'000);
    }
}

TEST_CASE("reader: one that lags for good, yet reads what it lagged by in time, is kept") {
    Rig rig;
    rig.say(5'000'000);
    for (int second = 0; second < 200; ++second) {
        CAPTURE(second);
        CHECK_FALSE(rig.too_slow());
        rig.take(300'000);
        rig.say(300'000);
    }
    CHECK(rig.reader.lags(rig.limits));
}

TEST_CASE("reader: one that reads too little of what it lags by is cut when its time is over") {
    Rig rig;
    rig.say(20'000'000);
    int seconds = 0;
    while (!rig.too_slow() && seconds < 100) {
        rig.take(100'000);
        ++seconds;
    }
    CHECK(seconds == 31);
    rig.reader.close(rig.log, ReaderEnd::client_too_slow, rig.now);
    CHECK(rig.body->was_cut);
    CHECK_FALSE(rig.reader.lags(rig.limits));
}

TEST_CASE("reader: one that takes nothing is cut after that time, however little it lags by") {
    Rig rig;
    rig.say(1'000);
    CHECK_FALSE(rig.reader.lags(rig.limits));
    int seconds = 0;
    while (!rig.too_slow() && seconds < 100) {
        ++seconds;
    }
    CHECK(seconds == 30);
}

TEST_CASE("reader: what a turn had said before does not count as lag, however long it takes") {
    Rig rig;
    rig.say(0);
    rig.log.append(std::string(20'000'000, 'x'));
    rig.reader.set_replay_end(rig.log.end());
    rig.send();
    for (int second = 0; second < 150; ++second) {
        CAPTURE(second);
        CHECK_FALSE(rig.too_slow());
        rig.take(100'000);
    }
    CHECK_FALSE(rig.reader.lags(rig.limits));
}

TEST_CASE("reader: of what is said instead of a gap nothing counts as sent to a peer that has left"
) {
    const std::string frame = "data: 1\n\n";
    Rig rig;
    rig.body->narrow = false;
    rig.gaps.push_back(
        {.from = frame.size(),
         .to = 2 * frame.size(),
         .instead = std::make_shared<const std::string>(frame)}
    );
    std::uint64_t frames = 3;
    SECTION("one that stays is sent what stands before, instead and behind") {
    }
    SECTION("one that leaves there was sent what stands before") {
        rig.body->gone_behind = frame.size();
        frames = 1;
    }
    for (int i = 0; i < 3; ++i) {
        rig.log.append(frame);
    }
    rig.send();
    rig.send();
    rig.reader.close(rig.log, ReaderEnd::client_gone, rig.now);
    const lane::TurnOutcome outcome;
    rig.reader.report(&outcome);
    CHECK(rig.told.end == ReaderEnd::client_gone);
    CHECK(rig.told.frames == frames);
}
