// One reader of a live turn: a place in the log and the HTTP body it is copied to.
#pragma once

#include "frame_log.hpp"
#include "live_turn.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace oa_stream::lane {

/// Offsets in the log at which something began; 0: not there yet.
struct LogMarks {
    std::uint64_t first_event = 0;
    std::uint64_t first_content = 0;
};

/// What a reader is sent of the log.
struct ReaderPart {
    std::uint64_t begin = 0;
    std::size_t first_segment = 0;
    std::size_t last_segment = 0;
    std::vector<LogGap> gaps{}; ///< left out, in order
    bool unasked = false; ///< the whole turn, as UnaskedView has it
};

/// How far the part of one reader goes by now.
struct LogView {
    LogMarks marks{};
    std::uint64_t end = 0;
    bool complete = false;
    const std::vector<LogGap>* gaps = nullptr; ///< left out by now
};

class TurnReader {
public:
    TurnReader(
        std::uint64_t id,
        std::shared_ptr<net::BodyStream> body,
        Clock::time_point received,
        bool first,
        ReaderDone done
    );

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] std::uint64_t offset() const noexcept { return cursor_.offset; }

    void place(const FrameLog& log, ReaderPart part);
    [[nodiscard]] const ReaderPart& part() const noexcept { return part_; }
    /// Bytes of the log at the moment of attaching: catching up with them is not lag.
    void set_replay_end(std::uint64_t offset) noexcept { replay_end_ = offset; }

    /// Sends what the log has and the socket takes; ends the body when the part is complete.
    void send(const FrameLog& log, const LogView& view, Clock::time_point now);
    void writable() noexcept { blocked_ = false; }
    /// A comment, when the reader has everything and nothing went out for `silence`.
    void heartbeat(Clock::time_point now, Millis silence);
    /// It took nothing for `max_lag_time`, or was not able to read in that time what it lagged by.
    [[nodiscard]] bool too_slow(const LaneLimits& limits, Clock::time_point now);
    /// More than `max_lag_bytes` behind: a burst of that size does it, however fast the reader is.
    [[nodiscard]] bool lags(const LaneLimits& limits) const noexcept;
    /// The body was ended: is it through?
    void settle(const FrameLog& log, Clock::time_point now);
    void close(const FrameLog& log, ReaderEnd end, Clock::time_point now);
    /// Tells what the reader saw, once; the first reader waits for the turn's outcome.
    void report(const TurnOutcome* outcome);
    [[nodiscard]] bool reported() const noexcept { return !done_; }

private:
    void mark(const LogMarks& marks, Clock::time_point now) noexcept;
    /// Skips a gap the cursor has come to; how many bytes may be read from there on.
    [[nodiscard]] std::uint64_t room(const FrameLog& log, const std::vector<LogGap>& gaps);
    /// What stands in place of a gap. False: nobody is there to be told.
    [[nodiscard]] bool replace(const LogGap& gap);
    [[nodiscard]] bool left_behind(const LaneLimits& limits, Clock::time_point now);
    [[nodiscard]] std::uint64_t frames_sent(const FrameLog& log) const;
    [[nodiscard]] double since(Clock::time_point at) const noexcept;

    std::uint64_t id_;
    std::shared_ptr<net::BodyStream> body_; ///< null once closed
    ReaderDone done_;
    ReaderPart part_{};
    FrameLog::Cursor cursor_{};
    std::uint64_t end_ = 0; ///< of the part, as last seen
    std::uint64_t frames_left_out_ = 0; ///< before the part, and in its gaps
    ReaderReport report_{};
    Clock::time_point received_;
    Clock::time_point last_sent_;
    Clock::time_point progress_at_;
    std::uint64_t progress_bytes_ = 0;
    std::uint64_t replay_end_ = 0;
    std::uint64_t goal_ = 0; ///< where the log ended when the reader began to lag; 0: it does not
    Clock::time_point goal_set_{};
    bool first_;
    bool blocked_ = false;
    bool finishing_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::lane
