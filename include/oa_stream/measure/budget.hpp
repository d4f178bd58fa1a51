// The state of one error budget, made from a source's numbers of its window and of the windows
// that burn rates look at. Pure.
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
    double consumed = 0; ///< 0.5 = half; may exceed 1; +Inf when nothing is allowed and some is bad
    double remaining = 1; ///< 1 − consumed; −Inf
    double sli = 1; ///< share of good events
    bool within = true; ///< consumed ≤ at_most, exactly
};

/// What a short history is worth: the covered share of the window, and whether that is enough to
/// judge the budget at all.
struct Coverage {
    double share = 0; ///< ≤ 1
    bool enough = false;
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
    /// Event floor of a burn: with fewer bad ones, or fewer at all, in its long window none fires.
    std::uint64_t least_bad = usual::k_least_bad.number;
    std::uint64_t least_total = usual::k_least_total.number;
};

/// Windows in seconds whose readings a status is made from: the budget's own first, then those of
/// k_burn_pairs that are not longer than it, ascending, each once.
[[nodiscard]] std::vector<double> budget_windows(double window_s);

struct WindowReading {
    double window_s = 0;
    SourceReading reading{};
};

/// One pair of windows and whether both burn.
struct BurnStatus {
    BurnPair pair;
    BurnRate rate{}; ///< of a window that was not measured: as without events
    Counts events{}; ///< of the long window
    double covered = 0; ///< share of the long window with data
    std::string why{}; ///< one of the two was not measured; empty: both were
    bool unsure = false; ///< what was not read, or not counted exactly, may turn `rate.firing`
    bool inexact = false; ///< all was read: what may turn it is the error of the counts
};

struct BudgetStatus {
    BudgetQuestion question{};
    std::optional<ErrorBudget> budget{}; ///< unset: nothing is known, or there was no request
    std::string why{}; ///< why it cannot be judged; empty: it can
    Counts events{};
    Coverage coverage{};
    double covered_s = 0;
    double blur = 0; ///< half-width of `consumed` from the source's own error
    std::uint64_t unread = 0; ///< requests that may have been there, bad or good
    Counts at_best{}; ///< the requests as they may have been, had the source erred to that side
    Counts at_worst{};
    std::string uncovered{}; ///< as in SourceReading
    std::vector<BurnStatus> burns{};
    bool burning = false; ///< at least one pair fires, whatever was not read
    /// Of what is left, at the rate of the shortest long window that has enough events; +Inf: it
    /// does not burn.
    std::optional<double> hours_to_exhaustion{};
    std::string exhaustion_by{}; ///< "1h"
    double newest_s = 0;
    std::string source{};
    std::string query{};
    std::vector<std::string> notes{};
};

/// `readings` answer budget_windows(); one that is not among them is not measured. Less than an
/// hour covered, no requests, or nothing known cannot be judged, and says so in `why`.
[[nodiscard]] BudgetStatus
budget_status(const BudgetQuestion& question, std::span<const WindowReading> readings);

/// What is consumed at least and at most: by the requests at best and at worst. Unset without a
/// budget.
struct BudgetRange {
    ErrorBudget least{};
    ErrorBudget most{};
};
[[nodiscard]] std::optional<BudgetRange> range_of(const BudgetStatus& status);

/// "12s of 30d", "all of 1h"
[[nodiscard]] std::string covered_text(const BudgetStatus& status);

/// consumed ≤ at_most: PASS or FAIL, INCONCLUSIVE when it cannot be judged or when the source's own
/// error could turn it.
[[nodiscard]] Check budget_check(const BudgetStatus& status, Fraction at_most, std::string id);

/// Is the budget used up (FAIL), or does a pair burn (FAIL)? A PASS knows of every pair that it
/// does not: one that was not measured, or not well enough, makes it INCONCLUSIVE.
[[nodiscard]] Check status_check(const BudgetStatus& status, std::string id);

/// Numbers that are infinite are null.
[[nodiscard]] Json to_json(const BudgetStatus& status);

} // namespace oa_stream::measure
