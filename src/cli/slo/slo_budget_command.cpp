// slo budget: is there enough of the error budget left?
#include "oa_stream/config/units.hpp"

#include "core/commands.hpp"
#include "core/retry.hpp"
#include "slo_budget.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {

namespace {

struct Order {
    SloOrder slo{};
    measure::Fraction at_most{};
};

Result<Order> parse(const Args& args) {
    Order out;
    OA_TRY(out.slo, parse_slo_order(args));
    if (!args.has("--at-most") && out.slo.consumed_at_most) {
        const std::string text = fmt::format("{:.9g}", *out.slo.consumed_at_most);
        OA_TRY(out.at_most, measure::Fraction::parse(text));
    } else {
        OA_TRY(out.at_most, parse_share(args.get("--at-most").value_or("100%"), "--at-most"));
    }
    if (out.slo.revisions.empty()) {
        out.slo.revisions.emplace_back();
    }
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): run_slo() holds them
Task<SloFindings> judge(const Order& order, SloDesk& desk) {
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

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(const Order order, parse(args));
    const SloCommand command{
        run::RunKind::slo_budget,
        "slo budget",
        typed_again("slo status", slo_budget_command, args, {{"--at-most", std::nullopt}}),
        typed_again(slo_budget_command, args, {{"--auth", "env:NAME"}}),
    };
    return run_slo(
        command, order.slo.source, [&](SloDesk& desk) { return judge(order, desk); }, context
    );
}

constexpr std::array k_options{
    k_slo_prometheus,
    k_slo_access_log,
    k_slo_playbook,
    k_slo_set,
    k_slo_only,
    k_slo_objective,
    k_slo_bad,
    k_slo_first_content,
    k_slo_window,
    OptionSpec{"--at-most", "SHARE", "Of the budget may be consumed; the playbook's, else 100%."},
    OptionSpec{"--revision", "NAME", "Only what this revision answered; repeats.", {}, true},
    k_slo_route,
    k_slo_auth,
    k_slo_user,
    k_slo_ca,
    k_slo_match,
    k_slo_label,
    k_slo_stale,
    k_slo_timeout,
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream slo budget --prometheus http://127.0.0.1:9090 --at-most 5%",
    "oa-stream slo budget --playbook cutover.yaml --slo stream-good --json",
};

} // namespace

const CommandSpec slo_budget_command{
    .path = "slo budget",
    .summary = "Judge how much of the error budget is consumed.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
