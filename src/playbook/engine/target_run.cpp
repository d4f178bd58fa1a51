#include "oa_stream/playbook/target_run.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/outside.hpp"

#include "drill/planted_fault.hpp"
#include "playbook_run.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

/// The lane reads the file again before its next turn.
Task<Result<std::string>> begin_fault(PlaybookRun* run, int percent) {
    const auto& drill = run->playbook().drill;
    if (!drill || drill->fail_at != percent || drill->fault.empty()) {
        co_return std::string();
    }
    OA_CO_CHECK(plant_fault(run->session.folder().path(), run->faults_file, drill->fault));
    co_return drill->fault;
}

using Access = std::function<void(Target&)>;

/// A dry run is a separate run; here it is one check, which requires the budget to be measured.
Task<Check> rehearse_for(const PlaybookRun* run, Access access) {
    Check out; // stays ERROR, with the reason in each case
    const RehearseSpec& spec = run->playbook().rehearse.value_or(RehearseSpec{});
    auto playbook = read_playbook(spec.text, spec.file, spec.set);
    if (!playbook) {
        out.detail = playbook.error().text();
        co_return out;
    }
    // The operator's statements apply to that address, and a token is not sent to any other.
    if (access && playbook->target.base_url == run->playbook().target.base_url) {
        access(playbook->target);
    }
    TargetRunInput input{.playbook = *std::move(playbook)};
    input.source = PlanSource{spec.file, spec.text, spec.set};
    input.probes = run->probes;
    static_cast<run::Operator&>(input.by) = run->by; // its stages are not displayed
    input.by.on_run = {};
    const auto ended = co_await rehearse_target(std::move(input));
    if (run->by.stop != nullptr) {
        run->by.stop->unsettle();
    }
    if (!ended) {
        out.detail = ended.error().text();
        co_return out;
    }
    out.verdict = ended->end.verdict;
    out.detail = fmt::format("run {}: {}", ended->id, ended->headline);
    out.data = {{"run", ended->id}, {"exit_code", static_cast<int>(ended->end.exit)}};
    const auto measured = std::ranges::count_if(ended->checks, [](const Check& check) {
        return check.id.starts_with("budget.") && check.mode == CheckMode::live &&
               check.verdict == Verdict::pass;
    });
    if (out.verdict == Verdict::pass && measured == 0) {
        out.verdict = Verdict::inconclusive;
        out.detail = fmt::format("run {}: nothing measured an error budget", ended->id);
    }
    co_return out;
}

Task<Result<run::RunResult>> play(TargetRunInput input, RunMode mode, std::string title) {
    OA_CO_CHECK(validate(input.playbook));
    OA_CO_TRY(Outside outside, open_outside(co_await asio::this_coro::executor, input.playbook));
    const std::string base_url = input.playbook.target.base_url;
    const std::string name = input.playbook.name;
    Plan plan;
    plan.driver = "none";
    plan.target = base_url;
    Json target = {{"base_url", base_url}};
    if (outside.driver) {
        plan.driver = outside.driver->kind();
        plan.target = outside.driver->target();
        target["driver"] = plan.driver;
        target["traffic"] = plan.target;
    }
    plan.playbook = std::move(input.playbook);
    plan.source = std::move(input.source);
    const bool moves = outside.driver != nullptr;
    OA_CO_TRY(
        PlaybookRun run,
        begin_run(std::move(input.by), std::move(plan), std::move(outside), mode, target)
    );
    run.probes = input.probes;
    run.asserted = std::move(input.asserted);
    run.faults_file = std::move(input.faults_file);
    run.live.begin_stage = [&run](int percent) { return begin_fault(&run, percent); };
    if (run.playbook().rehearse) {
        run.rehearse = [&run, access = std::move(input.access)] {
            return rehearse_for(&run, access);
        };
    }
    run.title = std::move(title);
    run.facts = {{"playbook", name}, {"target", base_url}};
    if (moves) {
        run.facts.emplace_back("traffic", run.plan.target);
    }
    auto ended = co_await carry_out_run(&run, plan_from_live);
    co_return co_await end_run(&run, std::move(ended));
}

} // namespace

Result<void> check_kind(std::string_view name, Kind kind, KindSet wanted) {
    if ((wanted & bit(kind)) != 0) {
        return {};
    }
    std::string words;
    for (std::size_t i = 0; i < k_kind_words.size(); ++i) {
        if ((wanted & bit(static_cast<Kind>(i))) != 0) {
            words += fmt::format("{}{}", words.empty() ? "" : " or ", k_kind_words[i]);
        }
    }
    return fail(
        Code::usage,
        fmt::format("{} is of kind {}, not {}", printable(name, 60), to_string(kind), words),
        {},
        Suggestion{"playbook list"} + " shows the kinds"
    );
}

Task<Result<run::RunResult>> rehearse_target(TargetRunInput input) {
    OA_CO_CHECK(check_kind(input.playbook.name, input.playbook.kind, k_rehearsed_kinds));
    if (input.playbook.target.base_url.empty()) {
        co_return fail(
            Code::usage,
            "this rehearsal brings its own lanes",
            {},
            Suggestion{"cutover rehearse", {names::local}}
        );
    }
    co_return co_await play(std::move(input), RunMode::rehearse, "cutover rehearsal");
}

Task<Result<run::RunResult>> verify_target(TargetRunInput input) {
    OA_CO_CHECK(check_kind(input.playbook.name, input.playbook.kind, k_verified_kinds));
    std::string title = fmt::format("verification {}", input.playbook.name);
    co_return co_await play(std::move(input), RunMode::live, std::move(title));
}

Result<void> check_drill(const TargetRunInput& input) {
    const Playbook& playbook = input.playbook;
    OA_CHECK(check_kind(playbook.name, playbook.kind, k_drilled_kinds));
    if (brings_its_own_lanes(playbook)) {
        return fail(
            Code::usage,
            "this drill names no lane and no front door",
            "traffic",
            Suggestion{"rollback drill", {names::local}}
        );
    }
    const std::string fault = playbook.drill.value_or(DrillSpec{}).fault;
    if (fault.empty()) {
        return {};
    }
    if (fault == "kill") {
        return fail(
            Code::usage,
            "a canary that is not ours is not killed",
            "drill.fault",
            "use --set fault="
        );
    }
    if (input.faults_file.empty()) {
        return fail(
            Code::usage,
            fmt::format("{} cannot be planted: into which file?", fault),
            names::inject_file,
            "the file of the canary's `serve --inject-file`, or --set fault= for a ruled failure"
        );
    }
    return check_faults_file(input.faults_file);
}

Task<Result<run::RunResult>> drill_target(TargetRunInput input) {
    OA_CO_CHECK(check_drill(input));
    co_return co_await play(std::move(input), RunMode::live, "rollback drill");
}

} // namespace oa_stream::playbook
