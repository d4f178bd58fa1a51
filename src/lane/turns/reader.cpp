#include "reader.hpp"

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// How much one reader may send before the others get their turn.
constexpr std::size_t k_send_bytes = 64U << 10U;
constexpr std::size_t k_send_slices = 16;
constexpr std::string_view k_ping = ": ping\n\n";

} // namespace

TurnReader::TurnReader(
    std::uint64_t id,
    std::shared_ptr<net::BodyStream> body,
    Clock::time_point received,
    bool first,
    ReaderDone done
)
    : id_(id), body_(std::move(body)), done_(std::move(done)), received_(received),
      last_sent_(Clock::now()), progress_at_(last_sent_), first_(first) {
}

double TurnReader::since(Clock::time_point at) const noexcept {
    return std::chrono::duration<double>(at - received_).count();
}

void TurnReader::mark(const LogMarks& marks, Clock::time_point now) noexcept {
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

void TurnReader::place(const FrameLog& log, ReaderPart part) {
    part_ = std::move(part);
    end_ = part_.begin;
    frames_left_out_ = part_.begin == 0 ? 0 : log.frames_before(part_.begin);
    log.seek(cursor_, part_.begin);
}

bool TurnReader::replace(const LogGap& gap) {
    if (!gap.instead) {
        return true;
    }
    const net::Slice slice{gap.instead, *gap.instead};
    const auto state = body_->send(std::span(&slice, 1));
    if (state == net::BodyStream::State::gone) {
        return false;
    }
    report_.bytes += slice.bytes.size();
    blocked_ = state == net::BodyStream::State::blocked;
    return true;
}

std::uint64_t TurnReader::room(const FrameLog& log, const std::vector<LogGap>& gaps) {
    for (const auto& gap : gaps) {
        if (cursor_.offset == gap.from) {
            if (!replace(gap)) {
                return 0;
            }
            if (!gap.instead) {
                frames_left_out_ += log.frames_before(gap.to) - log.frames_before(gap.from);
            }
            log.seek(cursor_, gap.to);
            if (blocked_) {
                return 0;
            }
        } else if (cursor_.offset < gap.from) {
            return std::min(gap.from, end_) - cursor_.offset;
        }
    }
    return end_ - std::min(cursor_.offset, end_);
}

std::uint64_t TurnReader::frames_sent(const FrameLog& log) const {
    return log.frames_before(cursor_.offset) - frames_left_out_;
}

void TurnReader::send(const FrameLog& log, const LogView& view, Clock::time_point now) {
    end_ = view.end;
    if (closed_ || blocked_ || finishing_) {
        return;
    }
    while (const auto left = room(log, *view.gaps)) {
        std::array<net::Slice, k_send_slices> slices{};
        const auto before = cursor_;
        const auto limit = std::min<std::uint64_t>(left, k_send_bytes);
        const auto count = log.read(cursor_, slices, static_cast<std::size_t>(limit));
        const auto state = body_->send(std::span(slices.data(), count));
        if (state == net::BodyStream::State::gone) {
            cursor_ = before; // on_gone follows and closes this reader
            return;
        }
        report_.bytes += cursor_.offset - before.offset;
        mark(view.marks, now);
        if (state == net::BodyStream::State::blocked) {
            blocked_ = true;
            return;
        }
    }
    if (view.complete && !blocked_ && cursor_.offset >= end_) {
        finishing_ = true;
        body_->finish();
        settle(log, now);
    }
}

void TurnReader::heartbeat(Clock::time_point now, Millis silence) {
    if (closed_ || blocked_ || finishing_ || cursor_.offset < end_ || now - last_sent_ < silence) {
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

bool TurnReader::too_slow(const LaneLimits& limits, Clock::time_point now) {
    if (closed_ || !blocked_) {
        return false;
    }
    const auto sent = body_->bytes_sent();
    if (sent != progress_bytes_ || last_sent_ > progress_at_) {
        progress_bytes_ = sent;
        progress_at_ = now;
    }
    return now - progress_at_ > limits.max_lag_time || left_behind(limits, now);
}

bool TurnReader::left_behind(const LaneLimits& limits, Clock::time_point now) {
    if (!lags(limits)) {
        goal_ = 0;
        return false;
    }
    if (goal_ == 0 || cursor_.offset >= goal_) {
        goal_ = end_;
        goal_set_ = now;
    }
    return now - goal_set_ > limits.max_lag_time;
}

bool TurnReader::lags(const LaneLimits& limits) const noexcept {
    const auto seen = std::max(cursor_.offset, std::min(replay_end_, end_));
    return !closed_ && end_ - std::min(seen, end_) > limits.max_lag_bytes;
}

void TurnReader::settle(const FrameLog& log, Clock::time_point now) {
    if (closed_ || !finishing_ || body_->state() != net::BodyStream::State::gone) {
        return;
    }
    // After finish() the body is gone both when all was sent and when the client was lost: the byte
    // count shows which.
    const bool all = body_->bytes_sent() >= report_.bytes;
    close(log, all ? ReaderEnd::finished : ReaderEnd::client_gone, now);
}

void TurnReader::close(const FrameLog& log, ReaderEnd end, Clock::time_point now) {
    if (closed_) {
        return;
    }
    closed_ = true;
    report_.end = end;
    report_.end_s = since(now);
    report_.frames = frames_sent(log);
    if (body_) {
        report_.bytes = body_->bytes_sent();
        if (end == ReaderEnd::client_too_slow || end == ReaderEnd::cut) {
            body_->cut();
        }
        body_.reset();
    }
}

void TurnReader::report(const TurnOutcome* outcome) {
    if (!done_ || !closed_ || (first_ && outcome == nullptr)) {
        return;
    }
    report_.outcome = outcome;
    std::exchange(done_, nullptr)(report_);
}

} // namespace oa_stream::lane
