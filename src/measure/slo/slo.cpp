#include "slo.hpp"

#include "oa_stream/measure/buckets.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::measure {
namespace {

/// Products a·b·… of factors that together stay far below 2^128: events up to 10^15, budgets and
/// thresholds with about nine digits.
using Wide = unsigned __int128;

Wide product(std::uint64_t a, std::uint64_t b, std::uint64_t c = 1, std::uint64_t d = 1) {
    return static_cast<Wide>(a) * b * c * d;
}

/// 1 − objective; 0 for an objective above 1.
Fraction rest(Fraction objective) {
    return {objective.num >= objective.den ? 0 : objective.den - objective.num, objective.den};
}

double ratio(Wide a, Wide b) {
    return static_cast<double>(a) / static_cast<double>(b);
}

BurnRate::Window window_of(const Counts& events, Fraction budget) {
    if (events.total == 0) {
        return {};
    }
    BurnRate::Window out{.error_rate = events.rate(), .burn_rate = 0.0};
    if (budget.num != 0) {
        out.burn_rate = ratio(product(events.bad, budget.den), product(events.total, budget.num));
    } else if (events.bad != 0) {
        out.burn_rate = k_infinite;
    }
    return out;
}

/// bad / total ÷ budget > threshold, in integers.
bool exceeds(const Counts& events, Fraction budget, Fraction threshold) {
    return product(events.bad, budget.den, threshold.den) >
           product(events.total, budget.num, threshold.num);
}

} // namespace

Result<Fraction> budget_of(Fraction objective) {
    if (objective.num > objective.den) {
        return fail(Code::usage, "an objective is at most 100%", {}, "99.9% leaves 0.1%");
    }
    return rest(objective);
}

std::optional<ErrorBudget> error_budget(Counts events, Fraction objective, Fraction at_most) {
    if (events.total == 0) {
        return std::nullopt;
    }
    const Fraction budget = rest(objective);
    const Wide used = product(events.bad, budget.den);
    const Wide allowed = product(events.total, budget.num);
    ErrorBudget out;
    out.allowed_bad = ratio(allowed, budget.den);
    out.consumed = allowed != 0 ? ratio(used, allowed) : events.bad == 0 ? 0 : k_infinite;
    out.remaining = 1 - out.consumed;
    out.sli = ratio(events.total - events.bad, events.total);
    // 0 used of nothing allowed is within any limit, even a limit of 0.
    out.within = used * at_most.den <= allowed * at_most.num;
    return out;
}

Coverage coverage(double covered_s, double window_s) noexcept {
    // Both lengths are differences of times since 1970, which are exact to less than a microsecond.
    constexpr double k_rounding_s = 1e-3;
    const bool whole = window_s > 0 && covered_s >= window_s - k_rounding_s;
    const double part = window_s > 0 ? std::clamp(covered_s / window_s, 0.0, 1.0) : 0;
    return {.share = whole ? 1 : part, .enough = whole || covered_s >= k_least_covered_s};
}

BurnRate burn_rate(const BurnQuestion& question) {
    const Fraction budget = rest(question.objective);
    const Counts& longer = question.long_window;
    const Counts& shorter = question.short_window;
    BurnRate out;
    out.long_window = window_of(longer, budget);
    out.short_window = window_of(shorter, budget);
    out.has_data = longer.total != 0 && shorter.total != 0;
    out.firing = out.has_data && exceeds(longer, budget, question.threshold) &&
                 exceeds(shorter, budget, question.threshold) && longer.bad >= question.least_bad &&
                 longer.total >= question.least_total;
    return out;
}

double hours_left(double remaining, double burn, double period_hours) noexcept {
    if (remaining <= 0 || burn == k_infinite) {
        return 0;
    }
    return burn > 0 ? remaining * period_hours / burn : k_infinite;
}

Result<void> check_reachable(Fraction factor, Fraction objective) {
    const Fraction budget = rest(objective);
    if (product(factor.num, budget.num) < product(factor.den, budget.den)) {
        return {};
    }
    return fail(
        Code::config,
        fmt::format(
            "a burn rate above {:g} can never be seen: an objective of {:g}% leaves {:g}%",
            factor.value(),
            objective.value() * 100,
            budget.value() * 100
        ),
        {},
        fmt::format("a factor below {:g}", 1 / budget.value())
    );
}

} // namespace oa_stream::measure
