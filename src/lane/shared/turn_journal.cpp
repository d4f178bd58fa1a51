#include "turn_journal.hpp"

#include "oa_stream/wire/sse.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most_piece = 256U << 10U;
constexpr Millis k_append_retry{100};
/// Eight times the pieces that a store 40 ms away needs, with a piece every 20 ms.
constexpr std::size_t k_most_flying = 16;
/// A piece of this size is not delayed: its bytes cost more than the write itself.
constexpr std::size_t k_most_gathered = 16U << 10U;

/// How much is written at once. A piece always ends with a frame's end.
std::size_t whole_frames(std::string_view pending) {
    if (pending.size() <= k_most_piece) {
        return pending.size();
    }
    auto end = pending.rfind(wire::k_sse_end, k_most_piece - wire::k_sse_end.size());
    end = end == std::string_view::npos ? pending.find(wire::k_sse_end) : end;
    return end == std::string_view::npos ? pending.size() : end + wire::k_sse_end.size();
}

} // namespace

TurnJournal::TurnJournal(
    std::shared_ptr<WritePace> pace,
    store::Store& store,
    store::ThreadKey key,
    std::uint64_t fence,
    std::string turn,
    std::uint64_t end
)
    : pace_(std::move(pace)), store_(&store), key_(std::move(key)), fence_(fence),
      turn_(std::move(turn)), end_(end), sign_ons_(store.sign_ons), stored_(end) {
}

void TurnJournal::append(std::string_view frames, std::size_t most) {
    if (over_ || logless_ || frames.empty()) {
        return;
    }
    pending_ += frames;
    store_->turns.unacked += frames.size();
    if (pending_.size() > most) {
        return give_up_log();
    }
    go_on();
}

void TurnJournal::end(std::string frames, std::string outcome, std::function<void(End)> done) {
    last_ = std::move(frames);
    outcome_ = std::move(outcome);
    done_ = std::move(done);
    ending_ = true;
    if (over_) {
        spawn(pace_->executor(), "turn journal", [](Self self) -> Task<void> {
            std::exchange(self->done_, nullptr)(self->released_ ? End::released : End::fenced);
            co_return;
        }(shared_from_this()));
        return;
    }
    go_on();
}

void TurnJournal::drop_pending() {
    store_->turns.unacked -= pending_.size();
    pending_.clear();
    cuts_.clear();
    tried_ = 0;
    sent_ = 0;
}

/// Readers on other replicas must not take a part of the log for all of it.
void TurnJournal::give_up_log() {
    drop_pending();
    logless_ = true;
    spawn(pace_->executor(), "log given up", [](Self self) -> Task<void> {
        (void)co_await self->store_->drop_log(self->turn_);
    }(shared_from_this()));
}

void TurnJournal::lose(Loss loss) {
    if (loss == Loss::fenced) {
        over_ = true;
        drop_pending();
    } else {
        give_up_log();
    }
    if (over_) {
        unsettled_ = false; // the other replica reports how it ended
        use.reset();
        spawn(pace_->executor(), "turn lost", [](Self self) -> Task<void> {
            (void)co_await self->store_->forget(self->key_, self->fence_);
        }(shared_from_this()));
    }
    if (!ending_) {
        if (const auto callback = std::exchange(on_loss_, nullptr)) {
            callback(loss);
        }
    } else if (over_) {
        ++store_->turns.fenced.append;
        if (const auto done = std::exchange(done_, nullptr)) {
            done(End::fenced);
        }
    }
}

void TurnJournal::set_others(std::size_t count) {
    others_ = count;
    go_on();
}

void TurnJournal::hurry() {
    sent_at_ = {};
    go_on();
}

void TurnJournal::write_due() {
    waiting_ = false;
    hurry();
}

/// Whether the next piece may wait for more frames. Not if a reader on another replica waits for
/// it, and not if the store may have it already: such a piece must be sent again unchanged.
bool TurnJournal::gathers() {
    const bool may = others_ == 0 && !ending_ && tried_ == cuts_.size() &&
                     pending_.size() - sent_ < k_most_gathered &&
                     Clock::now() < sent_at_ + pace_->pause();
    if (may && !std::exchange(waiting_, true)) {
        pace_->wait(weak_from_this());
    }
    return may;
}

