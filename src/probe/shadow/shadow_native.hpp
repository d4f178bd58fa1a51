// A turn as reported by the authority itself, to compare with the lane's version.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/capture.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::probe {

struct NativeTurn {
    std::vector<turn::Event> events{};
    std::optional<double> first_content_s{}, end_s{}; ///< unset for recordings
    std::string trouble{}; ///< one line: why there is no turn
    bool unreachable = false; ///< with trouble: nothing was proven
    bool cut = false; ///< longer than the compared part
};

/// Runs one turn on a temporary thread. If the authority dies, the turn ends as a lane would end
/// it. `limit`: for the whole turn.
[[nodiscard]] Task<NativeTurn>
ask_native(authority::Authority* authority, std::string prompt, Millis limit);

[[nodiscard]] NativeTurn recorded_turn(const authority::Capture& capture);

/// One event per line, as formatted by turn::describe().
[[nodiscard]] std::string native_lines(const NativeTurn& turn);

} // namespace oa_stream::probe
