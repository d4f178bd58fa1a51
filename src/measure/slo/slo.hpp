// The arithmetic of error budgets, in whole numbers: a burn rate of exactly 14.4 does not exceed a
// threshold of 14.4, whatever floating point makes of 0.0144 / 0.001. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/measure/budget.hpp"

#include <cstdint>
#include <optional>

namespace oa_stream::measure {

/// The share of events that may be bad. Code::usage for an objective above 1.
[[nodiscard]] Result<Fraction> budget_of(Fraction objective);

// How much is used up
// ------------------------------------------------------------------------------

/// nullopt without events: no traffic is not a kept objective, and not a broken one either.
/// objective ≤ 1.
[[nodiscard]] std::optional<ErrorBudget>
error_budget(Counts events, Fraction objective, Fraction at_most);

inline constexpr double k_least_covered_s = 3600;
[[nodiscard]] Coverage coverage(double covered_s, double window_s) noexcept;

// How fast it burns
// --------------------------------------------------------------------------------

/// Two windows define a burn: the long one shows that it matters, the short one that it continues.
struct BurnQuestion {
    Fraction objective = usual::k_objective.number;
    Fraction threshold{144, 10}; ///< times the even rate
    Counts long_window{};
    Counts short_window{};
    std::uint64_t least_bad = 0; ///< event floor: fewer bad ones in the long window do not fire
    std::uint64_t least_total = 0; ///< the same for all of its events
};

[[nodiscard]] BurnRate burn_rate(const BurnQuestion& question);

/// Hours until what is left of the budget is used up at `burn` times the even rate. +Inf at 0.
[[nodiscard]] double hours_left(double remaining, double burn, double period_hours) noexcept;

// Which pairs are watched
// --------------------------------------------------------------------------

/// An error rate is never above 1, so a factor at or above 1 / budget can never be exceeded:
/// Code::config, naming the largest factor that still can (`below`).
[[nodiscard]] Result<void> check_reachable(Fraction factor, Fraction objective);

} // namespace oa_stream::measure
