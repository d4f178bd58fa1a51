// Turns that can be read without a coroutine that waits for each: ten thousand at once save its
// frames and timers.
#pragma once

#include "oa_stream/authority/authority.hpp"

namespace oa_stream::authority {

/// Who polls a turn.
class TurnWaker {
public:
    TurnWaker() = default;
    TurnWaker(const TurnWaker&) = delete;
    TurnWaker& operator=(const TurnWaker&) = delete;
    /// PolledTurn::poll() may have something: on the loop, never from within a call of the turn's.
    /// It may come without need.
    virtual void turn_ready() = 0;

protected:
    ~TurnWaker() = default;
};

class PolledTurn : public Turn {
public:
    /// True: `out`, which is empty, was filled. False: there is nothing so far, and `waker`, which
    /// outlives the turn, is called when that has changed. Errors as next(), but for
    /// Code::cancelled. A caller uses one of the two.
    [[nodiscard]] virtual Result<bool> poll(EventBatch& out, TurnWaker& waker) = 0;
};

} // namespace oa_stream::authority
