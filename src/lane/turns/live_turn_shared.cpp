// A turn that several replicas share: the store decides its end, and it may run in another replica.
#include "oa_stream/encode/ui_encoder.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "live_turn.hpp"
#include "reader.hpp"
#include "shared/turn_journal.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_unread{30'000};
constexpr std::string_view k_read_waiting = "1 w"; ///< see SharedLane::note_read()

turn::Failure taken_failure() {
    return turn::failure_of(turn::FailureCode::turn_lost, "another replica has taken this turn");
}

std::string text_of_log(const FrameLog& log) {
    std::string out;
    FrameLog::Cursor cursor;
    std::array<net::Slice, 16> slices;
    while (const auto count = log.read(cursor, slices, ~std::size_t{0})) {
        for (const auto& slice : std::span(slices).first(count)) {
            out += slice.bytes;
        }
    }
    return out;
}

} // namespace

std::shared_ptr<LiveTurn> LiveTurn::adopt(Parts parts, std::string_view sent) {
    auto self = std::make_shared<LiveTurn>(std::move(parts));
    if (sent.empty()) { // not even its beginning was sent
        self->host_->scratch.clear();
        self->style_.encoder->begin(self->host_->scratch);
        self->commit(self->accepted_);
    }
    self->append_sent(sent);
    // admit() drops the events that were sent before
    self->outcome_.content = self->style_.encoder->summary().content;
    self->saw_event_ = true;
    self->owed_ = true; // a client that read it at the other replica may come here
    self->look_soon();
    return self;
}

std::shared_ptr<LiveTurn> LiveTurn::relay(Parts parts) {
    auto self = std::make_shared<LiveTurn>(std::move(parts));
    self->relayed_ = true;
    return self;
}

void LiveTurn::relay(std::string_view frames, bool last, bool owed, Millis ended_ago) {
    const auto now = Clock::now();
    append_sent(frames);
    if (last) {
        ended_ = true;
        ended_at_ = now - ended_ago;
        // A reader of this relay has left
        const bool left = readers() == 0 && detached_ != accepted_;
        owed_ = !read_whole_ && (owed || left);
        announce_change();
    }
    deliver(now);
    trim_log();
    drop_done_readers();
}

/// Appends what another replica sent and finds the segments in it: the frame before [DONE] ends an
/// answer; a start frame follows when the turn goes on; everything behind the frame after that
/// start is the outcome of a decision.
void LiveTurn::append_sent(std::string_view frames) {
    auto at = log_.end();
    for (auto rest = frames; !rest.empty();) {
        const auto frame = wire::take_sse_frame(rest);
        const auto type = wire::ui::type_in(frame);
        if (auto& last = segments_.back(); last.end != 0) {
            segments_.push_back({.begin = last.end, .body = at + frame.size()});
            read_waiting_ = false;
        } else if (type == "[DONE]") {
            last.finish = frame_at_;
            last.end = at + frame.size();
        } else if (last.body != 0 && at > last.body) {
            last.claimed = true;
        }
        if (style_.approvals || relayed_) {
            unasked_.hear(frame, at);
        }
        if (type.starts_with("tool-") && !type.ends_with("-delta")) {
            recall(frame);
        }
        frame_at_ = at;
        at += frame.size();
    }
    log_.append(frames);
}

/// Restores the state of a call from a frame about it.
void LiveTurn::recall(std::string_view frame) {
    const auto chunk =
        style_.approvals || style_.calls || relayed_ ? wire::ui::chunk_in(frame) : std::nullopt;
    if (!chunk) {
        return;
    }
    if (style_.approvals || relayed_) {
        approvals_.recall(*chunk, segments_.size());
    }
    if (style_.calls || relayed_) {
        const auto asked = relayed_ ? std::optional(Clock::now()) : std::nullopt;
        calls_.recall(*chunk, segments_.size() - 1, asked);
    }
}

void LiveTurn::history_read(const std::string& text) {
    if (!text.empty() && text != read_) {
        read_ = text;
        history_read(text.starts_with('1'));
        // The read is applied later than it happened: a turn that waited then may have gone on.
        read_whole_ = read_whole_ && !text.starts_with(k_read_waiting);
    }
}

bool LiveTurn::unsure(
    const std::vector<ApprovalAnswer>& answers, const std::vector<authority::CallResult>& results
) const {
    // The replica that runs the turn decides; a relay only copies its frames.
    return !over() && !relayed_ &&
           (approvals_.unsure(answers, segments_.size() - 1) || calls_.unsure(results));
}

