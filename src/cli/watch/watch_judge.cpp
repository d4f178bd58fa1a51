#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "watch_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr double k_sure = 0.95; ///< one-sided
/// For few requests: the confidence of a gate's interim look, because watch judges again every two
/// seconds.
constexpr double k_surer = 1 - (1 - k_sure) * measure::k_interim_share;

/// The finding for one limit.
struct WatchFinding {
    std::string why{}; ///< why it is proven to be exceeded; empty: it is not
    bool few = false; ///< it is exceeded, by too few requests to prove it
};

/// Total and bad requests as whole numbers; none where good ones may be missing.
measure::Counts counts_of(const measure::TurnCounts& turns) {
    if (turns.good_missing) {
        return {};
    }
    const std::uint64_t total = whole(turns.total.value_or(0));
    return {std::min(whole(turns.bad.value_or(0)), total), total};
}

/// The share of bad requests is above this, beyond chance.
bool proven_above(const measure::Counts& counts, double share, const WatchLimits& limits) {
    const bool few = static_cast<double>(counts.total) < limits.least;
    const auto got = measure::exact_bounds(counts, few ? k_surer : k_sure);
    return got && got->low > share;
}

/// The reported numbers prove a breach, whatever else is missing.
WatchFinding judge_bad(const WatchPart& part, const WatchLimits& limits) {
    const measure::Counts counts = counts_of(part.turns);
    if (!part.turns.bad || counts.rate() <= limits.bad_at_most) {
        return {};
    }
    if (!proven_above(counts, limits.bad_at_most, limits)) {
        return {.few = static_cast<double>(counts.total) < limits.least};
    }
    return {
        .why = fmt::format(
            "{}{} of {} requests bad ({}), limit {:g}%",
            part.turns.missing.empty() ? "" : "at least ",
            counts.bad,
            counts.total,
            percent_text(counts.rate(), limits.bad_at_most),
            limits.bad_at_most * 100
        )
    };
}

/// First-content times that are certainly beyond the limit. None where quick ones may be missing.
measure::Counts slow_ones(const WatchPart& part, const WatchLimits& limits) {
    const auto& buckets = part.first_content;
    if (buckets.empty() || part.times_missing) {
        return {};
    }
    const std::uint64_t total = whole(buckets.back().count);
    const auto edge =
        std::ranges::lower_bound(buckets, limits.p95_at_most_s, {}, &measure::Bucket::le);
    const std::uint64_t within = edge == buckets.end() ? total : whole(edge->count);
    return {total - std::min(within, total), total};
}

WatchFinding judge_slow(const WatchPart& part, const WatchLimits& limits) {
    const auto& buckets = part.first_content;
    const measure::Counts counts = slow_ones(part, limits);
    const std::uint64_t total = counts.total;
    if (total == 0) {
        return {};
    }
    const auto rank = measure::nearest_rank(total, measure::k_p95);
    if (measure::resolution_of_rank(buckets, static_cast<double>(rank)).above <
        limits.p95_at_most_s) {
        return {};
    }
    if (static_cast<double>(total) < limits.least &&
        !proven_above(counts, 1 - measure::k_p95.value(), limits)) {
        return {.few = true};
    }
    return {
        .why = fmt::format(
            "p95 of the first content {}, limit {:g}s",
            percentile_text(buckets, measure::k_p95),
            limits.p95_at_most_s
        )
    };
}

/// A small revision that is entirely bad would not show beside a large good one, so each is also
/// judged by itself.
void judge_limits(WatchView& view, const WatchLimits& limits) {
    WatchPart all;
    all.turns = view.numbers.turns;
    all.first_content = all_first_content(view.numbers);
    all.times_missing = view.numbers.times_missing;
    const auto judged = by_revision(view.parts);
    using Judge = WatchFinding (*)(const WatchPart&, const WatchLimits&);
    const std::array<std::pair<Judge, bool*>, 2> kinds{
        {{judge_bad, &view.broken.bad}, {judge_slow, &view.broken.slow}}
    };
    for (const auto& [judge_part, broken] : kinds) {
        WatchFinding found = judge_part(all, limits);
        view.few = view.few || found.few;
        if (!found.why.empty()) {
            view.why.push_back(std::move(found.why));
            *broken = true;
        }
        for (const WatchPart& part : judged) {
            const auto [text, few] = judge_part(part, limits);
            view.few = view.few || few;
            if (text.empty()) {
                continue;
            }
            *broken = true;
            const bool named = !part.revision.empty();
            if (judged.size() > 1) {
                view.why.push_back(
                    fmt::format("{}: {}", named ? "revision " + part.revision : "no revision", text)
                );
            }
            if (named) {
                add_once(view.guilty, part.revision);
            }
        }
    }
}

/// More bad requests than the objective allows: a good present window does not undo them.
void judge_budget(WatchView& view, const WatchLimits& limits) {
    const measure::Counts counts = counts_of(view.numbers.budget);
    view.budget_judged = static_cast<double>(counts.bad) >= limits.least_bad &&
                         static_cast<double>(counts.total) >= limits.least;
    view.broken.budget = view.budget_judged && view.budget_left.value_or(0) + view.budget_off < 0;
    if (view.broken.budget) {
        view.why.push_back(fmt::format(
            "error budget overspent: {}{} of {} requests bad {}, {} of it left",
            view.budget_off > 0 ? "about " : "", // increase() extrapolates
            counts.bad,
            counts.total,
            view.numbers.budget_window == "since its start" ? view.numbers.budget_window
                                                            : "in " + view.numbers.budget_window,
            percent_text(view.budget_left.value_or(0))
        ));
    }
}

