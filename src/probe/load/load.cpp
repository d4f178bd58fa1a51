// The run: arrivals or users, requests in flight, and the conditions that end it early.
#include "oa_stream/probe/load.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/measure/proportion.hpp"

#include "stream/target_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr double k_most_per_second = 100'000;
constexpr unsigned k_most_users = 100'000;
constexpr std::size_t k_break_seconds = 5;
constexpr std::uint64_t k_break_least = 50;
constexpr Millis k_after_bad{100}; // a user's pause, so that a target that refuses is not flooded
constexpr Millis k_cut_limit{5000};

/// A number in [0, 1) that depends on seed and index alone (SplitMix64's finalizer).
double chance(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t x = (seed + 1) * 0x9E3779B97F4A7C15ULL + index * 0xD1B54A32D192ED03ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    x ^= x >> 31U;
    return std::ldexp(static_cast<double>(x >> 11U), -53);
}

Reader reader_of(const LoadOptions& options, std::uint64_t index) {
    const double x = chance(options.seed, index);
    if (x < options.leaving_share) {
        return Reader::leaving;
    }
    return x < options.leaving_share + options.slow_share ? Reader::slow : Reader::plain;
}

/// The results of one second, for stopping early.
struct Endings {
    measure::Counts judged{}; ///< like LoadTotals::judged, including the ramp
    measure::Counts leaving{}; ///< like LoadTotals::leaving

    void add(const LoadRequest& request) {
        if (request.unfinished) {
            return;
        }
        measure::Counts& counts = request.reader == Reader::leaving ? leaving : judged;
        ++counts.total;
        counts.bad += request.bad() ? 1U : 0U;
    }
};

bool too_bad(const measure::Counts& counts, double share) {
    return counts.total >= k_break_least && counts.rate() >= share;
}

/// State of requests in flight; outlives the Load when the loop is destroyed first.
struct Core {
    Core(
        const asio::any_io_executor& where,
        net::HttpClient& with,
        LoadOptions given,
        Load::Observer watcher
    )
        : executor(where), client(&with), options(std::move(given)), observer(std::move(watcher)),
          wake(where), idle(where), tick(where) {
        if (options.thread_prefix.empty()) {
            options.thread_prefix = load_thread_prefix();
        }
    }
    asio::any_io_executor executor;
    net::HttpClient* client;
    LoadOptions options;
    Load::Observer observer;
    asio::steady_timer wake; ///< for arrivals
    asio::steady_timer idle; ///< cancelled when nothing is in flight
    asio::steady_timer tick;
    Clock::time_point started{};
    LoadTotals totals{};
    LoadSecond second{};
    Endings endings{}; ///< of the current second
    std::deque<Endings> lately{}; ///< by second
    std::map<std::uint64_t, std::function<void()>> cancels{};
    std::uint64_t next_index = 0; ///< closed loop
    std::size_t in_flight = 0;
    std::size_t users = 0;
    bool stopping = false;
    bool waited_out = false; ///< requests cut now had the full drain time
    bool over = false;

    [[nodiscard]] double now_s() const { return seconds(Clock::now() - started); }
    [[nodiscard]] double ramp_s() const { return seconds(options.ramp); }
    [[nodiscard]] bool open_loop() const { return options.per_second > 0; }
    [[nodiscard]] std::uint64_t most() const {
        return options.requests > 0 ? options.requests : std::numeric_limits<std::uint64_t>::max();
    }
    [[nodiscard]] ArrivalPlan plan() const {
        return {options.per_second, ramp_s(), seconds(options.duration)};
    }
    [[nodiscard]] LoadRequest begun(std::uint64_t index, double planned_s) const {
        return {
            .index = index,
            .planned_s = planned_s,
            .late_s = std::max(0.0, now_s() - planned_s),
            .reader = reader_of(options, index),
            .measured = planned_s >= ramp_s(),
        };
    }
    void cancel_flights() {
        for (const auto& [index, cancel] : std::map(cancels)) {
            cancel();
        }
    }
    void stop(std::string why) {
        if (!std::exchange(stopping, true)) {
            totals.stopped = std::move(why);
        }
        wake.cancel();
        cancel_flights();
    }
    void end(const LoadRequest& request) {
        totals.add(request);
        endings.add(request);
        second.ended += request.dropped ? 0U : 1U;
        second.bad += request.bad() ? 1U : 0U;
        const auto& content = request.sample.clocks.first_content;
        if (content && request.reader != Reader::slow) {
            second.first_content.record(request.late_s + *content);
        } else if (request.reader != Reader::slow && request.unanswered()) {
            second.first_content.record_infinite();
        }
        if (observer.on_request) {
            observer.on_request(request);
        }
    }
};
using CorePtr = std::shared_ptr<Core>;