bool LiveTurn::claim(std::size_t segment) {
    if (segment >= segments_.size()) {
        return false;
    }
    segments_[segment].claimed = true;
    return true;
}

void LiveTurn::relay_lost() {
    gone_ = true;
    ended_ = true;
    ended_at_ = Clock::now();
    cut_readers();
    announce_change();
}

bool LiveTurn::unread(Clock::time_point now) const noexcept {
    return readers() == 0 && now - detached_ >= k_unread;
}

/// Holds back the frames of the end until the store has them: no client may see an end when another
/// replica decides on a different one. Frames before the end are not held back, so a slow or
/// unreachable store delays only the end.
std::string LiveTurn::hold_end(std::size_t begin) {
    ending_ = true;
    auto& frames = host_->scratch;
    begin = std::min(begin, frames.size());
    last_frames_ = frames.substr(begin);
    auto all = frames;
    frames.resize(begin);
    return all;
}

void LiveTurn::store_end(std::string frames) {
    if (!style_.journal) {
        return style_.before_end([weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->settle_end(false);
            }
        });
    }
    auto on_stored = [weak = weak_from_this()](TurnJournal::End end) {
        const auto self = weak.lock();
        if (self && end == TurnJournal::End::released) {
            self->end_as_left();
        } else if (self) {
            self->settle_end(end == TurnJournal::End::fenced);
        }
    };
    style_.journal->end(std::move(frames), outcome_text(), std::move(on_stored));
}

void LiveTurn::settle_end(bool decided_elsewhere) {
    if (ended_) {
        return;
    }
    if (decided_elsewhere) {
        return end_as_lost(taken_failure());
    }
    const auto now = Clock::now();
    append(last_frames_);
    conclude(now);
    deliver(now);
    trim_log();
    drop_done_readers();
}

/// Readers here have received the log without an ending; they get an error.
void LiveTurn::end_as_lost(turn::Failure why) {
    const auto now = Clock::now();
    outcome_.elsewhere = true;
    outcome_.outcome = turn::Outcome::aborted;
    encode::UiEncoder encoder({.approvals = style_.approvals});
    std::string frames;
    if (log_.whole() && encoder.restore(text_of_log(log_))) {
        encoder.fail_open(why, frames);
        append(frames);
    } else {
        cut_readers();
    }
    outcome_.failure = std::move(why);
    gone_ = true; // a resume must be served by the other replica
    conclude(now);
    deliver(now);
    drop_done_readers();
}

/// The turn was released while it ended: the replica that has it now sends its end and counts it.
void LiveTurn::end_as_left() {
    outcome_.elsewhere = true;
    gone_ = true;
    conclude(Clock::now());
    cut_readers();
}

void LiveTurn::lose_to_another() {
    if (ended_ || ending_) {
        return;
    }
    if (turn_ && !turn_->leave()) { // it runs on for the other replica if the authority can do that
        turn_->interrupt();
    }
    leave_to_others();
}

void LiveTurn::leave_to_others(std::optional<turn::Failure> why) {
    if (style_.journal) {
        style_.journal->leave();
    }
    style_.journal.reset();
    end_as_lost(std::move(why).value_or(taken_failure()));
    look_soon();
}

/// The lease is lost: another replica may run the turn, so this one must not act for it.
bool LiveTurn::cut_off() const noexcept {
    return style_.journal && !style_.journal->leased();
}

/// Like cut_off(), or it may happen before the store answers again: what this lane reports until
/// then may be too late.
bool LiveTurn::may_lose_turn() const {
    return cut_off() || (style_.journal && !style_.journal->reachable());
}

std::string LiveTurn::outcome_text() const {
    return dump_json(
        Json{{"outcome", turn::to_string(outcome_.outcome)}, {"owed", owed_ || readers() == 0}}
    );
}

/// False: the other replica has sent this event already. An event that does not fit the sent ones
/// ends the turn as failed.
bool LiveTurn::admit(turn::Event& event) {
    if (!style_.goes_on) {
        return true;
    }
    auto admitted = style_.goes_on->admit(event);
    if (!admitted) {
        outcome_.outcome = turn::Outcome::failed;
        const auto torn =
            turn::failure_of(turn::FailureCode::authority_lost, admitted.error().text());
        style_.encoder->fail_open(torn, host_->scratch);
        outcome_.failure = torn;
        interrupt(torn);
        return false;
    }
    return *admitted;
}

bool LiveTurn::read_elsewhere() const noexcept {
    return style_.journal && (style_.journal->others() > 0 || cut_off());
}

void LiveTurn::tell_readers() const {
    if (style_.on_readers) {
        style_.on_readers();
    }
}

} // namespace oa_stream::lane
