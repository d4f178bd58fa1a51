// How long a window an undecided gate needs.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/gate.hpp"

#include <optional>
#include <string>

namespace oa_stream::cli {

struct NextWindow {
    std::optional<Millis> window{}; ///< nullopt: no window would decide
    std::string note{}; ///< one line for display; empty: nothing more is known
};

/// The window that holds the samples that `record` needs at the present rate of requests, and at
/// least twice `window`: rounded up to a common duration. A source without data for most of the
/// window has no older data: then the same window may suffice later.
[[nodiscard]] NextWindow next_window(const measure::GateRecord& record, Millis window);

} // namespace oa_stream::cli
