#include "stored_samples.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/run/kept_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::incident {
std::vector<SampleGroup> stored_samples(const std::filesystem::path& folder) {
    std::vector<SampleGroup> out;
    (void)run::each_kept_line(folder / "measure" / "samples.ndjson", [&](const Json& line) {
        if (!line.is_object()) {
            return false;
        }
        const std::string stage = text_in(line, "stage");
        measure::Sample sample = measure::sample_from_json(line);
        auto group = std::ranges::find_if(out, [&](const SampleGroup& one) {
            return one.stage == stage && one.arm == sample.arm;
        });
        if (group == out.end()) {
            group = out.insert(out.end(), {stage, sample.arm, {}});
        }
        group->samples.push_back(std::move(sample));
        return true;
    });
    return out;
}

std::string latency_text(const std::optional<measure::Latency>& latency) {
    if (!latency) {
        return "–";
    }
    const auto text = [](const std::optional<double>& s) { return s ? seconds_text(*s) : "?"; };
    return fmt::format(
        "p95 {} ({} to {}), p50 {}, n {}",
        text(latency->p95),
        text(latency->p95_low),
        text(latency->p95_high),
        text(latency->p50),
        latency->n
    );
}

} // namespace oa_stream::incident
