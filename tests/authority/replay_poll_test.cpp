// The replay authority as the lane reads it: without a coroutine that waits.
#include "oa_stream/authority/replay.hpp"

#include "polled.hpp"

#include <memory>
#include <vector>

using namespace oa_test;

namespace {

struct Stage {
    explicit Stage(ReplayOptions options = {})
        : replay(must(make_replay_authority(io.get_executor(), std::move(options)))) {}
    std::unique_ptr<Polled> start(std::string prompt) {
        auto turn = must(run(io, replay->start(ask(std::move(prompt)))));
        return std::make_unique<Polled>(io, std::move(turn));
    }

    asio::io_context io{};
    std::unique_ptr<ReplayAuthority> replay;
};

} // namespace

TEST_CASE("replay, polled: a turn tells what next() tells, and wakes for what is to come") {
    Stage stage;
    const auto polled = stage.start("scenario:words;n=6;delay=20");
    polled->look();
    polled->run_to_end();
    CHECK(polled->transcript.outcome() == "completed");
    CHECK(polled->transcript.text() == "w1 w2 w3 w4 w5 w6");
    CHECK(polled->transcript.batches > 2);
    CHECK(polled->wakes >= 2);
    const auto turn = must(run(stage.io, stage.replay->start(ask("scenario:words;n=6;delay=1"))));
    CHECK(run(stage.io, drain(turn.get())).text() == polled->transcript.text());
}

TEST_CASE("replay, polled: turns of different paces are all told, and nobody is woken for nothing"
) {
    Stage stage;
    std::vector<std::unique_ptr<Polled>> turns;
    for (int i = 0; i < 40; ++i) {
        turns.push_back(stage.start(fmt::format("scenario:words;n=4;delay={}", 3 + i % 5)));
        turns.back()->look();
    }
    for (const auto& turn : turns) {
        turn->run_to_end();
        CHECK(turn->transcript.outcome() == "completed");
        CHECK(turn->transcript.text() == "w1 w2 w3 w4");
        CHECK(turn->wakes <= 8);
    }
}

TEST_CASE("replay, polled: an interrupt wakes a turn that is silent, and never from within itself"
) {
    ReplayOptions options;
    options.pace.immediate = true;
    options.faults.stall = 1;
    Stage stage(std::move(options));
    const auto polled = stage.start("replay:hello");
    polled->look();
    CHECK(polled->transcript.outcome() == "nothing");
    polled->turn().interrupt();
    CHECK(polled->wakes == 0);
    polled->run_to_end();
    CHECK(polled->transcript.outcome() == "interrupted");
}

TEST_CASE("replay, polled: a turn that was dropped wakes nobody") {
    Stage stage;
    const auto polled = stage.start("scenario:words;n=3;delay=15");
    polled->look();
    const auto other = stage.start("scenario:words;n=6;delay=15");
    other->look();
    polled->drop();
    other->run_to_end();
    CHECK(other->transcript.outcome() == "completed");
    CHECK(polled->wakes == 0);
    CHECK(polled->transcript.ended() == nullptr);
}
