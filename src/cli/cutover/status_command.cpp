// cutover status: what is under way, what died, what to type.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/traffic/split.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace oa_stream::cli {
namespace {

using playbook::RunState;
using playbook::RunStatus;
using SteadyClock = std::chrono::steady_clock;

constexpr auto k_poll = std::chrono::milliseconds(100);

void tell_next(const RunStatus& status, Context& context, std::string_view verdict) {
    tell_parts(run_parts(verdict, status.run, status.folder.string(), status.next), context);
}

/// Names the folder: it may be a slip.
std::string nothing_text(const Context& context) {
    std::error_code ignored;
    return fmt::format(
        "{} in {}\n",
        std::filesystem::exists(context.state_dir / "runs", ignored) ? "every run has ended"
                                                                     : "there are no runs yet",
        context.state_dir.string()
    );
}

void tell(const std::vector<RunStatus>& statuses, Context& context, std::string_view verdict) {
    if (!context.json) {
        for (const RunStatus& status : statuses) {
            RunStatus shown = status;
            shown.next = typed_here(status.next, context);
            show_text(playbook::status_text(shown), context);
        }
        if (statuses.empty()) {
            context.out(nothing_text(context));
        }
        return;
    }
    const bool one = statuses.size() == 1;
    Json out = {
        {"verdict", verdict},
        {"run", one ? Json(statuses[0].run) : Json(nullptr)},
        {"evidence", one ? Json(statuses[0].folder.string()) : Json(nullptr)},
        {"checks", Json::array()},
    };
    Json runs = Json::array();
    for (const RunStatus& status : statuses) {
        runs.push_back(to_json(status));
    }
    out["runs"] = std::move(runs);
    print_document("cutover-status", out, context);
}

ExitCode show(const std::vector<RunStatus>& statuses, Context& context) {
    const auto worst = std::ranges::find_if(statuses, &RunStatus::needs_somebody);
    const bool fine = worst == statuses.end();
    tell(statuses, context, fine ? "PASS" : "FAIL");
    if (!fine) {
        tell_next(*worst, context, "FAIL");
        return ExitCode::rollback_unverified;
    }
    return ExitCode::ok;
}

// --wait-for
// --------------------------------------------------------------------------------------------

/// The step to wait for; empty: the end.
Result<std::string> awaited(const std::string& text) {
    if (text == "done") {
        return std::string();
    }
    if (text.starts_with("stage=")) {
        OA_TRY(const int percent, traffic::parse_percent(std::string_view(text).substr(6)));
        return fmt::format("shift@{}%", percent);
    }
    return fail(
        Code::usage,
        fmt::format("'{}' cannot be waited for", text),
        "--wait-for",
        "done or stage=25%"
    );
}

Result<RunStatus> wanted_run(const Args& args, const Context& context) {
    if (const auto run = args.get("--run")) {
        return playbook::status_of(context.state_dir, *run);
    }
    OA_TRY(auto all, playbook::all_statuses(context.state_dir));
    if (all.empty()) {
        return fail(Code::usage, "there is no run to wait for", context.state_dir.string());
    }
    const auto running = std::ranges::find_if(all, [](const RunStatus& status) {
        return status.state == RunState::running;
    });
    return running == all.end() ? all.back() : *running;
}

bool reached(const RunStatus& status, const std::string& step) {
    return step.empty() ? status.state == RunState::ended
                        : std::ranges::find(status.done, step) != status.done.end();
}

Result<ExitCode> wait(const Args& args, Context& context) {
    OA_TRY(const std::string step, awaited(args.get("--wait-for").value_or("")));
    OA_TRY(
        const std::chrono::milliseconds timeout,
        parse_duration(args.get("--timeout").value_or("1h"))
    );
    OA_TRY(RunStatus status, wanted_run(args, context));
    const auto deadline = SteadyClock::now() + timeout;
    while (!reached(status, step) && status.state == RunState::running &&
           SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(k_poll);
        OA_TRY(status, playbook::status_of(context.state_dir, status.run));
    }
    if (reached(status, step)) {
        // Over is not well: a split may be held, a way back not verified.
        if (status.state == RunState::ended) {
            return show({status}, context);
        }
        tell({status}, context, "PASS");
        return ExitCode::ok;
    }
    const bool late = status.state == RunState::running;
    tell({status}, context, late ? "INCONCLUSIVE" : "FAIL");
    tell_next(status, context, late ? "INCONCLUSIVE" : "FAIL");
    return late                      ? ExitCode::inconclusive
           : status.needs_somebody() ? ExitCode::rollback_unverified
                                     : ExitCode::breach;
}

Result<ExitCode> run(const Args& args, Context& context) {
    if (args.has("--wait-for")) {
        return wait(args, context);
    }
    if (const auto one = args.get("--run")) {
        OA_TRY(const RunStatus status, playbook::status_of(context.state_dir, *one));
        return show({status}, context);
    }
    OA_TRY(auto all, playbook::all_statuses(context.state_dir));
    std::erase_if(all, [](const RunStatus& status) {
        return status.state == RunState::ended && !status.needs_somebody();
    });
    return show(all, context);
}

constexpr std::array k_options{
    OptionSpec{
        "--run", "RUN", "This run, whatever became of it; every run that is not over if not given."
    },
    OptionSpec{"--wait-for", "WHAT", "Wait until the run is `done`, or at `stage=25%`."},
    OptionSpec{"--timeout", "D", "How long to wait at most.", "1h"},
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream cutover status",
    "oa-stream cutover status --wait-for stage=25% --timeout 20m",
};

} // namespace

const CommandSpec cutover_status_command{
    .path = "cutover status",
    .summary = "Every run that is not over, what is known of it and what to type.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
