// One reader of a live turn: a position in the log and the HTTP body that receives it.
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

/// The part of the log that a reader receives.
struct ReaderPart {
    std::uint64_t begin = 0;
    std::size_t first_segment = 0;
    std::size_t last_segment = 0;
    std::vector<LogGap> gaps{}; ///< byte ranges that are left out, in order
    bool unasked = false; ///< the whole turn, in the form of UnaskedView
};

/// How far one reader's part extends by now.
struct LogView {
    LogMarks marks{};
    std::uint64_t end = 0;
    bool complete = false;
    const std::vector<LogGap>* gaps = nullptr; ///< byte ranges left out so far
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
    /// End of the log when the reader attached: catching up with these bytes does not count as lag.
    void set_replay_end(std::uint64_t offset) noexcept { replay_end_ = offset; }

    /// Sends what the log holds and the socket accepts; ends the body when the part is complete.
    void send(const FrameLog& log, const LogView& view, Clock::time_point now);
    void writable() noexcept { blocked_ = false; }
    /// Sends a comment when the reader has everything and nothing was sent for `silence`.
    void heartbeat(Clock::time_point now, Millis silence);
    /// The reader accepted no bytes for `max_lag_time`, or could not catch up with its lag in that
    /// time.
    [[nodiscard]] bool too_slow(const LaneLimits& limits, Clock::time_point now);
    /// More than `max_lag_bytes` behind. A burst of that size causes it, however fast the reader
    /// is.
    [[nodiscard]] bool lags(const LaneLimits& limits) const noexcept;
    /// Closes the reader when its body was ended and all of it was sent or the client is gone.
    void settle(const FrameLog& log, Clock::time_point now);
    void close(const FrameLog& log, ReaderEnd end, Clock::time_point now);
    /// Reports once what the reader received; the first reader waits for the turn's outcome.
    void report(const TurnOutcome* outcome);
    [[nodiscard]] bool reported() const noexcept { return !done_; }

private:
    void mark(const LogMarks& marks, Clock::time_point now) noexcept;
    /// Skips a gap at the cursor; returns how many bytes may be read from there.
    [[nodiscard]] std::uint64_t room(const FrameLog& log, const std::vector<LogGap>& gaps);
    /// Sends the replacement of a gap. False: the client is gone.
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
    /// Where the log ended when the reader began to lag; 0: it does not lag
    std::uint64_t goal_ = 0;
    Clock::time_point goal_set_{};
    bool first_;
    bool blocked_ = false;
    bool finishing_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::lane
