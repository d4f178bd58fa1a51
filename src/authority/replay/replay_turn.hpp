// A recording in play. This is the hot path of load tests: one timer for all turns, one batch for
// all events that are due.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/replay.hpp"

#include "replay_clock.hpp"
#include "replay_faults.hpp"
#include "replay_scenario.hpp"
#include "replay_threads.hpp"

#include <functional>
#include <memory>
#include <string>

namespace oa_stream::authority {

struct ReplayPlan {
    std::string thread{};
    std::string model{};
    std::shared_ptr<ReplayedTurn> turn{};
    TurnFate fate{};
    bool immediate = false;
    double stretch = 1; ///< recorded seconds × this
    Millis latency{0};
    Millis gap{0};
    std::function<void()> kill{};
    std::shared_ptr<ReplayCounts> counts{}; ///< null: this turn is not counted
};

[[nodiscard]] std::unique_ptr<Turn>
make_replay_turn(std::shared_ptr<ReplayClock> clock, ReplayPlan plan);

} // namespace oa_stream::authority
