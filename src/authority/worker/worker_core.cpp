// Opens and closes the authority; its health, capabilities and metrics.
#include "worker_core.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_tick{50};        ///< while turns run
constexpr Millis k_idle_tick{500};
constexpr Millis k_asleep{500}; ///< a later tick means that the process was stopped or starved

} // namespace

WorkerCore::WorkerCore(const asio::any_io_executor& executor, WorkerOptions options)
    : executor_(executor), options_(std::make_shared<const WorkerOptions>(std::move(options))),
      control_(std::make_shared<ControlClient>(executor, options_)), changed_(executor) {
}

void WorkerCore::log(LogLevel level, std::string_view line) const {
    if (options_->log) {
        options_->log(level, line);
    }
}

KhalaHandlers WorkerCore::handlers() {
    const auto weak = weak_from_this();
    KhalaHandlers out;
    out.events = [weak](std::vector<WorkerEvent> events) {
        if (const auto self = weak.lock()) {
            self->on_events(std::move(events));
        }
    };
    out.up = [weak](bool lost) {
        if (const auto self = weak.lock()) {
            self->on_up(lost);
        }
    };
    out.down = [weak] {
        if (const auto self = weak.lock()) {
            self->down_since_ = Clock::now();
            self->log(LogLevel::warn, "khala: " + self->link_->reason());
        }
    };
    out.denied = [weak](const std::string& why) {
        if (const auto self = weak.lock()) {
            self->log(LogLevel::error, why);
            self->end_all(turn::FailureCode::reauth_required, why);
        }
    };
    return out;
}

Task<Result<void>> WorkerCore::open(Self self) {
    self->link_ = std::make_shared<KhalaLink>(
        self->executor_, self->options_, self->control_, self->handlers()
    );
    self->opened_ = true;
    self->down_since_ = Clock::now();
    oa_stream::spawn(self->executor_, "khala link", KhalaLink::run(self->link_));
    oa_stream::spawn(self->executor_, "worker watch", keep_house(self));
    self->want_look();
    co_return Result<void>{};
}

Task<void> WorkerCore::keep_house(Self self) {
    while (!self->closing_) {
        const auto pause = self->running() > 0 ? k_tick : k_idle_tick;
        const auto until = Clock::now() + pause;
        co_await self->changed_.wait_until(until);
        const auto now = Clock::now();
        if (auto& down = self->down_since_; down && now - until > k_asleep) {
            // that time does not count: the process did not run
            down = std::min(now, *down + (now - until));
        }
        if (!self->closing_) {
            self->watch(Clock::now());
        }
    }
}

Task<void> WorkerCore::close(Self self, Millis grace) {
    const auto deadline = Clock::now() + grace;
    std::vector<Live> left;
    for (auto& [id, thread] : self->threads_) {
        if (thread.live) {
            self->interrupt(thread.live);
            left.push_back(thread.live);
        }
    }
    for (const Live& live : left) {
        co_await WorkerTurn::wait_ended(live, deadline);
    }
    self->end_all(turn::FailureCode::turn_aborted, "the lane stops");
    self->closing_ = true;
    self->changed_.notify();
    if (self->link_) {
        co_await KhalaLink::stop(self->link_);
    }
}

void WorkerCore::abandon_everything() {
    closing_ = true;
    changed_.notify();
    if (link_) {
        oa_stream::spawn(executor_, "khala stop", KhalaLink::stop(link_));
    }
}

void WorkerCore::end_all(turn::FailureCode code, const std::string& why) {
    std::vector<std::string> over;
    for (auto& [id, thread] : threads_) {
        if (thread.live) {
            thread.live->end(code, why);
            over.push_back(id);
        }
    }
    for (const std::string& id : over) {
        release(id);
    }
}

void WorkerCore::release(const std::string& thread) {
    const auto found = threads_.find(thread);
    if (found == threads_.end() || found->second.interrupting) {
        return; // the interrupting coroutine releases it
    }
    if (const Live live = std::exchange(found->second.live, nullptr)) {
        found->second.total = live->total() ? live->total() : found->second.total;
        counts_.text_mismatches += live->text_mismatches();
        counts_.unknown_events += live->unknown_events();
        if (live->accepted() && !live->finished()) { // it may continue there without a reader
            found->second.known = found->second.quiet = false;
        }
    }
    found->second.busy = false;
    changed_.notify();
}

