// What the parts of a lane share.
#pragma once

#include "oa_stream/lane/id_map.hpp"
#include "oa_stream/lane/lane.hpp"
#include "oa_stream/lane/records.hpp"

#include "bodies/body_thread.hpp"
#include "shared/shared_lane.hpp"
#include "turns/live_turns.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace oa_stream::lane {

struct LaneState {
    LaneState(const asio::any_io_executor& on, LaneConfig with, LaneParts from);

    [[nodiscard]] authority::Authority& authority() const noexcept { return *parts.authority; }
    [[nodiscard]] IdMap& ids() const noexcept { return *parts.ids; }
    [[nodiscard]] LaneObserver& observer() const noexcept { return *host->observer; }
    /// Counts the request in the metrics and in the access log.
    void count(const RequestRecord& record) const;
    /// Counts the turn, and its request when no other process will count that.
    void count(const TurnOutcome& outcome) const;

    asio::any_io_executor executor;
    LaneConfig config;
    LaneParts parts;
    LaneObserver silent{};
    std::optional<TokenTable> tokens{}; ///< nullopt: no request needs a token
    std::shared_ptr<TurnHost> host = std::make_shared<TurnHost>();
    LiveTurns turns{host};
    std::unique_ptr<SharedLane> shared{}; ///< null: this lane shares nothing with others
    bool draining = false;
    /// Bytes of answers of the chats API that their clients do not have yet. The answers may
    /// outlive the lane.
    std::shared_ptr<std::size_t> answer_bytes = std::make_shared<std::size_t>(0);
    BodyThread bodies; ///< ends first: its jobs use the other members
};

} // namespace oa_stream::lane
