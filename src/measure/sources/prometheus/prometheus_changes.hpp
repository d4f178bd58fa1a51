// Targets whose revision changed within the window: which counts are of which revision. Private to
// the room.
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

/// When each target was last scraped as each revision, of ten minutes or a longer window; `build`
/// selects oa_stream_build_info.
[[nodiscard]] std::string last_scrapes(const std::string& build, double window_s);
/// How often each target was scraped as each revision within the window.
[[nodiscard]] std::string scrapes_of(const std::string& build, double window_s);

struct ScrapedAs {
    std::string revision{};
    double scrapes = 0; ///< within the window
};
using Revisions = std::map<TargetName, std::vector<ScrapedAs>>;
/// Of what these two queries answer: each target's revisions within the window, in the order of
/// their last scrapes; the newest one in any case.
[[nodiscard]] Revisions revisions_of(const SeriesMap& last_scrapes, const SeriesMap& scrapes);

/// The matcher of the targets that have several; empty: it is too long. nullopt: none has.
[[nodiscard]] std::optional<std::string> changed_targets(const Revisions& revisions);

/// The label of rise_by_process() and what it says.
inline constexpr std::string_view k_part = "oa_part";
inline constexpr std::string_view k_part_now = "now";
inline constexpr std::string_view k_part_before = "before";
/// What a counter rose by in the process that answers now and in the one before it, for targets
/// that began again once in the window; a label says which. Nothing of other targets. `series`
/// selects the counter, `series_there` at such targets alone as far as a query has room for them,
/// and `began` oa_stream_process_start_time_seconds.
[[nodiscard]] std::string rise_by_process(
    const std::string& series,
    const std::string& series_there,
    const std::string& began,
    const Span& window
);

/// Each target's series that have `part` as k_part, without the labels that name target and part.
[[nodiscard]] std::map<TargetName, SeriesMap>
by_target(const SeriesMap& series, std::string_view part = {});

/// What rise_by_process() says of one target.
struct ByProcess {
    SeriesMap now{};
    SeriesMap before{};
    SeriesMap lived{}; ///< one: for how long the process that answers has lived, in seconds
};
/// Adds the part of a target with these revisions: as a part of each process where the target had
/// two; without a revision where nothing separates its counts.
void share_by_revision(
    LanePart part, const std::vector<ScrapedAs>& revisions, ByProcess rose, ScrapedLanes& out
);

} // namespace oa_stream::measure::prometheus
