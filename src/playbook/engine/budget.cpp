// The error budget that must be left before traffic is shifted.
#include "oa_stream/measure/budget.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "run_context.hpp"
#include "stage/stage_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

using measure::SourceReading;

bool may_be_stated(const RunContext& run) {
    const auto& budget = run.playbook().budget;
    return (budget && budget->or_stated) || stated_numbers(run.playbook()) != nullptr;
}

/// A stated value suffices for shifting traffic.
bool stated_is_enough(const RunContext& run) {
    const bool applies = run.changes_traffic() && moves_traffic(run.playbook().kind);
    const auto& budget = run.playbook().budget;
    const measure::StatedNumbers* stated = stated_numbers(run.playbook());
    return !applies || (budget && budget->or_stated) ||
           (stated != nullptr && stated->enough_to_apply);
}

/// Why a stated value cannot be used here; empty when it can.
std::string objection(const RunContext& run) {
    if (!may_be_stated(run)) {
        return "no source of the playbook measures it, and stating it is not among its sources";
    }
    if (!run.in.asserted) {
        return "it was neither measured nor stated, and unknown is not small: plan with a source "
               "(the shipped cutover: --set prometheus=URL or --set access_log=FILE), or state it:"
               " --asserted-budget PERCENT --reason TEXT";
    }
    if (!stated_is_enough(run)) {
        return fmt::format(
            "{:g}% is only stated, and the playbook does not let that be enough to move traffic "
            "(budget.or_stated, sources.asserted.enough_to_apply)",
            run.in.asserted->budget_consumed * 100
        );
    }
    return {};
}

double limit_of(const RunContext& run) {
    const auto& budget = run.playbook().budget;
    return budget ? budget->consumed_at_most : 0;
}

Check judge_stated(const RunContext& run, const SloSpec& slo) {
    const double limit = limit_of(run);
    const auto& asserted = run.in.asserted;
    const std::string id = "budget." + slo.name;
    if (std::string why = objection(run); !why.empty() || !asserted) {
        return make_check(id, Verdict::inconclusive, std::move(why));
    }
    const Asserted& stated = *asserted;
    Check check = make_check(
        id,
        stated.budget_consumed <= limit ? Verdict::pass : Verdict::fail,
        fmt::format(
            "stated, not measured: {:g}% consumed, at most {:g}% may be; reason: {}",
            stated.budget_consumed * 100,
            limit * 100,
            stated.reason
        ),
        {{"consumed", stated.budget_consumed},
         {"limit", limit},
         {"source", "asserted"},
         {"reason", stated.reason}}
    );
    check.mode = CheckMode::asserted;
    return check;
}

// Measured
// --------------------------------------------------------------------------------------------------

measure::Question question_of(const SloSpec& slo) {
    const double now_s = wall_seconds();
    measure::GateSpec gate;
    gate.events = fmt::format("{}", fmt::join(slo.bad, " | "));
    measure::Question out = playbook::question_of(gate, {}, {now_s - seconds(slo.window), now_s});
    out.routes = slo.routes;
    out.slower_than_s = slo.first_content_s;
    return out;
}

Check check_of(const SloSpec& slo, const SourceReading& reading, double limit) {
    const measure::BudgetQuestion question{
        .name = slo.name,
        .objective = measure::Fraction::of(slo.objective),
        .window_s = seconds(slo.window),
    };
    const std::array readings{measure::WindowReading{question.window_s, reading}};
    Check out = measure::budget_check(
        measure::budget_status(question, readings),
        measure::Fraction::of(limit),
        "budget." + slo.name
    );
    out.detail += "; by " + reading.source;
    return out;
}

/// Uses the first source that has a reading.
Task<Check> judge_measured(RunContext* run, SloSpec slo) {
    Check out;
    for (const auto& settings : run->playbook().sources) {
        const std::string_view source = settings->kind().name();
        if (!run->in.sources.contains(source)) {
            continue;
        }
        const auto reading = co_await ask_source(run, source, question_of(slo));
        Check check =
            reading
                ? check_of(slo, *reading, limit_of(*run))
                : make_check(
                      "budget." + slo.name,
                      Verdict::error,
                      fmt::format(
                          "the budget was not measured by {}: {}", source, reading.error().text()
                      ),
                      {{"source", source}, {"at_most", limit_of(*run)}}
                  );
        run->session.folder().append("measure/budgets.ndjson", to_json(check));
        if (check.verdict == Verdict::pass || check.verdict == Verdict::fail) {
            co_return check;
        }
        if (out.id.empty()) {
            out = std::move(check);
        }
    }
    co_return out; // without an id when no source was queried
}

/// Measured, otherwise stated; a stated value never changes a measured verdict.
Task<Check> judge(RunContext* run, SloSpec slo) {
    Check measured = co_await judge_measured(run, slo);
    if (measured.verdict == Verdict::pass || measured.verdict == Verdict::fail) {
        co_return measured;
    }
    Check stated = judge_stated(*run, slo);
    if (measured.id.empty()) {
        co_return stated;
    }
    if (stated.mode == CheckMode::asserted) {
        stated.detail += "; " + measured.detail;
        stated.data["measured"] = measured.data;
        co_return stated;
    }
    if (may_be_stated(*run)) {
        measured.detail += " (or state it: --asserted-budget PERCENT --reason TEXT)";
    }
    co_return measured;
}

} // namespace

Result<Asserted> parse_asserted(std::string_view budget_consumed, std::string_view reason) {
    constexpr std::string_view k_option = names::asserted_budget;
    OA_TRY(
        const double consumed, located(config::read_percent(budget_consumed), std::string(k_option))
    );
    if (reason.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(
            Code::usage,
            fmt::format("{} needs {} TEXT", k_option, names::reason),
            {},
            "like 'read from the dashboard at 14:00'"
        );
    }
    return Asserted{consumed, std::string(reason)};
}

Task<StepEnd> judge_budget(RunContext* run) {
    bool good = true;
    for (const SloSpec& slo : run->playbook().slo) {
        Check check = co_await judge(run, slo);
        if (good && check.verdict == Verdict::inconclusive) {
            run->out.needs_new_plan = !run->in.asserted && needs_stated_budget(run->playbook());
        }
        good = good && check.verdict == Verdict::pass;
        run->session.say(
            fmt::format("  {:<12} {:<24} {}", to_string(check.verdict), check.id, check.detail)
        );
        run->session.add(std::move(check));
    }
    // A dry run continues: it should report everything before the real run.
    co_return good || !run->changes_traffic() ? StepEnd::go_on : StepEnd::stop;
}

} // namespace oa_stream::playbook
