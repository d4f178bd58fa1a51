#include "route_end.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/run_reports.hpp"

#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "route_args.hpp"

#include <fmt/format.h>

#include <csignal>

namespace oa_stream::cli {
namespace {

using namespace routes;

ExitCode exit_of(const RouteOutcome& outcome, int signal) {
    if (outcome.changed) {
        return ExitCode::ok;
    }
    if (outcome.mutated) {
        return outcome.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified;
    }
    if (outcome.interrupted) {
        return signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
    }
    return outcome.error ? exit_code(outcome.error->code) : ExitCode::not_executed;
}

Verdict verdict_of(const RouteOutcome& outcome) {
    if (outcome.changed) {
        return Verdict::pass;
    }
    if (outcome.interrupted) {
        return Verdict::inconclusive;
    }
    const Code code = outcome.error ? outcome.error->code : Code::internal;
    return code == Code::timeout || code == Code::precondition || code == Code::conflict
               ? Verdict::fail
               : Verdict::error;
}

std::string text_of(const std::optional<Error>& error) {
    return error ? error->text() : "not done";
}

void add_checks(std::vector<Check>& checks, const RouteOutcome& outcome) {
    Check set;
    set.id = "route.set";
    set.verdict = verdict_of(outcome);
    set.detail =
        outcome.changed
            ? fmt::format(
                  "{} writes; {} successive fresh looks agree", outcome.writes, outcome.verified.row
              )
            : text_of(outcome.error);
    set.evidence = {"journal.ndjson"};
    checks.push_back(std::move(set));
    if (!outcome.changed && outcome.mutated) {
        Check back;
        back.id = "route.restored";
        back.verdict = outcome.restored ? Verdict::pass : Verdict::error;
        back.detail =
            outcome.restored
                ? fmt::format(
                      "the overrides found before are back; {} successive fresh looks agree",
                      outcome.back.row
                  )
                : "NOT restored: " + text_of(outcome.restore_error);
        back.evidence = {"journal.ndjson"};
        checks.push_back(std::move(back));
    }
}

std::string headline_of(const RouteOutcome& outcome) {
    if (outcome.changed) {
        return "The routes are as asked.";
    }
    if (!outcome.mutated) {
        return fmt::format("Nothing was written: {}.", text_of(outcome.error));
    }
    return fmt::format(
        "{}; {}",
        text_of(outcome.error),
        outcome.restored ? "the old overrides are back."
                         : "the old overrides are NOT verified to be back."
    );
}

std::string next_of(const CarriedRoutes& carried) {
    const auto& [folder, outcome, restores] = carried;
    if (outcome.changed) {
        return {};
    }
    if (outcome.mutated && !outcome.restored) {
        // What a restore found is what the other run left: nothing to go back to.
        return fmt::format(
            "oa-stream route restore {} --apply", restores.empty() ? folder.id() : restores
        );
    }
    return less_command(folder.path() / "report.md");
}

report::Report report_of(
    const PreparedRoutes& prepared,
    const CarriedRoutes& carried,
    Verdict verdict,
    ExitCode exit,
    const std::vector<Check>& checks
) {
    const RouteOutcome& outcome = carried.outcome;
    const run::RunFolder& folder = carried.folder;
    report::Report report;
    report.id = folder.id();
    report.title = "Route split";
    report.verdict = verdict;
    report.exit_code = static_cast<int>(exit);
    report.headline = headline_of(outcome);
    report.started_at = rfc3339_millis(folder.started());
    report.duration_s = folder.seconds_since_start();
    report.facts = {
        {"overrides before", prepared.plan.before.text()},
        {"overrides asked for", prepared.plan.goal.text()},
        {"writes", std::to_string(outcome.writes)},
    };
    report.checks = checks;
    report.notes = prepared.plan.notes;
    report.next = next_of(carried);
    return report;
}

} // namespace

Result<ExitCode> tell_route_end(
    const PreparedRoutes& prepared, CarriedRoutes& carried, int signal, Context& context
) {
    auto& [folder, outcome, restores] = carried;
    auto checks = prepared.checks;
    add_checks(checks, outcome);
    const Verdict verdict = verdict_of(outcome);
    const ExitCode exit = exit_of(outcome, signal);
    run::write_reports(folder, report_of(prepared, carried, verdict, exit, checks));
    Json document = route_document(verdict, checks);
    document["run"] = folder.id();
    document["evidence"] = folder.path().string();
    document["exit_code"] = static_cast<int>(exit);
    document["headline"] = headline_of(outcome);
    document["mutated"] = outcome.mutated;
    document["restored"] = outcome.restored;
    document["next"] = next_of(carried);
    document.update(to_json(prepared.plan));
    Json result = document;
    result.erase("run");
    result.erase("evidence");
    OA_CHECK(folder.finish(result));
    if (context.json) {
        context.out(folder.redactor().apply(document_line("route-change", document, context)));
    } else if (!context.quiet || exit != ExitCode::ok) {
        std::string text = route_plan_text(prepared.plan) + headline_of(outcome) + "\n";
        for (const Check& check : checks) {
            text += fmt::format("{} {}: {}\n", to_string(check.verdict), check.id, check.detail);
        }
        context.out(folder.redactor().apply(text));
    }
    tell_last({verdict, exit, folder.id(), folder.path().string(), next_of(carried)}, context);
    return exit;
}

} // namespace oa_stream::cli
