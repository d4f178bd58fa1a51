// A turn as the lane reads it: without a coroutine that waits.
#pragma once

#include "harness.hpp"

#include <memory>

namespace oa_test {

/// A turn and who polls it, until it has ended.
class Polled final : public TurnWaker {
public:
    Polled(asio::io_context& io, std::unique_ptr<Turn> turn) : io_(&io), turn_(std::move(turn)) {}
    Polled(const Polled&) = delete;
    Polled& operator=(const Polled&) = delete;
    ~Polled() { turn_.reset(); }

    void turn_ready() override {
        ++wakes;
        look();
    }
    void look() {
        while (transcript.ended() == nullptr && !transcript.error) {
            EventBatch batch;
            const auto some = turn_->poll(batch, *this);
            if (!some) {
                transcript.error = some.error();
            } else if (!*some) {
                CHECK(batch.empty());
                return;
            }
            transcript.batches += batch.empty() ? 0 : 1;
            std::ranges::move(batch, std::back_inserter(transcript.events));
        }
    }
    void run_to_end() {
        const auto limit = Clock::now() + std::chrono::seconds(20);
        while (transcript.ended() == nullptr && !transcript.error && Clock::now() < limit) {
            io_->restart();
            io_->run_one_for(Millis(1000));
        }
    }
    [[nodiscard]] Turn& turn() { return *turn_; }
    void drop() { turn_.reset(); }

    Transcript transcript{};
    int wakes = 0;

private:
    asio::io_context* io_;
    std::unique_ptr<Turn> turn_;
};

} // namespace oa_test