/// Sends a piece when the previous one has left this process and the pause has passed; without the
/// pause when another replica reads the turn. Meanwhile the next piece gathers frames.
void TurnJournal::go_on() {
    if (over_ || held_up_ || closing_) {
        return;
    }
    if (may_end_at_once()) {
        hurried_ = true;
        closing_ = true;
        return spawn(
            pace_->executor(), "turn journal", end_at_once(shared_from_this(), early_end())
        );
    }
    // Each turn may always send one piece: the others wait for its answer.
    const bool room = flying_ == 0 || (flying_ < k_most_flying &&
                                       store_->turns.inflight < store_->options().inflight);
    if (sent_ < pending_.size() && waits_ == 0 && room) {
        if (!gathers()) {
            send_piece();
        }
    } else if (ending_ && idle()) {
        over_ = true;
        spawn(pace_->executor(), "turn journal", write_end(shared_from_this()));
    }
}

void TurnJournal::send_piece() {
    const auto rest = std::string_view(pending_).substr(sent_);
    if (tried_ == cuts_.size()) {
        cuts_.push_back(whole_frames(rest));
    }
    // The same size as before: the log's entry cannot have another one
    const auto size = cuts_[tried_++];
    sent_ += size;
    const auto end = end_ + sent_;
    top_ = std::max(top_, end);
    ++flying_;
    sent_at_ = Clock::now();
    store_->turns.inflight += size;
    waits_ = end;
    store_->append(
        {.turn = turn_,
         .fence = fence_,
         .end = end,
         .bytes = rest.substr(0, size),
         .read = others_ > 0},
        [self = shared_from_this()] {
            self->waits_ = 0;
            self->go_on();
        },
        [self = shared_from_this()](auto written, std::uint64_t end_of_it, std::size_t bytes) {
            self->answered(end_of_it, bytes, written);
        }
    );
}

void TurnJournal::answered(
    std::uint64_t end, std::size_t size, const Result<store::Written>& written
) {
    waits_ = waits_ == end ? 0 : waits_; // it never left this process
    --flying_;
    store_->turns.inflight -= size;
    if (!over_ && !logless_) {
        if (written) {
            note_written(*written, end, size);
        } else if (!std::exchange(held_up_, true)) {
            failing_ = failing_.value_or(Clock::now());
        }
    }
    if (held_up_ && flying_ == 0) {
        spawn(pace_->executor(), "turn journal", try_again(shared_from_this()));
    } else {
        go_on();
    }
}

void TurnJournal::note_written(store::Written written, std::uint64_t end, std::size_t size) {
    switch (written) {
    case store::Written::stored:
        if (held_up_) { // an earlier piece failed: the log has a hole
            return give_up_log();
        }
        failing_.reset();
        stored_ = std::max(stored_, end);
        if (end - size == end_) {
            drop_stored();
        }
        return;
    case store::Written::fenced:
        return lose(Loss::fenced);
    case store::Written::full:
        return lose(Loss::full);
    case store::Written::gone:
    case store::Written::hole:
        logless_ = true;
        return drop_pending();
    }
}

void TurnJournal::drop_stored() {
    const auto size = static_cast<std::size_t>(stored_ - end_);
    end_ = stored_;
    sent_ -= size;
    pending_.erase(0, size);
    store_->turns.unacked -= size;
    for (std::size_t gone = 0; gone < size; --tried_) {
        gone += cuts_.front();
        cuts_.pop_front();
    }
}

/// Call it when all pieces on their way have failed.
Task<void> TurnJournal::try_again(Self self) {
    if (!self->over_ && !self->logless_) {
        if (Clock::now() - self->failing_.value_or(Clock::now()) >=
            self->store_->options().outage) {
            self->lose(Loss::away);
        } else {
            if (self->ending_) {
                self->report_late();
            }
            co_await sleep_for(k_append_retry);
        }
    }
    self->tried_ = 0;
    self->sent_ = 0;
    self->stored_ = self->end_;
    self->held_up_ = false;
    self->go_on();
}

