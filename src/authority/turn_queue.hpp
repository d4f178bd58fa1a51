// Events of one turn, between the reader of the shared pipe, which never waits, and the one caller
// of next(). Bounded, because unfetched events must not use up the memory.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <cstddef>

namespace oa_stream::authority {

/// Roughly the memory that an event uses.
[[nodiscard]] std::size_t weight_of(const turn::Event& event);

class TurnQueue {
public:
    explicit TurnQueue(std::size_t limit) : limit_(limit) {}

    /// False, and the events are dropped, when they would exceed the limit.
    [[nodiscard]] bool push(EventBatch&& events);
    [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
    /// Appends all events to `out`.
    void drain(EventBatch& out);

private:
    std::size_t limit_;
    std::size_t weight_ = 0;
    EventBatch events_{};
};

} // namespace oa_stream::authority
