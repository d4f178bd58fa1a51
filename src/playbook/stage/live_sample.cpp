#include "live_sample.hpp"

#include "oa_stream/measure/cancelled.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace oa_stream::playbook {
namespace {

/// Ran into a time limit before its first content: slower than any number we could write down.
bool too_late(const probe::ProbeSample& sample) {
    return !sample.clocks.first_content && probe::ran_into_limit(sample);
}

} // namespace

measure::Sample to_sample(std::string arm, double at_s, const probe::ProbeSample& from) {
    measure::Sample out;
    out.at_s = at_s;
    out.arm = std::move(arm);
    out.revision = from.revision;
    out.outcome = to_string(from.outcome);
    out.bad = from.bad();
    out.first_content_s = from.clocks.first_content;
    if (too_late(from)) {
        out.first_content_s = std::numeric_limits<double>::infinity();
    }
    out.end_s = from.clocks.end;
    out.cut = probe::ran_into_limit(from);
    if (from.content_frames > 1) {
        out.max_gap_s = from.max_gap_s;
        if (from.clocks.end && from.clocks.first_content) {
            out.per_token_s = (*from.clocks.end - *from.clocks.first_content) /
                              static_cast<double>(from.content_frames - 1);
        }
    }
    out.request_id = from.request_id;
    out.detail = from.bad() ? from.detail : "";
    return out;
}

measure::Sample to_sample(const probe::ProberSample& from, double now_s) {
    const double ago = std::chrono::duration<double>(Clock::now() - from.intended).count();
    measure::Sample out = to_sample(from.arm, now_s - ago, from.sample);
    if (out.first_content_s && std::isfinite(*out.first_content_s)) {
        out.first_content_s = from.first_content_s();
    }
    out.end_s = measure::is_cancelled(out) ? ago : from.end_s();
    return out;
}

measure::Sample given_up(std::string arm, double at_s) {
    measure::Sample out;
    out.at_s = at_s;
    out.arm = std::move(arm);
    out.outcome = measure::k_cancelled;
    out.end_s = 0;
    return out;
}

} // namespace oa_stream::playbook
