// What the one caller of a running turn's poll() is given: its events, its end, or the
// deadline that passed. Each kind of authority adds how the events come about.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "codex/process/signal.hpp"
#include "turn_queue.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace oa_stream::authority {

class TurnFeed {
public:
    struct Limits {
        std::size_t queue_bytes;
        Millis first_event; ///< to the first part, tool or note
        Millis idle;        ///< between two events
        Millis turn;
    };
    /// `who` runs the turn, for errors.
    TurnFeed(const asio::any_io_executor& executor, const Limits& limits, std::string_view who)
        : executor_(executor), limits_(limits), who_(who), queue_(limits.queue_bytes),
          changed_(executor) {}
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

    /// Turn::poll(); a deadline that passed fails the turn. Wakes until forget_waker(), which is
    /// idempotent.
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker);
    void forget_waker() noexcept;
    /// Over; or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_ended(std::shared_ptr<TurnFeed> self, Clock::time_point deadline);

    bool interrupting = false; ///< a turn/interrupt is on its way
    bool abandoned = false; ///< nobody holds the handle any more

protected:
    void queue(EventBatch&& events);
    /// It is silent because it waits for the client: no deadline but the turn's own counts.
    [[nodiscard]] virtual bool waits_for_client() const { return false; }
    /// Who polls looks again, and learns of deadlines that count by now.
    void wake();

    bool content_ = false; ///< a part, tool or note was seen
    bool ended_ = false;
    Clock::time_point last_event_ = Clock::now();

private:
    struct Expiry {
        Clock::time_point at;
        const char* what;
    };
    /// Who polls. What waits on the loop holds it, the feed may be gone by then.
    struct Watch {
        explicit Watch(const asio::any_io_executor& executor) : timer(executor) {}
        TurnWaker* waker = nullptr;
        bool due = false; ///< a call is on its way
        asio::steady_timer timer;
        Clock::time_point armed = Clock::time_point::max();
    };
    [[nodiscard]] Expiry expiry() const;
    void arm(Clock::time_point at);

    asio::any_io_executor executor_;
    Limits limits_;
    std::string_view who_;
    bool caught_up_ = false; ///< a deadline that passed long ago was put off once
    TurnQueue queue_;
    std::optional<Error> error_{};
    Clock::time_point began_ = Clock::now();
    std::shared_ptr<Watch> watch_{};

protected:
    Signal changed_;
};

} // namespace oa_stream::authority
