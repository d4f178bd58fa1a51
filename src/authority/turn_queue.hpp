// Events of one turn between the reader of the shared pipe, which never waits, and the one caller
// of next(). Bounded: what nobody fetches must not eat the machine.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <cstddef>

namespace oa_stream::authority {

/// Roughly the memory an event holds.
[[nodiscard]] std::size_t weight_of(const turn::Event& event);

class TurnQueue {
public:
    explicit TurnQueue(std::size_t limit) : limit_(limit) {}

    /// False, and the events are dropped, when that would outgrow the limit.
    [[nodiscard]] bool push(EventBatch&& events);
    [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
    /// All of it, behind what `out` has.
    void drain(EventBatch& out);

private:
    std::size_t limit_;
    std::size_t weight_ = 0;
    EventBatch events_{};
};

} // namespace oa_stream::authority
