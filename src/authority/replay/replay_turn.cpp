#include "replay_turn.hpp"

#include "oa_stream/base/clock.hpp"

#include "codex/process/signal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Clock::duration k_slack = ReplayClock::Step(1); ///< events due within it join the batch
constexpr int k_corrupt_frame = 3; ///< start and start-step are written unchanged

bool is_due(Clock::time_point at, Clock::time_point now) {
    return at <= now + k_slack;
}

/// Half way, but after some content and before the end.
std::size_t break_point(const Capture& capture) {
    std::size_t shown = 0;
    while (shown < capture.events.size() &&
           !std::holds_alternative<turn::PartDelta>(capture.events[shown].event)) {
        ++shown;
    }
    const std::size_t size = capture.events.size();
    const std::size_t last = capture.eof_before_end || size == 0 ? size : size - 1;
    return std::min(std::max(shown + 1, size / 2), last);
}

/// Index of the second piece of content; the number of events when there is none.
std::size_t second_piece(const std::vector<TimedEvent>& events) {
    const auto is_piece = [](const TimedEvent& one) {
        return std::holds_alternative<turn::PartDelta>(one.event);
    };
    const auto first = std::ranges::find_if(events, is_piece);
    const auto second =
        first == events.end() ? first : std::find_if(std::next(first), events.end(), is_piece);
    return static_cast<std::size_t>(second - events.begin());
}

struct Playing final : ReplayClock::Sleeper {
    explicit Playing(ReplayPlan given)
        : plan(std::move(given)),
          stop_at(
              plan.fate.breaks == TurnFate::Break::none ? events().size()
                                                        : break_point(*plan.turn->recording)
          ),
          gap_at(second_piece(events())) {}

    [[nodiscard]] const std::vector<TimedEvent>& events() const {
        return plan.turn->recording->events;
    }
    [[nodiscard]] Clock::time_point due(std::size_t index) const {
        const bool last = index >= events().size();
        const double t_s = last ? plan.turn->recording->eof_t_s : events()[index].t_s;
        const double seconds = plan.immediate ? 0 : t_s * plan.stretch;
        const Millis late = index > 0 ? plan.latency : Millis(0);
        const Millis gap = index >= gap_at ? plan.gap : Millis(0);
        return began + late + gap + clock_duration(seconds);
    }
    void end(turn::Outcome outcome) {
        plan.turn->running = false;
        plan.turn->outcome = outcome;
        plan.turn->completed_at = unix_now();
        if (plan.counts) {
            plan.counts->interrupted += outcome == turn::Outcome::interrupted ? 1U : 0U;
            plan.counts->completed += outcome == turn::Outcome::completed ? 1U : 0U;
        }
    }

    void woken() override {
        if (waker != nullptr) {
            waker->turn_ready();
        }
    }

    ReplayPlan plan;
    TurnWaker* waker = nullptr; ///< of poll()
    std::size_t stop_at; ///< events from here on are not sent
    std::size_t gap_at;  ///< events from here on come after the injected gap
    Clock::time_point began = Clock::now();
    bool interrupted = false;
    int frames = 0; ///< frames checked so far, to find the broken one
};

/// Collects all events due at `now`, with this turn's own ids. False: none is due.
bool due_events(Playing& playing, Clock::time_point now, EventBatch& batch) {
    std::size_t& at = playing.plan.turn->played;
    const std::size_t first = at;
    while (at < playing.stop_at && is_due(playing.due(at), now)) {
        ++at;
    }
    batch.reserve(at - first);
    for (std::size_t i = first; i < at; ++i) {
        const turn::Event& event = playing.events()[i].event;
        if (std::holds_alternative<turn::TurnStarted>(event)) {
            batch.emplace_back(
                turn::TurnStarted{playing.plan.thread, playing.plan.turn->id, playing.plan.model}
            );
        } else {
            batch.push_back(event);
        }
    }
    if (at == playing.events().size() && !batch.empty()) {
        if (const auto* ended = std::get_if<turn::TurnEnded>(&batch.back())) {
            playing.end(ended->outcome);
        }
    }
    return !batch.empty();
}

EventBatch ended_batch(Playing& playing, turn::TurnEnded ended) {
    playing.end(ended.outcome);
    EventBatch batch;
    batch.emplace_back(std::move(ended));
    return batch;
}

