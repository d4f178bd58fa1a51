#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/probe/shadow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::probe {
namespace {

constexpr measure::Fraction k_half{1, 2};
constexpr std::string_view k_no_pair =
    "no pair of turns was timed on both sides; the first pair finds everything cold and is not "
    "timed";

/// The median with its bounds; a bound is unset when no rank of so few values gives one.
struct Median {
    double point = 0;
    std::optional<double> low{}, high{};
};

Median median_of(std::vector<double> values, double confidence) {
    std::ranges::sort(values);
    Median out{.point = measure::quantile_sorted(values, k_half)};
    if (const auto rank = measure::lower_rank(values.size(), k_half, confidence)) {
        out.low = values[rank->rank - 1];
    }
    if (const auto rank = measure::upper_rank(values.size(), k_half, confidence)) {
        out.high = values[rank->rank - 1];
    }
    return out;
}

/// Rounded to a tenth, without a negative zero.
double tenths(double value) {
    constexpr double k_tenth = 10;
    return std::round(value * k_tenth) / k_tenth + 0.0; // -0.0 + 0.0 is +0.0
}

std::string ms(double seconds) {
    return fmt::format("{:.1f}ms", tenths(seconds * 1000));
}

std::string signed_ms(double seconds) {
    return fmt::format("{:+.1f}ms", tenths(seconds * 1000));
}

std::string percent(double ratio) {
    return fmt::format("{:+.1f}%", tenths((ratio - 1) * 100));
}

Check begin_check(std::string id, std::size_t n) {
    return make_check(std::move(id), Verdict::inconclusive, {}, {{"n", n}});
}

} // namespace

Check judge_slowdown(
    std::string id, std::span<const TimedPair> pairs, const ShadowLatency& limits
) {
    Check check = begin_check(std::move(id), pairs.size());
    if (pairs.empty()) {
        check.detail = k_no_pair;
        return check;
    }
    std::vector<double> ratios;
    std::vector<double> deltas;
    for (const TimedPair& pair : pairs) {
        ratios.push_back(pair.lane_s / std::max(pair.reference_s, 1e-6));
        deltas.push_back(pair.lane_s - pair.reference_s);
    }
    const Median ratio = median_of(std::move(ratios), limits.confidence);
    const Median delta = median_of(std::move(deltas), limits.confidence);
    const double limit = 1 + limits.slower_at_most;
    if (ratio.low && delta.low && *ratio.low > limit && *delta.low > limits.unnoticed_s) {
        check.verdict = Verdict::fail;
    } else if ((ratio.high && *ratio.high <= limit) ||
               (delta.high && *delta.high <= limits.unnoticed_s)) {
        check.verdict = Verdict::pass;
    }
    std::string interval;
    if (ratio.low && ratio.high && delta.low && delta.high) {
        interval = fmt::format(
            " ({:g}% interval {} to {}; {} to {})",
            limits.confidence * 100,
            percent(*ratio.low),
            percent(*ratio.high),
            ms(*delta.low),
            ms(*delta.high)
        );
    }
    check.detail = fmt::format(
        "{} against the reference, the median of {}{}; limit {}, and more than {}{}",
        percent(ratio.point),
        counted(pairs.size(), "pair"),
        interval,
        percent(limit),
        ms(limits.unnoticed_s),
        interval.empty() ? "; too few pairs for an interval" : ""
    );
    check.data["ratio"] = ratio.point;
    check.data["ratio_low"] = or_null(ratio.low);
    check.data["ratio_high"] = or_null(ratio.high);
    check.data["delta_s"] = delta.point;
    check.data["delta_low_s"] = or_null(delta.low);
    check.data["delta_high_s"] = or_null(delta.high);
    check.data["limit_ratio"] = limit;
    check.data["unnoticed_s"] = limits.unnoticed_s;
    check.data["confidence"] = limits.confidence;
    return check;
}

Check judge_p95_delta(
    std::string id,
    std::span<const TimedPair> pairs,
    const ShadowLatency& limits,
    std::uint64_t seed
) {
    Check check = begin_check(std::move(id), pairs.size());
    check.data["limit_s"] = limits.p95_delta_at_most_s;
    const auto needed = measure::needed_for_upper_rank(measure::k_p95, limits.confidence);
    std::vector<double> lane;
    std::vector<double> reference;
    for (const TimedPair& pair : pairs) {
        lane.push_back(pair.lane_s);
        reference.push_back(pair.reference_s);
    }
    const auto got = measure::bootstrap_contrast(
        reference,
        lane,
        measure::Statistic::p95,
        measure::Contrast::difference,
        {.confidence = limits.confidence, .side = measure::Side::one, .seed = seed}
    );
    if (!got) {
        check.data["needs_n"] = needed;
        check.detail = k_no_pair;
        return check;
    }
    const std::string limit = ms(limits.p95_delta_at_most_s);
    check.data["delta_s"] = got->point;
    if (pairs.size() < needed) {
        check.data["needs_n"] = needed;
        check.detail = fmt::format(
            "p95 {} against the reference over {}; limit {}; a p95 has no bound below {} pairs",
            signed_ms(got->point),
            counted(pairs.size(), "pair"),
            limit,
            needed
        );
        return check;
    }
    const auto& [low, high] = got->interval;
    check.verdict = high <= limits.p95_delta_at_most_s ? Verdict::pass
                    : low > limits.p95_delta_at_most_s ? Verdict::fail
                                                       : Verdict::inconclusive;
    check.data["low_s"] = low;
    check.data["high_s"] = high;
    check.data["confidence"] = limits.confidence;
    check.data["seed"] = seed;
    check.detail = fmt::format(
        "p95 {} against the reference over {} ({:g}% interval {} to {}); limit {}",
        signed_ms(got->point),
        counted(pairs.size(), "pair"),
        limits.confidence * 100,
        ms(low),
        ms(high),
        limit
    );
    return check;
}

} // namespace oa_stream::probe
