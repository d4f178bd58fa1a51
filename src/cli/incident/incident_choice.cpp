#include "incident_choice.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/measure/alert_rules.hpp"

#include "runs/runs_args.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <system_error>
#include <tuple>

namespace oa_stream::cli {
namespace {

using run::RunEnding;
using run::RunEntry;
using run::RunKind;

constexpr std::chrono::hours k_diagnosed_within{24};
constexpr std::size_t k_most_runs = 32;

/// Kinds of runs that only read, and decide nothing about traffic.
constexpr std::array k_diagnoses{
    RunKind::smoke_stream,
    RunKind::smoke_completions,
    RunKind::smoke_responses,
    RunKind::smoke_control,
    RunKind::load,
    RunKind::shadow,
    RunKind::slo_gate,
    RunKind::slo_budget,
    RunKind::slo_status,
    RunKind::route_verify,
};

bool diagnoses(const RunEntry& run) {
    return contains(k_diagnoses, run.facts.kind);
}

/// The run failed, died, or was rolled back.
bool matters(const RunEntry& run) {
    if (run.life != run::RunLife::finished) {
        return run.life == run::RunLife::died;
    }
    const auto ended = run.facts.ended;
    const auto verdict = verdict_of(run.verdict);
    if (ended == RunEnding::refused || ended == RunEnding::stopped) {
        return false; // nothing was changed
    }
    return ended == RunEnding::rolled_back || ended == RunEnding::rollback_unverified ||
           ended == RunEnding::held || verdict == Verdict::fail || verdict == Verdict::error;
}

/// Runs that matter, newest first, without those that diagnose an earlier one.
std::vector<RunEntry> causes(const std::vector<RunEntry>& runs) {
    std::vector<RunEntry> out;
    for (const RunEntry& run : runs) {
        const bool after = diagnoses(run) && std::ranges::any_of(runs, [&](const RunEntry& other) {
                               return matters(other) && !diagnoses(other) &&
                                      other.started <= run.started &&
                                      run.started - other.started < k_diagnosed_within;
                           });
        if (matters(run) && !after) {
            out.push_back(run);
        }
    }
    return out;
}

/// Limits the runs to what one timeline holds. Runs that changed traffic are preferred: a check
/// repeated by a timer fails many times in one incident.
void keep_most(std::vector<RunEntry>& newest_first) {
    if (newest_first.size() <= k_most_runs) {
        return;
    }
    std::ranges::sort(newest_first, [](const RunEntry& a, const RunEntry& b) {
        return std::tie(a.facts.mutated, a.started) > std::tie(b.facts.mutated, b.started);
    });
    newest_first.resize(k_most_runs);
    std::ranges::sort(newest_first, std::greater{}, &RunEntry::started);
}

/// A run of `verify`, whose playbook may consist of a smoke only. The command `smoke` has no plan.
bool is_verification(const RunEntry& run) {
    const bool smoke =
        run.facts.kind == RunKind::smoke_stream || run.facts.kind == RunKind::smoke_control;
    std::error_code error;
    return run.facts.kind == RunKind::steady_state ||
           (smoke && std::filesystem::exists(run.folder / run::k_plan_file, error));
}

struct Chosen {
    const RunEntry* run = nullptr;
    std::string_view why;
};

Chosen
for_alert(std::string_view alert, const std::vector<RunEntry>& runs, const Context& context) {
    if (alert == "OaStreamRunUnverified") {
        const auto open = [&](const RunEntry& run) { return unfinished(run, context).has_value(); };
        return {find_if_or_null(runs, open), "the newest that needs somebody"};
    }
    if (alert == "OaStreamVerificationStale") {
        return {find_if_or_null(runs, is_verification), "the newest verification"};
    }
    const auto changed = [](const RunEntry& run) { return run.facts.mutated; };
    const auto harmful = [&](const RunEntry& run) { return changed(run) && matters(run); };
    if (const RunEntry* run = find_if_or_null(runs, harmful)) {
        return {run, "the newest that changed traffic or routes and failed or was rolled back"};
    }
    return {find_if_or_null(runs, changed), "the newest that changed traffic or routes"};
}

Result<void> check_alert(const std::string& alert) {
    const auto names = measure::alert_names();
    if (alert.empty() || contains(names, alert)) {
        return {};
    }
    const std::vector<std::string_view> words(names.begin(), names.end());
    const auto close = nearest(alert, words);
    return fail(
        Code::usage,
        fmt::format("no alert is called '{}'", printable(alert, 60)),
        {},
        close ? Advice(fmt::format("did you mean '{}'?", *close))
              : Suggestion{"slo rules", {names::out, "rules"}} + " writes all of them"
    );
}

std::unexpected<Error> nothing(const RunChoice& choice) {
    return fail(
        Code::usage,
        choice.alert.empty()
            ? fmt::format(
                  "no run {}",
                  choice.since ? "of that time failed or was rolled back" : "has left anything here"
              )
            : fmt::format("no run here can explain {}", choice.alert),
        {},
        Suggestion{"runs list"} + "; name the runs, like `incident body last`"
    );
}

} // namespace

Result<ChosenRuns> choose_runs(const RunChoice& choice, const Context& context) {
    OA_CHECK(check_alert(choice.alert));
    OA_TRY(std::vector<RunEntry> runs, run::list_runs(context.state_dir));
    if (choice.since) {
        const WallTime from = std::chrono::system_clock::now() - *choice.since;
        std::erase_if(runs, [&](const RunEntry& run) { return run.started < from; });
    }
    ChosenRuns out;
    if (!choice.alert.empty()) {
        const Chosen found = for_alert(choice.alert, runs, context);
        if (found.run == nullptr) {
            return nothing(choice);
        }
        out.runs.push_back(*found.run);
        out.why = fmt::format("{}: {}, {}", choice.alert, found.run->id, found.why);
        return out;
    }
    out.runs = causes(runs);
    if (out.runs.empty() && !choice.since && !runs.empty()) {
        out.runs.push_back(runs.front());
        out.why = runs.front().id + ", the newest: no run failed or was rolled back";
        return out;
    }
    if (out.runs.empty()) {
        return nothing(choice);
    }
    const std::size_t all = out.runs.size();
    if (choice.since) {
        keep_most(out.runs);
    } else {
        out.runs.resize(1);
    }
    std::ranges::reverse(out.runs);
    out.why =
        choice.since
            ? fmt::format(
                  "{} of {} that failed or were rolled back", out.runs.size(), counted(all, "run")
              )
            : out.runs.back().id + ", the newest that failed or was rolled back";
    return out;
}

} // namespace oa_stream::cli
