// Assigns counts to revisions for targets whose revision changed within the window. Private to the
// room.
#pragma once

#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/measure/source.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

using TargetName = std::pair<std::string, std::string>; ///< job and instance
[[nodiscard]] TargetName named_by(const auto& series) {
    return {std::string(series.label("job")), std::string(series.label("instance"))};
}

[[nodiscard]] std::string name_of(const TargetName& target); ///< for messages

/// PromQL: when each target was last scraped as each revision, over ten minutes or a longer window;
/// `build` selects oa_stream_build_info.
[[nodiscard]] std::string last_scrapes(const std::string& build, double window_s);
/// PromQL: how often each target was scraped as each revision within the window.
[[nodiscard]] std::string scrapes_of(const std::string& build, double window_s);

struct ScrapedAs {
    std::string revision{};
    double scrapes = 0; ///< within the window
};
using Revisions = std::map<TargetName, std::vector<ScrapedAs>>;
/// Combines the answers of the two queries: each target's revisions within the window, in the order
/// of their last scrapes; always includes the newest.
[[nodiscard]] Revisions revisions_of(const SeriesMap& last_scrapes, const SeriesMap& scrapes);

/// A matcher of the targets that have several revisions; empty: it would be too long. nullopt:
/// there are none.
[[nodiscard]] std::optional<std::string> changed_targets(const Revisions& revisions);

/// The label in answers to rise_by_process(), and its values.
inline constexpr std::string_view k_part = "oa_part";
inline constexpr std::string_view k_part_now = "now";
inline constexpr std::string_view k_part_before = "before";
/// PromQL for a counter's rise in the running process and in the previous one, for targets that
/// restarted exactly once in the window; a label says which. Other targets are left out. `series`
/// selects the counter, `series_there` selects it at these targets only if the query has room for
/// them, and `began` selects oa_stream_process_start_time_seconds.
[[nodiscard]] std::string rise_by_process(
    const std::string& series,
    const std::string& series_there,
    const std::string& began,
    const Span& window
);

/// Each target's series whose k_part is `part`, without the labels for target and part.
[[nodiscard]] std::map<TargetName, SeriesMap>
by_target(const SeriesMap& series, std::string_view part = {});

/// The answers of rise_by_process() for one target.
struct ByProcess {
    SeriesMap now{};
    SeriesMap before{};
    SeriesMap lived{}; ///< one series: for how many seconds the running process has lived
};
/// Adds the part of a target with these revisions: one part per process where the target had two, a
/// part without revision where its counts cannot be separated.
void share_by_revision(
    LanePart part, const std::vector<ScrapedAs>& revisions, ByProcess rose, ScrapedLanes& out
);

} // namespace oa_stream::measure::prometheus
