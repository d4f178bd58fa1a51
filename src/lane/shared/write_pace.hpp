// When the turns of one lane write: those that nobody reads elsewhere once in a while, and not
// delta by delta, which is most of what a shared store has to do.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>

namespace oa_stream::lane {

class TurnJournal;

/// One for all turns, as a timer for each would cost more than it saves. Of one thread.
class WritePace : public std::enable_shared_from_this<WritePace> {
public:
    /// `pause`: from one write of a turn to its next, at least; 0: none.
    WritePace(asio::any_io_executor executor, Millis pause);

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
    [[nodiscard]] Millis pause() const noexcept { return pause_; }
    /// For what waits from now on.
    void set_pause(Millis pause) noexcept { pause_ = pause; }
    /// TurnJournal::write_due() is called within the pause and a little less; within a longer one
    /// that counted before.
    void wait(std::weak_ptr<TurnJournal> journal);

private:
    struct Waiting {
        Clock::time_point due;
        std::weak_ptr<TurnJournal> journal;
    };
    void arm();
    void call_due();

    asio::any_io_executor executor_;
    Millis pause_;
    asio::steady_timer timer_;
    std::deque<Waiting> waiting_{}; ///< in the order in which they came
};

} // namespace oa_stream::lane
