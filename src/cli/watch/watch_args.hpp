// What watch reads from its command line.
#pragma once

#include "core/command.hpp"
#include "watch_sources.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

enum class WatchForm {
    screen, ///< a terminal
    lines,  ///< a plain line a tick, where there is none
    ndjson,
    once,   ///< one screen's worth of lines, then the end
    document, ///< --json: one document, then the end
};

struct WatchAsked {
    std::vector<probe::Target> lanes{};
    std::optional<WatchedPrometheus> prometheus{};
    std::string front_admin{}; ///< socket of a front door; empty: no split is told
    WatchTiming timing{};
    WatchLimits limits{};
    WatchForm form = WatchForm::lines;
    bool until_bad = false;
    std::optional<Millis> length{}; ///< until the watch ends by itself
};

/// Code::usage, credentials.
[[nodiscard]] Result<WatchAsked> parse_watch(const Args& args, const Context& context);

} // namespace oa_stream::cli
