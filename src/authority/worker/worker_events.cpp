// Khala's updates → turns: exactly once, in order, with gaps filled from the worker's log.
#include "oa_stream/base/json_members.hpp"

#include "codex/events/token_usage.hpp"
#include "control/control_answers.hpp"
#include "events/contract_dialect.hpp"
#include "worker_core.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_ask_again{1'000};
constexpr std::array k_resync_pauses{Millis(0), Millis(300), Millis(900)};

} // namespace

/// Before the first snapshot the numbering is unknown and no turn can have started. Events then are
/// old, and an old worker.stopped must not take effect.
void WorkerCore::on_events(std::vector<WorkerEvent> events) {
    if (!sequence_.known()) {
        return;
    }
    const auto now = Clock::now();
    if (down_since_) {
        down_since_ = now; // a replay is in progress: Khala is connected
    }
    std::vector<WorkerEvent> ready;
    for (WorkerEvent& event : events) {
        const bool newest = event.watermark > watermark_;
        watermark_ = std::max(watermark_, event.watermark);
        if (newest && event.seq != 0 && event.seq < sequence_.next()) {
            want_look(); // the worker's numbers may have restarted
        }
        sequence_.push(std::move(event), now, ready);
    }
    deliver(ready);
    if (sequence_.needs_log()) {
        want_resync();
    }
}

void WorkerCore::deliver(std::vector<WorkerEvent>& ready) {
    if (!ready.empty()) {
        applied_ = Clock::now();
    }
    for (const WorkerEvent& event : ready) {
        on_event(event);
    }
}

void WorkerCore::on_event(const WorkerEvent& event) {
    if (!event.method.empty()) {
        on_notification(event);
    } else if (event.type == "worker.response" || event.type == "worker.error") {
        on_command(event);
    } else {
        on_life(event);
    }
}

void WorkerCore::on_notification(const WorkerEvent& event) {
    const auto ids = ids_of(*event.params());
    const auto found = threads_.find(ids.thread);
    if (found == threads_.end()) {
        counts_.unknown_events += ids.thread.empty() ? 1 : 0;
        return;
    }
    if (WorkerTranslator::ends(event.method)) {
        ++found->second.endings;
        changed_.notify();
    }
    if (!found->second.live) {
        on_other(event, ids.turn, found->second);
        return;
    }
    const Live live = found->second.live;
    live->deliver(event, Clock::now());
    if (live->over()) {
        release(ids.thread);
    }
}

/// An event on a known thread without one of our turns: another client's turn, or one whose start
/// was not answered.
void WorkerCore::on_other(const WorkerEvent& event, const std::string& turn, WorkerThread& thread) {
    const bool stray = thread.strays() && event.seq > thread.stray_after.value_or(0);
    if (event.method == "turn/started" && stray) {
        thread.stray_after.reset();
        spawn_interrupt(ids_of(*event.params()).thread, turn);
    } else if (event.method == "turn/started") {
        thread.known = thread.quiet = false; // the next resume shows its state
    } else if (event.method == WorkerTranslator::k_usage) {
        const auto total = read_usage(*event.params());
        thread.total = total ? total : thread.total;
    }
}

void WorkerCore::on_command(const WorkerEvent& event) {
    const auto request = text_in(event.payload, "request_id");
    auto outcome = read_command_event(event.payload);
    control_->settle(request, outcome);
    if (outcome) {
        return;
    }
    for (auto& [id, thread] : threads_) {
        if (!thread.live || thread.live->request() != request || !thread.live->accepted()) {
            continue;
        }
        const auto& code = outcome.error().where;
        const bool lost = code == "worker_unavailable" || code == "timeout";
        thread.live->end(
            lost ? turn::FailureCode::authority_lost : turn::FailureCode::codex_error,
            "worker.error " + code
        );
        release(std::string(id));
        return;
    }
}

void WorkerCore::on_life(const WorkerEvent& event) {
    if (event.type == "worker.stopped" || event.type == "worker.failed") {
        on_stopped(event.seq);
        trouble_ =
            event.type == "worker.stopped" ? "the worker is stopped" : "the worker is failed";
        changed_.notify();
    } else if (event.type == "worker.stopping") {
        trouble_ = "the worker is stopping";
    } else if (event.type == "worker.heartbeat" || event.type == "worker.started") {
        worker_.heartbeat_age_ms = 0;
    } else {
        ++counts_.unknown_events;
    }
}

void WorkerCore::on_stopped(std::uint64_t seq) {
    const auto until = Clock::now() + options_->deadlines.stopped;
    for (const auto& [id, thread] : threads_) {
        if (thread.live && (seq == 0 || thread.live->ran_at < seq)) {
            thread.live->ends_at = std::min(thread.live->ends_at, until);
        }
    }
}

void WorkerCore::on_up(bool lost) {
    down_since_.reset();
    log(LogLevel::info, "khala: connected");
    if (!sequence_.known()) {
        want_look();
    } else if (lost) {
        watermark_ = 0; // Khala's numbers may have restarted
        if (link_->began_again()) {
            sequence_.forget_watermarks();
        }
        want_resync();
    }
}

void WorkerCore::want_resync() {
    if (!sequence_.known()) {
        return;
    }
    resync_again_ = true;
    if (!std::exchange(resyncing_, true)) {
        oa_stream::spawn(executor_, "worker resync", resync(shared_from_this()));
    }
}

