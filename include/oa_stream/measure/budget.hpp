// The state of one error budget, computed from a source's readings of the budget window and of the
// burn-rate windows. Pure.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/measure/usual.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

struct ErrorBudget {
    double allowed_bad = 0;
    /// 0.5 = half; may exceed 1; +Inf when nothing is allowed and some requests are bad
    double consumed = 0;
    double remaining = 1; ///< 1 − consumed; may be −Inf
    double sli = 1; ///< share of good events
    bool within = true; ///< consumed ≤ at_most, compared exactly
};

/// How much of the window has data, and whether that is enough to judge the budget.
struct Coverage {
    double share = 0; ///< ≤ 1
    bool enough = false;
};

struct BurnRate {
    struct Window {
        std::optional<double> error_rate{}; ///< nullopt without events
        std::optional<double> burn_rate{}; ///< +Inf: no bad request is allowed and some are bad
    };
    Window long_window{};
    Window short_window{};
    bool has_data = false; ///< both windows have events
    bool firing = false; ///< both strictly above the threshold, and the floors are reached
};

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

struct BudgetQuestion {
    std::string name{}; ///< of the slo
    Fraction objective = usual::k_objective.number; ///< share of good requests
    double window_s = usual::k_window_s.number;
    /// Event floor of a burn: none fires while its long window has fewer bad requests, or fewer in
    /// total.
    std::uint64_t least_bad = usual::k_least_bad.number;
    std::uint64_t least_total = usual::k_least_total.number;
};

/// Windows, in seconds, whose readings budget_status() needs: the budget's own first, then the
/// windows of k_burn_pairs that are not longer, ascending and without duplicates.
[[nodiscard]] std::vector<double> budget_windows(double window_s);

struct WindowReading {
    double window_s = 0;
    SourceReading reading{};
};

/// One pair of windows and whether both burn.
struct BurnStatus {
    BurnPair pair;
    BurnRate rate{}; ///< a window that was not measured counts as one without events
    Counts events{}; ///< of the long window
    double covered = 0; ///< share of the long window that has data
    std::string why{}; ///< why one of the two windows was not measured; empty: both were
    bool unsure = false; ///< unread or inexactly counted events may change `rate.firing`
    bool inexact = false; ///< everything was read: only the counts' error may change it
};

struct BudgetStatus {
    BudgetQuestion question{};
    std::optional<ErrorBudget> budget{}; ///< unset: nothing is known, or there were no requests
    std::string why{}; ///< why the budget cannot be judged; empty: it can
    Counts events{};
    Coverage coverage{};
    double covered_s = 0;
    double blur = 0; ///< half-width of `consumed` that the source's own error causes
    std::uint64_t unread = 0; ///< requests, bad or good, that the source may have missed
    /// The request counts if the source erred to the good side (at_best) or the bad side
    /// (at_worst).
    Counts at_best{};
    Counts at_worst{};
    std::string uncovered{}; ///< as in SourceReading
    std::vector<BurnStatus> burns{};
    bool burning = false; ///< at least one pair fires, even allowing for what was not read
    /// Until the rest of the budget is used up, at the rate of the shortest long window that has
    /// enough events; +Inf: the budget does not burn.
    std::optional<double> hours_to_exhaustion{};
    std::string exhaustion_by{}; ///< "1h"
    double newest_s = 0;
    std::string source{};
    std::string query{};
    std::vector<std::string> notes{};
};

/// `readings` answer budget_windows(); a window without a reading is not measured. A budget cannot
/// be judged with less than an hour covered, no requests, or no data; `why` then gives the reason.
[[nodiscard]] BudgetStatus
budget_status(const BudgetQuestion& question, std::span<const WindowReading> readings);

/// The least and most that may be consumed, from the requests at best and at worst. Unset without a
/// budget.
struct BudgetRange {
    ErrorBudget least{};
    ErrorBudget most{};
};
[[nodiscard]] std::optional<BudgetRange> range_of(const BudgetStatus& status);

/// "12s of 30d", "all of 1h"
[[nodiscard]] std::string covered_text(const BudgetStatus& status);

/// consumed ≤ at_most: PASS or FAIL. INCONCLUSIVE when the budget cannot be judged, or when the
/// source's own error could change the result.
[[nodiscard]] Check budget_check(const BudgetStatus& status, Fraction at_most, std::string id);

/// FAIL when the budget is used up or a pair burns. PASS requires that every pair is known not to
/// burn: a pair that was not measured, or not well enough, makes the check INCONCLUSIVE.
[[nodiscard]] Check status_check(const BudgetStatus& status, std::string id);

/// Infinite numbers become null.
[[nodiscard]] Json to_json(const BudgetStatus& status);

} // namespace oa_stream::measure
