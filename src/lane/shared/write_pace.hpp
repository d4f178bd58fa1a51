// Decides when the turns of one lane write. Turns that no other replica reads write at intervals
// instead of delta by delta: single writes would be most of a shared store's work.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>

namespace oa_stream::lane {

class TurnJournal;

/// One object for all turns: a timer for each would cost more than it saves. Not thread-safe.
class WritePace : public std::enable_shared_from_this<WritePace> {
public:
    /// `pause`: the minimum time between two writes of a turn; 0: none.
    WritePace(asio::any_io_executor executor, Millis pause);

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
    [[nodiscard]] Millis pause() const noexcept { return pause_; }
    /// Applies to waits that begin later.
    void set_pause(Millis pause) noexcept { pause_ = pause; }
    /// Calls TurnJournal::write_due() after the pause or slightly earlier. If the pause was longer
    /// before, earlier waits keep it.
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
    std::deque<Waiting> waiting_{}; ///< in order of arrival
};

} // namespace oa_stream::lane