std::size_t WorkerCore::running() const {
    return static_cast<std::size_t>(std::ranges::count_if(threads_, [](const auto& entry) {
        return entry.second.live != nullptr;
    }));
}

Health WorkerCore::health() const {
    if (!opened_ || closing_) {
        return {.ready = false, .reason = opened_ ? "closing" : "not opened"};
    }
    if (auto why = control_->commands_refusal(); !why.empty()) {
        return {.ready = false, .reason = std::move(why)};
    }
    if (!link_->up()) {
        return {.ready = false, .reason = link_->reason()};
    }
    return {.ready = trouble_.empty(), .reason = trouble_};
}

Capabilities WorkerCore::capabilities() const {
    return {.name = "worker", .version = {}, .worker = options_->worker, .joins = true};
}

namespace {

constexpr std::string_view k_holes = "Missing events, by where they were found";
constexpr std::string_view k_sent = "Commands sent to the control API, by how they ended";

struct CommandReadings {
    std::string_view method, done, failed;
};
#define OA_COMMAND(method)                                                                         \
    CommandReadings{                                                                               \
        method,                                                                                    \
        "worker_requests_total{method=" method ",result=ok}",                                      \
        "worker_requests_total{method=" method ",result=failed}"                                   \
    }
constexpr std::array k_commands{
    OA_COMMAND("thread/start"),
    OA_COMMAND("thread/resume"),
    OA_COMMAND("thread/read"),
    OA_COMMAND("thread/list"),
    OA_COMMAND("turn/start"),
    OA_COMMAND("turn/interrupt"),
};
#undef OA_COMMAND

std::uint64_t of(const auto& counts, std::string_view method) {
    const auto found = counts.find(method);
    return found == counts.end() ? 0 : found->second;
}

} // namespace

std::vector<Reading> WorkerCore::readings() const {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    const auto& order = sequence_.counts();
    const auto& commands = control_->counts();
    const bool up = link_ && link_->up();
    const auto behind = worker_.latest_seq >= sequence_.next() && sequence_.known()
                            ? worker_.latest_seq + 1 - sequence_.next()
                            : 0;
    std::vector<Reading> out{
        {"worker_link_up", "1 while the connection to Khala is open", up ? 1.0 : 0.0},
        {"worker_reconnects_total",
         "Times the connection to Khala was opened again",
         count(link_ ? link_->reconnects() : 0)},
        {"worker_stale_cursors_total",
         "Times Khala no longer had what came behind the last event",
         count(link_ ? link_->stale_cursors() : 0)},
        {"worker_reauths_total", "Tokens that Khala refused", count(link_ ? link_->reauths() : 0)},
        {"worker_unanswered_total",
         "Connections that Khala accepted and then did not answer on",
         count(link_ ? link_->unanswered() : 0)},
        {"worker_resyncs_total", "Times the worker's event log was read", count(counts_.resyncs)},
        {"worker_holes_total{found=log}", k_holes, count(order.found_in_log)},
        {"worker_holes_total{found=nowhere}", k_holes, count(order.found_nowhere)},
        {"worker_duplicates_total",
         "Events that came again and were dropped",
         count(order.duplicates)},
        {"worker_unknown_events_total", "Events of an unknown kind", count(counts_.unknown_events)},
        {"worker_text_mismatches_total",
         "Items whose text differed from their deltas",
         count(counts_.text_mismatches)},
        {"worker_renumbered_total",
         "Times the worker's numbers began again",
         count(counts_.renumbered)},
        {"worker_request_retries_total",
         "Commands sent again under the same id",
         count(commands.retried)},
        {"worker_lag_events", "Events of the worker that were not delivered yet", count(behind)},
        {"worker_heartbeat_age_seconds",
         "Age of the worker's heartbeat at the last look",
         static_cast<double>(worker_.heartbeat_age_ms.value_or(0)) / 1000.0},
    };
    for (const auto& [method, done, failed] : k_commands) {
        out.push_back({done, k_sent, count(of(commands.done, method))});
        out.push_back({failed, k_sent, count(of(commands.failed, method))});
    }
    return out;
}

} // namespace oa_stream::authority
