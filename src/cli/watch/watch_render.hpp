// How watch looks: a screen of lines, or one line.
#pragma once

#include "watch_model.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace oa_stream::cli {

struct ScreenSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

/// At most rows lines of at most columns − 1 columns (a full last column wraps on some terminals).
/// What matters most is kept when there is little room: state, routes, endings, then events.
[[nodiscard]] std::vector<std::string>
watch_screen(const WatchView& view, ScreenSize size, bool colour);

/// For what is not a terminal: one line a tick.
[[nodiscard]] std::string watch_line(const WatchView& view);

/// A frame that replaces the one before without flicker: cursor home, each line erased to its end,
/// the rest of the screen erased.
[[nodiscard]] std::string watch_frame(const std::vector<std::string>& lines);

} // namespace oa_stream::cli
