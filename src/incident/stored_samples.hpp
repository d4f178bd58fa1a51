// The samples that a run kept, by stage and arm: for comparing runs and for charts.
// Private to the room.
#pragma once

#include "oa_stream/incident/incident.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::incident {

/// In the order in which they were met. Lines that cannot be read are left out; no file, no group.
[[nodiscard]] std::vector<SampleGroup> stored_samples(const std::filesystem::path& folder);

/// "p95 99ms (96ms to 104ms), p50 91ms, n 80"; "–" without.
[[nodiscard]] std::string latency_text(const std::optional<measure::Latency>& latency);

} // namespace oa_stream::incident
