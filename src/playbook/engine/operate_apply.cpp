// Applies a plan file as a run.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "plan/forecast.hpp"
#include "plan/plan_file.hpp"
#include "plan/token_life.hpp"
#include "playbook_run.hpp"
#include "route_step.hpp"
#include "within.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::playbook {
namespace {

/// A plan that `checked` refuses must be replaced by a new one.
Result<void> note_refusal(PlaybookRun& run, Result<void> checked) {
    run.needs_new_plan = !checked && checked.error().code == Code::precondition;
    return checked;
}

Result<void> check_drift(PlaybookRun& run, const std::vector<std::string>& drifted) {
    return note_refusal(
        run,
        drifted.empty() ? Result<void>{}
                        : fail(
                              Code::precondition,
                              fmt::format("not as it was planned: {}", fmt::join(drifted, "; ")),
                              {},
                              std::string(k_make_new_plan)
                          )
    );
}

/// Checks everything that forbids beginning. Changes nothing.
Task<Result<void>> check_preconditions(PlaybookRun* run) {
    const Plan& plan = run->plan;
    traffic::TrafficDriver& driver = *run->outside.driver;
    OA_CO_CHECK(note_refusal(*run, check_age(plan, std::chrono::system_clock::now())));
    OA_CO_CHECK(check_token_lives(plan.playbook, run->outside, std::chrono::system_clock::now()));
    OA_CO_CHECK(check_hooks(run->outside));
    OA_CO_CHECK(check_target(
        plan, driver, "a relative path leads elsewhere here: apply the plan where it was made"
    ));
    OA_CO_TRY(const auto live, co_await within(driver.patience(), driver.read()));
    if (!live.settled) {
        co_return fail(
            Code::precondition, "an earlier change of traffic is still being carried out"
        );
    }
    const Json revisions = co_await revision_facts(&run->outside, &plan.playbook);
    OA_CO_CHECK(check_drift(*run, drift_from_plan(plan, live, revisions)));
    if (is_over(plan.playbook, live.serving) && run->reopen.empty()) {
        co_return fail(
            Code::precondition,
            fmt::format(
                "{} already has {}%: this cutover is over",
                plan.playbook.traffic.canary,
                plan.playbook.stages.back()
            ),
            {},
            "to run its stages again, give --reopen REASON"
        );
    }
    OA_CO_TRY(const auto drifted, co_await route_drift(&run->outside, &plan));
    co_return check_drift(*run, drifted);
}

/// Records approvals in evidence and report before anything is shifted.
Result<void> check_agreed(PlaybookRun& run) {
    const auto add = [&run](std::string_view how, const std::string& text, Json row) {
        row["how"] = how;
        run.session.report(
            "approval", fmt::format("{} by {}", how, text), {{"how", how}, {"by", text}}
        );
        run.facts.emplace_back(how, text);
        run.approvals.push_back(std::move(row));
    };
    OA_TRY(
        const auto approval,
        check_approval(run.plan_file, run.plan, std::chrono::system_clock::now())
    );
    if (approval) {
        add("approved", approval->text(), approval->to_json());
    }
    if (!run.approved_by.empty()) {
        const std::string by = this_account().text();
        add("said to be approved",
            fmt::format("{} (stated by {})", run.approved_by, by),
            {{"name", run.approved_by}, {"stated_by", by}});
    }
    return {};
}

Task<Result<void>> prepare(PlaybookRun* run) {
    OA_CO_CHECK(check_agreed(*run));
    OA_CO_CHECK(co_await check_preconditions(run));
    co_return note_refusal(*run, spend(run->by.state_dir, run->plan, run->session.id()));
}

} // namespace

Task<Result<run::RunResult>> apply_plan(ApplyRequest request) {
    OA_CO_TRY(Plan plan, load_plan(request.plan, request.shown));
    if ((plan.playbook.kind == Kind::rollback) != request.rollback) {
        co_return fail(
            Code::usage,
            fmt::format("this is the plan of a {}", to_string(plan.playbook.kind)),
            request.plan.string(),
            Suggestion{
                request.rollback ? "cutover apply" : "rollback apply", {request.plan.string()}
            }
        );
    }
    OA_CO_TRY(Outside outside, open_outside(co_await asio::this_coro::executor, plan.playbook));
    const Json target = {{"driver", plan.driver}, {"what", plan.target}};
    OA_CO_TRY(
        PlaybookRun run,
        begin_run(std::move(request.by), std::move(plan), std::move(outside), RunMode::live, target)
    );
    run.asserted = std::move(request.asserted);
    run.reopen = std::move(request.reopen);
    run.plan_file = request.plan;
    run.approved_by = std::move(request.approved_by);
    run.title = run.playbook().name;
    run.facts = {
        {"target", run.plan.target},
        {"playbook", run.plan.source ? run.plan.source->file : ""},
    };
    auto ended = co_await carry_out_run(&run, prepare);
    co_return co_await end_run(&run, std::move(ended));
}

} // namespace oa_stream::playbook
