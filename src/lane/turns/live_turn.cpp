#include "live_turn.hpp"

#include "chats/chat_request.hpp"
#include "faulty_encoder.hpp"
#include "reader.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace oa_stream::lane {

LiveTurn::LiveTurn(Parts parts)
    : executor_(std::move(parts.executor)), host_(std::move(parts.host)),
      turn_(std::move(parts.turn)), log_(host_->log_bytes), style_(std::move(parts.style)),
      pause_timer_(executor_), accepted_(Clock::now()), last_event_(accepted_),
      detached_(accepted_), outcome_{std::move(parts.identity)} {
    outcome_.turn = wire_id(turn_->turn_id());
    outcome_.model = turn_->model();
    calls_.begin_with(std::move(style_.began_with));
}

LiveTurn::~LiveTurn() = default;

std::shared_ptr<LiveTurn> LiveTurn::begin(Parts parts) {
    auto& encoder = parts.style.encoder;
    encoder = with_faults(std::move(encoder), parts.turn->wire_faults());
    auto self = std::make_shared<LiveTurn>(std::move(parts));
    self->host_->scratch.clear();
    self->style_.encoder->begin(self->host_->scratch);
    self->commit(self->accepted_);
    self->look_soon();
    return self;
}

void LiveTurn::look_soon() {
    asio::post(executor_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->look();
        }
    });
}

void LiveTurn::look() {
    const auto self = shared_from_this();
    bool more = turn_ != nullptr;
    while (more && !ended_ && !ending_) {
        auto& batch = host_->batch;
        batch.clear();
        const auto some = turn_->poll(batch, *this);
        if (!some) {
            lose(some.error());
            turn_.reset();
            return;
        }
        more = *some && feed_or_end(batch);
    }
    // end_now() ends the turn as well; its end may still be on its way to the store
    if (ended_ || ending_) {
        turn_.reset();
    }
}

/// When memory for the new events runs out, the turn ends, not the process.
bool LiveTurn::feed_or_end(authority::EventBatch& batch) {
    try {
        return feed(batch);
    } catch (const std::bad_alloc&) {
        end_now(StopReason::overloaded);
        return false;
    }
}

void LiveTurn::attach(
    const std::shared_ptr<net::BodyStream>& body,
    Clock::time_point received,
    bool first,
    ReaderDone done,
    std::optional<std::size_t> segment,
    bool unasked
) {
    const auto now = Clock::now();
    const auto id = ++next_reader_;
    // A client that leaves before the end may come back for the rest.
    done = [weak = weak_from_this(), inner = std::move(done)](const ReaderReport& report) {
        if (const auto self = weak.lock(); self && report.end != ReaderEnd::finished) {
            if (!std::exchange(self->owed_, true) && self->style_.on_left) {
                self->style_.on_left();
            }
        }
        inner(report);
    };
    auto& reader = *readers_.emplace_back(
        std::make_unique<TurnReader>(id, body, received, first, std::move(done))
    );
    host_->observer->reader_attached();
    ++open_readers_;
    tell_readers();
    auto part = part_of(segment, unasked);
    const bool held = part.begin >= log_.begin();
    if (!body || !held) {
        reader.close(log_, body ? ReaderEnd::cut : ReaderEnd::client_gone, now);
        drop_done_readers();
        return;
    }
    if (!part.unasked) {
        segments_[part.last_segment].begun = true;
    } else if (!waiting()) {
        segments_.back().begun = true;
    }
    reader.place(log_, std::move(part));
    reader.set_replay_end(log_.end());
    body->on_writable([weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) {
            self->reader_writable(id);
        }
    });
    body->on_gone([weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) {
            self->reader_gone(id);
        }
    });
    reader.send(log_, view_of(reader), now);
    drop_done_readers();
}

std::size_t LiveTurn::readers() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(readers_, [](const auto& reader) {
        return !reader->closed();
    }));
}

void LiveTurn::reader_writable(std::uint64_t id) {
    for (auto& reader : readers_) {
        if (reader->id() == id) {
            reader->writable();
            reader->send(log_, view_of(*reader), Clock::now());
        }
    }
    trim_log();
    drop_done_readers();
}

void LiveTurn::reader_gone(std::uint64_t id) {
    for (auto& reader : readers_) {
        if (reader->id() == id) {
            reader->close(log_, ReaderEnd::client_gone, Clock::now());
        }
    }
    drop_done_readers();
}

void LiveTurn::cut_readers() {
    for (auto& reader : readers_) {
        reader->close(log_, ReaderEnd::cut, Clock::now());
    }
    drop_done_readers();
}

void LiveTurn::drop_done_readers() {
    for (auto& reader : readers_) {
        reader->report(outcome());
    }
    std::erase_if(readers_, [](const auto& reader) { return reader->reported(); });
    const auto open = readers();
    if (open == open_readers_) {
        return;
    }
    for (; open_readers_ > open; --open_readers_) {
        host_->observer->reader_detached();
    }
    tell_readers();
    if (open == 0) {
        detached_ = Clock::now();
        if (!style_.resumable) {
            stop(StopReason::client_gone);
        }
    }
    announce_change();
}

bool LiveTurn::resumable(Clock::time_point now) const noexcept {
    return repeatable() && (!ended_ || now - ended_at_ < host_->timings.ended_kept);
}

bool LiveTurn::expired(Clock::time_point now) const noexcept {
    return settled() && (!style_.resumable || now - ended_at_ >= host_->timings.ended_kept);
}

Task<void> LiveTurn::wait_change(Clock::time_point until) {
    const auto self = shared_from_this();
    asio::steady_timer timer(executor_, until);
    waiters_.push_back(&timer);
    (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    std::erase(waiters_, &timer);
}

void LiveTurn::announce_change() {
    for (auto* waiter : waiters_) {
        waiter->cancel();
    }
}

} // namespace oa_stream::lane
