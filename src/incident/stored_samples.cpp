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
    return latency ? fmt::format(
                         "p95 {}, p50 {}, n {}",
                         measure::p95_text(*latency),
                         seconds_text(latency->p50),
                         latency->n
                     )
                   : "–";
}

} // namespace oa_stream::incident
