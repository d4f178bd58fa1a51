#include "reader.hpp"

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// What one reader may send before the others get their turn.
constexpr std::size_t k_send_bytes = 64U << 10U;
constexpr std::size_t k_send_slices = 16;
constexpr std::string_view k_ping = ": ping\n\n";

} // namespace

Reader::Reader(
    std::uint64_t id,
    std::shared_ptr<net::BodyStream> body,
    Clock::time_point received,
    bool first,
    ReaderDone done
)
    : id_(id), body_(std::move(body)), done_(std::move(done)), received_(received),
      last_sent_(Clock::now()), progress_at_(last_sent_), first_(first) {
}

double Reader::since(Clock::time_point at) const noexcept {
    return std::chrono::duration<double>(at - received_).count();
}

void Reader::mark(const LogMarks& marks, Clock::time_point now) noexcept {
    last_sent_ = now;
    if (report_.first_byte_s < 0) {
        report_.first_byte_s = since(now);
    }
    if (report_.first_event_s < 0 && marks.first_event != 0 &&
        cursor_.offset >= marks.first_event) {
        report_.first_event_s = since(now);
    }
    if (report_.first_content_s < 0 && marks.first_content != 0 &&
        cursor_.offset >= marks.first_content) {
        report_.first_content_s = since(now);
    }
}

void Reader::send(
    const FrameLog& log, const LogMarks& marks, bool complete, Clock::time_point now
) {
    if (closed_ || blocked_ || finishing_) {
        return;
    }
    while (cursor_.offset < log.end()) {
        std::array<net::Slice, k_send_slices> slices{};
        const auto before = cursor_.offset;
        const auto count = log.read(cursor_, slices, k_send_bytes);
        const auto state = body_->send(std::span(slices.data(), count));
        if (state == net::BodyStream::State::gone) {
            cursor_.offset = before; // on_gone follows and closes this reader
            return;
        }
        report_.bytes += cursor_.offset - before;
        mark(marks, now);
        if (state == net::BodyStream::State::blocked) {
            blocked_ = true;
            return;
        }
    }
    if (complete) {
        finishing_ = true;
        body_->finish();
        settle(log, now);
    }
}

void Reader::heartbeat(const FrameLog& log, Clock::time_point now, Millis silence) {
    if (closed_ || blocked_ || finishing_ || cursor_.offset < log.end() ||
        now - last_sent_ < silence) {
        return;
    }
    last_sent_ = now;
    const net::Slice ping{nullptr, k_ping};
    const auto state = body_->send(std::span(&ping, 1));
    if (state != net::BodyStream::State::gone) {
        report_.bytes += k_ping.size();
    }
    blocked_ = state == net::BodyStream::State::blocked;
}

bool Reader::too_slow(const FrameLog& log, const LaneLimits& limits, Clock::time_point now) {
    if (closed_ || !blocked_) {
        return false;
    }
    const auto sent = body_->bytes_sent();
    if (sent != progress_bytes_ || last_sent_ > progress_at_) {
        progress_bytes_ = sent;
        progress_at_ = now;
    }
    const auto lag = log.end() - std::max(cursor_.offset, std::min(replay_end_, log.end()));
    return lag > limits.max_lag_bytes || now - progress_at_ > limits.max_lag_time;
}

void Reader::settle(const FrameLog& log, Clock::time_point now) {
    if (closed_ || !finishing_ || body_->state() != net::BodyStream::State::gone) {
        return;
    }
    // Gone after finish() is "through" as well as "lost": the count tells them apart.
    const bool all = body_->bytes_sent() >= report_.bytes;
    close(log, all ? ReaderEnd::finished : ReaderEnd::client_gone, now);
}

void Reader::close(const FrameLog& log, ReaderEnd end, Clock::time_point now) {
    if (closed_) {
        return;
    }
    closed_ = true;
    report_.end = end;
    report_.end_s = since(now);
    report_.frames = log.frames_before(cursor_.offset);
    if (body_) {
        report_.bytes = body_->bytes_sent();
        if (end == ReaderEnd::client_too_slow || end == ReaderEnd::cut) {
            body_->cut();
        }
        body_.reset();
    }
}

void Reader::report(const TurnOutcome* outcome) {
    if (!done_ || !closed_ || (first_ && outcome == nullptr)) {
        return;
    }
    report_.outcome = outcome;
    std::exchange(done_, nullptr)(report_);
}

} // namespace oa_stream::lane
