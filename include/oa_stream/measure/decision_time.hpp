// How long a gate will need, estimated before anything moves: from stable's traffic of today and
// the limit, at the share a stage gives the canary.
#pragma once

#include "oa_stream/measure/gate.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::measure {

/// How requests go now; the canary is taken to be as good as stable.
struct Expectation {
    double bad_rate = 0;
    std::optional<double> p95_s{}; ///< nullopt: no times were seen
    double sigma = 1;              ///< of the logarithm of the time to the first content
};
/// From what stable showed. nullopt without requests.
[[nodiscard]] std::optional<Expectation> expectation_of(const Tally& stable);

/// Samples a second that reach each arm, probes included.
struct Flow {
    double canary_per_s = 0;
    double stable_per_s = 0;
};

struct DecisionTime {
    std::optional<std::uint64_t> needs_n{}; ///< of the canary; nullopt: this gate cannot PASS
    std::optional<double> seconds{};        ///< nullopt: it cannot, or no samples come
    std::string sentence{};                 ///< for a plan, behind the gate's id
};
/// Rounded up, so that nobody waits in vain: to whole seconds, above ten minutes to whole minutes.
[[nodiscard]] std::string decision_time_text(double seconds);

/// The time after which a canary as good as stable has passed the last of `looks` with a chance of
/// `power`. By normal approximations, good to some ten percent; docs/gates.md has simulated cases.
[[nodiscard]] DecisionTime time_to_decide(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double power = 0.9
);

/// The chance, from 0 to 0.999, that a canary as good as stable has passed the last of `looks`
/// after `within_s`. By the same approximations.
[[nodiscard]] double chance_to_pass(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double within_s
);

} // namespace oa_stream::measure
