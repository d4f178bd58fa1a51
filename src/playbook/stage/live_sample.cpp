#include "live_sample.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace oa_stream::playbook {
namespace {

/// Ran into a time limit before its first content: slower than any recordable time.
bool too_late(const probe::ProbeSample& sample) {
    return !sample.clocks.first_content && probe::ran_into_limit(sample);
}

/// Ended by a limit of the probe, not by the lane.
bool own_limit(const probe::ProbeSample& sample) {
    using enum probe::Outcome;
    return sample.outcome == connect_timeout || sample.outcome == ttfb_timeout ||
           sample.outcome == stalled || sample.outcome == too_slow;
}

void leave_out(std::optional<double>& time, double stalled_s) {
    if (time && probe::is_own(stalled_s, *time)) {
        time.reset();
    }
}

/// Removes times that our own process distorted, for any arm. The outcome stays unless only a time
/// limit ended the probe.
void leave_out_own_time(measure::Sample& out, const probe::ProberSample& from, double lived_s) {
    const measure::Sample before = out;
    if (own_limit(from.sample) && probe::is_own(from.stalled_s, lived_s)) {
        out.outcome = measure::k_starved;
        out.bad = out.cut = false;
        out.first_content_s = out.max_gap_s = out.per_token_s = std::nullopt;
    } else if (!out.cut) {
        leave_out(out.first_content_s, from.stalled_first_s);
        leave_out(out.end_s, from.stalled_s);
        leave_out(out.max_gap_s, from.longest_stall_s);
        if (!out.end_s) {
            out.per_token_s.reset();
        }
    }
    const bool whole = out.outcome == before.outcome &&
                       out.first_content_s == before.first_content_s && out.end_s == before.end_s &&
                       out.max_gap_s == before.max_gap_s;
    if (!whole) {
        out.own = true;
        out.detail = fmt::format(
            "oa-stream itself stood still for {:.3f}s of its {:.3f}s{}{}",
            from.stalled_s,
            lived_s,
            before.detail.empty() ? "" : "; ",
            before.detail
        );
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
    const double ago = seconds(Clock::now() - from.intended);
    measure::Sample out = to_sample(from.arm, now_s - ago, from.sample);
    if (out.first_content_s && std::isfinite(*out.first_content_s)) {
        out.first_content_s = from.first_content_s();
    }
    out.sent = from.sent;
    const bool given_up = measure::is_cancelled(out);
    out.end_s = given_up ? ago : from.end_s();
    if (!given_up) {
        leave_out_own_time(out, from, ago);
    }
    return out;
}

bool reaches(const measure::Sample& sample, const traffic::Split& split) {
    return !sample.bad && split.percent_of(sample.revision) > 0;
}

std::string missed_text(const measure::Sample& sample) {
    const std::string by = sample.bad ? "" : " without the name of a revision";
    return fmt::format(
        "{}{}{}",
        sample.bad ? sample.outcome : "answered",
        sample.revision.empty() ? by : " by " + sample.revision,
        sample.detail.empty() ? "" : ": " + sample.detail
    );
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
