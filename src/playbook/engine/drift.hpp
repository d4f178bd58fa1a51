// Does what we set still serve? Asked while a stage is held. Private to the room.
#pragma once

#include "session.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::playbook {

enum class GroundState {
    ours,       ///< the split we wrote serves, and nobody asked for another
    restarted,  ///< another split serves, and the machinery began anew: it forgot ours
    foreign,    ///< another split serves or was asked for: somebody else is at work
    unreadable, ///< no answer
};

struct GroundLook {
    GroundState state = GroundState::unreadable;
    std::string detail{};
    std::optional<traffic::TrafficState> seen{};
};

/// Judges one state against what the session set. Pure, but for the machinery's identity, which it
/// takes over when the ground is ours.
[[nodiscard]] GroundLook judge_ground(Session& session, Result<traffic::TrafficState> state);

/// The machinery's own facts say that it is another process than `before`. False when they say
/// nothing.
[[nodiscard]] bool has_restarted(const Json& before, const Json& now) noexcept;

struct Hold;

/// Looks every now and then until the ground is lost, which it writes into `hold`. Ends only then.
[[nodiscard]] Task<void> guard_ground(Hold* hold);

/// The look that a stage's verdict needs: waits for machinery that does not answer, at most as long
/// as the playbook says. False: lost, as `hold` says.
[[nodiscard]] Task<bool> ground_holds(Hold* hold);

/// Leaves the check "traffic@25%", and allows the rollback to write over what a restart brought.
void settle_ground(Hold& hold);

} // namespace oa_stream::playbook
