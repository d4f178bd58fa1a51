#include "worker_turn.hpp"

#include "events/contract_dialect.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_early_limit = 10'000;

} // namespace

WorkerTurn::WorkerTurn(
    const asio::any_io_executor& executor, const WorkerOptions& options, Begin begin
)
    : begin_(std::move(begin)), deadlines_(options.deadlines), text_(options.text),
      queue_(options.queue_bytes), changed_(executor) {
}

void WorkerTurn::accept(const std::string& turn) {
    receipt_ = turn;
    id_ = turn.empty() ? begin_.request : turn;
    translator_.emplace(WorkerTranslator::Settings{
        .thread = begin_.thread,
        .turn = id_,
        .model = begin_.model,
        .cwd = begin_.cwd,
        .baseline = begin_.baseline,
        .text = text_
    });
    for (const WorkerEvent& event : std::exchange(early_, {})) {
        deliver(event, Clock::now());
    }
}

/// The receipt's turn id may be the control service's invention. As long as no event carried it,
/// the first turn/started of the thread behind the request is this turn's.
bool WorkerTurn::mine(const std::string& turn, const WorkerEvent& event) {
    if (turn.empty()) {
        return false;
    }
    if (bound_.empty() && (turn == receipt_ || event.method == "turn/started")) {
        bound_ = turn;
    } else if (turn == receipt_ && bound_ != receipt_ && !content_) {
        bound_ = turn; // the guess was wrong
    }
    return turn == bound_;
}

void WorkerTurn::deliver(const WorkerEvent& event, Clock::time_point now) {
    if (ended_ || event.method.empty() || (event.seq != 0 && event.seq <= begin_.after_seq)) {
        return;
    }
    if (!translator_) {
        if (early_.size() < k_early_limit) {
            early_.push_back(event);
        }
        return;
    }
    if (!mine(ids_of(*event.params()).turn, event)) {
        return;
    }
    last_event_ = now;
    if (!end_ && WorkerTranslator::completes(event.method, *event.params()) &&
        translator_->items_open()) {
        end_ = event;
        end_at_ = now + deadlines_.late_items;
        return;
    }
    translate(event, now);
    if (end_ && !translator_->items_open()) {
        tick(end_at_);
    }
}

void WorkerTurn::tick(Clock::time_point now) {
    if (end_ && now >= end_at_ && !ended_) {
        const WorkerEvent event = *std::exchange(end_, std::nullopt);
        translate(event, now);
    }
}

void WorkerTurn::translate(const WorkerEvent& event, Clock::time_point /*now*/) {
    EventBatch events;
    translator_->push(event.method, *event.params(), events);
    for (const turn::Event& told : events) {
        content_ = content_ || !std::holds_alternative<turn::TurnStarted>(told);
    }
    ended_ = translator_->ended();
    if (!events.empty()) {
        queue(std::move(events));
    }
}

void WorkerTurn::queue(EventBatch&& events) {
    if (!abandoned && !error_ && !queue_.push(std::move(events))) {
        error_ =
            Error{.code = Code::too_large, .message = "nobody fetched the events of this turn"};
        ended_ = true;
    }
    changed_.notify();
}

void WorkerTurn::end(turn::FailureCode code, bool retryable, std::string detail) {
    if (ended_ || error_) {
        return;
    }
    ended_ = true;
    EventBatch events;
    if (translator_) {
        translator_->flush(events);
    }
    events.emplace_back(turn::TurnEnded{
        turn::Outcome::failed,
        turn::Finish::error,
        turn::Failure{.code = code, .retryable = retryable, .detail = std::move(detail)},
        {}
    });
    queue(std::move(events));
}

void WorkerTurn::end_interrupted() {
    if (!ended_ && !error_) {
        ended_ = true;
        EventBatch events;
        events.emplace_back(
            turn::TurnEnded{turn::Outcome::interrupted, turn::Finish::other, std::nullopt, {}}
        );
        queue(std::move(events));
    }
}

WorkerTurn::Expiry WorkerTurn::expiry() const {
    const Expiry whole{began_ + deadlines_.turn, "turn"};
    const Expiry silence = content_ ? Expiry{last_event_ + deadlines_.idle, "idle"}
                                    : Expiry{began_ + deadlines_.first_event, "first_event"};
    return whole.at < silence.at ? whole : silence;
}

Task<Result<EventBatch>> WorkerTurn::next(std::shared_ptr<WorkerTurn> self) {
    while (true) {
        if (!self->queue_.empty()) {
            co_return self->queue_.take();
        }
        if (const auto& error = self->error_) {
            co_return std::unexpected(*error);
        }
        const Expiry expiry = self->expiry();
        if (Clock::now() >= expiry.at) {
            self->error_ = Error{
                .code = Code::timeout,
                .message = fmt::format("the worker went past the {} deadline", expiry.what),
                .where = expiry.what
            };
            self->ended_ = true;
            continue;
        }
        co_await self->changed_.wait_until(expiry.at);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
}

Task<void> WorkerTurn::wait_ended(std::shared_ptr<WorkerTurn> self, Clock::time_point deadline) {
    while (!self->ended_ && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return;
        }
    }
}

std::optional<turn::Usage> WorkerTurn::total() const {
    return translator_ ? translator_->total() : std::nullopt;
}

std::uint64_t WorkerTurn::text_mismatches() const {
    return translator_ ? translator_->text_mismatches() : 0;
}

std::uint64_t WorkerTurn::unknown_events() const {
    return translator_ ? translator_->unknown() : 0;
}

} // namespace oa_stream::authority
