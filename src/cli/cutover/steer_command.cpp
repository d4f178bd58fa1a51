// cutover pause, continue, promote and abort: orders of a second operator for a run under way.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace oa_stream::cli {
namespace {

using run::Action;

struct Options {
    std::optional<std::string> run{};
    std::string reason{};
    std::optional<std::string> by{};
};

/// Folder of the default run when none was named.
Result<std::filesystem::path> only_running(const std::filesystem::path& state_dir) {
    OA_TRY(const auto found, playbook::run_under_way(state_dir, true));
    if (found) {
        return found->folder;
    }
    return fail(
        Code::usage,
        "no run is under way",
        (state_dir / "runs").string(),
        Suggestion{"cutover status"}
    );
}

/// Describes what happens now.
std::string sentence(Action action, const Json& answer) {
    const auto stage = string_member(answer, "stage");
    const std::string at = stage ? " at stage " + std::string(*stage) : "";
    switch (action) {
    case Action::pause:
        return fmt::format(
            "the run pauses {}",
            stage ? "when the stage " + std::string(*stage) + " has passed"
                  : "before its next step; a stage whose traffic moves is measured first"
        );
    case Action::go_on:
        return "the run continues" + at;
    case Action::promote:
        return fmt::format("the run leaves the stage {} and continues", stage.value_or(""));
    case Action::abort:
        return "the run finishes the step under way, then rolls back";
    }
    return {};
}

/// Explains the fate of the order, and what can be done.
std::unexpected<Error>
unanswered(Error error, Action action, const std::string& run, const Context& context) {
    if (error.code == Code::timeout) {
        const auto status = playbook::status_of(context.state_dir, run);
        error.message += status && status->stopped ? ": it is stopped (Ctrl-Z or SIGSTOP)" : "";
        error.message += action == Action::abort ? "; it rolls back when it continues"
                                                 : "; it will not obey this later";
        error.hint = status ? status->next : Advice();
    }
    if (error.hint.empty()) {
        error.hint = Suggestion{"cutover status", {names::run, run}};
    }
    return std::unexpected(std::move(error));
}

Result<ExitCode> steer(Action action, const Options& options, Context& context) {
    OA_TRY(
        const std::filesystem::path folder,
        options.run ? run::find_run(context.state_dir, *options.run)
                    : only_running(context.state_dir)
    );
    const std::string id = folder.filename().string();
    const Json request = {
        {"action", to_string(action)},
        {"who", options.by.value_or(user_name(::getuid()).value_or(""))},
        {"reason", trim(options.reason)},
    };
    auto answer = run::ask_run(folder, request);
    if (!answer) {
        return unanswered(std::move(answer).error(), action, id, context);
    }
    const std::string now = sentence(action, *answer);
    if (context.json) {
        Json out = plain_answer();
        out["run"] = id;
        out["evidence"] = folder.string();
        out["action"] = to_string(action);
        out["now"] = now;
        answer->erase("ok");
        out["status"] = *std::move(answer);
        print_document("cutover-steer", out, context);
        return ExitCode::ok;
    }
    if (!context.quiet) {
        show_text(fmt::format("{}: {}\n", id, now), context);
    }
    return ExitCode::ok;
}

template <Action action> Result<ExitCode> carry_out(const Options& options, Context& context) {
    return steer(action, options, context);
}

constexpr auto k_options = options<Options>(
    option<&Options::run>(
        names::run, "RUN", "Steer this run. Without it: the one that is under way."
    )
        .offering(Offer::traffic_runs),
    option<&Options::reason>(names::reason, "TEXT", "Give the reason. The run's report shows it.")
        .typed(),
    option<&Options::by>(
        names::by, "NAME", "Sign with this name. Without it: the name of your account."
    )
        .typed()
);

} // namespace

const CommandSpec cutover_pause_command = command<carry_out<Action::pause>>({
    .path = "cutover pause",
    .summary = "Pause a running cutover after its stage; the traffic stays where it is.",
    .options = k_options,
    .examples = {"oa-stream cutover pause --reason 'waiting for the database team'"},
    .reads_runs = true,
    .about =
        R"(The run measures its current stage to the end, then waits. Between stages it waits at once. While it waits
after a good stage, probes and gates continue, and a breach rolls back. A pause ends after
`stage.pause.at_most` of the playbook. Only the user who started the run can steer it.)",
    .also = "wait hold",
    .exits = {{ExitCode::refused}},
});

const CommandSpec cutover_continue_command = command<carry_out<Action::go_on>>({
    .path = "cutover continue",
    .summary = "Continue a paused run. It measures once more what it could not decide.",
    .options = k_options,
    .examples = {"oa-stream cutover continue"},
    .reads_runs = true,
    .about =
        R"(It also cancels a pause that has not begun yet. After a `hold` the run measures its stage for another bake
time, and only that measurement decides.)",
    .also = "resume",
    .exits = {{ExitCode::refused}},
});

const CommandSpec cutover_promote_command = command<carry_out<Action::promote>>({
    .path = "cutover promote",
    .summary = "Send a run to its next stage now. Gates that have not decided are skipped.",
    .options = k_options,
    .examples = {"oa-stream cutover promote --reason 'seen enough at 5 %'"},
    .reads_runs = true,
    .about =
        R"(The run refuses when a gate of the stage has failed. Later stages judge the same canary on more traffic. If
you promote the last stage before its gates decide, the run ends INCONCLUSIVE and the canary serves.)",
    .also = "skip advance",
    .exits = {{ExitCode::refused}},
});

const CommandSpec cutover_abort_command = command<carry_out<Action::abort>>({
    .path = "cutover abort",
    .summary = "Make a running cutover roll back now.",
    .options = k_options,
    .examples = {"oa-stream cutover abort --reason 'support sees complaints'"},
    .reads_runs = true,
    .about =
        R"(This is Ctrl-C from another terminal: the run restores what served before, verifies it and ends with exit
code 7. This command does not wait for that; `cutover status --wait-for done` does.)",
    .also = "stop cancel",
    .exits = {{ExitCode::refused}},
});

} // namespace oa_stream::cli
