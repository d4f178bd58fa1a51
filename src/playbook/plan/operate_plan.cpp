// Makes a plan from a playbook and the live state.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/each_gate.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/suggest.hpp"

#include "engine/route_step.hpp"
#include "engine/within.hpp"
#include "forecast.hpp"
#include "plan_conversations.hpp"
#include "plan_file.hpp"
#include "status/finished.hpp"
#include "token_life.hpp"
#include "who_answers.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

// Long enough to see whether stable answers and roughly how fast.
constexpr auto k_try = Millis{3000};

Result<void> check_planned(const PlanRequest& request, Kind kind) {
    if (!moves_traffic(kind)) {
        return fail(
            Code::usage,
            fmt::format("a playbook of kind {} moves no traffic", to_string(kind)),
            request.playbook.file
        );
    }
    if (request.rollback && (kind == Kind::rollback) != *request.rollback) {
        return fail(
            Code::usage,
            fmt::format("this playbook is a {}", to_string(kind)),
            request.playbook.file,
            Suggestion{*request.rollback ? "cutover plan" : "rollback plan"}
        );
    }
    return {};
}

Result<Playbook> read(const PlanRequest& request) {
    if (const auto kind = stated_kind(request.playbook.text)) {
        OA_CHECK(check_planned(request, *kind)); // before its variables are required
    }
    OA_TRY(
        Playbook playbook, read_playbook(request.playbook.text, request.playbook.file, request.set)
    );
    OA_CHECK(check_planned(request, playbook.kind));
    if (playbook.target.base_url.empty()) {
        return fail(
            Code::usage,
            "this playbook starts its own lanes and needs no plan",
            request.playbook.file,
            Suggestion{"cutover rehearse", {names::local}}
        );
    }
    return playbook;
}

/// A lane can be switched off while its revision has a share: users get no turns there.
std::vector<std::string> closed_lanes(const Json& revisions) {
    std::vector<std::string> out;
    for (const auto& [revision, facts] : revisions.items()) {
        const auto lane = string_member(object_in(facts, "version"), "lane");
        if (lane == "off" || lane == "retired") {
            out.push_back(fmt::format("the lane of {} is {}: it begins no turns", revision, *lane));
        }
    }
    return out;
}

/// Whether the machinery would accept each write; better found now than half-way. A split that
/// serves already needs no write, but its server may be down: one warning each.
Task<Result<std::vector<std::string>>>
check_writes_possible(traffic::TrafficDriver* driver, const Plan* plan) {
    std::vector<std::string> warnings;
    for (const Step& step : plan->steps) {
        const auto& after = step.after;
        if (!after) {
            continue;
        }
        auto possible = co_await within(driver->patience(), driver->preview(*after));
        if (!possible && step.mutates()) {
            co_return std::unexpected(std::move(possible).error().prefixed(step.id));
        }
        if (!possible && possible.error().code == Code::precondition) {
            warnings.push_back(
                fmt::format("{} serves, but {}", after->text(), possible.error().text())
            );
        }
    }
    co_return warnings;
}

void say(const PlanRequest& request, const std::string& line) {
    if (request.observer != nullptr) {
        request.observer->say(line);
    }
}

/// Reports work that may take long and prints nothing else.
void under_way(const PlanRequest& request, std::string_view line) {
    if (request.observer != nullptr) {
        request.observer->progress(line);
    }
}

} // namespace

bool needs_stated_budget(const Playbook& playbook) {
    return playbook.budget && std::ranges::none_of(playbook.sources, [](const auto& source) {
               return source->kind().counted == measure::Counted::users;
           });
}

