#include "live_sample.hpp"

#include <limits>
#include <utility>

namespace oa_stream::playbook {
namespace {

using probe::Outcome;

/// Ran into a time limit before its first content: slower than any number we could write down.
bool too_late(const probe::ProbeSample& sample) {
    switch (sample.outcome) {
    case Outcome::connect_timeout:
    case Outcome::ttfb_timeout:
    case Outcome::stalled:
    case Outcome::too_slow:
        return !sample.clocks.first_content.has_value();
    default:
        return false;
    }
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
    out.request_id = from.request_id;
    out.detail = from.bad() ? from.detail : "";
    return out;
}

} // namespace oa_stream::playbook
