// The samples that a run kept, by stage and arm: for comparing runs and for charts.
// Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/incident/incident.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::incident {

/// In the order in which they were met. Lines that cannot be read are left out; no file, no group.
[[nodiscard]] std::vector<SampleGroup> stored_samples(const std::filesystem::path& folder);

/// Of the first-content times. A bound that does not exist at this n is empty.
struct Latency {
    std::size_t n = 0;
    double p50 = 0;
    double p95 = 0;
    std::optional<double> p95_low{}; ///< 95 %, two-sided
    std::optional<double> p95_high{};
};
/// nullopt: no sample had content.
[[nodiscard]] std::optional<Latency> latency_of(const std::vector<measure::Sample>& samples);
/// "p95 99ms (96ms to 104ms), p50 91ms, n 80"; "–" without.
[[nodiscard]] std::string latency_text(const std::optional<Latency>& latency);
[[nodiscard]] Json to_json(const Latency& latency);

} // namespace oa_stream::incident
