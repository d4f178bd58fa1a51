// cutover status: the runs under way, the runs that died, and the commands to run next.
#include "oa_stream/base/check.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/traffic/split.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "textfile_option.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <thread>

namespace oa_stream::cli {
namespace {

using playbook::RunState;
using playbook::RunStatus;
using SteadyClock = std::chrono::steady_clock;

constexpr auto k_poll = std::chrono::milliseconds(100);

void show_next(const RunStatus& status, Context& context, Verdict verdict) {
    tell_parts(run_parts(verdict, status.run, status.folder.string(), status.next), context);
}

/// Names the folder, which may be the wrong one.
std::string nothing_text(const Context& context) {
    std::error_code ignored;
    return fmt::format(
        "{} in {}\n",
        std::filesystem::exists(context.state_dir / "runs", ignored) ? "no run needs anything"
                                                                     : "there are no runs yet",
        context.state_dir.string()
    );
}

void show_statuses(const std::vector<RunStatus>& statuses, Context& context, Verdict verdict) {
    if (!context.json && context.quiet && verdict == Verdict::pass) {
        return;
    }
    if (!context.json) {
        for (const RunStatus& status : statuses) {
            RunStatus shown = status;
            shown.next = typed_here(status.next, context);
            show_text(playbook::status_text(shown), context);
        }
        if (statuses.empty()) {
            show_text(nothing_text(context), context);
        }
        return;
    }
    Json out = plain_answer(verdict);
    if (statuses.size() == 1) {
        out["run"] = statuses[0].run;
        out["evidence"] = statuses[0].folder.string();
    }
    out["runs"] = json_list(statuses);
    print_document("cutover-status", out, context);
}

ExitCode show(const std::vector<RunStatus>& statuses, Context& context) {
    const auto worst = std::ranges::find_if(statuses, &RunStatus::needs_somebody);
    const bool fine = worst == statuses.end();
    show_statuses(statuses, context, fine ? Verdict::pass : Verdict::fail);
    if (!fine) {
        show_next(*worst, context, Verdict::fail);
        return ExitCode::rollback_unverified;
    }
    return ExitCode::ok;
}

// --wait-for
// --------------------------------------------------------------------------------------------

constexpr std::string_view k_passed = "passed"; ///< no step has this name
constexpr std::string_view k_paused = "paused"; ///< likewise

std::span<const std::string_view> awaited_words() {
    static constexpr std::array<std::string_view, 4> k_words{"done", k_passed, k_paused, "stage="};
    return k_words;
}

/// The step to wait for; empty: the end.
Result<std::string> awaited(std::string_view text) {
    if (text == "done") {
        return std::string();
    }
    if (text == k_passed || text == k_paused) {
        return std::string(text);
    }
    if (text.starts_with("stage=")) {
        OA_TRY(const int percent, traffic::parse_percent(text.substr(6)));
        return fmt::format("shift@{}%", percent);
    }
    return fail(
        Code::usage,
        fmt::format("'{}' cannot be waited for", printable(text, 40)),
        {},
        "done, passed, paused or stage=25%"
    );
}

struct Options : TextfileOption {
    std::optional<std::string> run{};
    std::optional<std::string> wait_for{}; ///< a step; empty: the end
    std::chrono::milliseconds timeout{};
};

/// Without a name: the run under way, otherwise the last one.
Result<RunStatus> wanted_run(const Options& options, const Context& context) {
    if (options.run) {
        return playbook::status_of(context.state_dir, *options.run);
    }
    OA_TRY(const auto found, playbook::run_under_way(context.state_dir));
    if (found) {
        return *found;
    }
    OA_TRY(const auto all, playbook::all_statuses(context.state_dir));
    if (all.empty()) {
        return fail(Code::usage, "there is no run to wait for", context.state_dir.string());
    }
    return all.back();
}

/// Its traffic is where it should be, and was not rolled back since.
bool passed(const RunStatus& status) {
    return status.state == RunState::ended && !status.needs_somebody() && status.end &&
           !status.end->rollback && status.end->verdict == to_string(Verdict::pass);
}

bool reached(const RunStatus& status, const std::string& step) {
    if (step == k_passed) {
        return passed(status);
    }
    if (step == k_paused) {
        return !status.paused.empty();
    }
    return step.empty() ? status.state == RunState::ended : contains(status.done, step);
}

/// A step that is not in the run's plan never comes. An unreadable plan is not checked.
Result<void> check_planned(const RunStatus& status, std::string_view step) {
    constexpr std::string_view k_shift = "shift@";
    const Json plan = run::document_in(status.folder / run::k_plan_file);
    const Json* steps = member(plan, "steps");
    if (!step.starts_with(k_shift) || steps == nullptr || !steps->is_array()) {
        return {};
    }
    std::vector<std::string> stages;
    for (const Json& one : *steps) {
        const std::string id = text_in(one, "id");
        if (id == step) {
            return {};
        }
        if (id.starts_with(k_shift)) {
            stages.push_back("stage=" + id.substr(k_shift.size()));
        }
    }
    return fail(
        Code::usage,
        fmt::format("{} has no stage {}", status.run, step.substr(k_shift.size())),
        {},
        stages.empty() ? "done" : fmt::format("{} or done", fmt::join(stages, ", "))
    );
}

Result<ExitCode> wait(const Options& options, Context& context) {
    const std::string step = options.wait_for.value_or("");
    OA_TRY(RunStatus status, wanted_run(options, context));
    OA_CHECK(check_planned(status, step));
    const auto deadline = SteadyClock::now() + options.timeout;
    while (!reached(status, step) && status.state == RunState::running &&
           SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(k_poll);
        OA_TRY(status, playbook::status_of(context.state_dir, status.folder.string()));
    }
    if (reached(status, step)) {
        // Reaching the step is not success: the run may have died there.
        return show({status}, context);
    }
    const bool late = status.state == RunState::running;
    const Verdict verdict = late ? Verdict::inconclusive : Verdict::fail;
    show_statuses({status}, context, verdict);
    show_next(status, context, verdict);
    return late                      ? ExitCode::inconclusive
           : status.needs_somebody() ? ExitCode::rollback_unverified
                                     : ExitCode::breach;
}

Result<std::vector<RunStatus>> not_over(const Context& context) {
    OA_TRY(auto all, playbook::all_statuses(context.state_dir));
    std::erase_if(all, [](const RunStatus& status) {
        const bool over = status.state == RunState::ended && !status.needs_somebody();
        return over || status.left_nothing();
    });
    return all;
}

/// A mount point without its disk looks like a machine without any runs. If unfinished runs were
/// reported a minute ago, there must be runs.
Result<void> check_runs_there(
    const Options& options, const report::RunMetrics& metrics, const Context& context
) {
    const std::filesystem::path runs = context.state_dir / "runs";
    if (is_there(runs) || checks_reported(options, metrics) == 0) {
        return {};
    }
    return fail(
        Code::io,
        fmt::format(
            "there are no runs, and {} tells of some that are not over: is the disk mounted?",
            printable(options.textfile.value_or(""))
        ),
        runs.string(),
        "where they are gone for good, remove the file"
    );
}

/// For an alert: it ends when nothing is left that needs an operator, whoever fixed it. When the
/// runs cannot be read the file stays unchanged: a page continues, and the file's age has its own
/// alert.
Result<ExitCode> tell_all(const Options& options, Context& context) {
    OA_TRY(const auto all, not_over(context));
    report::RunMetrics metrics;
    metrics.name = "cutover-status";
    metrics.target = context.state_dir.string();
    metrics.checks = mapped(all, [](const RunStatus& one) {
        return make_check(one.run, one.needs_somebody() ? Verdict::fail : Verdict::pass, one.open);
    });
    OA_CHECK(check_runs_there(options, metrics, context));
    const ExitCode end = show(all, context);
    metrics.ended = std::chrono::system_clock::now();
    metrics.exit_code = static_cast<int>(end);
    metrics.verdict = end == ExitCode::ok ? Verdict::pass : Verdict::fail;
    const auto written = write_textfile(options, std::move(metrics), context);
    if (!written) {
        context.err(fmt::format("oa-stream: {}\n", written.error().text()));
        return end == ExitCode::ok ? ExitCode::not_executed : end;
    }
    return end;
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.textfile && (options.run || options.wait_for)) {
        return fail(
            Code::usage,
            "the file tells of all runs of the state directory, not of one",
            std::string(k_textfile.name),
            Suggestion{"cutover status", {std::string(k_textfile.name), "FILE"}}
        );
    }
    OA_CHECK(check_textfile(options));
    if (options.wait_for) {
        return wait(options, context);
    }
    if (options.run) {
        OA_TRY(const RunStatus status, playbook::status_of(context.state_dir, *options.run));
        return show({status}, context);
    }
    return tell_all(options, context);
}

constexpr auto k_options = options<Options>(
    option<&Options::run>(
        names::run, "RUN", "Show this run, also when it is over. Without it: all that are not over."
    ),
    parsed<awaited, &Options::wait_for>(
        "--wait-for",
        "WHAT",
        "Wait until the run is `done`, has `passed`, is `paused`, or has reached `stage=25%`."
    )
        .suggesting(awaited_words),
    option<&Options::timeout>(names::timeout, "D", "Wait at most this long.").or_else("1h"),
    k_textfile
);

} // namespace

const CommandSpec cutover_status_command = command<run>({
    .path = "cutover status",
    .summary = "Show every run that is not over, and what to do next.",
    .options = k_options,
    .examples =
        {
            "oa-stream cutover status",
            "oa-stream cutover status --wait-for stage=25% --timeout 20m",
            "oa-stream cutover status -q --textfile /var/cache/oa-stream/runs.prom",
        },
    .reads_runs = true,
    .about =
        R"(Lists the runs that are not over: who runs each, what serves now, and the next command. A run whose process
is gone has died. If something other than its baseline may serve, the exit code is 8.
`--wait-for` waits until a run is done, has passed or has reached a stage, for scripts: `passed` is exit 1 for a run
that was rolled back, `done` exit 0. `--textfile` leaves the exit code where
node_exporter collects it: with a timer, an alert notices a run that left traffic unverified, also one that died.)",
    .also = "status state progress",
    .exits =
        {{ExitCode::breach, "The run ended before it reached the state of --wait-for."},
         {ExitCode::inconclusive, "The time of --timeout was over before --wait-for was reached."},
         {ExitCode::rollback_unverified,
          "A run is over or died, and traffic may not be where it began."}},
});

} // namespace oa_stream::cli
