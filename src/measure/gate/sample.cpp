#include "oa_stream/measure/sample.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

Json seconds(const std::optional<double>& value) {
    if (!value) {
        return nullptr;
    }
    if (std::isinf(*value)) {
        return "inf";
    }
    return std::round(*value * 1e6) / 1e6;
}

} // namespace

Json to_json(const Sample& sample) {
    Json out = {
        {"at_s", std::round(sample.at_s * 1e6) / 1e6},
        {"arm", sample.arm},
        {"revision", sample.revision},
        {"outcome", sample.outcome},
        {"bad", sample.bad},
        {"first_content_s", seconds(sample.first_content_s)},
        {"end_s", seconds(sample.end_s)},
    };
    if (!sample.request_id.empty()) {
        out["request_id"] = sample.request_id;
    }
    if (!sample.detail.empty()) {
        out["detail"] = sample.detail;
    }
    return out;
}

Counts count_bad(std::span<const Sample> samples) noexcept {
    Counts out;
    for (const Sample& sample : samples) {
        out.bad += sample.bad ? 1 : 0;
        ++out.total;
    }
    return out;
}

std::vector<double> first_content_sorted(std::span<const Sample> samples) {
    std::vector<double> out;
    for (const Sample& sample : samples) {
        if (sample.first_content_s) {
            out.push_back(*sample.first_content_s);
        }
    }
    std::ranges::sort(out);
    return out;
}

} // namespace oa_stream::measure