ProbeRequest probe_of(const CorePtr& core, const LoadRequest& request) {
    const LoadOptions& options = core->options;
    ProbeRequest probe;
    probe.thread = load_thread(options.thread_prefix, request.index);
    probe.body = chat_body(probe.thread, options.prompts[request.index % options.prompts.size()]);
    probe.pacing = PacingMode::observe;
    probe.stop_after_content = request.reader == Reader::leaving ? 1 : 0;
    probe.read_pause = request.reader == Reader::slow ? options.read_pause : Millis(0);
    if (request.measured && request.reader == Reader::plain) {
        probe.on_gap = [core](double gap) { core->totals.gaps.record(gap); };
    }
    probe.on_cancellable = [core, index = request.index](std::function<void()> cancel) {
        core->cancels[index] = std::move(cancel);
    };
    return probe;
}

Task<bool> send(CorePtr core, std::uint64_t index, double planned_s) {
    LoadRequest request = core->begun(index, planned_s);
    ++core->second.sent;
    core->second.late += request.late_s > k_late_s ? 1U : 0U;
    request.sample = co_await probe_stream(
        *core->client, core->options.target, probe_of(core, request), core->options.limits
    );
    core->cancels.erase(index);
    --core->in_flight;
    const bool left =
        request.reader == Reader::leaving && request.sample.clocks.first_content.has_value();
    request.unfinished = request.sample.outcome == Outcome::cancelled && !left;
    request.waited_out = request.unfinished && core->waited_out;
    core->end(request);
    if (core->in_flight == 0) {
        core->idle.cancel();
    }
    co_return !request.bad();
}

Task<void> send_detached(CorePtr core, std::uint64_t index, double planned_s) {
    std::ignore = co_await send(std::move(core), index, planned_s);
}

void arrive(const CorePtr& core, std::uint64_t index, double planned_s) {
    ++core->second.planned;
    if (core->in_flight < core->options.max_in_flight) {
        ++core->in_flight;
        spawn(core->executor, "load", send_detached(core, index, planned_s));
        return;
    }
    ++core->second.dropped;
    LoadRequest request = core->begun(index, planned_s);
    request.dropped = true;
    core->end(request);
}