namespace {

std::vector<std::string> warnings_of(const Playbook& playbook, const traffic::TrafficState& live) {
    std::vector<std::string> out;
    if (live.serving.empty()) {
        out.push_back(fmt::format(
            "what serves now is not a split in whole percents: {}", traffic::serving_text(live)
        ));
    }
    if (const auto trouble = string_member(live.extra, "trouble")) {
        out.push_back(fmt::format("the platform reports: {}", *trouble));
    }
    for (std::string& caution :
         playbook.traffic.settings->cautions(playbook.traffic.arms(), live)) {
        out.push_back(std::move(caution));
    }
    if (playbook.kind == Kind::rollback && !(live.wanted == live.serving)) {
        out.push_back(fmt::format(
            "requested split {}, but {} serves", live.wanted.text(), live.serving.text()
        ));
    }
    if (playbook.kind != Kind::rollback && live.etag_of_setting) {
        out.emplace_back(
            "what reads the split gives no etag, so another machine's write of the same split "
            "passes for this run's own, and one in between is overwritten: let no other move it"
        );
    }
    if (needs_stated_budget(playbook)) {
        out.emplace_back(
            "nothing measures the error budget, so apply will stop before anything is moved: plan "
            "with a source (the shipped cutover: --set prometheus=URL or --set access_log=FILE), "
            "or apply with --asserted-budget PERCENT --reason TEXT"
        );
    }
    if (is_over(playbook, live.serving)) {
        out.push_back(fmt::format(
            "{} has the {}% of the last stage: to run the stages again, apply with --reopen REASON",
            playbook.traffic.canary,
            playbook.stages.back()
        ));
    }
    return out;
}

/// When no stage can begin from `live`: suggests the rollback of the run that left it, if a run of
/// this machine did and it can be rolled back.
void suggest_rollback(
    Error& error,
    const PlanRequest& request,
    std::string_view target,
    const traffic::TrafficState& live
) {
    const bool rests = live.settled && !live.serving.empty() && live.wanted == live.serving;
    if (error.code != Code::precondition || !rests || request.state_dir.empty()) {
        return;
    }
    auto all = all_statuses(request.state_dir).value_or(std::vector<RunStatus>{});
    std::erase_if(all, [&](const RunStatus& run) {
        return run.target != target || !run.moved || !run.planned ||
               run.serving != live.serving.text();
    });
    const auto newest = std::ranges::max_element(all, {}, &RunStatus::last_at);
    if (newest != all.end()) {
        error.hint = run::suggest_rollback(newest->run) + " restores what served before that run";
    }
}

} // namespace

Task<Result<Plan>> plan_playbook(PlanRequest request) {
    OA_CO_TRY(Playbook playbook, read(request));
    const auto executor = co_await asio::this_coro::executor;
    OA_CO_TRY(const Outside outside, open_outside(executor, playbook));
    OA_CO_CHECK(check_hooks(outside));
    traffic::TrafficDriver& driver = *outside.driver;
    // A plan that rolls back restores everything, whatever moved it.
    if (playbook.kind != Kind::rollback && !request.state_dir.empty()) {
        OA_CO_CHECK(check_nothing_undone(request.state_dir, driver.target()));
        OA_CO_CHECK(check_nothing_under_way(request.state_dir, driver.target()));
    }
    const std::string target = driver.target();
    under_way(request, fmt::format("asking {} what serves", trim(target)));
    OA_CO_TRY(const auto live, co_await within(driver.patience(), driver.read()));
    say(request, fmt::format("{} serves {}", trim(target), traffic::serving_text(live)));
    const std::string kind(driver.kind());
    auto draft = make_plan(playbook, kind, target, live);
    if (!draft) {
        suggest_rollback(draft.error(), request, target, live);
        co_return std::unexpected(std::move(draft).error());
    }
    under_way(request, "checking each change with the platform");
    OA_CO_TRY(auto lacking, co_await check_writes_possible(&driver, &*draft));
    const bool moves = std::ranges::any_of(draft->steps, &Step::mutates);
    if (playbook.kind == Kind::rollback && moves) { // a cutover's preflight finds this itself
        OA_CO_CHECK(co_await check_who_answers(&outside, &playbook, draft->home()));
    }

    PlanFacts facts;
    facts.probes = request.probes;
    OA_CO_TRY(facts.routes, co_await plan_route_step(&outside, &playbook));
    facts.warnings = warnings_of(playbook, live);
    std::ranges::move(lacking, std::back_inserter(facts.warnings));
    OA_CO_TRY(auto tokens, check_token_lives(playbook, outside, std::chrono::system_clock::now()));
    std::ranges::move(tokens, std::back_inserter(facts.warnings));
    under_way(request, "asking both revisions for their version");
    facts.revisions = co_await revision_facts(&outside, &playbook);
    std::ranges::move(closed_lanes(facts.revisions), std::back_inserter(facts.warnings));
    under_way(request, "testing whether conversations continue");
    OA_CO_TRY(facts.continuity, co_await try_continuity(&outside, &playbook, request.probes));
    // A rollback is planned because users are not served well.
    if (request.probes && playbook.kind != Kind::rollback && !live.serving.empty()) {
        under_way(request, "asking as a user would");
        auto missed = co_await try_users(&outside, &playbook, &live.serving);
        std::ranges::move(missed, std::back_inserter(facts.warnings));
    }
    if (!playbook.stage.gates.empty()) {
        say(request, fmt::format("trying each gate on {}", playbook.traffic.stable));
        const Millis window = std::min(k_try, playbook.stage.bake);
        OA_CO_TRY(
            GateTrials trials, co_await try_gates(&outside, &playbook, window, request.probes)
        );
        facts.trials = std::move(trials.records);
        std::ranges::move(trials.warnings, std::back_inserter(facts.warnings));
    }
    if (const auto drilled =
            request.state_dir.empty()
                ? std::nullopt
                : last_gates_drilled(request.state_dir, playbook.name, &playbook)) {
        facts.drilled = {
            {"at", drilled->at}, {"run", drilled->run}, {"text", drilled_text(drilled)}
        };
    }
    if (playbook.drilled && !request.state_dir.empty()) {
        const Check drilled = judge_drilled(request.state_dir, playbook);
        facts.undrilled = drilled.verdict != Verdict::pass;
        if (facts.undrilled) {
            facts.warnings.push_back("apply will stop before anything is moved: " + drilled.detail);
        }
    }
    if (playbook.approvals > 1) {
        const Account author = this_account();
        facts.author = {{"account", author.name}, {"host", author.host}};
    }
    facts.created_at = rfc3339_millis(std::chrono::system_clock::now());
    facts.etag = live.etag;
    facts.exact = live.exact;
    OA_CO_TRY(
        Plan plan,
        make_plan(
            std::move(playbook),
            kind,
            driver.target(),
            live,
            {request.playbook.file, request.playbook.text, request.set},
            std::move(facts)
        )
    );
    OA_CO_CHECK(check_no_secret(plan, outside.redactor));
    co_return plan;
}

