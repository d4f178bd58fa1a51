#include "oa_stream/probe/prober.hpp"

#include "oa_stream/probe/stall_meter.hpp"

#include "target_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace oa_stream::probe {
namespace {

struct Arrival {
    std::uint64_t index = 0;
    Clock::time_point intended{};
};

struct ProbedArm {
    ProbedArm(
        const asio::any_io_executor& executor,
        ProberArm given,
        std::size_t number,
        std::uint64_t seed
    )
        : spec(std::move(given)), place(number), timer(executor), random(seed) {}
    ProberArm spec;
    std::size_t place; ///< index among the arms, for interleaving
    asio::steady_timer timer;
    std::mt19937_64 random; ///< its numbers are the same on every platform
    Clock::time_point interval_begun{};
    Clock::time_point next{}; ///< in that interval
    std::deque<Arrival> waiting{};
    std::map<std::uint64_t, std::function<void()>> cancels{}; ///< for requests in flight, by index
    ProberCounts counts{};
};

/// State of the probes in flight, which outlives the prober.
struct Core {
    Core(const asio::any_io_executor& where, net::HttpClient& with, ProberOptions given)
        : executor(where), client(&with), options(std::move(given)), idle(where), stalls(where) {}
    asio::any_io_executor executor;
    net::HttpClient* client;
    ProberOptions options;
    std::vector<std::unique_ptr<ProbedArm>> arms{};
    asio::steady_timer idle; ///< never expires; cancelled when nothing is in flight
    StallMeter stalls;
    bool running = false;
    bool abandoned = false; ///< the prober was destroyed: deliver nothing

    [[nodiscard]] std::size_t in_flight() const {
        std::size_t sum = 0;
        for (const auto& arm : arms) {
            sum += arm->counts.in_flight;
        }
        return sum;
    }

    void deliver(ProbedArm& arm, ProberSample sample) {
        ++arm.counts.delivered;
        const auto now = Clock::now();
        sample.stalled_s = stalls.stalled_s(sample.intended, now);
        sample.longest_stall_s = stalls.longest_s(sample.intended, now);
        // The queue before a request that was never sent is as long as the stall before it made it.
        const auto before = options.limits.first_byte;
        if (!sample.sent &&
            is_own(
                stalls.stalled_s(sample.intended - before, now), seconds(before) + sample.waited_s
            )) {
            sample.stalled_s = sample.waited_s;
        }
        if (const auto first = sample.first_content_s()) {
            sample.stalled_first_s =
                stalls.stalled_s(sample.intended, sample.intended + clock_duration(*first));
        }
        if (!abandoned && options.on_sample) {
            options.on_sample(sample);
        }
    }

    void give_up(ProbedArm& arm, const Arrival& arrival, std::string_view why) {
        ProberSample out{arm.spec.name, arrival.index, arrival.intended};
        out.waited_s = seconds(Clock::now() - arrival.intended);
        out.sent = false;
        out.sample.outcome = Outcome::too_slow;
        out.sample.detail = fmt::format("not sent: {}", why);
        deliver(arm, std::move(out));
    }
};
using CorePtr = std::shared_ptr<Core>;

void send_next(const CorePtr& core, ProbedArm& arm);

Task<void> send(CorePtr core, ProbedArm* arm, Arrival arrival) {
    ProberSample out{arm->spec.name, arrival.index, arrival.intended};
    out.waited_s = std::max(0.0, seconds(Clock::now() - arrival.intended));
    ProbeRequest request = core->options.request
                               ? core->options.request(arm->spec.name, arrival.index)
                               : default_probe_request();
    request.on_cancellable = [arm, index = arrival.index](std::function<void()> cancel) {
        arm->cancels[index] = std::move(cancel);
    };
    out.sample = co_await probe_stream(
        *core->client, arm->spec.target, std::move(request), core->options.limits
    );
    arm->cancels.erase(arrival.index);
    --arm->counts.in_flight;
    core->deliver(*arm, std::move(out));
    send_next(core, *arm);
    if (core->in_flight() == 0) {
        core->idle.cancel();
    }
}

void send_next(const CorePtr& core, ProbedArm& arm) {
    if (arm.waiting.empty() || arm.counts.in_flight >= core->options.max_in_flight) {
        return;
    }
    const Arrival arrival = arm.waiting.front();
    arm.waiting.pop_front();
    ++arm.counts.in_flight;
    ++arm.counts.sent;
    spawn(core->executor, "prober", send(core, &arm, arrival));
}

void arrive(const CorePtr& core, ProbedArm& arm, Clock::time_point intended) {
    const Arrival arrival{arm.counts.arrived++, intended};
    if (arm.waiting.size() >= core->options.max_waiting) {
        core->give_up(arm, arrival, "all slots busy and the line is full");
        return;
    }
    arm.waiting.push_back(arrival);
    send_next(core, arm);
}

Clock::duration interval(const ProbedArm& arm) {
    return clock_duration(1.0 / arm.spec.per_second);
}

void enter_interval(ProbedArm& arm, Clock::time_point begun) {
    arm.interval_begun = begun;
    const double into =
        arm.spec.scattered ? std::ldexp(static_cast<double>(arm.random() >> 11U), -53) : 0;
    arm.next = begun + std::chrono::duration_cast<Clock::duration>(interval(arm) * into);
}

// The next interval begins where the last one ends, not now: late wake-ups are caught up with, so
// the rate holds.
void arm_timer(const CorePtr& core, ProbedArm& arm) {
    if (!core->running) {
        return;
    }
    arm.timer.expires_at(arm.next);
    arm.timer.async_wait([core, &arm](const boost::system::error_code& error) {
        if (error || !core->running) {
            return;
        }
        for (const auto now = Clock::now(); arm.next <= now;) {
            arrive(core, arm, arm.next);
            enter_interval(arm, arm.interval_begun + interval(arm));
        }
        arm_timer(core, arm);
    });
}

class OpenLoop final : public Prober {
public:
    OpenLoop(const asio::any_io_executor& executor, net::HttpClient& client, ProberOptions options)
        : core_(std::make_shared<Core>(executor, client, std::move(options))) {
        for (ProberArm& arm : core_->options.arms) {
            core_->arms.push_back(std::make_unique<ProbedArm>(
                executor, arm, core_->arms.size(), core_->options.seed + core_->arms.size()
            ));
        }
    }

