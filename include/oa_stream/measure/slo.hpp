// The arithmetic of error budgets, in whole numbers: a burn rate of exactly 14.4 does not exceed a
// threshold of 14.4, whatever floating point makes of 0.0144 / 0.001.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

/// The share of events that may be bad. Code::usage for an objective above 1.
[[nodiscard]] Result<Fraction> budget_of(Fraction objective);

// How much is used up
// ------------------------------------------------------------------------------

struct ErrorBudget {
    double allowed_bad = 0;
    double consumed = 0; ///< 0.5 = half; may exceed 1; +Inf when nothing is allowed and some is bad
    double remaining = 1; ///< 1 − consumed; −Inf
    double sli = 1; ///< share of good events
    bool within = true; ///< consumed ≤ at_most, exactly
};
/// nullopt without events: no traffic is not a kept objective, and not a broken one either.
/// objective ≤ 1.
[[nodiscard]] std::optional<ErrorBudget>
error_budget(Counts events, Fraction objective, Fraction at_most);

/// What a short history is worth: the covered share of the window, and whether that is enough to
/// judge the budget at all.
struct Coverage {
    double share = 0; ///< ≤ 1
    bool enough = false;
};
inline constexpr double k_least_covered_s = 3600;
[[nodiscard]] Coverage coverage(double covered_s, double window_s) noexcept;

// How fast it burns
// --------------------------------------------------------------------------------

struct BurnWindow {
    Fraction hours{1, 1};
    Counts events{};
};

/// A burn is told by two windows: the long one says that it matters, the short one that it goes on.
struct BurnQuestion {
    Fraction objective{999, 1000};
    Fraction period_hours{720, 1}; ///< of the budget
    Fraction threshold{144, 10}; ///< times the even rate
    BurnWindow long_window{};
    BurnWindow short_window{};
    std::uint64_t least_bad = 0; ///< event floor: fewer bad ones in the long window do not fire
    std::uint64_t least_total = 0; ///< the same for all of its events
};

struct BurnRate {
    struct Window {
        std::optional<double> error_rate{}; ///< nullopt without events
        std::optional<double> burn_rate{}; ///< +Inf: nothing is allowed, some is bad
    };
    Window long_window{};
    Window short_window{};
    bool has_data = false; ///< both windows have events
    bool firing = false; ///< both strictly above the threshold, and the floors are reached
    std::optional<double> budget_consumed{}; ///< by the long window, share of the whole budget
    std::optional<double> hours_to_exhaustion{}; ///< of a full budget at this rate; +Inf, 0
    double threshold_error_rate = 0;
    double threshold_budget = 0; ///< share of the budget that burning at the threshold costs
};
[[nodiscard]] BurnRate burn_rate(const BurnQuestion& question);

/// Hours until what is left of the budget is used up at `burn` times the even rate. +Inf at 0.
[[nodiscard]] double hours_left(double remaining, double burn, double period_hours) noexcept;

// Which pairs are watched
// --------------------------------------------------------------------------

struct BurnPair {
    std::string_view severity; ///< "page" or "ticket"
    Fraction factor;
    std::string_view long_word; ///< "1h"
    std::string_view short_word;
    std::uint32_t long_minutes;
    std::uint32_t short_minutes;
};
/// 14.4 (1h/5m), 6 (6h/30m), 3 (1d/2h), 1 (3d/6h): 2, 5, 10 and 10 % of a 30-day budget.
inline constexpr std::array k_burn_pairs{
    BurnPair{"page", {144, 10}, "1h", "5m", 60, 5},
    BurnPair{"page", {6, 1}, "6h", "30m", 360, 30},
    BurnPair{"ticket", {3, 1}, "1d", "2h", 1440, 120},
    BurnPair{"ticket", {1, 1}, "3d", "6h", 4320, 360},
};

/// An error rate is never above 1, so a factor at or above 1 / budget can never be exceeded:
/// Code::config, naming the largest factor that still can (`below`).
[[nodiscard]] Result<void> check_reachable(Fraction factor, Fraction objective);

} // namespace oa_stream::measure