std::string age_text(const std::optional<double>& age) {
    return age ? fmt::format("numbers are {:.0f}s old", *age) : std::string("no numbers ever came");
}

/// How reliable the sources are: the worst of them counts.
std::optional<WatchState> judge_sources(WatchView& view, const WatchLimits& limits) {
    std::optional<WatchState> worst;
    for (const WatchSource& source : view.sources) {
        if (!source.reachable) {
            view.why.push_back(
                fmt::format("{} {}, {}", source.name, source.state, age_text(source.age_s))
            );
            const bool silent = !source.answered || worst == WatchState::unreachable;
            worst = silent ? WatchState::unreachable : WatchState::unreadable;
        } else if (!source.age_s || *source.age_s > limits.stale_after_s) {
            view.why.push_back(fmt::format("{}: {}", source.name, age_text(source.age_s)));
            worst = worst.value_or(WatchState::stale);
        } else if (!source.ready) {
            view.why.push_back(fmt::format("{} {}", source.name, source.state));
            worst = worst.value_or(WatchState::unready);
        }
        if (source.reachable && !source.unsure.empty()) {
            view.why.push_back(fmt::format("{}: {}", source.name, source.unsure));
            worst = worst.value_or(WatchState::incomplete);
        }
    }
    return worst;
}

/// A fault that pages makes a look not OK; other faults are only listed.
std::optional<WatchState> judge_services(WatchView& view, std::optional<WatchState> worst) {
    for (const measure::ServiceFault& fault : view.faults) {
        if (fault.signal->pages) {
            view.why.push_back(fault.text());
            worst = worst.value_or(WatchState::unready);
        }
    }
    return worst;
}

void fill_budget(WatchView& view, const WatchLimits& limits) {
    const double allowed = 1 - limits.objective.value();
    if (allowed <= 0) {
        return;
    }
    if (view.bad && view.total && *view.total > 0) {
        view.burn = *view.bad / *view.total / allowed;
    }
    const measure::TurnCounts& budget = view.numbers.budget;
    const double total = budget.total.value_or(0);
    if (budget.missing.empty() && budget.bad && total > 0) {
        view.budget_left = 1 - (*budget.bad / total / allowed);
        view.budget_off = view.numbers.budget_error / total / allowed;
    }
}

bool nobody_answers(const WatchView& view) {
    return std::ranges::none_of(view.sources, &WatchSource::reachable);
}

/// The first look scrapes an address several times within milliseconds: the rise counts, but not as
/// a rate.
void drop_moments(WatchView& view) {
    const auto drop = [&](double& window_s) {
        window_s = window_s < view.every_s / 2 ? 0 : window_s;
    };
    drop(view.numbers.window_s);
    for (WatchPart& part : view.parts) {
        drop(part.window_s);
    }
}

} // namespace

void judge(WatchView& view, const WatchLimits& limits) {
    drop_moments(view);
    view.objective = limits.objective;
    view.total = view.numbers.turns.total;
    std::set<std::string> missing = view.numbers.turns.missing;
    if (missing.empty()) {
        view.bad = view.numbers.turns.bad;
    }
    missing.insert(view.numbers.missing.begin(), view.numbers.missing.end());
    fill_budget(view, limits);
    // Old numbers prove nothing about the present state.
    const bool fresh = std::ranges::any_of(view.sources, [&](const WatchSource& source) {
        return source.reachable && source.age_s.value_or(INFINITY) <= limits.stale_after_s;
    });
    if (fresh) {
        judge_limits(view, limits);
        judge_budget(view, limits);
    }
    view.breach = !view.why.empty();
    const auto distrusted = judge_services(view, judge_sources(view, limits));
    if (view.breach) {
        view.state = WatchState::bad;
    } else if (distrusted) {
        view.state = *distrusted;
    } else if (!view.absent.empty()) {
        view.why.push_back(fmt::format("no lane is of revision {}", view.absent));
        view.state = WatchState::missing;
    } else if (view.numbers.window_s <= 0) {
        view.state = WatchState::starting;
    } else if (!missing.empty()) {
        view.why.push_back(fmt::format("not reported: {}", fmt::join(missing, ", ")));
        view.state = WatchState::missing;
    } else if (view.total.value_or(0) <= 0) {
        view.state = WatchState::quiet;
    } else if (view.few) {
        view.state = WatchState::few;
    } else {
        view.state = WatchState::ok;
    }
}

std::string worst_address(const WatchView& view, const WatchLimits& limits) {
    // The proven share: one bad request of one is less than 500 of 1000.
    const auto share = [](const measure::Counts& counts) {
        const auto got = measure::exact_bounds(counts, k_sure);
        return got ? got->low : 0;
    };
    std::string worst;
    double most = 0;
    for (const WatchPart& part : view.parts) {
        const double proven = view.broken.bad    ? share(counts_of(part.turns))
                              : view.broken.slow ? share(slow_ones(part, limits))
                                                 : share(counts_of(part.budget));
        if (!part.address.empty() && proven > most) {
            worst = part.address;
            most = proven;
        }
    }
    return worst;
}

Verdict verdict_of(const WatchView& view) {
    if (view.breach) {
        return Verdict::fail;
    }
    if (view.state == WatchState::ok) {
        return Verdict::pass;
    }
    return nobody_answers(view) ? Verdict::error : Verdict::inconclusive;
}

} // namespace oa_stream::cli
