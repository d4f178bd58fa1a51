// The events and the end of a running turn, for the one caller of poll(). Each kind of authority
// adds how the events are produced.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "codex/process/signal.hpp"
#include "turn_queue.hpp"

#include <memory>
#include <optional>

namespace oa_stream::authority {

class TurnFeed {
public:
    TurnFeed(const asio::any_io_executor& executor, std::size_t queue_bytes)
        : executor_(executor), queue_(queue_bytes), changed_(executor) {}
    TurnFeed(const TurnFeed&) = delete;
    TurnFeed& operator=(const TurnFeed&) = delete;
    virtual ~TurnFeed() { forget_waker(); }

    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// poll() ends with an error, even if the turn ended() before its end was fetched.
    [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
    /// No more events will be queued.
    [[nodiscard]] bool over() const noexcept { return ended_ || error_; }
    /// No terminal event will arrive: poll() returns `why` after the queued events. Idempotent.
    void fail(const Error& why);

    /// Turn::poll(). Calls `waker` until forget_waker(), which is idempotent.
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker);
    void forget_waker() noexcept;
    /// Returns when the turn is over or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_ended(std::shared_ptr<TurnFeed> self, Clock::time_point deadline);

    bool interrupting = false; ///< a turn/interrupt is in progress
    bool abandoned = false; ///< the handle was destroyed

protected:
    void queue(EventBatch&& events);

    bool ended_ = false;

private:
    /// The waker. A handler posted to the loop shares it, because the feed may be destroyed by
    /// then.
    struct Watch {
        TurnWaker* waker = nullptr;
        bool due = false; ///< a call of the waker is posted
    };
    void wake();

    asio::any_io_executor executor_;
    TurnQueue queue_;
    std::optional<Error> error_{};
    std::shared_ptr<Watch> watch_{};

protected:
    Signal changed_;
};

} // namespace oa_stream::authority
