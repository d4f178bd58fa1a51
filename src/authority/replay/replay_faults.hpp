// Which fate a turn has: a pure function of the faults and the turn's number.
#pragma once

#include "oa_stream/authority/replay.hpp"

#include <string_view>

namespace oa_stream::authority {

struct TurnFate {
    enum class Break { none, fail, stall, drop, kill } breaks = Break::none; ///< half way
    bool corrupt = false; ///< one frame is written broken
    bool cut = false; ///< from that frame on all are
    enum class Refusal { none, http, auth } refusal = Refusal::none; ///< it does not even start
    bool forgets = false; ///< its thread is as new
};

/// `number`: of the turn since the authority was made, from 1. `since_set`: since the faults were
/// set, from 1 (for kill_at).
[[nodiscard]] TurnFate
fate_of(const ReplayFaults& faults, std::uint64_t number, std::uint64_t since_set) noexcept;

/// One fault per line, empty lines and # comments allowed. Code::usage with the line's number.
[[nodiscard]] Result<ReplayFaults> parse_faults(std::string_view text);

} // namespace oa_stream::authority
