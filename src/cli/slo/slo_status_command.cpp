// slo status: how much of each budget is consumed and left, how fast it burns, and when it runs
// out.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/measure/gate.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "slo_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::cli {

namespace {

using measure::BudgetStatus;
using measure::BurnStatus;

/// "5%", "5% to 7%"
std::string from_to(double least, double most) {
    const std::string low = percent_text(least);
    const std::string high = percent_text(most);
    return low == high ? low : fmt::format("{} to {}", low, high);
}

/// "12d", "3h20m"
std::string hours_text(double hours) {
    constexpr std::int64_t k_day = std::int64_t{24} * 60;
    const auto minutes = static_cast<std::int64_t>(hours * 60);
    return minutes >= 2 * k_day
               ? fmt::format("{}d", minutes / k_day)
               : format_duration(std::chrono::minutes(std::max<std::int64_t>(1, minutes)));
}

std::string how_long(const BudgetStatus& status) {
    if (!status.hours_to_exhaustion && std::ranges::any_of(status.burns, &BurnStatus::unsure)) {
        return "what could not be read or counted exactly decides how long it lasts";
    }
    if (!status.hours_to_exhaustion) {
        return "too few requests to estimate how long it lasts";
    }
    const double hours = *status.hours_to_exhaustion;
    if (hours <= 0) {
        return "used up";
    }
    return fmt::format(
        "{} at the rate of the last {}",
        std::isinf(hours) ? "does not shrink" : "gone in " + hours_text(hours),
        status.exhaustion_by
    );
}

std::string burn_text(const BurnStatus& burn) {
    const auto number = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.{}f}", *value, *value < 10 ? 1 : 0) : std::string("-");
    };
    if (!burn.why.empty()) {
        return fmt::format(
            "    {:>2}/{:<3}  unknown: {}\n", burn.pair.long_word, burn.pair.short_word, burn.why
        );
    }
    return fmt::format(
        "    {:>2}/{:<3}  {} and {} times the even rate; {} above {:g}{}\n",
        burn.pair.long_word,
        burn.pair.short_word,
        number(burn.rate.long_window.burn_rate),
        number(burn.rate.short_window.burn_rate),
        burn.pair.severity,
        burn.pair.factor.value(),
        burn.unsure        ? ": what could not be read or counted exactly decides it"
        : burn.rate.firing ? ": BURNING"
                           : ""
    );
}

std::string budget_status_text(const std::string& name, const BudgetStatus& status) {
    std::string out = fmt::format(
        "{}  objective {:g}%, {} covered\n",
        name,
        status.question.objective.value() * 100,
        covered_text(status)
    );
    if (const auto range = range_of(status)) {
        out += fmt::format(
            "  consumed {}  left {}  {} bad of {}{}  {}\n",
            from_to(range->least.consumed, range->most.consumed),
            from_to(range->most.remaining, range->least.remaining),
            status.events.bad,
            status.events.total,
            status.unread == 0 ? "" : fmt::format(", up to {} more unread", status.unread),
            how_long(status)
        );
    }
    if (!status.why.empty()) {
        out += fmt::format("  unknown: {}\n", status.why);
    }
    for (const BurnStatus& burn : status.burns) {
        out += burn_text(burn);
    }
    for (const std::string& note : status.notes) {
        out += fmt::format("  note: {}\n", note);
    }
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): run_slo() holds them
Task<SloFindings> look(const SloOrder& order, SloDesk& desk) {
    SloFindings out;
    out.more["slos"] = Json::array();
    std::vector<std::string> whose{""};
    whose.insert(whose.end(), order.revisions.begin(), order.revisions.end());
    for (const Slo& slo : order.slos) {
        for (const std::string& revision : whose) {
            const std::string name = budget_name(slo, revision);
            const auto status = co_await ask_budget(slo, revision, true, desk);
            if (!status) {
                out.checks.push_back(slo_error("slo." + name, status.error()));
                continue;
            }
            Json row = to_json(*status);
            row["revision"] = revision;
            out.more["slos"].push_back(std::move(row));
            out.text += budget_status_text(name, *status);
            out.checks.push_back(measure::status_check(*status, "slo." + name));
        }
    }
    co_return out;
}

Result<ExitCode> run(const SloOptions& options, Context& context) {
    OA_TRY(const SloOrder order, slo_order(options));
    return run_slo(
        run::RunKind::slo_status,
        slo_status_command,
        order.source,
        [&](SloDesk& desk) { return look(order, desk); },
        context
    );
}

constexpr std::int64_t k_most_events = 1'000'000;
constexpr auto k_options = options<SloOptions>(
    k_slo_source,
    k_slo_objectives,
    option<&SloOptions::revisions>(names::revision, "NAME", "Also show a row for this revision."),
    k_slo_route,
    option<&SloOptions::least_bad>(
        names::min_bad, "N", "Do not report a burn with fewer bad events in its window."
    )
        .range(0, k_most_events)
        .or_else(measure::usual::k_least_bad.text),
    option<&SloOptions::least_total>(
        names::min_total, "N", "Do not report a burn with fewer events in its window."
    )
        .range(0, k_most_events)
        .or_else(measure::usual::k_least_total.text),
    k_slo_access
);

} // namespace

const CommandSpec slo_status_command = command<run>({
    .path = "slo status",
    .summary = "Show the remaining part of each error budget and how fast it burns.",
    .options = k_options,
    .examples =
        {
            "oa-stream slo status --prometheus http://127.0.0.1:9090",
            "oa-stream slo status --playbook cutover.yaml --json --prometheus "
            "http://127.0.0.1:9090 --revision r2",
        },
    .leaves_run = true,
    .about =
        R"(Shows for each objective what is left of its error budget and how fast it burns, over the windows that
the alert rules use. Numbers come from Prometheus or from access logs; missing data is shown as missing.)",
    .also = "slo budget-left",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
