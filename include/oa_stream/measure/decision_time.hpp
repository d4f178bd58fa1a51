// Estimates before a rollout how long a gate will need to decide: from stable's present traffic,
// the limit, and the share of traffic that a stage gives the canary.
#pragma once

#include "oa_stream/measure/gate.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::measure {

/// Current behaviour of requests; the canary is assumed to be as good as stable.
struct Expectation {
    double bad_rate = 0;
    std::optional<double> p95_s{}; ///< nullopt: no times were measured
    double sigma = 1;              ///< of the logarithm of the time to the first content
};
/// Derived from stable's tally. nullopt without requests.
[[nodiscard]] std::optional<Expectation> expectation_of(const Tally& stable);

/// Samples a second that reach each arm, probes included.
struct Flow {
    double canary_per_s = 0;
    double stable_per_s = 0;
};

struct DecisionTime {
    /// Canary samples that the gate needs; nullopt: this gate cannot PASS.
    std::optional<std::uint64_t> needs_n{};
    std::optional<double> seconds{}; ///< nullopt: the gate cannot PASS, or no samples arrive
    std::string sentence{}; ///< shown in a plan after the gate's id
};
/// Rounded up, so that a wait of this length suffices: to whole seconds, above ten minutes to whole
/// minutes.
[[nodiscard]] std::string decision_time_text(double seconds);

/// The time after which a canary as good as stable has passed the last of `looks` with probability
/// `power`. Uses normal approximations with an error of about ten percent; docs/gates.md has
/// simulated cases.
[[nodiscard]] DecisionTime time_to_decide(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double power = 0.9
);

/// The probability, from 0 to 0.999, that a canary as good as stable has passed the last of `looks`
/// after `within_s`. Uses the same approximations.
[[nodiscard]] double chance_to_pass(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double within_s
);

} // namespace oa_stream::measure
