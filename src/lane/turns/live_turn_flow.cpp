// How events become frames in the log, and how a turn ends.
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/wire/sse.hpp"

#include "live_turn.hpp"
#include "reader.hpp"
#include "shared/turn_journal.hpp"
#include "turn_end.hpp"

#include <algorithm>

namespace oa_stream::lane {

double LiveTurn::since_received(Clock::time_point at) const noexcept {
    return std::chrono::duration<double>(at - outcome_.received).count();
}

bool LiveTurn::feed(authority::EventBatch& batch) {
    const auto now = Clock::now();
    last_event_ = now;
    auto& events = host_->events;
    events.clear();
    for (auto& event : batch) {
        if (auto* ended = std::get_if<turn::TurnEnded>(&event)) {
            rewrite_end(*ended);
        }
        normaliser_.push(std::move(event), events);
    }
    // Live output alone must not restart the pause timer: a background command may write forever.
    const bool silent = std::ranges::all_of(events, [](const turn::Event& event) {
        return std::holds_alternative<turn::ToolOutputDelta>(event);
    });
    write(events, now);
    if (!silent) {
        arm_pause();
    }
    if (style_.encoder->satisfied()) {
        stop(StopReason::stop_text);
    }
    if (outgrows()) {
        end_now(StopReason::overloaded);
    }
    return !ended_ && !ending_;
}

bool LiveTurn::outgrows() {
    if (host_->beyond_total()) {
        cut_lagging(Clock::now());
    }
    return !over() && host_->full();
}

void LiveTurn::lose(const Error& error) {
    auto failure = turn::failure_of(authority::failure_code_of(error), error.text());
    failure.clean_eof = error.code == Code::unavailable && error.where == "eof";
    if (may_lose_turn() && can_leave() && turn_->leave()) {
        // If it were only dropped, the authority would stop the turn
        return leave_to_others(std::move(failure));
    }
    auto& events = host_->events;
    events.clear();
    normaliser_.finish(std::move(failure), events);
    write(events, Clock::now());
}

void LiveTurn::stop(StopReason reason) {
    if (ended_ || ending_) {
        return;
    }
    if (reason_ != StopReason::none) {
        if (relayed_) { // the first interrupt may have been lost on its way
            turn_->interrupt();
        }
        return;
    }
    if (cut_off() && reason != StopReason::stopped) { // the turn may go on in another replica
        return end_now(reason);
    }
    reason_ = reason;
    stop_deadline_ = Clock::now() + host_->timings.interrupt_grace;
    const auto end = end_for(reason);
    if (style_.journal && end.outcome == turn::Outcome::interrupted) {
        style_.journal->note_stop(to_string(reason));
    }
    interrupt(end.failure);
}

void LiveTurn::interrupt(const std::optional<turn::Failure>& failure) {
    if (failure) {
        turn_->interrupt_as_failed(failure->code);
    } else {
        turn_->interrupt();
    }
}

void LiveTurn::end_now(StopReason reason) {
    if (ended_ || ending_ || relayed_) {
        return;
    }
    // leave() frees the turn: the replica that takes it over need not wait until the lease expires.
    const bool away = reason == StopReason::store_away;
    if ((away || cut_off()) && can_leave() && turn_->leave()) {
        reason_ = reason;
        return leave_to_others(end_for(reason).failure);
    }
    reason_ = reason;
    auto& events = host_->events;
    events.clear();
    normaliser_.push(end_for(reason), events);
    write(events, Clock::now());
    interrupt(end_for(reason).failure);
    look_soon();
}

bool LiveTurn::can_leave() const noexcept {
    return !ended_ && !ending_ && !relayed_ && !stopping() && style_.resumable && turn_;
}

bool LiveTurn::leave() {
    if (!can_leave() || !turn_->leave()) {
        return false;
    }
    ended_at_ = Clock::now();
    outcome_.elsewhere = true; // the records of the readers that are cut say so
    outcome_.ended_s = since_received(ended_at_);
    cut_readers();
    ended_ = true;
    gone_ = true;
    look_soon();
    announce_change();
    return true;
}

/// The authority reports only that the turn was interrupted, or its own failure; the lane adds the
/// reason why it ended the turn.
void LiveTurn::rewrite_end(turn::TurnEnded& ended) const {
    if (ended.outcome != turn::Outcome::interrupted) {
        if (ended.failure && ended.failure->cause == turn::FailureCause::other) {
            ended.failure->cause = cause_of(reason_);
        }
        return;
    }
    if (style_.journal) {
        style_.journal->stop_is_over();
    }
    if (reason_ != StopReason::none) {
        name_end(ended);
    }
}

void LiveTurn::name_end(turn::TurnEnded& ended) const {
    const auto usage = ended.usage;
    ended = end_for(reason_);
    ended.usage = usage;
}

void LiveTurn::write(std::vector<turn::Event>& events, Clock::time_point now) {
    host_->scratch.clear();
    std::size_t end = 0;
    for (auto& event : events) {
        if (style_.encoder->ended()) {
            break;
        }
        end = host_->scratch.size();
        outcome_.content = outcome_.content || turn::is_content(event);
        auto* ended = std::get_if<turn::TurnEnded>(&event);
        // The answer is complete, whatever follows it
        if (ended != nullptr && style_.encoder->satisfied()) {
            reason_ = StopReason::stop_text;
            name_end(*ended);
        }
        // For a turn that is continued, also events that the other replica has sent
        if (style_.approvals || style_.calls) {
            approvals_.watch(event, now);
            calls_.watch(event, now, segments_.size() - 1);
        }
        if (admit(event)) {
            encode(event, now);
        }
    }
    commit(now, end);
}

void LiveTurn::encode(const turn::Event& event, Clock::time_point now) {
    auto& scratch = host_->scratch;
    const auto before = scratch.size();
    if (const auto* usage = std::get_if<turn::UsageKnown>(&event)) {
        outcome_.usage = usage->usage;
    }
    if (const auto* end = std::get_if<turn::TurnEnded>(&event)) {
        outcome_.outcome = end->outcome;
        outcome_.failure = end->failure;
        outcome_.usage = end->usage ? end->usage : outcome_.usage;
    }
    if (auto encoded = style_.encoder->encode(event, scratch); !encoded) {
        break_off(encoded.error());
    }
    // Some encoders write nothing for some events: activity is judged by events, offsets by bytes.
    saw_event_ = saw_event_ || !std::holds_alternative<turn::TurnStarted>(event);
    const bool content = style_.encoder->summary().content;
    if (content && outcome_.first_content_s < 0) {
        outcome_.first_content_s = since_received(now);
    }
    if (scratch.size() == before) {
        return;
    }
    if (last_chunk_segment_ == segments_.size()) {
        outcome_.longest_gap_s = std::max(outcome_.longest_gap_s, seconds(now - last_chunk_));
    }
    last_chunk_ = now;
    last_chunk_segment_ = segments_.size();
    const auto place = log_.end() + before + 1;
    if (saw_event_ && first_event_offset_ == 0) {
        first_event_offset_ = place;
    }
    if (segments_.back().first_event == 0) {
        segments_.back().first_event = place;
    }
    if (content && first_content_offset_ == 0) {
        first_content_offset_ = place;
    }
}

void LiveTurn::commit(Clock::time_point now, std::size_t end) {
    if (style_.goes_on && !host_->scratch.empty() && !approvals_.waiting() && !calls_.waiting()) {
        segments_.back().claimed = true; // the decision was made before this lane took over
    }
    const bool ends = style_.encoder->ended() && !ended_;
    if (ends && ending_) {
        return;
    }
    const bool stored_first = ends && (style_.journal || style_.before_end);
    std::string held;
    if (stored_first) {
        held = hold_end(end);
    } else if (style_.journal) {
        style_.journal->append(host_->scratch, host_->limits.turn_log_bytes);
    }
    append(host_->scratch);
    host_->scratch.clear();
    if (ends && !ending_) {
        conclude(now);
    }
    deliver(now);
    trim_log();
    if (ended_) {
        drop_done_readers();
    }
    if (stored_first) { // last, because the store may call back at once
        store_end(std::move(held));
    }
}

void LiveTurn::append(std::string_view frames) {
    if (style_.approvals || relayed_) {
        auto at = log_.end();
        for (auto rest = frames; !rest.empty();) {
            const auto frame = wire::take_sse_frame(rest);
            unasked_.hear(frame, at);
            at += frame.size();
        }
    }
    log_.append(frames);
}

void LiveTurn::deliver(Clock::time_point now) {
    for (auto& reader : readers_) {
        reader->send(log_, view_of(*reader), now);
    }
}

/// Drops the head of a log beyond its limit, as far as no reader needs it. The turn can then no
/// longer be resumed.
void LiveTurn::trim_log() {
    if (log_.held() <= host_->limits.turn_log_bytes) {
        return;
    }
    auto needed = waiting() ? segments_.back().begin : log_.end();
    for (const auto& reader : readers_) {
        if (!reader->closed()) {
            needed = std::min(needed, reader->offset());
        }
    }
    log_.drop_head(needed, host_->limits.turn_log_bytes);
}

void LiveTurn::cut_lagging(Clock::time_point now) {
    for (auto& reader : readers_) {
        if (reader->lags(host_->limits)) {
            reader->close(log_, ReaderEnd::client_too_slow, now);
        }
    }
    trim_log();
    drop_done_readers();
}

void LiveTurn::conclude(Clock::time_point now) {
    ended_ = true;
    ended_at_ = now;
    style_.place.reset();
    owed_ = owed_ || (segments_.size() > 1 && !segments_.back().begun);
    outcome_.reason = reason_;
    const encode::TurnSummary& answer = style_.encoder->summary();
    if (answer.failure && outcome_.outcome == turn::Outcome::completed) {
        outcome_.outcome = turn::Outcome::failed; // the reader got an error, whatever the turn did
        outcome_.failure = answer.failure;
    }
    outcome_.terminal = class_of(outcome_);
    outcome_.frames = answer.frames;
    outcome_.ended_s = since_received(now);
    outcome_.repairs = normaliser_.repairs();
    host_->on_ended(outcome_);
    announce_change();
}

void LiveTurn::tick(Clock::time_point now) {
    const auto& timings = host_->timings;
    const auto& limits = host_->limits;
    expire_waits(now);
    if (!ended_ && !ending_ && !relayed_) {
        const bool alone = readers() == 0 && !waiting() && !read_elsewhere();
        detached_ = alone ? detached_ : now;
        if (reason_ != StopReason::none) {
            if (now >= stop_deadline_) {
                end_now(reason_);
            }
        } else if (now - accepted_ >= limits.turn_wall) {
            stop(StopReason::wall_time);
        } else if (!saw_event_ && now - accepted_ >= limits.first_event) {
            end_now(StopReason::first_event);
        } else if (saw_event_ && !approvals_.waiting() && !calls_.waiting() &&
                   now - last_event_ >= limits.idle) {
            end_now(StopReason::stalled);
        } else if (style_.resumable && alone && now - detached_ >= timings.detach_grace) {
            stop(StopReason::client_gone);
        }
    }
    for (auto& reader : readers_) {
        reader->settle(log_, now);
        if (reader->too_slow(limits, now)) {
            reader->close(log_, ReaderEnd::client_too_slow, now);
        }
        reader->heartbeat(now, timings.heartbeat);
    }
    drop_done_readers();
}

} // namespace oa_stream::lane
