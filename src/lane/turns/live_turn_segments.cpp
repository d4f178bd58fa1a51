// A turn in several HTTP answers: where an answer ends because the client has to decide, and which
// share of the log each reader gets.
#include "live_turn.hpp"
#include "reader.hpp"
#include "shared/turn_journal.hpp"

namespace oa_stream::lane {

namespace {

constexpr int k_patience = 10; ///< factor on the pause while other calls still run

Rejection reject_for_now(std::string why) {
    return with_retry_after(reject(409, "turn_in_progress", std::move(why)), 1);
}

Rejection reject_gone() {
    return reject(409, "already_answered", "this was answered already");
}

} // namespace

ReaderPart LiveTurn::part_of(std::optional<std::size_t> segment, bool unasked) const {
    // Function calls need the page's results, so every reader must see the segments as they are.
    if (unasked && !style_.calls && calls_.order().empty()) {
        return {.unasked = true};
    }
    if (segment) {
        return {segments_[*segment].begin, *segment, *segment, {}};
    }
    ReaderPart part;
    // While the turn waits, its last segment is reserved for the client that decides.
    part.last_segment = segments_.size() - (waiting() ? 2 : 1);
    for (std::size_t i = 0; i < part.last_segment; ++i) {
        part.gaps.push_back({segments_[i].finish, segments_[i + 1].body});
    }
    return part;
}

LogView LiveTurn::view_of(const TurnReader& reader) const {
    const auto& part = reader.part();
    const auto& first = segments_[part.first_segment];
    const auto& last = segments_[part.last_segment];
    LogView view;
    if (reader.part().unasked) {
        view.marks = {first_event_offset_, first_content_offset_};
        const auto paused = ended_ ? std::nullopt : unasked_.paused();
        view.end = paused.value_or(log_.end());
        view.complete = ended_;
        view.gaps = &unasked_.gaps();
        return view;
    }
    view.gaps = &reader.part().gaps;
    // Only the answer with the turn's first content reports the time of it.
    view.marks = part.first_segment == 0 ? LogMarks{first_event_offset_, first_content_offset_}
                                         : LogMarks{first.first_event, 0};
    view.end = last.end != 0 ? last.end : log_.end();
    view.complete = last.end != 0 || ended_;
    return view;
}

/// Handles an error of the lane itself: the client gets an error and the authority's turn is
/// stopped.
void LiveTurn::break_off(const Error& fault) {
    outcome_.outcome = turn::Outcome::failed;
    outcome_.failure =
        turn::failure_of(turn::FailureCode::adapter_preview_unavailable, fault.text());
    style_.encoder->fail_open(*outcome_.failure, host_->scratch);
    interrupt(outcome_.failure);
}

/// Calls that are made together ask within milliseconds of each other. A short wait puts them into
/// one answer, so that the page sends all decisions in one request.
void LiveTurn::arm_pause() {
    if ((!approvals_.waiting() && !calls_.waiting()) || over()) {
        return;
    }
    const bool patient = !approvals_.stuck(calls_);
    pause_timer_.expires_after((patient ? k_patience : 1) * host_->timings.approval_quiet);
    pause_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock(); self && !error) {
            self->pause();
        }
    });
}

void LiveTurn::pause() {
    auto& last = segments_.back();
    if (over() || reason_ != StopReason::none || !last.claimed || !approvals_.held_up(calls_)) {
        return;
    }
    const auto now = Clock::now();
    // A page sends its decisions only when every call of the answer has ended or waits for it.
    host_->events.clear();
    normaliser_.leave_behind(approvals_.unasked(calls_), host_->events);
    if (!host_->events.empty()) {
        write(host_->events, now);
    }
    if (over()) {
        return;
    }
    host_->scratch.clear();
    const auto paused = style_.encoder->pause(host_->scratch);
    if (!paused) {
        break_off(paused.error());
    } else if (const auto& at = *paused) {
        const auto base = log_.end();
        last.finish = base + at->finish;
        last.end = base + at->end;
        const Segment next{.begin = last.end, .body = base + at->body};
        segments_.push_back(next);
        approvals_.begin_wait(now);
        read_waiting_ = false;
    }
    commit(now);
    if (style_.journal) { // the client's decision may reach another lane
        style_.journal->hurry();
    }
    drop_done_readers();
}

void LiveTurn::expire_waits(Clock::time_point now) {
    if (over() || reason_ != StopReason::none) {
        return;
    }
    if (calls_.overdue(now, host_->limits.tool_result)) {
        return stop(StopReason::client_gone); // the results can still begin the next turn
    }
    if (cut_off()) { // the replica that has the turn may have asked its client again
        return;
    }
    const auto expired = approvals_.expire(now, host_->limits.approval);
    if (expired.empty()) {
        return;
    }
    for (const auto& id : expired) {
        // This fails when the approval was settled at the same moment; then there is nothing to do.
        (void)turn_->answer_approval(id, false);
    }
    last_event_ = now;
    if (!approvals_.waiting() && !calls_.waiting() && waiting()) {
        segments_.back().claimed = true; // no request will claim it; a resume may read it
        detached_ = now;
    }
}

/// True when the authority accepted at least one of them.
bool LiveTurn::pass_on(
    const std::vector<ApprovalAnswer>& answers,
    const std::vector<authority::CallResult>& results,
    std::size_t segment
) {
    bool taken = false;
    for (const auto& answer : answers) {
        if (turn_->answer_approval(answer.id, answer.approved)) {
            approvals_.note_answer(answer, segment);
            taken = true;
        }
    }
    for (const auto& result : results) {
        if (turn_->answer_call(result)) {
            calls_.note_answer(result, segment);
            taken = true;
        }
    }
    return taken;
}

Accepted<std::size_t> LiveTurn::answer(
    const std::vector<ApprovalAnswer>& answers, const std::vector<authority::CallResult>& results
) {
    const auto decided = approvals_.judge(answers);
    const auto verdict = calls_.judge(results);
    if (!decided || !verdict) {
        return std::unexpected(decided ? verdict.error() : decided.error());
    }
    const auto now = Clock::now();
    const auto settled = std::max(decided->segment, verdict->segment);
    if (decided->fresh.empty() && verdict->fresh.empty() && settled) {
        // A log that was cut off between a question and the end of its answer has no later segment.
        const bool held = *settled < segments_.size() && segments_[*settled].begin >= log_.begin();
        const bool kept = !ended_ || now - ended_at_ < host_->timings.ended_kept;
        if (!held || !kept) {
            return reject_gone();
        }
        return *settled;
    }
    if (reason_ != StopReason::none) {
        constexpr auto k_why = "this turn is being stopped";
        // Results can begin the next turn.
        return results.empty() ? invalid_field("messages", k_why) : reject_for_now(k_why);
    }
    if (!waiting()) {
        return reject_for_now("the answer that asks for this has not ended");
    }
    const auto segment = segments_.size() - 1;
    if (!pass_on(decided->fresh, verdict->fresh, segment)) {
        return invalid_field("messages", "the assistant does not wait for this any more");
    }
    segments_.back().claimed = true;
    last_event_ = detached_ = now;
    arm_pause();
    return segment;
}

} // namespace oa_stream::lane
