// How far a change of routes came, by the journal of its run.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::routes {

struct RouteProgress {
    bool unverified = false; ///< a write was intended, and the last line is not "done"
    bool intended = false;
    /// When its undo was verified; empty: not since it last wrote its goal.
    std::string undone_at{};
    std::string text{};      ///< "done at 2026-…"; empty: it did not begin
    std::string last_at{};
};
/// Lines about the traffic are skipped. Never fails: a line that cannot be read may have been an
/// intent. A line that a crash cut in the middle counts for nothing.
[[nodiscard]] RouteProgress read_route_journal(std::string_view text);

} // namespace oa_stream::routes
