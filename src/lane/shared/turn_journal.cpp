#include "turn_journal.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most_piece = 256U << 10U;
constexpr Millis k_retry{100};

/// How much of it is written at once: a log never ends within a frame.
std::size_t whole_frames(std::string_view pending) {
    constexpr std::string_view k_end = "\n\n";
    if (pending.size() <= k_most_piece) {
        return pending.size();
    }
    auto end = pending.rfind(k_end, k_most_piece - k_end.size());
    end = end == std::string_view::npos ? pending.find(k_end) : end;
    return end == std::string_view::npos ? pending.size() : end + k_end.size();
}

} // namespace

TurnJournal::TurnJournal(
    const asio::any_io_executor& executor,
    store::Store& store,
    store::ThreadKey key,
    std::uint64_t fence,
    std::string turn,
    std::uint64_t end
)
    : executor_(executor), store_(&store), key_(std::move(key)), fence_(fence),
      turn_(std::move(turn)), end_(end) {
}

void TurnJournal::append(std::string_view frames, std::size_t most) {
    if (over_ || logless_ || frames.empty()) {
        return;
    }
    pending_ += frames;
    if (pending_.size() > most) {
        return give_up_log();
    }
    if (!std::exchange(writing_, true)) {
        spawn(executor_, "turn journal", write_out(shared_from_this()));
    }
}

void TurnJournal::end(std::string frames, std::string outcome, std::function<void(End)> done) {
    last_ = std::move(frames);
    outcome_ = std::move(outcome);
    done_ = std::move(done);
    ending_ = true;
    if (over_) {
        spawn(executor_, "turn journal", [](Self self) -> Task<void> {
            std::exchange(self->done_, nullptr)(End::fenced);
            co_return;
        }(shared_from_this()));
        return;
    }
    if (!std::exchange(writing_, true)) {
        spawn(executor_, "turn journal", write_out(shared_from_this()));
    }
}

/// Whoever reads elsewhere must not take a part for the whole.
void TurnJournal::give_up_log() {
    pending_.clear();
    logless_ = true;
    spawn(executor_, "log given up", [](Self self) -> Task<void> {
        (void)co_await self->store_->drop_log(self->turn_);
    }(shared_from_this()));
}

void TurnJournal::lose(Loss loss) {
    if (loss == Loss::fenced) {
        over_ = true;
        pending_.clear();
    } else {
        give_up_log();
    }
    if (over_) {
        use.reset();
        spawn(executor_, "turn lost", [](Self self) -> Task<void> {
            (void)co_await self->store_->forget(self->key_, self->fence_);
        }(shared_from_this()));
    }
    if (!ending_) {
        if (const auto told = std::exchange(on_loss_, nullptr)) {
            told(loss);
        }
    } else if (over_) {
        ++store_->turns.fenced;
        if (const auto done = std::exchange(done_, nullptr)) {
            done(End::fenced);
        }
    }
}

/// One piece at a time: while it is on its way the next one gathers.
Task<void> TurnJournal::write_out(Self self) {
    while (!self->over_ && !self->pending_.empty()) {
        const auto written = co_await write_piece(self);
        if (self->over_) {
            break;
        }
        if (!written) {
            self->lose(Loss::away);
        } else if (*written == store::Written::fenced) {
            self->lose(Loss::fenced);
        } else if (*written == store::Written::full) {
            self->lose(Loss::full);
        } else if (*written == store::Written::gone) {
            self->logless_ = true;
            self->pending_.clear();
        }
    }
    if (self->ending_ && !self->over_) {
        co_await write_end(self);
    }
    self->writing_ = false;
}

/// nullopt: the store is away for too long, or the end must be told without it.
Task<std::optional<store::Written>> TurnJournal::write_piece(Self self) {
    const auto size = whole_frames(self->pending_);
    const auto piece = self->pending_.substr(0, size);
    const auto until = Clock::now() + self->store_->options().outage;
    while (!self->over_) {
        const auto written =
            co_await self->store_->append(self->turn_, self->fence_, self->end_ + size, piece);
        if (written) {
            if (*written == store::Written::stored) {
                self->end_ += size;
                self->pending_.erase(0, size);
            }
            co_return *written;
        }
        if (Clock::now() >= until) {
            co_return std::nullopt;
        }
        if (self->ending_ && self->done_) { // nobody waits for the store longer than for one answer
            ++self->store_->turns.unsettled;
            std::exchange(self->done_, nullptr)(End::late);
        }
        co_await sleep_for(k_retry);
    }
    co_return std::nullopt;
}

/// Nobody is told an ending before the store has it, unless the store says nothing at all.
Task<void> TurnJournal::write_end(Self self) {
    self->over_ = true;
    const auto until = Clock::now() + self->store_->options().outage;
    const store::EndRequest request{
        .key = self->key_,
        .fence = self->fence_,
        .turn = self->turn_,
        // Behind a hole, where what is missing could not be dropped: readers see that it is there.
        .end = self->end_ + self->last_.size() + (self->logless_ ? 1 : 0),
        .bytes = self->last_,
        .outcome = self->outcome_
    };
    while (true) {
        const auto written = co_await self->store_->end(request);
        if (written && *written == store::Written::fenced) {
            ++self->store_->turns.fenced;
        }
        const auto done = std::exchange(self->done_, nullptr);
        if (done) {
            self->store_->turns.unsettled += written ? 0 : 1;
            done(
                !written                             ? End::late
                : *written == store::Written::fenced ? End::fenced
                                                     : End::stored
            );
        }
        if (written || Clock::now() >= until) {
            if (!written) {
                (void)co_await self->store_->release(self->key_, self->fence_);
            }
            self->use.reset();
            co_return;
        }
        co_await sleep_for(k_retry);
    }
}

void TurnJournal::leave() {
    if (std::exchange(over_, true)) {
        return; // it was lost, and forgotten
    }
    pending_.clear();
    use.reset();
    spawn(executor_, "turn journal", [](Self self) -> Task<void> {
        (void)co_await self->store_->release(self->key_, self->fence_);
    }(shared_from_this()));
}

Task<bool> TurnJournal::release(Self self, Millis within) {
    const auto until = Clock::now() + within;
    while (!self->over_ && self->writing_ && Clock::now() < until) {
        co_await sleep_for(Millis(2));
    }
    if (self->over_ || self->writing_ || self->ending_ || self->logless_) {
        co_return false;
    }
    self->over_ = true;
    const auto released = co_await self->store_->release(self->key_, self->fence_);
    self->use.reset();
    co_return released.has_value();
}

} // namespace oa_stream::lane
