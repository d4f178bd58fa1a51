// Renders watch's view as a screen of lines, or as one line.
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

/// At most `rows` lines of at most columns − 1 columns (a full last column wraps on some
/// terminals). When space is short the most important parts stay: state, routes, endings, then
/// events.
[[nodiscard]] std::vector<std::string>
watch_screen(const WatchView& view, ScreenSize size, bool colour);

/// One line per tick, for output that is not a terminal.
[[nodiscard]] std::string watch_line(const WatchView& view);

/// A frame that replaces the previous one without flicker: cursor home, each line erased to its
/// end, the rest of the screen erased.
[[nodiscard]] std::string watch_frame(const std::vector<std::string>& lines);

} // namespace oa_stream::cli
