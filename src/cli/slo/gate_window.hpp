// How far back an undecided gate has to look.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/gate.hpp"

#include <optional>
#include <string>

namespace oa_stream::cli {

struct NextWindow {
    std::optional<Millis> window{}; ///< nullopt: none would decide
    std::string note{}; ///< one line for people; empty: nothing is known but that it is undecided
};

/// The window that holds the samples that `record` needs when requests come as in its own, of
/// `window`, and at least twice that window: rounded up to what people type. A source that does
/// not have data for most of the window has nothing older: then the same window may do, later.
[[nodiscard]] NextWindow next_window(const measure::GateRecord& record, Millis window);

} // namespace oa_stream::cli
