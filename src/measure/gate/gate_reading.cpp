#include "oa_stream/measure/gate_reading.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"

#include "gate_judge.hpp"
#include "gate_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace oa_stream::measure {
namespace {

enum class Towards { bad, good };

// More times prove no more: no quantile of the times that an index keeps lies behind this many.
constexpr std::uint64_t k_most_times = 1'000'000;

std::uint64_t whole_of(double count) {
    return static_cast<std::uint64_t>(std::ceil(std::clamp(count, 0.0, 1e15)));
}

/// Adds `count` infinite times, or `count` times of 0.
void add_times(Tally& tally, std::uint64_t count, Towards where) {
    const bool bad = where == Towards::bad;
    if (tally.buckets.empty()) {
        auto& times = tally.first_content_s; // ascending
        const double time = bad ? std::numeric_limits<double>::infinity() : 0;
        times.insert(bad ? times.end() : times.begin(), std::min(count, k_most_times), time);
        return;
    }
    for (Bucket& bucket : tally.buckets) {
        bucket.count += bad && std::isfinite(bucket.le) ? 0 : static_cast<double>(count);
    }
}

/// Adds the times of requests that may have happened but were not read: all infinite, or all 0. Bad
/// ones are put into one clump, the case that proves least.
void add_unread(Tally& tally, std::uint64_t unread, Towards where) {
    if (unread == 0) {
        return;
    }
    const bool bad = where == Towards::bad;
    if (const auto most = std::ranges::max_element(tally.blocks, {}, &Counts::bad);
        bad && most != tally.blocks.end()) {
        most->bad += unread;
        most->total += unread;
    }
    add_times(tally, unread, where);
}

/// Adds the times at the window's ends that make the quantile worse (as infinite) or better (as 0).
/// The limit separates the two, or the arm's own quantile when arms are compared.
void add_edge_times(
    Tally& tally, const GateSpec& spec, const SourceReading& reading, Towards where
) {
    const std::vector<Bucket>& edge = reading.edge.buckets;
    if (edge.empty() || spec.metric != Metric::quantile) {
        return;
    }
    const double turns =
        spec.against == Against::limit ? spec.limit : quantile_of(reading.tally, spec.quantile);
    const AtMost quick = at_most(edge, turns);
    const double count = where == Towards::bad ? edge.back().count - quick.certain : quick.possible;
    add_times(tally, whole_of(count), where);
}

/// Removes `others` times: the fastest, which makes the rest worse, or the slowest.
void drop_others(std::vector<Bucket>& buckets, double others, Towards where) {
    const double rest = std::max(0.0, buckets.back().count - others);
    for (Bucket& bucket : buckets) {
        bucket.count = where == Towards::bad ? std::max(0.0, bucket.count - others)
                                             : std::min(bucket.count, rest);
    }
}

/// The tally if the source erred in that direction.
Tally shifted(const GateSpec& spec, const SourceReading& reading, Towards where) {
    Tally out = reading.tally;
    const double error = std::max(0.0, reading.count_error);
    out.requests = as_may_have_been(reading, reading.unread, where == Towards::bad);
    for (Bucket& bucket : out.buckets) {
        const double total = out.buckets.back().count;
        if (std::isfinite(bucket.le)) {
            bucket.count = where == Towards::bad ? std::max(0.0, bucket.count - error)
                                                 : std::min(total, bucket.count + error);
        }
    }
    if (!out.buckets.empty()) {
        drop_others(out.buckets, reading.other_times, where);
        for (Bucket& bucket : out.buckets) {
            bucket.count += where == Towards::good ? reading.times_missed : 0;
        }
        out.buckets.back().count +=
            where == Towards::bad ? reading.time_error + reading.times_missed : 0;
        out.buckets = tidy(out.buckets);
    }
    add_unread(out, whole_of(reading.unread), where);
    add_edge_times(out, spec, reading, where);
    return out;
}

/// How many events of the reading are uncertain for this gate; 0: none.
double blur_of(const GateSpec& spec, const SourceReading& reading) {
    const bool times = spec.metric == Metric::quantile;
    const std::uint64_t edge = times ? reading.edge.timed() : reading.edge.requests.total;
    return std::max(
        {reading.count_error,
         reading.unread,
         static_cast<double>(edge),
         times ? reading.times_missed : reading.requests_missed,
         times ? reading.time_error : reading.may_have_missed,
         times ? reading.other_times : 0}
    );
}

/// Explains why another verdict is possible.
std::string
blur_text(const GateSpec& spec, const SourceReading& canary, const SourceReading& stable) {
    const bool versus = spec.against != Against::limit;
    const bool times = spec.metric == Metric::quantile;
    const auto larger = [&](double SourceReading::* error) {
        return std::max(canary.*error, versus ? stable.*error : 0);
    };
    std::vector<std::string> reasons;
    if (const double off = larger(&SourceReading::count_error); off > 0) {
        reasons.push_back(fmt::format("each count may be off by {:g}", off));
    }
    if (const double unread = larger(&SourceReading::unread); unread > 0) {
        reasons.push_back(
            fmt::format("up to {} could not be read", counted(whole_of(unread), "more request"))
        );
    }
    const std::uint64_t edge = std::max(
        canary.edge.requests.total, versus ? stable.edge.requests.total : std::uint64_t{0}
    );
    if (edge > 0) {
        reasons.push_back(
            fmt::format("{} may lie on either side of the window's ends", counted(edge, "request"))
        );
    }
    const double unseen = larger(&SourceReading::may_have_missed);
    if (!times && unseen > 0) {
        reasons.push_back(fmt::format(
            "{:g} bad ones may have come before their series was first seen, or before a restart",
            unseen
        ));
    }
    const auto missed = times ? &SourceReading::times_missed : &SourceReading::requests_missed;
    if (const double hidden = larger(missed); hidden > 0) {
        reasons.push_back(fmt::format(
            "{:g} {} may have come before a restart that no counter shows",
            hidden,
            times ? "times" : "requests"
        ));
    }
    if (const double late = larger(&SourceReading::time_error); times && late > 0) {
        reasons.push_back(fmt::format(
            "{:g} turns failed that may have run into a time limit before any content", late
        ));
    }
    if (const double others = larger(&SourceReading::other_times); times && others > 0) {
        reasons.push_back(fmt::format(
            "the fastest or slowest {} may be of resumes, refused and failed requests",
            counted(whole_of(others), "time")
        ));
    }
    return fmt::format("{}", fmt::join(reasons, " and "));
}

GateRecord judge(const GateSpec& spec, GateInput input, const Tally& canary, const Tally& stable) {
    input.canary_tally = &canary;
    input.stable_tally = &stable;
    return evaluate(spec, input);
}

std::string
queries(const GateSpec& spec, const SourceReading& canary, const SourceReading& stable) {
    const bool both = spec.against != Against::limit && !stable.query.empty();
    return both && stable.query != canary.query
               ? fmt::format("canary: {}; stable: {}", canary.query, stable.query)
               : canary.query;
}

void add_notes(GateRecord& record, const SourceReading& reading) {
    for (const std::string& note : reading.notes) {
        add_once(record.notes, note);
    }
}

} // namespace