    OpenLoop(const OpenLoop&) = delete;
    OpenLoop& operator=(const OpenLoop&) = delete;
    ~OpenLoop() override {
        core_->abandoned = true;
        halt();
        for (const auto& arm : core_->arms) {
            arm->waiting.clear();
        }
        cancel_flights();
    }

    void start() override {
        core_->running = true;
        const auto now = Clock::now();
        for (const auto& arm : core_->arms) {
            if (arm->spec.per_second > 0) {
                begin(*arm, now);
            }
        }
    }

    Task<void> drain(Millis limit) override {
        halt();
        for (const auto& arm : core_->arms) {
            for (const Arrival& arrival : std::exchange(arm->waiting, {})) {
                core_->give_up(*arm, arrival, "all slots were busy until the end");
            }
        }
        co_await wait_idle(core_, Clock::now() + limit);
        cancel_flights();
        co_await wait_idle(core_, Clock::now() + Millis(5000));
    }

    [[nodiscard]] ProberCounts counts(std::string_view name) const noexcept override {
        for (const auto& arm : core_->arms) {
            if (arm->spec.name == name) {
                ProberCounts counts = arm->counts;
                counts.waiting = arm->waiting.size();
                return counts;
            }
        }
        return {};
    }

private:
    // Steady arms with the same rate are spread over one interval, so that they never send at the
    // same time.
    void begin(ProbedArm& arm, Clock::time_point now) {
        const auto share = arm.spec.scattered ? 0
                                              : static_cast<double>(arm.place) /
                                                    static_cast<double>(core_->arms.size());
        enter_interval(
            arm, now + std::chrono::duration_cast<Clock::duration>(interval(arm) * share)
        );
        arm_timer(core_, arm);
    }

    void halt() {
        core_->running = false;
        for (const auto& arm : core_->arms) {
            arm->timer.cancel();
        }
    }

    void cancel_flights() {
        for (const auto& arm : core_->arms) {
            for (const auto& [index, cancel] : std::map(arm->cancels)) {
                cancel();
            }
        }
    }

    static Task<void> wait_idle(CorePtr core, Clock::time_point until) {
        while (core->in_flight() > 0 && Clock::now() < until) {
            core->idle.expires_at(until);
            (void)co_await core->idle.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }

    CorePtr core_;
};

bool usable(double per_second) {
    return std::isfinite(per_second) && per_second >= 0 && per_second <= 1000;
}

} // namespace

std::optional<double> ProberSample::first_content_s() const noexcept {
    const auto& clock = sample.clocks.first_content;
    return clock ? std::optional(waited_s + *clock) : std::nullopt;
}

std::optional<double> ProberSample::end_s() const noexcept {
    const auto& clock = sample.clocks.end;
    return clock ? std::optional(waited_s + *clock) : std::nullopt;
}

std::string probe_thread() {
    return fresh_thread("oaprobe");
}

ProbeRequest probe_request(std::string_view thread, std::string_view prompt) {
    constexpr std::string_view k_prompt = "Reply with the single word: pong";
    ProbeRequest request;
    request.body = chat_body(thread, prompt.empty() ? k_prompt : prompt);
    request.thread = thread;
    request.pacing = PacingMode::observe;
    return request;
}

ProbeRequest default_probe_request(std::string_view prompt) {
    return probe_request(probe_thread(), prompt);
}

Result<std::unique_ptr<Prober>> Prober::make(
    const asio::any_io_executor& executor, net::HttpClient& client, ProberOptions options
) {
    if (options.arms.empty()) {
        return fail(Code::usage, "a prober needs at least one arm");
    }
    std::set<std::string_view> names;
    for (const ProberArm& arm : options.arms) {
        if (!names.insert(arm.name).second) {
            return fail(Code::usage, fmt::format("two arms are named {}", arm.name));
        }
        if (!usable(arm.per_second)) {
            return fail(
                Code::usage,
                fmt::format("{} per second for {} is outside 0-1000", arm.per_second, arm.name)
            );
        }
    }
    return std::make_unique<OpenLoop>(executor, client, std::move(options));
}

} // namespace oa_stream::probe