turn::TurnEnded injected_failure() {
    turn::TurnEnded ended{.outcome = turn::Outcome::failed, .finish = turn::Finish::error};
    ended.failure = turn::Failure{
        .code = turn::FailureCode::turn_failed, .retryable = true, .detail = "injected fault"
    };
    return ended;
}

/// What happens at the break; nullopt: nothing, for ever.
std::optional<Result<EventBatch>> at_break(Playing& playing) {
    switch (playing.plan.fate.breaks) {
    case TurnFate::Break::fail:
        return ended_batch(playing, injected_failure());
    case TurnFate::Break::stall:
        return std::nullopt;
    case TurnFate::Break::kill:
        playing.plan.kill();
        [[fallthrough]];
    case TurnFate::Break::drop:
        playing.end(turn::Outcome::failed);
        return fail(Code::unavailable, "the authority was dropped by an injected fault");
    case TurnFate::Break::none:
        break;
    }
    playing.end(turn::Outcome::failed);
    const bool killed = playing.plan.turn->recording->killed;
    return fail(Code::unavailable, "the recording stops here", killed ? "" : "eof");
}

/// Like Turn::poll(); false: no event before `wake`.
Result<bool> tell_now(Playing& playing, EventBatch& out, Clock::time_point& wake) {
    if (!playing.plan.turn->running) {
        return fail(Code::protocol, "the turn is over");
    }
    if (playing.interrupted) {
        out = ended_batch(
            playing, {.outcome = turn::Outcome::interrupted, .finish = turn::Finish::other}
        );
        return true;
    }
    const auto now = Clock::now();
    if (due_events(playing, now, out)) {
        return true;
    }
    wake = playing.due(playing.plan.turn->played);
    if (playing.plan.turn->played == playing.stop_at &&
        (playing.plan.fate.breaks != TurnFate::Break::none || is_due(wake, now))) {
        wake = Clock::time_point::max();
        if (auto broken = at_break(playing)) {
            OA_TRY(out, *std::move(broken));
            return true;
        }
    }
    return false;
}

class ReplayTurn final : public Turn, public WireFaults {
public:
    ReplayTurn(std::shared_ptr<ReplayClock> clock, ReplayPlan plan)
        : clock_(std::move(clock)), playing_(std::make_shared<Playing>(std::move(plan))) {}
    ReplayTurn(const ReplayTurn&) = delete;
    ReplayTurn& operator=(const ReplayTurn&) = delete;
    ~ReplayTurn() override {
        if (playing_->plan.turn->running) {
            playing_->end(turn::Outcome::interrupted);
        }
        interrupt();
        playing_->waker = nullptr;
    }

    [[nodiscard]] const std::string& thread_id() const noexcept override {
        return playing_->plan.thread;
    }
    [[nodiscard]] const std::string& turn_id() const noexcept override {
        return playing_->plan.turn->id;
    }
    [[nodiscard]] const std::string& model() const noexcept override {
        return playing_->plan.model;
    }
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker) override {
        playing_->waker = &waker;
        auto wake = Clock::time_point::max();
        auto some = tell_now(*playing_, out, wake);
        if (some && !*some && wake != Clock::time_point::max()) {
            clock_->wake(playing_, wake);
        }
        return some;
    }
    void interrupt() override {
        playing_->interrupted = true;
        playing_->plan.turn->stopping = true;
        if (playing_->waker != nullptr) {
            clock_->wake_soon(playing_);
        }
    }
    void interrupt_as_failed(turn::FailureCode why) override {
        playing_->plan.turn->failure = why;
        interrupt();
    }
    [[nodiscard]] WireFaults* wire_faults() noexcept override {
        return playing_->plan.fate.corrupt || playing_->plan.fate.cut ? this : nullptr;
    }
    [[nodiscard]] bool corrupt_next() override {
        ++playing_->frames;
        return playing_->plan.fate.cut ? playing_->frames >= k_corrupt_frame
                                       : playing_->frames == k_corrupt_frame;
    }

private:
    std::shared_ptr<ReplayClock> clock_;
    std::shared_ptr<Playing> playing_;
};

} // namespace

std::unique_ptr<Turn> make_replay_turn(std::shared_ptr<ReplayClock> clock, ReplayPlan plan) {
    return std::make_unique<ReplayTurn>(std::move(clock), std::move(plan));
}

} // namespace oa_stream::authority