Counts as_may_have_been(const SourceReading& reading, double unread, bool bad) {
    Counts out = reading.tally.requests;
    const Counts& edge = reading.edge.requests;
    const std::uint64_t off = whole_of(reading.count_error);
    const std::uint64_t more = whole_of(unread);
    if (bad) {
        out.bad += (out.bad == 0 ? 0 : off) + whole_of(reading.may_have_missed);
        out.total = std::max(out.bad, out.total - std::min(out.total, off));
        return {out.bad + edge.bad + more, out.total + edge.bad + more};
    }
    out.bad -= std::min(out.bad, off);
    out.total += off + whole_of(reading.requests_missed) + edge.total - edge.bad + more;
    return out;
}

GateRecord
unjudged(const GateSpec& spec, const GateInput& base, Verdict verdict, std::string_view why) {
    GateRecord record = blank(spec, base);
    settle(record, verdict, verdict == Verdict::error ? rule::k_failed : rule::k_missing);
    record.sentence = fmt::format(
        "{}{} not measured by {}: {}",
        whose(record),
        spec.metric == Metric::spike ? spec.signal : subject_of(spec),
        base.source,
        why
    );
    return record;
}

namespace {

/// Turns the verdict INCONCLUSIVE when events that the source cannot resolve could lie on either
/// side of the limit.
void doubt_blurred(
    GateRecord& record,
    const GateSpec& spec,
    const SourceReading& canary,
    const SourceReading& stable,
    const GateInput& input
) {
    const bool pass = record.verdict == Verdict::pass;
    const bool versus = spec.against != Against::limit;
    const bool blurred = blur_of(spec, canary) > 0 || (versus && blur_of(spec, stable) > 0);
    if (!blurred || (!pass && record.verdict != Verdict::fail)) {
        return;
    }
    const Towards ours = pass ? Towards::bad : Towards::good;
    const Towards theirs = pass ? Towards::good : Towards::bad;
    const GateRecord other =
        judge(spec, input, shifted(spec, canary, ours), shifted(spec, stable, theirs));
    if (other.verdict != record.verdict) {
        settle(record, Verdict::inconclusive, rule::k_blurred);
        record.sentence += fmt::format(
            "; not decided: {}, and then it would not be so", blur_text(spec, canary, stable)
        );
    }
}

} // namespace

GateRecord evaluate_readings(
    const GateSpec& spec,
    const SourceReading& canary,
    const SourceReading& stable,
    const GateInput& base
) {
    GateInput input = base;
    input.source = canary.source;
    input.query = queries(spec, canary, stable);
    const bool versus = spec.against != Against::limit;
    for (const auto* arm : {&canary, &stable}) {
        if ((arm == &canary || versus) && arm->state == SourceReading::State::missing) {
            return unjudged(
                spec,
                input,
                Verdict::inconclusive,
                spec.alone ? arm->why
                           : fmt::format("{}: {}", arm == &canary ? input.arm : "stable", arm->why)
            );
        }
    }
    GateRecord record = judge(spec, input, canary.tally, stable.tally);
    doubt_blurred(record, spec, canary, stable, input);
    for (const auto* arm : {&canary, &stable}) {
        const bool used = arm == &canary || versus;
        if (used && !arm->uncovered.empty() && record.verdict == Verdict::pass) {
            settle(record, Verdict::inconclusive, rule::k_uncovered);
            record.sentence += "; not decided: " + arm->uncovered;
        }
    }
    record.sentence += "; by " + record.source;
    add_notes(record, canary);
    if (versus) {
        add_notes(record, stable);
    }
    return record;
}

} // namespace oa_stream::measure
