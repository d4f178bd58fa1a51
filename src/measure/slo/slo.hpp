// The arithmetic of error budgets in integers: a burn rate of exactly 14.4 must not exceed a
// threshold of 14.4, whatever floating point makes of 0.0144 / 0.001. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/measure/budget.hpp"

#include <cstdint>
#include <optional>

namespace oa_stream::measure {

/// The share of events that may be bad. Code::usage for an objective above 1.
[[nodiscard]] Result<Fraction> budget_of(Fraction objective);

// Consumption of the budget
// ------------------------------------------------------------------------------

/// nullopt without events: without traffic an objective is neither kept nor broken. objective ≤ 1.
[[nodiscard]] std::optional<ErrorBudget>
error_budget(Counts events, Fraction objective, Fraction at_most);

inline constexpr double k_least_covered_s = 3600;
[[nodiscard]] Coverage coverage(double covered_s, double window_s) noexcept;

// Burn rates
// ---------------------------------------------------------------------------------------

/// A burn has two windows: the long one shows that it matters, the short one that it continues.
struct BurnQuestion {
    Fraction objective = usual::k_objective.number;
    Fraction threshold{144, 10}; ///< as a multiple of the even rate
    Counts long_window{};
    Counts short_window{};
    /// Event floor: with fewer bad events in the long window the pair does not fire.
    std::uint64_t least_bad = 0;
    std::uint64_t least_total = 0; ///< the same for all events of the long window
};

[[nodiscard]] BurnRate burn_rate(const BurnQuestion& question);

/// Hours until the rest of the budget is used up at `burn` times the even rate. +Inf at 0.
[[nodiscard]] double hours_left(double remaining, double burn, double period_hours) noexcept;

// Reachable pairs
// ----------------------------------------------------------------------------------

/// An error rate is at most 1, so a factor of at least 1 / budget can never be exceeded:
/// Code::config, with the bound below which a factor must lie (`below`).
[[nodiscard]] Result<void> check_reachable(Fraction factor, Fraction objective);

} // namespace oa_stream::measure
