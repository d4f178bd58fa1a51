// Which revisions answered, according to the answers themselves.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/probe/prober.hpp"

#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

namespace oa_stream::playbook {
namespace {

// A random splitter may deviate by chance; outside this interval it is wrong.
constexpr double k_split_confidence = 0.9999;

/// A pinned probe that another revision answered counts as bad for its own arm: an edge that
/// redirects a dead canary's requests would hide its death.
void mark_stray(StageRun& stage, measure::Sample& sample) {
    ++stage.strays[sample.arm];
    sample.bad = true;
    sample.outcome = "wrong_revision";
    sample.detail = fmt::format("pinned to {}, answered by {}", sample.arm, sample.revision);
    sample.first_content_s.reset();
}

/// Streams that the machinery has counted, over all arms.
std::uint64_t streams_in(const std::optional<traffic::TrafficState>& state) {
    std::uint64_t sum = 0;
    if (state) {
        for (const auto& [revision, counts] : state->streams) {
            sum += counts.active + counts.finished + counts.broken;
        }
    }
    return sum;
}

/// Requests other than our unpinned probes came through the front door. Then our share of its turns
/// is random even with an exact splitter.
bool others_came(const StageRun& stage, std::uint64_t ours) {
    return streams_in(stage.drift.seen) > streams_in(stage.first_seen) + ours;
}

bool split_fits(const RunContext& run, measure::Counts met, int percent, bool alone) {
    if (alone && run.in.driver->splits_exactly()) {
        const auto n = static_cast<double>(met.total);
        const double off = std::abs(static_cast<double>(met.bad) - n * percent / 100);
        return off <= std::max(1.0, std::ceil(n / 100)); // one in 100
    }
    const auto interval = measure::wilson(met, k_split_confidence, measure::Side::two);
    const double share = percent / 100.0;
    return interval && interval->low <= share && share <= interval->high;
}

/// Unanswered probes may all have belonged to one revision, for example if only that one is slow.
bool may_fit(
    const RunContext& run, measure::Counts met, std::uint64_t unanswered, int percent, bool alone
) {
    const std::uint64_t all = met.total + unanswered;
    const double wanted = std::round(static_cast<double>(all) * percent / 100);
    const auto nearest =
        std::clamp(static_cast<std::uint64_t>(wanted), met.bad, met.bad + unanswered);
    return split_fits(run, {nearest, all}, percent, alone);
}

/// They count when more than one in 20: users had no answer there either.
std::uint64_t unanswered_users(std::uint64_t met, std::uint64_t unanswered) {
    const std::uint64_t by_chance = std::max<std::uint64_t>(2, (met + unanswered + 19) / 20);
    return unanswered > by_chance ? unanswered : 0;
}

/// The answered probes show the split, and the unanswered ones cannot hide another one. With some
/// answers of an exact splitter missing, the others are a random sample.
bool split_shown(
    const RunContext& run, measure::Counts met, std::uint64_t lost, int percent, bool alone
) {
    const std::uint64_t all = met.total + lost;
    return met.total > 0 && split_fits(run, met, percent, alone && lost == 0) &&
           (lost == 0 || (split_fits(run, {met.bad, all}, percent, false) &&
                          split_fits(run, {met.bad + lost, all}, percent, false)));
}

/// Unpinned probes under way when an operator ended the stage. They include more of the slower
/// revision's, so the answered ones are not a sample of the split.
std::uint64_t cut_short(const StageRun& stage) {
    std::uint64_t out = 0;
    if (stage.promotion) {
        out = stage.given_up;
        for (const auto& [revision, count] : stage.given_up_at) {
            out += count;
        }
    }
    return out;
}

std::string unnamed_text(const StageRun& stage) {
    return stage.unnamed == 0 ? ""
                              : fmt::format(
                                    "{} named no revision (header {}), ",
                                    stage.unnamed,
                                    stage.run.playbook().target.revision_header
                                );
}

/// This run's requests, except those that are known to bypass the machinery.
std::uint64_t own_requests(const StageRun& stage) {
    const RunContext& run = stage.run;
    const traffic::Arms arms = run.playbook().traffic.arms();
    const auto is_direct = [&](const std::string& revision) {
        const auto address = arms.address_of(revision, *run.in.driver);
        return address && address->direct;
    };
    const bool stable_direct = is_direct(arms.stable);
    const bool canary_direct = is_direct(arms.canary);
    std::uint64_t out = 0;
    for (const auto& [arm, count] : stage.delivered) {
        const bool direct =
            (arm == "stable" && stable_direct) || (arm == "canary" && canary_direct);
        out += direct ? 0 : count;
    }
    // Conversations are deleted at the arms' own addresses.
    if (!stable_direct || !canary_direct) {
        out += run.in.instruments->other_requests().sent - stage.others_before;
    }
    return out;
}

void check_arms(StageRun& stage) {
    for (const auto& [arm, count] : stage.strays) {
        stage.add_check(
            "arm." + arm,
            Verdict::fail,
            fmt::format("another revision answered {} pinned to {}", counted(count, "probe"), arm)
        );
    }
}

} // namespace

void StageRun::add_check(std::string_view what, Verdict verdict, std::string detail, Json data) {
    if (promotion && verdict == Verdict::inconclusive) {
        // A later stage judges the same canary on more samples.
        const bool last = is_last(run.playbook(), percent);
        run.unjudged = run.unjudged || last;
        return run.skip(
            fmt::format("{}@{}", what, where),
            last,
            fmt::format("{}; was {}: {}", promotion->text(), to_string(verdict), detail)
        );
    }
    run.session.add(fmt::format("{}@{}", what, where), verdict, std::move(detail), std::move(data));
    if (verdict != Verdict::pass) {
        row.verdict = worst(std::array{row.verdict, verdict});
    }
}

void StageRun::add_sample(measure::Sample sample) {
    ++delivered[sample.arm];
    sample = measure::as_stored(std::move(sample));
    const Traffic& traffic = run.playbook().traffic;
    const bool canary_arm = sample.arm == "canary";
    const bool stable_arm = sample.arm == "stable";
    const bool cancelled =
        sample.outcome == measure::k_cancelled; // a starved probe is as unknown as any other
    if ((canary_arm || stable_arm) && !cancelled && !sample.revision.empty() &&
        sample.revision != (canary_arm ? traffic.canary : traffic.stable)) {
        mark_stray(*this, sample);
    }
    if (sample.bad && run.fault_s && !run.seen_s && !stable_arm) {
        run.seen_s = run.now();
    }
    run.keep(sample, where);
    if (canary_arm) {
        run.canary_all.push_back(sample);
        row.canary.push_back(std::move(sample));
    } else if (stable_arm) {
        run.stable_all.push_back(sample);
        row.stable.push_back(std::move(sample));
    } else if (cancelled) {
        ++(sample.revision.empty() ? given_up : given_up_at[sample.revision]);
    } else if (sample.revision.empty()) {
        const bool own = measure::was_starved(sample) || !sample.sent;
        ++(sample.bad || own ? unanswered : unnamed);
        ours += own ? 1 : 0;
    } else {
        if (sample.revision == traffic.stable) {
            run.stable_users.push_back(sample);
        }
        auto& theirs = met[sample.revision];
        theirs.push_back(std::move(sample));
    }
}

void check_split(StageRun& stage) {
    check_arms(stage);
    if (is_drilled(stage) && stage.run.fault_s) {
        // Users' probes continue past the stage, so those that the fault delays are still under
        // way: the answered ones are not a sample of the split.
        return stage.run.skip(
            "split@" + stage.where, false, "under the drill's fault, slow answers are not in yet"
        );
    }
    const auto& answers = stage.met[stage.run.playbook().traffic.canary];
    const std::uint64_t canary = answers.size();
    std::uint64_t n = 0;
    for (const auto& [revision, all] : stage.met) {
        n += all.size();
    }
    const double asked = stage.run.playbook().stage.probe.unpinned_per_s;
    const std::uint64_t cut = cut_short(stage);
    if (n == 0 && stage.unknown() + cut == 0) {
        if (asked > 0) { // the stage may be too short for one of them
            stage.add_check(
                "split",
                Verdict::inconclusive,
                fmt::format(
                    "no unpinned probe ran in this stage at {}: the users' revision is unknown",
                    config::rate_text(asked)
                )
            );
        }
        return;
    }
    stage.row.observed = fmt::format("canary {} of {}", canary, n);
    if (const auto bad = measure::count_bad(answers).bad; bad > 0) {
        stage.row.observed += fmt::format(", {} bad", bad);
    }
    const int percent = stage.run.serving.percent_of(stage.run.playbook().traffic.canary);
    const bool alone = cut == 0 && !others_came(stage, n + stage.unknown());
    const std::uint64_t lost = unanswered_users(n, stage.unknown() - stage.ours);
    if (n > 0 && split_fits(stage.run, {0, n + lost}, percent, alone) &&
        split_fits(stage.run, {n + lost, n + lost}, percent, alone)) {
        return stage.run.skip(
            "split@" + stage.where,
            false,
            fmt::format(
                "unpinned probes reached the canary {} times of {}: too few to show a split other "
                "than {}%",
                canary,
                n,
                percent
            )
        );
    }
    const bool good = split_shown(stage.run, {canary, n}, lost, percent, alone);
    const bool may_be_right =
        may_fit(stage.run, {canary, n}, stage.unknown() + cut, percent, alone);
    const Verdict verdict = good           ? Verdict::pass
                            : may_be_right ? Verdict::inconclusive
                                           : Verdict::fail;
    stage.add_check(
        "split",
        verdict,
        fmt::format(
            "unpinned probes reached the canary {} times of {}, {}% are {:.1f}; {}{} had no "
            "answer{}",
            canary,
            n,
            percent,
            static_cast<double>(n) * percent / 100,
            unnamed_text(stage),
            stage.unanswered,
            cut > 0 ? fmt::format(", {} were under way", cut) : ""
        )
    );
}

void check_users(StageRun& stage) {
    if (stage.run.playbook().stage.on_no_traffic == NoTraffic::probe) {
        return;
    }
    const auto streams = [](const std::optional<traffic::TrafficState>& state) {
        std::uint64_t sum = 0;
        for (const auto& [revision, counts] : state->streams) {
            sum += counts.finished + counts.broken;
        }
        return sum;
    };
    const auto& first = stage.first_seen;
    const auto& last = stage.drift.seen;
    if (!first || !last || first->streams.empty() || last->streams.empty()) {
        stage.users_came = false;
        stage.users_text =
            "the machinery does not count requests, so it is unknown whether users came";
        return;
    }
    const std::uint64_t all = streams(last) - std::min(streams(first), streams(last));
    const std::uint64_t own = std::min(all, own_requests(stage));
    const std::uint64_t users = all - own;
    stage.users_came = users > 0;
    stage.users_text = fmt::format("{}, {} of them this run's own", counted(all, "request"), own);
}

void record_users(StageRun& stage) {
    if (stage.run.playbook().stage.on_no_traffic == NoTraffic::probe) {
        return;
    }
    stage.add_check(
        "users", stage.users_came ? Verdict::pass : Verdict::inconclusive, stage.users_text
    );
}

} // namespace oa_stream::playbook
