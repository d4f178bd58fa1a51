// The journal of a change of routes: each write's intent is on disk before the write, its outcome
// after it. Lines say seq, at, phase, step, way.
#pragma once

#include "oa_stream/routes/route_rules.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::routes {

enum class RoutePhase {
    begin, ///< the memory to restore, before the first write
    intent, ///< about to write; it may have happened from here on
    written, ///< the service said yes
    refused, ///< it said no, nothing was written
    ambiguous, ///< no clear answer; the next look shows
    seen, ///< what looks over fresh connections found
    done, ///< k successive looks agree on what was intended
    unverified, ///< they do not
};
[[nodiscard]] std::string_view to_string(RoutePhase phase) noexcept;

struct RouteEvent {
    RoutePhase phase = RoutePhase::begin;
    bool undo = false; ///< "way": "back"
    std::optional<RouteWrite> write{};
    Overrides from{};
    Overrides to{};
    std::string detail{};
};
[[nodiscard]] Json to_json(const RouteEvent& event);
/// Must be durable before it returns: an intent that cannot be recorded is not carried out.
using RouteSink = std::function<Result<void>(const RouteEvent& event)>;
/// Lines with seq (from `next`), at and step; `append` must be durable.
[[nodiscard]] RouteSink
route_sink(std::function<Result<void>(const Json& line)> append, std::size_t next = 1);

/// How far the change of a run came, by its journal.
struct RouteProgress {
    bool unverified = false; ///< a write was intended, and the last line is not "done"
    bool intended = false;
    std::string text{};      ///< "done at 2026-…"; empty: it did not begin
    std::string last_at{};
};
/// Never fails: a line that cannot be read may have been an intent. A line that a crash cut in the
/// middle counts for nothing.
[[nodiscard]] RouteProgress read_route_journal(std::string_view text);

} // namespace oa_stream::routes
