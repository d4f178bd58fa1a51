// At-least-once in any order → exactly once in the order of the worker's seq. Pure.
#pragma once

#include "oa_stream/base/task.hpp"

#include "worker_event.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace oa_stream::authority {

struct SequencerCounts {
    std::uint64_t duplicates = 0;
    std::uint64_t found_in_log = 0; ///< holes
    std::uint64_t found_nowhere = 0;
};

class Sequencer {
public:
    using Events = std::vector<WorkerEvent>;

    static constexpr std::size_t k_most_held = 2'000;
    static constexpr std::size_t k_most_held_bytes = 8U << 20U;

    /// From now on `next` is the number of the next event; what is held is forgotten.
    void begin(std::uint64_t next);
    [[nodiscard]] bool known() const noexcept { return next_ != 0; }
    [[nodiscard]] std::uint64_t next() const noexcept { return next_; }

    /// Appends what can be told now to `ready`. Events with seq 0 are told by watermark, once.
    void push(WorkerEvent event, Clock::time_point now, Events& ready);
    /// The worker's log behind next() - 1, in any order. `latest`: what it has as its newest; up to
    /// there a number that neither the log nor the topic has does not exist.
    void fill(Events log, std::uint64_t latest, Clock::time_point now, Events& ready);
    /// The log cannot be read: goes on with what is held, holes and all. Where nothing is held, the
    /// next number seen is the next one.
    void skip(Events& ready);
    /// The topic's watermarks began again.
    void forget_watermarks() noexcept { reported_watermark_ = 0; }

    /// Since when an event is waited for; unset: nothing is held.
    [[nodiscard]] std::optional<Clock::time_point> waiting_since() const noexcept {
        return waiting_since_;
    }
    /// An event is known to be missing and will not come by itself.
    [[nodiscard]] bool needs_log() const noexcept { return needs_log_; }
    [[nodiscard]] const SequencerCounts& counts() const noexcept { return counts_; }

private:
    void release(Clock::time_point now, Events& ready);

    std::uint64_t next_ = 0;
    std::uint64_t reported_watermark_ = 0; ///< of events without seq
    std::map<std::uint64_t, WorkerEvent> held_{};
    std::size_t held_bytes_ = 0;
    std::optional<Clock::time_point> waiting_since_{};
    bool needs_log_ = false;
    bool adrift_ = false; ///< what comes next is not known: the log could not be read
    SequencerCounts counts_{};
};

} // namespace oa_stream::authority