std::string plan_diff(const Plan& plan) {
    std::string out = fmt::format(
        "plan {} of {} on {}\n  now: {}\n",
        plan.short_id(),
        plan.playbook.name,
        trim(plan.target),
        plan.baseline.text()
    );
    const std::string conversations = conversations_text(plan);
    out += conversations.empty() ? "" : fmt::format("  {}\n", conversations);
    std::uint64_t mutations = 0;
    std::size_t id_width = 22;
    for (const Step& step : plan.steps) {
        id_width = std::max(id_width, columns_of(step.id));
    }
    const std::string below(id_width + 14, ' ');
    for (const Step& step : plan.steps) {
        mutations += step.mutates() ? 1 : 0;
        out += fmt::format(
            "  {} {:<8} {:<{}} {}\n",
            step.mutates() ? "~" : " ",
            to_string(step.kind),
            step.id,
            id_width,
            step.title
        );
        if (step.mutates() && !step.undo.empty()) {
            out += fmt::format("{}undo: {}\n", below, step.undo);
        }
        if (step.mutates()) {
            out += fmt::format("{}evidence: {}\n", below, fmt::join(step.evidence, ", "));
        }
    }
    out += route_step_text(plan);
    if (!plan.facts.trials.empty()) {
        out += fmt::format("gates as {} is now\n", plan.playbook.traffic.stable);
        for (const Json& record : plan.facts.trials) {
            out += "  " + tried_text(record) + "\n";
        }
    }
    if (const auto drilled = string_member(plan.facts.drilled, "text")) {
        out += fmt::format("gates {}\n", *drilled);
    }
    for (const std::string& warning : plan.warnings) {
        out += "warning: " + warning + "\n";
    }
    const std::string routes =
        plan.playbook.routes ? fmt::format(", {} of the routes", route_step_writes(plan)) : "";
    out += plan.changes() ? fmt::format(
                                "{} of traffic{}; may be applied for {} from {}\n",
                                counted(mutations, "change"),
                                routes,
                                format_duration(plan.playbook.validity),
                                plan.facts.created_at
                            )
                          : "nothing to change\n";
    return out;
}

} // namespace oa_stream::playbook
