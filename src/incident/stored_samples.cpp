#include "stored_samples.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/run/kept_file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::incident {
namespace {

constexpr double k_two_sided = 0.975; // each side of 95 %

std::optional<double>
at_rank(const std::vector<double>& times, const std::optional<measure::RankBound>& bound) {
    return bound ? std::optional(times[bound->rank - 1]) : std::nullopt;
}

} // namespace

std::vector<SampleGroup> stored_samples(const std::filesystem::path& folder) {
    std::vector<SampleGroup> out;
    (void)run::each_kept_line(folder / "measure" / "samples.ndjson", [&](const Json& line) {
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

std::optional<Latency> latency_of(const std::vector<measure::Sample>& samples) {
    const auto times = measure::first_content_sorted(samples);
    if (times.empty()) {
        return std::nullopt;
    }
    Latency out;
    out.n = times.size();
    out.p50 = times[(times.size() - 1) / 2];
    out.p95 = measure::quantile_sorted(times, measure::k_p95);
    out.p95_low = at_rank(times, measure::lower_rank(times.size(), measure::k_p95, k_two_sided));
    out.p95_high = at_rank(times, measure::upper_rank(times.size(), measure::k_p95, k_two_sided));
    return out;
}

std::string latency_text(const std::optional<Latency>& latency) {
    if (!latency) {
        return "–";
    }
    const auto text = [](const std::optional<double>& s) {
        return s ? measure::seconds_text(*s, -1) : "?";
    };
    return fmt::format(
        "p95 {} ({} to {}), p50 {}, n {}",
        text(latency->p95),
        text(latency->p95_low),
        text(latency->p95_high),
        text(latency->p50),
        latency->n
    );
}

Json to_json(const Latency& latency) {
    return {
        {"n", latency.n},
        {"p50_s", or_null(latency.p50)},
        {"p95_s", or_null(latency.p95)},
        {"p95_low_s", or_null(latency.p95_low)},
        {"p95_high_s", or_null(latency.p95_high)},
    };
}

} // namespace oa_stream::incident
