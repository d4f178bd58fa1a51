// The steps of a gate's judgement. Private to the room.
#pragma once

#include "oa_stream/measure/gate.hpp"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure {

/// Names of rules in records.
namespace rule {
inline constexpr std::string_view k_within = "upper-bound-within-limit";
inline constexpr std::string_view k_beyond = "lower-bound-beyond-limit";
inline constexpr std::string_view k_spans = "interval-spans-limit";
inline constexpr std::string_view k_fisher = "fisher-not-significant";
inline constexpr std::string_view k_no_canary = "no-canary-samples";
inline constexpr std::string_view k_no_stable = "no-stable-samples";
inline constexpr std::string_view k_too_few = "too-few-samples";
inline constexpr std::string_view k_minimum = "minimum-traffic";
inline constexpr std::string_view k_no_reference = "stable-has-no-finite-p95";
inline constexpr std::string_view k_interim = "interim-look";
inline constexpr std::string_view k_no_reading = "no-source-has-it";
inline constexpr std::string_view k_few_events = "too-few-events-for-a-spike";
inline constexpr std::string_view k_ratio_beyond = "ratio-beyond-limit";
inline constexpr std::string_view k_ratio_within = "ratio-within-limit";
inline constexpr std::string_view k_value_beyond = "value-beyond-limit";
inline constexpr std::string_view k_value_within = "value-within-limit";
inline constexpr std::string_view k_no_users_yet = "no-users-yet";
inline constexpr std::string_view k_only_stated = "stated-is-not-enough";
inline constexpr std::string_view k_missing = "source-has-nothing";
inline constexpr std::string_view k_blurred = "source-is-not-exact-enough";
inline constexpr std::string_view k_uncovered = "window-not-covered";
inline constexpr std::string_view k_failed = "source-failed";
inline constexpr std::string_view k_starved = "oa-stream-was-starved";
} // namespace rule

/// GateSpec::from of a gate that the run's own probes judge.
inline constexpr std::string_view k_by_probes = "probe";

struct Arms {
    const Tally& canary;
    const Tally& stable;
    std::uint64_t seed = 1;
};

/// The sample's time, if it counts. Only requests that ended well have an end time: a fast failure
/// is not a fast request.
[[nodiscard]] std::optional<double> time_of(const Sample& sample, Timing timing);

/// The stretches of a window in which its times look too good: an answer under way then was
/// cancelled later, so quick answers were recorded and slow ones were not.
class OnlyQuick {
public:
    OnlyQuick(std::span<const Sample> samples, Timing timing);
    /// The sample was sent in such a stretch: its time stays out of the quantiles.
    [[nodiscard]] bool holds(const Sample& sample) const noexcept;

private:
    std::vector<std::pair<double, double>> spans_{};
};

/// A variance estimated from few blocks is uncertain: intervals computed from it are widened by
/// Student's t over the normal deviate, as for batch means.
[[nodiscard]] double unsure_of(double variance, double free, double confidence);

/// The quantile of the tally's times; interpolated when only buckets are known.
[[nodiscard]] double quantile_of(const Tally& tally, Fraction q);

/// A record with only the spec, window, source and query filled in.
[[nodiscard]] GateRecord blank(const GateSpec& spec, const GateInput& input);

void settle(GateRecord& record, Verdict verdict, std::string_view rule);

/// PASS when the upper bound is within the limit, FAIL when the lower bound is beyond it. An
/// interim look may only FAIL; with fewer than min_n samples the gate may not PASS.
void decide(GateRecord& record, const Interval& interval);

/// Rounds to as many digits as a limit has: 11/10 − 1 is not the double 0.1.
[[nodiscard]] double as_decimal(double value) noexcept;

/// Number of samples at which the upper bound would reach the limit if the measured value stayed
/// the same: the interval shrinks with the square root of n.
[[nodiscard]] std::optional<std::uint64_t> scaled_need(const GateRecord& record, std::uint64_t n);

/// With at least this share of probes affected, stalls may explain a FAIL of an absolute limit.
inline constexpr double k_starved_share = 0.05;
/// Notes in the record that probes were not measured because oa-stream was stalled. An absolute
/// limit that stable does not meet either then does not FAIL.
void account_for_starvation(GateRecord& record, const GateInput& input);

void measure_bad_rate(GateRecord& record, const Arms& arms);
void measure_quantile(GateRecord& record, const Arms& arms);
/// `arms`: null when stated numbers are judged.
void measure_spike(GateRecord& record, const Arms* arms);
[[nodiscard]] std::string spike_sentence(const GateRecord& record);
void measure_expression(GateRecord& record, const Arms& arms);
[[nodiscard]] std::string expression_sentence(const GateRecord& record);

} // namespace oa_stream::measure
