// The faults of a turn: a pure function of the options and the turn's number.
#pragma once

#include "oa_stream/authority/replay.hpp"

#include <string_view>

namespace oa_stream::authority {

struct TurnFate {
    enum class Break { none, fail, stall, drop, kill } breaks = Break::none; ///< half way
    bool corrupt = false; ///< one frame is written malformed
    bool cut = false; ///< nothing is written from that frame on
    enum class Refusal { none, http, auth } refusal = Refusal::none; ///< the turn does not start
    bool forgets = false; ///< its thread has lost its turns
};

/// `number`: of the turn since the authority was created, from 1. `since_set`: since the faults
/// were set, from 1 (for kill_at).
[[nodiscard]] TurnFate
fate_of(const ReplayFaults& faults, std::uint64_t number, std::uint64_t since_set) noexcept;

/// One fault per line, empty lines and # comments allowed. Code::usage with the line's number.
[[nodiscard]] Result<ReplayFaults> parse_faults(std::string_view text);

} // namespace oa_stream::authority
