// Reads a recorded conversation with Codex app-server (JSON lines, one message each) into the timed
// events of its first turn. The replay authority plays them, and the golden files are made from
// them.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

struct TimedEvent {
    double t_s = 0; ///< seconds since the authority accepted turn/start; never negative
    turn::Event event;
};

/// The first turn/started of a capture and its thread, as received on the connection that saw it
/// first. Other threads, turns and connections are skipped.
struct Capture {
    std::string name; ///< file name without extension
    std::string thread;
    std::string turn;
    std::string model; ///< empty when the capture does not name it
    std::string prompt; ///< the text input of its turn/start
    std::vector<TimedEvent> events{}; ///< as translated, not normalised
    bool eof_before_end = false; ///< the recording stops before turn/completed
    bool killed = false; ///< with eof_before_end: the process died by a signal
    double eof_t_s = 0; ///< with eof_before_end: when, on the clock of t_s
};

/// Code::unreadable for a file that cannot be read or holds a line that is not a capture line (with
/// its number), Code::not_found when no turn was started in it.
[[nodiscard]] Result<Capture> read_capture(const std::filesystem::path& path);
/// The same from text; `name` becomes Capture::name.
[[nodiscard]] Result<Capture> parse_capture(std::string_view text, std::string name);

} // namespace oa_stream::authority
