// cutover abandon: closes a run that left something undone, so that others may continue.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "core/suggestion.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace oa_stream::cli {
namespace {

using playbook::RunState;
using playbook::RunStatus;

struct Options {
    std::string run{};
    std::string reason{};
    bool apply = false;
};
constexpr auto k_run =
    option<&Options::run>(names::run, "RUN", "Abandon this run.").offering(Offer::traffic_runs);
constexpr auto k_reason =
    option<&Options::reason>(
        names::reason,
        "TEXT",
        "Give the reason. The run's folder keeps it with your name and the time."
    )
        .typed();

/// The run, if it left something undone and no process works on it.
Result<RunStatus> undone_run(const std::string& run, const Context& context) {
    OA_TRY(RunStatus status, playbook::status_of(context.state_dir, run));
    if (status.needs_somebody()) {
        return status;
    }
    const bool alive = status.state == RunState::running;
    return fail(
        Code::precondition,
        alive ? fmt::format("run {} is under way, by {}", status.run, status.holder)
              : fmt::format("run {} left nothing undone: there is nothing to give up", status.run),
        {},
        alive ? status.next : run::suggest_show(status.run)
    );
}

void show_status(RunStatus status, bool applied, Context& context) {
    status.next = typed_here(status.next, context);
    if (context.json) {
        Json out = plain_answer();
        out["run"] = status.run;
        out["evidence"] = status.folder.string();
        out["applied"] = applied;
        out["traffic"] = to_json(status);
        print_document("cutover-unlock", out, context);
        return;
    }
    show_text(playbook::status_text(status), context);
    if (applied || context.quiet) {
        return;
    }
    if (!status.baseline.empty()) {
        show_text(fmt::format("  {:<10} write {}\n", "undo", status.baseline), context);
    }
    const Typed same{context.command, context.given};
    tell_parts(
        {"not abandoned yet, and no traffic moves",
         "next: " +
             same.suggestion({{names::run, status.run}, {k_reason.name, "TEXT"}, {names::apply, ""}}
             )},
        context
    );
}

Result<ExitCode> run(const Options& options, Context& context) {
    const std::string& run = options.run;
    const std::string reason(trim(options.reason));
    if (run.empty()) {
        return fail(
            Code::usage,
            "no run was named",
            std::string(k_run.name),
            Suggestion{"cutover status"} + " shows it"
        );
    }
    OA_TRY(RunStatus status, undone_run(run, context));
    if (!options.apply) {
        show_status(std::move(status), false, context);
        return ExitCode::has_changes;
    }
    if (reason.empty()) {
        return fail(
            Code::usage, "a reason is missing", std::string(k_reason.name), "like 'deployed again'"
        );
    }
    std::optional<run::TargetLock> lock;
    if (!status.target.empty()) {
        OA_TRY(
            lock,
            run::TargetLock::acquire(
                context.state_dir,
                status.target,
                {{"command", "cutover abandon"}, {"unlocks", status.run}}
            )
        );
        OA_TRY(status, undone_run(status.run, context)); // its holder may have ended it
    }
    OA_CHECK(run::mark_finished(status.folder, playbook::this_account().text(), "given up", reason)
    );
    lock.reset();
    OA_TRY(status, playbook::status_of(context.state_dir, status.run));
    show_status(std::move(status), true, context);
    return ExitCode::ok;
}

constexpr auto k_options = options<Options>(
    k_run,
    k_reason,
    flag<&Options::apply>(
        names::apply, "Abandon it. Without it, the command only shows what the run left undone."
    )
        .typed()
);

} // namespace

const CommandSpec cutover_abandon_command = command<run>({
    .path = "cutover abandon",
    .summary = "Abandon a run that left something undone; moves no traffic.",
    .options = k_options,
    .examples =
        {
            "oa-stream cutover abandon --run 20260222T043600Z-cutover-1a2b3c4d",
            "oa-stream cutover abandon --run 20260222T043600Z-cutover-1a2b3c4d --apply --reason "
            "'the service was deployed again'",
        },
    .reads_runs = true,
    .about =
        R"(Marks a run as abandoned, so that others may work on its target. Use it when a run died or left its split in
place and the traffic was restored by other means. It moves no traffic; `rollback apply` does.
Without `--apply` it shows what the run left undone.

The run's folder keeps the reason, your name and the time. Earlier releases called it `cutover unlock`, which
still works.)",
    .also = "unlock forget discard",
    .formerly = "cutover unlock",
    .exits =
        {{ExitCode::refused}, {ExitCode::has_changes, "Without --apply: this run can be given up."}
        },
});

} // namespace oa_stream::cli
