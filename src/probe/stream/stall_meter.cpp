#include "oa_stream/probe/stall_meter.hpp"

#include "oa_stream/base/seconds.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>

namespace oa_stream::probe {
namespace {

constexpr Millis k_tick{10};
/// Timers are a few milliseconds late on any machine.
constexpr Millis k_late{20};
/// Longer than any probe runs.
constexpr std::chrono::minutes k_kept{15};

struct Stall {
    Clock::time_point from;
    Clock::time_point to;
};

} // namespace

struct StallMeter::State {
    explicit State(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    Clock::time_point due = Clock::now() + k_tick;
    std::deque<Stall> stalls{};

    /// Calls `use` with each stall that overlaps this period, clipped to it.
    template <class Use> void each(Clock::time_point from, Clock::time_point to, Use use) const {
        const auto now = Clock::now();
        const auto cut = [&](const Stall& stall) {
            if (stall.to > from && stall.from < to) {
                use(std::max(stall.from, from), std::min(stall.to, to), stall);
            }
        };
        if (now - due > k_late) {
            cut({due, now});
        }
        for (auto at = stalls.rbegin(); at != stalls.rend() && at->to > from; ++at) {
            cut(*at);
        }
    }

    static void wait(const std::shared_ptr<State>& self) {
        self->timer.expires_at(self->due);
        self->timer.async_wait([weak =
                                    std::weak_ptr(self)](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (error || !self) {
                return;
            }
            const auto now = Clock::now();
            if (now - self->due > k_late) {
                self->stalls.push_back({self->due, now});
            }
            while (!self->stalls.empty() && now - self->stalls.front().to > k_kept) {
                self->stalls.pop_front();
            }
            self->due = now + k_tick;
            wait(self);
        });
    }
};

StallMeter::StallMeter(const asio::any_io_executor& executor)
    : state_(std::make_shared<State>(executor)) {
    State::wait(state_);
}

StallMeter::~StallMeter() {
    state_->timer.cancel();
}

double StallMeter::stalled_s(Clock::time_point from, Clock::time_point to) const {
    double sum = 0;
    state_->each(from, to, [&](Clock::time_point begin, Clock::time_point end, const Stall&) {
        sum += seconds(end - begin);
    });
    return sum;
}

double StallMeter::longest_s(Clock::time_point from, Clock::time_point to) const {
    double most = 0;
    state_->each(from, to, [&](Clock::time_point, Clock::time_point, const Stall& stall) {
        most = std::max(most, seconds(stall.to - stall.from));
    });
    return most;
}

} // namespace oa_stream::probe
