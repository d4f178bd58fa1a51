#include "incident_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/command.hpp"
#include "core/suggestion.hpp"
#include "core/version.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

namespace {

struct RunChoice {
    std::optional<Millis> since{}; ///< every run that matters and began so long ago at most
    std::string alert{};           ///< of `slo rules`; empty: none
};

struct ChosenRuns {
    std::vector<run::RunEntry> runs{}; ///< oldest first, at least one
    std::string why{};                 ///< one line for people
};

using run::RunEnding;
using run::RunEntry;
using run::RunKind;

constexpr std::chrono::hours k_diagnosed_within{24};
constexpr std::size_t k_most_runs = 32;

/// Runs that look, and decide nothing about traffic.
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
    return std::ranges::find(k_diagnoses, run.facts.kind) != k_diagnoses.end();
}

/// It failed, died, or took back what it had changed.
bool matters(const RunEntry& run) {
    if (run.life != run::RunLife::finished) {
        return run.life == run::RunLife::died;
    }
    const auto ended = run.facts.ended;
    if (ended == RunEnding::refused || ended == RunEnding::stopped) {
        return false; // nothing was changed
    }
    return ended == RunEnding::rolled_back || ended == RunEnding::rollback_unverified ||
           ended == RunEnding::held || run.verdict == "FAIL" || run.verdict == "ERROR";
}

bool unverified(const RunEntry& run) {
    return run.life == run::RunLife::died || run.facts.ended == RunEnding::rollback_unverified;
}

/// Runs that matter, newest first, without those that diagnose an earlier one of them.
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

struct Chosen {
    const RunEntry* run = nullptr;
    std::string_view why;
};

template <class Fits> const RunEntry* newest(const std::vector<RunEntry>& runs, Fits fits) {
    const auto found = std::ranges::find_if(runs, fits);
    return found == runs.end() ? nullptr : &*found;
}

Chosen for_alert(std::string_view alert, const std::vector<RunEntry>& runs) {
    if (alert == "OaStreamRunUnverified") {
        return {newest(runs, unverified), "the newest that died or whose rollback is unverified"};
    }
    if (alert == "OaStreamVerificationStale") {
        const auto verifies = [](const RunEntry& run) {
            return run.facts.kind == RunKind::steady_state;
        };
        return {newest(runs, verifies), "the newest verification"};
    }
    const auto changed = [](const RunEntry& run) { return run.facts.mutates; };
    const auto harmful = [&](const RunEntry& run) { return changed(run) && matters(run); };
    if (const RunEntry* run = newest(runs, harmful)) {
        return {run, "the newest that changed traffic or routes and failed or was rolled back"};
    }
    return {newest(runs, changed), "the newest that changed traffic or routes"};
}

Result<void> check_alert(const std::string& alert) {
    const auto names = measure::alert_names();
    if (alert.empty() || std::ranges::find(names, alert) != names.end()) {
        return {};
    }
    const std::vector<std::string_view> words(names.begin(), names.end());
    const auto close = nearest(alert, words);
    return fail(
        Code::usage,
        fmt::format("no alert is called '{}'", printable(alert, 60)),
        {},
        close ? fmt::format("did you mean '{}'?", *close) : "oa-stream slo rules shows the names"
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
        "oa-stream runs list; name the runs, like `incident body last`"
    );
}

/// The same of runs that are known, newest first; `now` is when `since` ends.
Result<ChosenRuns> choose_runs(const RunChoice& choice, std::vector<RunEntry> runs, WallTime now) {
    OA_CHECK(check_alert(choice.alert));
    if (choice.since) {
        std::erase_if(runs, [&](const RunEntry& run) { return run.started < now - *choice.since; });
    }
    ChosenRuns out;
    if (!choice.alert.empty()) {
        const Chosen found = for_alert(choice.alert, runs);
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
    out.runs.resize(std::min(all, choice.since ? k_most_runs : 1));
    std::ranges::reverse(out.runs);
    out.why =
        choice.since
            ? fmt::format("{} of {} runs that failed or were rolled back", out.runs.size(), all)
            : out.runs.back().id + ", the newest that failed or was rolled back";
    return out;
}

Result<ChosenRuns> choose_runs(const RunChoice& choice, const Context& context) {
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    return choose_runs(choice, std::move(runs), std::chrono::system_clock::now());
}

} // namespace

Result<Gathered> gather(const IncidentOptions& options, const Context& context) {
    Redactor redactor;
    for (const std::string& reference : options.secrets) {
        OA_TRY(const Secret secret, net::read_token(reference));
        redactor.add_known(secret, reference);
    }
    redactor.add_environment();
    incident::IncidentInput input;
    ChosenRuns chosen;
    if (options.runs.empty()) {
        OA_TRY(chosen, choose_runs({options.since, options.alert}, context));
        input.runs = chosen.runs;
    } else if (options.since || !options.alert.empty()) {
        return fail(
            Code::usage,
            "chooses runs, and some are named",
            std::string(options.since ? k_incident_since.name : k_incident_alert.name)
        );
    }
    for (const std::string& word : options.runs) {
        OA_TRY(auto run, named_run(word, context));
        if (std::ranges::find(input.runs, run.id, &run::RunEntry::id) == input.runs.end()) {
            input.runs.push_back(std::move(run));
        }
    }
    for (const run::RunEntry& run : input.runs) {
        const auto left = unfinished(run, context);
        input.open.push_back(left ? left->why + ": " + left->next : "");
    }
    input.logs = options.logs;
    input.title = options.title;
    if (options.title.empty() && !options.alert.empty()) {
        input.title = options.alert + " after " + input.runs.back().id;
    }
    input.version = version();
    input.redactor = redactor;
    OA_TRY(incident::Incident incident, incident::gather_incident(std::move(input)));
    incident.bundle_command = typed_next("incident bundle", incident, options, context);
    if (!chosen.why.empty() && !context.quiet && !context.json) {
        tell_text(chosen.why + "\n", context);
    }
    return Gathered{std::move(incident), std::move(redactor), std::move(chosen.why)};
}

std::string typed_next(
    std::string command,
    const incident::Incident& incident,
    const IncidentOptions& options,
    const Context& context,
    const std::vector<std::string>& more
) {
    Suggestion out{std::move(command)};
    for (const incident::IncidentRun& run : incident.runs) {
        const auto& folder = run.entry.folder;
        const bool here = folder.parent_path() == context.state_dir / "runs";
        out.arguments.push_back(here ? run.entry.id : folder.string());
    }
    const auto add = [&](std::string_view option, std::string value) {
        out.arguments.insert(out.arguments.end(), {std::string(option), std::move(value)});
    };
    for (const std::filesystem::path& log : options.logs) {
        add(k_incident_log.name, log.string());
    }
    if (!options.title.empty() || !options.alert.empty()) { // an alert titles what it chose
        add(k_incident_title.name, incident.title);
    }
    for (const std::string& secret : options.secrets) {
        add(k_incident_secret.name, secret);
    }
    out.arguments.insert(out.arguments.end(), more.begin(), more.end());
    return typed_here(out.text(), context);
}

} // namespace oa_stream::cli
