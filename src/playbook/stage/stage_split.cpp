// Who answered, as the answers themselves say.
#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace oa_stream::playbook {
namespace {

// A random splitter may be off by chance; outside this interval it is off.
constexpr double k_split_confidence = 0.9999;

/// A pinned probe that somebody else answered tells nothing good about whom it was meant for: an
/// edge that sends a dead canary's requests elsewhere hides that it is dead.
void take_stray(Hold& hold, measure::Sample& sample) {
    ++hold.strays[sample.arm];
    sample.bad = true;
    sample.outcome = "wrong_revision";
    sample.detail = fmt::format("pinned to {}, answered by {}", sample.arm, sample.revision);
    sample.first_content_s.reset();
}

/// What the machinery has seen of streams, at whatever arm.
std::uint64_t streams_in(const std::optional<traffic::TrafficState>& state) {
    std::uint64_t sum = 0;
    if (state) {
        for (const auto& [revision, counts] : state->streams) {
            sum += counts.active + counts.finished + counts.broken;
        }
    }
    return sum;
}

/// Somebody besides our unpinned probes came through the door. Even an exact splitter gives us a
/// chance sample of its turns then.
bool others_came(const Hold& hold, std::uint64_t ours) {
    return streams_in(hold.ground.seen) > streams_in(hold.first_seen) + ours;
}

bool split_fits(const Session& session, measure::Counts met, int percent, bool alone) {
    if (alone && session.in.driver->splits_exactly()) {
        const auto n = static_cast<double>(met.total);
        const double off = std::abs(static_cast<double>(met.bad) - n * percent / 100);
        return off <= std::max(1.0, std::ceil(n / 100)); // one of each 100
    }
    const auto interval = measure::wilson(met, k_split_confidence, measure::Side::two);
    const double share = percent / 100.0;
    return interval && interval->low <= share && share <= interval->high;
}

void check_arms(Hold& hold) {
    for (const auto& [arm, count] : hold.strays) {
        hold.session.add(
            fmt::format("arm.{}@{}", arm, hold.where),
            Verdict::fail,
            fmt::format("{} probes pinned to {} were answered by another revision", count, arm)
        );
        hold.row.verdict = Verdict::fail;
    }
}

} // namespace

void Hold::take(measure::Sample sample) {
    ++delivered;
    const Traffic& traffic = session.playbook().traffic;
    const bool canary_arm = sample.arm == "canary";
    const bool stable_arm = sample.arm == "stable";
    if ((canary_arm || stable_arm) && !sample.revision.empty() &&
        sample.revision != (canary_arm ? traffic.canary : traffic.stable)) {
        take_stray(*this, sample);
    }
    if (sample.bad && session.fault_s && !session.seen_s && !stable_arm) {
        session.seen_s = session.now();
    }
    session.keep(sample, where);
    if (canary_arm) {
        session.canary_all.push_back(sample);
        row.canary.push_back(std::move(sample));
    } else if (stable_arm) {
        session.stable_all.push_back(sample);
        row.stable.push_back(std::move(sample));
    } else if (sample.revision.empty()) {
        ++unknown;
    } else {
        ++met[sample.revision];
    }
}

void check_split(Hold& hold) {
    check_arms(hold);
    const std::uint64_t canary = hold.met[hold.session.playbook().traffic.canary];
    std::uint64_t n = 0;
    for (const auto& [revision, count] : hold.met) {
        n += count;
    }
    if (n == 0 && hold.unknown == 0) {
        return; // no unpinned probes were asked for
    }
    hold.row.observed = fmt::format("canary {} of {}", canary, n);
    const int percent = hold.session.serving.percent_of(hold.session.playbook().traffic.canary);
    const bool good =
        split_fits(hold.session, {canary, n}, percent, !others_came(hold, n + hold.unknown));
    const Verdict verdict = n == 0 ? Verdict::inconclusive : good ? Verdict::pass : Verdict::fail;
    hold.session.add(
        "split@" + hold.where,
        verdict,
        fmt::format(
            "unpinned probes met the canary {} times of {}, {}% are {:.1f}; {} had no answer",
            canary,
            n,
            percent,
            static_cast<double>(n) * percent / 100,
            hold.unknown
        )
    );
    if (verdict != Verdict::pass && hold.row.verdict != Verdict::fail) {
        hold.row.verdict = verdict;
    }
}

void check_users(Hold& hold) {
    if (hold.session.playbook().stage.on_no_traffic == NoTraffic::probe) {
        return;
    }
    const auto streams = [](const std::optional<traffic::TrafficState>& state) {
        std::uint64_t sum = 0;
        for (const auto& [revision, counts] : state->streams) {
            sum += counts.finished + counts.broken;
        }
        return sum;
    };
    const auto& first = hold.first_seen;
    const auto& last = hold.ground.seen;
    if (!first || !last || first->streams.empty() || last->streams.empty()) {
        hold.users_came = false;
        hold.users_text =
            "the machinery does not count requests, so nobody knows whether users came";
        return;
    }
    const std::uint64_t all = streams(last) - std::min(streams(first), streams(last));
    const std::uint64_t users = all - std::min(all, hold.delivered);
    hold.users_came = users > 0;
    hold.users_text = fmt::format(
        "{} requests, {} of them this run's probes", all, std::min(all, hold.delivered)
    );
}

void settle_users(Hold& hold) {
    if (hold.session.playbook().stage.on_no_traffic == NoTraffic::probe) {
        return;
    }
    hold.session.add(
        "users@" + hold.where,
        hold.users_came ? Verdict::pass : Verdict::inconclusive,
        hold.users_text
    );
    if (!hold.users_came && hold.row.verdict == Verdict::pass) {
        hold.row.verdict = Verdict::inconclusive;
    }
}

} // namespace oa_stream::playbook
