// Events delivered at least once in any order → exactly once in the order of the worker's seq.
// Pure.
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
    std::uint64_t found_in_log = 0; ///< gaps filled from the log
    std::uint64_t found_nowhere = 0;
};

class Sequencer {
public:
    using Events = std::vector<WorkerEvent>;

    static constexpr std::size_t k_most_held = 2'000;
    static constexpr std::size_t k_most_held_bytes = 8U << 20U;

    /// From now on `next` is the number of the next event; drops the held events.
    void begin(std::uint64_t next);
    [[nodiscard]] bool known() const noexcept { return next_ != 0; }
    [[nodiscard]] std::uint64_t next() const noexcept { return next_; }

    /// Appends the events that are now in order to `ready`. Events with seq 0 are ordered and
    /// de-duplicated by watermark.
    void push(WorkerEvent event, Clock::time_point now, Events& ready);
    /// `log`: the worker's log after next() - 1, in any order. `latest`: its newest number; up to
    /// there, a number that is in neither the log nor the topic does not exist.
    void fill(Events log, std::uint64_t latest, Clock::time_point now, Events& ready);
    /// The log cannot be read: releases the held events in spite of gaps. If none is held, the next
    /// event's number becomes next().
    void skip(Events& ready);
    /// The topic's watermarks restarted.
    void forget_watermarks() noexcept { reported_watermark_ = 0; }

    /// Since when a gap exists; unset: no event is held.
    [[nodiscard]] std::optional<Clock::time_point> waiting_since() const noexcept {
        return waiting_since_;
    }
    /// An event is missing and must be read from the log.
    [[nodiscard]] bool needs_log() const noexcept { return needs_log_; }
    [[nodiscard]] const SequencerCounts& counts() const noexcept { return counts_; }

private:
    void release(Clock::time_point now, Events& ready);

    std::uint64_t next_ = 0;
    std::uint64_t reported_watermark_ = 0; ///< for events without seq
    std::map<std::uint64_t, WorkerEvent> held_{};
    std::size_t held_bytes_ = 0;
    std::optional<Clock::time_point> waiting_since_{};
    bool needs_log_ = false;
    bool adrift_ = false; ///< the next number is unknown: the log could not be read
    SequencerCounts counts_{};
};

} // namespace oa_stream::authority
