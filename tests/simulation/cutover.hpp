// One whole simulated cutover: users and probes are drawn by chance, everything that judges them is
// the product's own gate code with the looks a real stage takes.
#pragma once

#include "oa_stream/measure/gate.hpp"

#include "random.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace oa_stream::simulation {

/// What an operator would choose. Counts are an arm's, for one window; a stage may have two.
struct Setup {
    double base_rate = 0.005; ///< of stable's bad requests
    double sigma = 0.5; ///< of the logarithm of the time to the first content
    std::uint64_t requests = 0; ///< whose ending is counted
    std::uint64_t timed = 0; ///< whose time to the first content is known
    double rate_limit = 0; ///< of canary's bad rate minus stable's
    double p95_limit = 0.2; ///< of canary's p95 over stable's, minus 1
    double confidence = 0.95;
    int interim_looks = 4; ///< a window, beside the one that decides
};

/// How the canary differs from stable.
struct Truth {
    std::string_view name;
    double errors = 1; ///< times stable's bad rate
    double slowness = 1; ///< times stable's time, of every request
};

struct Ending {
    Verdict verdict = Verdict::inconclusive;
    std::uint64_t requests = 0; ///< an arm, until it was decided
    std::uint64_t timed = 0;
    bool interim = false; ///< an interim look ended it
};

/// The shipped cutover's stages.
inline constexpr int k_stages[]{0, 5, 25, 50, 100};

/// Stage by stage as hold_stage() does it: interim looks may FAIL; the end of the window decides;
/// what it leaves open is held once more as long and decided again; the first stage that does not
/// PASS ends the cutover. At 100 % stable has no users: the canary is compared with all of the
/// run's earlier samples of it.
[[nodiscard]] Ending
simulate(const Setup& setup, const Truth& truth, std::span<const int> stages, Random& random);

} // namespace oa_stream::simulation