void TurnJournal::report_late() {
    if (const auto done = std::exchange(done_, nullptr)) {
        ++store_->turns.unsettled;
        unsettled_ = true;
        done(End::late);
    }
}

void TurnJournal::report_end(store::Written written) {
    unsettled_ = false;
    const bool fenced = written == store::Written::fenced;
    store_->turns.fenced.end += fenced ? 1 : 0;
    if (stop_over_ && !fenced) {
        tell_stop_done();
    }
    if (const auto done = std::exchange(done_, nullptr)) {
        done(fenced ? End::fenced : End::stored);
    }
}

/// Not with pieces that the store may have from before an outage: they must be sent again
/// unchanged.
bool TurnJournal::may_end_at_once() const noexcept {
    const bool behind = flying_ > 0 || sent_ < pending_.size();
    return ending_ && behind && !hurried_ && !logless_ && tried_ == cuts_.size() &&
           pending_.size() - sent_ + last_.size() <= k_most_piece;
}

/// The end together with all frames that were not sent yet.
store::EndRequest TurnJournal::early_end() const {
    return {
        .key = key_,
        .fence = fence_,
        .turn = turn_,
        .end = end_ + pending_.size() + last_.size(),
        .bytes = pending_.substr(sent_) + last_,
        .outcome = outcome_,
        .behind = flying_ > 0 ? std::optional(end_ + sent_) : std::nullopt
    };
}

/// Most turns end shortly after their last text: so the end is sent together with it, before the
/// earlier pieces are answered. The store refuses the end if it lacks one of those.
Task<void> TurnJournal::end_at_once(Self self, store::EndRequest request) {
    const auto written = co_await self->store_->end(std::move(request));
    self->closing_ = false;
    if (self->over_) { // the turn was lost while a piece was on its way
        co_return;
    }
    if (!written) {
        self->report_late();
    }
    if (!written || *written == store::Written::hole) {
        co_return self->go_on();
    }
    self->over_ = true;
    self->drop_pending();
    self->use.reset();
    self->report_end(*written);
}

/// No reader gets the ending before the store has it, unless the store does not answer.
Task<void> TurnJournal::write_end(Self self) {
    const auto until = Clock::now() + self->store_->options().outage;
    const store::EndRequest request{
        .key = self->key_,
        .fence = self->fence_,
        .turn = self->turn_,
        // One byte too far if the log is lost: readers that still have a part of it see the gap.
        .end = (self->logless_ ? std::max(self->end_, self->top_) + 1 : self->end_) +
               self->last_.size(),
        .bytes = self->last_,
        .outcome = self->outcome_
    };
    while (true) {
        const auto written = co_await self->store_->end(request);
        if (written) {
            self->report_end(*written);
        } else {
            self->report_late();
        }
        if (written || Clock::now() >= until) {
            if (!written) {
                self->gave_up_ = true;
                if (co_await self->store_->forget(self->key_, self->fence_)) {
                    self->settled(); // the store answers again
                }
            }
            self->use.reset();
            co_return;
        }
        co_await sleep_for(k_append_retry);
    }
}

void TurnJournal::leave() {
    if (std::exchange(over_, true)) {
        return; // it was lost already, and its row forgotten
    }
    drop_pending();
    use.reset();
    spawn(pace_->executor(), "turn journal", [](Self self) -> Task<void> {
        (void)co_await self->store_->release(self->key_, self->fence_);
    }(shared_from_this()));
}

Task<bool> TurnJournal::release(Self self, Millis within) {
    const auto until = Clock::now() + within;
    while (!self->over_ && !self->idle() && Clock::now() < until) {
        self->hurry();
        co_await sleep_for(Millis(2));
    }
    if (self->over_ || !self->idle() || self->ending_ || self->logless_) {
        co_return false;
    }
    self->over_ = true;
    self->released_ = true;
    const auto released = co_await self->store_->release(self->key_, self->fence_);
    self->use.reset();
    co_return released.has_value();
}

} // namespace oa_stream::lane
