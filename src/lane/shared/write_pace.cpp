#include "write_pace.hpp"

#include "turn_journal.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

/// Turns that are due within this time are called together: each write wakes two processes.
constexpr Millis k_together{20};

} // namespace

WritePace::WritePace(asio::any_io_executor executor, Millis pause)
    : executor_(std::move(executor)), pause_(pause), timer_(executor_) {
}

void WritePace::wait(std::weak_ptr<TurnJournal> journal) {
    waiting_.push_back({Clock::now() + pause_, std::move(journal)});
    if (waiting_.size() == 1) {
        arm();
    }
}

void WritePace::arm() {
    timer_.expires_at(waiting_.front().due);
    timer_.async_wait([weak = weak_from_this()](const auto& stopped) {
        if (const auto self = weak.lock(); self && !stopped) {
            self->call_due();
        }
    });
}

void WritePace::call_due() {
    const auto until = Clock::now() + k_together;
    while (!waiting_.empty() && waiting_.front().due <= until) {
        const auto journal = std::exchange(waiting_.front().journal, {}).lock();
        waiting_.pop_front();
        if (journal) {
            journal->write_due();
        }
    }
    if (!waiting_.empty()) {
        arm();
    }
}

} // namespace oa_stream::lane