// The next due time comes from the plan, not from the present: late wake-ups are caught up with.
Task<void> arrivals(CorePtr core) {
    const ArrivalPlan plan = core->plan();
    const std::uint64_t total = std::min(plan.total(), core->most());
    std::uint64_t measured = 0;
    for (std::uint64_t index = 0; index < total && !core->stopping; ++index) {
        const double planned = plan.at(index);
        const auto due = core->started + clock_duration(planned);
        while (Clock::now() < due && !core->stopping) {
            core->wake.expires_at(due);
            (void)co_await core->wake.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        if (!core->stopping) {
            arrive(core, index, planned);
            measured += planned >= core->ramp_s() ? 1 : 0;
        }
    }
    // Each request represents its interval, and that of the last may exceed the duration.
    const double held = static_cast<double>(measured) / plan.per_second;
    const double end = core->stopping ? core->now_s() : core->ramp_s() + held;
    core->totals.seconds = std::max(0.0, std::max(end, core->totals.last_sent_s) - core->ramp_s());
}

Task<void> user(CorePtr core, double begin_s) {
    std::ignore = co_await sleep_for(clock_duration(begin_s));
    const double end = core->ramp_s() + seconds(core->options.duration);
    while (!core->stopping && core->now_s() < end && core->next_index < core->most()) {
        ++core->in_flight;
        ++core->second.planned;
        const std::uint64_t index = core->next_index++;
        if (!co_await send(core, index, core->now_s()) && !core->stopping) {
            std::ignore = co_await sleep_for(k_after_bad);
        }
    }
    if (--core->users == 0) {
        core->wake.cancel();
    }
}

Task<void> users(CorePtr core) {
    const double step = core->ramp_s() / core->options.concurrency;
    core->users = core->options.concurrency;
    for (unsigned i = 0; i < core->options.concurrency; ++i) {
        spawn(core->executor, "load", user(core, step * i));
    }
    const auto end = core->started + core->options.ramp + core->options.duration;
    while (core->users > 0 && !core->stopping && Clock::now() < end) {
        core->wake.expires_at(end);
        (void)co_await core->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    core->totals.seconds = std::max(0.0, core->now_s() - core->ramp_s());
}

Task<void> wait_idle(CorePtr core, Millis limit) {
    const auto until = Clock::now() + limit;
    while (core->in_flight > 0 && !core->stopping && Clock::now() < until) {
        core->idle.expires_at(until);
        (void)co_await core->idle.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

Task<void> cut_the_rest(CorePtr core) {
    core->waited_out = !std::exchange(core->stopping, true);
    core->cancel_flights();
    const auto until = Clock::now() + k_cut_limit;
    while ((core->in_flight > 0 || core->users > 0) && Clock::now() < until) {
        core->idle.expires_after(Millis(20)); // users give no other sign of their end
        (void)co_await core->idle.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void end_second(const CorePtr& core) {
    core->second.in_flight = core->in_flight;
    core->lately.push_back(std::exchange(core->endings, {}));
    if (core->lately.size() > k_break_seconds) {
        core->lately.pop_front();
    }
    if (core->observer.on_second) {
        core->observer.on_second(core->second);
    }
    const std::uint64_t number = core->second.second + 1;
    core->second = LoadSecond{};
    core->second.second = number;
}

/// Leaving readers prove nothing good about the target; their failures count with the rest counted
/// as good, so that a target with only leaving readers is stopped, too.
void break_off_if_bad(const CorePtr& core) {
    measure::Counts judged;
    measure::Counts at_least;
    for (const Endings& one : core->lately) {
        judged.bad += one.judged.bad;
        judged.total += one.judged.total;
        at_least.bad += one.judged.bad + one.leaving.bad;
        at_least.total += one.judged.total + one.leaving.total;
    }
    const double share = core->options.stop_at_bad;
    if (share <= 0 || core->stopping) {
        return;
    }
    const bool most = too_bad(judged, share);
    if (most || too_bad(at_least, share)) {
        const measure::Counts& counts = most ? judged : at_least;
        core->stop(fmt::format("{} of the last {} requests were bad", counts.bad, counts.total));
    }
}

Task<void> ticker(CorePtr core) {
    while (!core->over) {
        core->tick.expires_at(core->started + std::chrono::seconds(core->second.second + 1));
        (void)co_await core->tick.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!core->over) {
            end_second(core);
            break_off_if_bad(core);
        }
    }
}

class RunningLoad final : public Load {
public:
    explicit RunningLoad(CorePtr core) : core_(std::move(core)) {}

    Task<void> run() override {
        const CorePtr core = core_;
        core->started = Clock::now();
        spawn(core->executor, "load", ticker(core));
        if (core->open_loop()) {
            co_await arrivals(core);
        } else {
            co_await users(core);
        }
        co_await wait_idle(core, core->options.drain);
        co_await cut_the_rest(core);
        core->over = true;
        core->tick.cancel();
        end_second(core);
    }

    void stop(std::string why) override {
        core_->stop(std::move(why));
        core_->idle.cancel();
    }
    [[nodiscard]] const LoadTotals& totals() const noexcept override { return core_->totals; }

private:
    CorePtr core_;
};

bool is_share(double share) {
    return std::isfinite(share) && share >= 0 && share <= 1;
}

} // namespace

std::string load_thread(std::string_view prefix, std::uint64_t index) {
    return fmt::format("{}_{}", prefix, index);
}

std::string load_thread_prefix() {
    return fresh_thread("oaload");
}

Result<std::unique_ptr<Load>> Load::make(
    const asio::any_io_executor& executor,
    net::HttpClient& client,
    LoadOptions options,
    Observer observer
) {
    const bool open = options.per_second > 0;
    if (open == (options.concurrency > 0)) {
        return fail(Code::usage, "a load needs either a rate or a number of users");
    }
    if (open && !(options.per_second <= k_most_per_second)) {
        return fail(Code::usage, fmt::format("more than {} per second", k_most_per_second));
    }
    if (options.concurrency > k_most_users) {
        return fail(Code::usage, fmt::format("more than {} users", k_most_users));
    }
    if (!is_share(options.slow_share) || !is_share(options.leaving_share) ||
        options.slow_share + options.leaving_share > 1) {
        return fail(Code::usage, "slow and leaving readers are more than all");
    }
    if (options.prompts.empty() || options.duration.count() <= 0 || options.max_in_flight == 0) {
        return fail(Code::usage, "a load needs a prompt, a duration and room for a request");
    }
    return std::make_unique<RunningLoad>(
        std::make_shared<Core>(executor, client, std::move(options), std::move(observer))
    );
}

} // namespace oa_stream::probe
