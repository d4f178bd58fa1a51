// What the one caller of a running turn's poll() is given: its events and its end. Each kind of
// authority adds how the events come about.
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
    /// poll() ends with an error; the turn may have ended() all the same, its end unfetched.
    [[nodiscard]] bool failed() const noexcept { return error_.has_value(); }
    /// Nothing will be told any more.
    [[nodiscard]] bool over() const noexcept { return ended_ || error_; }
    /// No terminal event will come: poll() ends with `why` after what is queued. Idempotent.
    void fail(const Error& why);

    /// Turn::poll(). Wakes until forget_waker(), which is idempotent.
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker);
    void forget_waker() noexcept;
    /// Over; or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_ended(std::shared_ptr<TurnFeed> self, Clock::time_point deadline);

    bool interrupting = false; ///< a turn/interrupt is on its way
    bool abandoned = false; ///< nobody holds the handle any more

protected:
    void queue(EventBatch&& events);

    bool ended_ = false;

private:
    /// Who polls. What waits on the loop holds it, the feed may be gone by then.
    struct Watch {
        TurnWaker* waker = nullptr;
        bool due = false; ///< a call is on its way
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