Task<void> WorkerCore::resync(Self self) {
    while (std::exchange(self->resync_again_, false) && !self->closing_) {
        ++self->counts_.resyncs;
        bool done = false;
        for (const Millis pause : k_resync_pauses) {
            co_await sleep_for(pause);
            const auto asked_at = self->sequence_.next();
            auto log = co_await ControlClient::log(self->control_, asked_at - 1);
            if (log) {
                std::vector<WorkerEvent> ready;
                std::uint64_t latest = 0;
                if (const auto& worker = log->worker) {
                    self->saw(*worker, asked_at);
                    latest = worker->latest_seq;
                }
                self->sequence_.fill(std::move(log->events), latest, Clock::now(), ready);
                self->deliver(ready);
                done = true;
                break;
            }
            if (log.error().code == Code::not_found) {
                self->lose_worker();
                done = true;
                break;
            }
        }
        if (!done) {
            self->log(LogLevel::warn, "the worker's log cannot be read; events are lost");
            self->end_all(turn::FailureCode::stale_cursor, "the log cannot be read");
            std::vector<WorkerEvent> ready;
            self->sequence_.skip(ready);
            self->deliver(ready);
        }
    }
    self->resyncing_ = false;
}

void WorkerCore::want_look() {
    if (!std::exchange(looking_, true)) {
        oa_stream::spawn(executor_, "worker look", [](Self self) -> Task<void> {
            co_await look(self);
            self->looking_ = false;
        }(shared_from_this()));
    }
}

Task<Result<WorkerSnapshot>> WorkerCore::look(Self self) {
    const auto asked_at = self->sequence_.next();
    auto snapshot = co_await ControlClient::snapshot(self->control_);
    self->refused_ = !snapshot && snapshot.error().code == Code::credentials;
    if (snapshot) {
        self->looked_ = Clock::now();
        self->saw(*snapshot, asked_at);
    } else if (snapshot.error().code == Code::not_found) {
        self->looked_ = Clock::now();
        self->lose_worker();
    } else {
        self->trouble_ = snapshot.error().message;
    }
    co_return snapshot;
}

void WorkerCore::lose_worker() {
    unknown_ = true;
    trouble_ = "control does not know the worker";
    end_all(turn::FailureCode::authority_lost, trouble_);
}

void WorkerCore::saw(const WorkerSnapshot& snapshot, std::uint64_t asked_at) {
    worker_ = snapshot;
    unknown_ = false;
    trouble_ = snapshot.trouble();
    if (!sequence_.known() && link_->up()) {
        sequence_.begin(snapshot.latest_seq + 1);
    } else if (sequence_.known() && snapshot.latest_seq + 1 < asked_at) {
        renumber(snapshot.latest_seq);
    } else if (snapshot.latest_seq >= sequence_.next() && !behind_since_) {
        behind_since_ = Clock::now();
        behind_to_ = snapshot.latest_seq;
    }
    if (snapshot.status == "stopped" || snapshot.status == "failed") {
        on_stopped(snapshot.latest_seq + 1); // up to now
    }
}

void WorkerCore::renumber(std::uint64_t latest) {
    ++counts_.renumbered;
    log(LogLevel::warn, "the worker's event numbers began again");
    end_all(turn::FailureCode::authority_lost, "the worker was renumbered");
    sequence_.begin(latest + 1);
}

/// Runs at every tick: checks the deadlines that are not a single turn's.
void WorkerCore::watch(Clock::time_point now) {
    const auto& limits = options_->deadlines;
    std::vector<std::string> over;
    for (auto& [id, thread] : threads_) {
        if (thread.live) {
            thread.live->tick(now);
            if (now >= thread.live->ends_at) {
                thread.live->end(turn::FailureCode::authority_lost, "the worker is stopped");
            }
            if (thread.live->over()) {
                over.push_back(id);
            }
        }
    }
    for (const std::string& id : over) {
        release(id);
    }
    if (const auto since = sequence_.waiting_since(); since && now - *since >= limits.hole) {
        want_resync();
    }
    if (behind_since_ && now - *behind_since_ >= 2 * limits.hole) {
        behind_since_.reset();
        if (behind_to_ >= sequence_.next() && link_->up()) {
            want_resync(); // published events would have arrived by now
        }
    }
    if (down_since_ && now - *down_since_ >= limits.away) {
        end_all(turn::FailureCode::authority_lost, "khala was away for too long");
    }
    watch_worker(now);
    watch_tokens(now);
}

void WorkerCore::watch_tokens(Clock::time_point now) {
    const bool refused = refused_ || !control_->commands_refusal().empty() || link_->rests();
    if (refused && now - asked_ >= k_ask_again && !std::exchange(asking_, true)) {
        oa_stream::spawn(executor_, "worker tokens", ask_tokens(shared_from_this()));
    }
}

Task<void> WorkerCore::ask_tokens(Self self) {
    const bool control = co_await ControlClient::replaced(self->control_);
    const bool khala = co_await KhalaLink::replaced(self->link_);
    if (control || khala) {
        self->log(LogLevel::info, "another token is there");
        self->link_->wake();
    }
    if (control) {
        co_await look(self); // a snapshot in progress may still use the old token
    }
    self->asked_ = Clock::now();
    self->asking_ = false;
}

/// Reads a snapshot of the worker periodically, and when no event arrives although a turn runs.
/// Only this detects an end that was never published.
void WorkerCore::watch_worker(Clock::time_point now) {
    const auto& limits = options_->deadlines;
    const bool quiet = running() > 0 && link_->up() && now - applied_ >= limits.quiet &&
                       now - looked_ >= limits.quiet;
    // A worker that accepts no turns may be back at any moment, and so may the service. A service
    // that refuses our token is queried less often.
    const bool waiting = !refused_ && !trouble_.empty();
    if (!quiet && now - looked_ < (waiting ? limits.fresh : limits.snapshot)) {
        return;
    }
    looked_ = now;
    want_look();
}

} // namespace oa_stream::authority
