// One reader of a live turn: a place in the log and the HTTP body it is copied to.
#pragma once

#include "oa_stream/lane/frame_log.hpp"
#include "oa_stream/lane/live_turn.hpp"

#include <cstdint>
#include <memory>

namespace oa_stream::lane {

/// Offsets in the log at which something began; 0: not there yet.
struct LogMarks {
    std::uint64_t first_event = 0;
    std::uint64_t first_content = 0;
};

class Reader {
public:
    Reader(
        std::uint64_t id,
        std::shared_ptr<net::BodyStream> body,
        Clock::time_point received,
        bool first,
        ReaderDone done
    );

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] std::uint64_t offset() const noexcept { return cursor_.offset; }
    [[nodiscard]] const std::shared_ptr<net::BodyStream>& body() const noexcept { return body_; }

    /// Bytes of the log at the moment of attaching: catching up with them is no lag.
    void set_replay_end(std::uint64_t offset) noexcept { replay_end_ = offset; }

    /// Sends what the log has and the socket takes; ends the body when the log is complete.
    void send(const FrameLog& log, const LogMarks& marks, bool complete, Clock::time_point now);
    void writable() noexcept { blocked_ = false; }
    /// A comment, when the reader has everything and nothing went out for `silence`.
    void heartbeat(const FrameLog& log, Clock::time_point now, Millis silence);
    [[nodiscard]] bool
    too_slow(const FrameLog& log, const LaneLimits& limits, Clock::time_point now);
    /// The body was ended: is it through?
    void settle(const FrameLog& log, Clock::time_point now);
    void close(const FrameLog& log, ReaderEnd end, Clock::time_point now);
    /// Tells what the reader saw, once; the first reader waits for the turn's outcome.
    void report(const TurnOutcome* outcome);
    [[nodiscard]] bool reported() const noexcept { return !done_; }

private:
    void mark(const LogMarks& marks, Clock::time_point now) noexcept;
    [[nodiscard]] double since(Clock::time_point at) const noexcept;

    std::uint64_t id_;
    std::shared_ptr<net::BodyStream> body_; ///< null once closed
    ReaderDone done_;
    FrameLog::Cursor cursor_{};
    ReaderReport report_{};
    Clock::time_point received_;
    Clock::time_point last_sent_;
    Clock::time_point progress_at_;
    std::uint64_t progress_bytes_ = 0;
    std::uint64_t replay_end_ = 0;
    bool first_;
    bool blocked_ = false;
    bool finishing_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::lane
