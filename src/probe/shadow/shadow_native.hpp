// A turn as the authority itself reports it, for a comparison with what a lane made of it.
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
    bool unreachable = false; ///< with trouble: nothing was proved
    bool cut = false; ///< longer than what is compared
};

/// One turn on a thread that is not kept. An authority that dies ends it as a lane would end it.
/// `limit`: of the whole turn.
[[nodiscard]] Task<NativeTurn>
ask_native(authority::Authority* authority, std::string prompt, Millis limit);

[[nodiscard]] NativeTurn recorded_turn(const authority::Capture& capture);

/// One event a line, as turn::describe() says them.
[[nodiscard]] std::string native_lines(const NativeTurn& turn);

} // namespace oa_stream::probe
