// slo budget: checks that enough of the error budget is left.

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "slo_budget.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

struct BudgetOrder {
    SloOrder slo{};
    measure::Fraction at_most{};
};

struct Options : SloOptions {
    std::optional<measure::Fraction> at_most{};
};
constexpr auto k_at_most = parsed<read_exact_share, &Options::at_most>(
                               "--at-most", "SHARE", "Allow this share of the budget to be used."
)
                               .or_else_text("the playbook's, else 100%");

Result<BudgetOrder> complete(const Options& options) {
    BudgetOrder out;
    OA_TRY(out.slo, slo_order(options));
    if (!options.at_most && out.slo.consumed_at_most) {
        out.at_most = measure::Fraction::of(*out.slo.consumed_at_most);
    } else {
        out.at_most = options.at_most.value_or(measure::Fraction{1, 1});
    }
    if (out.slo.revisions.empty()) {
        out.slo.revisions.emplace_back();
    }
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): run_slo() holds them
Task<SloFindings> judge(const BudgetOrder& order, SloDesk& desk) {
    SloFindings out;
    out.more["budgets"] = Json::array();
    for (const Slo& slo : order.slo.slos) {
        for (const std::string& revision : order.slo.revisions) {
            const std::string id = "budget." + budget_name(slo, revision);
            const auto status = co_await ask_budget(slo, revision, false, desk);
            if (!status) {
                out.checks.push_back(slo_error(id, status.error()));
                continue;
            }
            out.checks.push_back(budget_check(*status, order.at_most, id));
            out.more["budgets"].push_back(to_json(*status));
            for (const std::string& note : status->notes) {
                out.text += fmt::format("note  {}: {}\n", id, note);
            }
        }
    }
    co_return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const BudgetOrder order, complete(options));
    return run_slo(
        run::RunKind::slo_budget,
        slo_status_command,
        order.slo.source,
        [&](SloDesk& desk) { return judge(order, desk); },
        context
    );
}

constexpr auto k_options = options<Options>(
    k_slo_source,
    k_slo_objectives,
    k_at_most,
    option<&SloOptions::revisions>(
        names::revision, "NAME", "Count only what this revision answered."
    ),
    k_slo_route,
    k_slo_access
);

} // namespace

const CommandSpec slo_budget_command = command<run>({
    .path = "slo budget",
    .summary = "Judge how much of the error budget is consumed.",
    .options = k_options,
    .examples =
        {
            "oa-stream slo budget --prometheus http://127.0.0.1:9090 --at-most 5%",
            "oa-stream slo budget --playbook cutover.yaml --slo stream-good --json",
        },
    .leaves_run = true,
    .about =
        R"(Judges whether more of the error budget is used than allowed. Use it in a pipeline, before a rollout.)",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
