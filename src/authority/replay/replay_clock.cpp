#include "replay_clock.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace oa_stream::authority {

void ReplayClock::wake(std::weak_ptr<Sleeper> sleeper, Clock::time_point at) {
    auto [bucket, added] = due_.try_emplace(std::chrono::floor<Step>(at));
    if (added) {
        bucket->second = std::exchange(spare_, {});
    }
    bucket->second.push_back(std::move(sleeper));
    arm();
}

void ReplayClock::wake_soon(std::weak_ptr<Sleeper> sleeper) {
    asio::post(timer_.get_executor(), [sleeper = std::move(sleeper)] {
        if (const auto alive = sleeper.lock()) {
            alive->woken();
        }
    });
}

void ReplayClock::arm() {
    if (ticking_ || due_.empty() || armed_ <= due_.begin()->first) {
        return;
    }
    armed_ = due_.begin()->first;
    timer_.expires_at(armed_);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock(); self && !error) {
            self->tick();
        }
    });
}

void ReplayClock::tick() {
    const auto now = Clock::now();
    armed_ = Clock::time_point::max();
    ticking_ = true;
    while (!due_.empty() && due_.begin()->first <= now) {
        auto sleepers = std::move(due_.extract(due_.begin()).mapped());
        for (const auto& sleeper : sleepers) {
            if (const auto alive = sleeper.lock()) {
                alive->woken();
            }
        }
        sleepers.clear();
        spare_ = std::move(sleepers);
    }
    ticking_ = false;
    arm();
}

} // namespace oa_stream::authority
