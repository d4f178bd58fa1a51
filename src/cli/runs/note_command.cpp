// note: records an operator's observation or action in the timeline of the current run.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/run/run_notes.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string text{};
    std::optional<std::string> run{};
    std::string by{};
};

/// The run under way, otherwise the newest run without a plan, like a smoke, otherwise the newest
/// of all.
Result<run::RunEntry> current_run(const Options& options, const Context& context) {
    if (options.run) {
        return named_run(*options.run, context);
    }
    OA_TRY(const auto found, playbook::run_under_way(context.state_dir));
    if (found) {
        return run::read_run(found->folder);
    }
    OA_TRY(const auto all, run::list_runs(context.state_dir));
    if (const auto* running = find_or_null(all, run::RunLife::running, &run::RunEntry::life)) {
        return *running;
    }
    return named_run("last", context);
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const auto run, current_run(options, context));
    const std::string by = options.by.empty() ? account_name(::getuid()) : options.by;
    OA_TRY(const run::Noted noted, run::add_note(run.folder, options.text, by));
    if (context.json) {
        Json out = plain_document(&run);
        out["note"] = noted.line;
        out["file"] = noted.file;
        print_document("note", out, context);
    } else if (!context.quiet) {
        show_text(
            fmt::format("noted in {} ({}, {})\n", run.id, to_string(run.life), noted.file), context
        );
    }
    return ExitCode::ok;
}

constexpr auto k_positionals =
    positionals<Options>(positional<&Options::text>("TEXT", "The note: one sentence, in quotes."));
constexpr auto k_options = options<Options>(
    option<&Options::run>(
        names::run,
        "RUN",
        "Add the note to this run. Without it: the run under way, else the last one."
    ),
    option<&Options::by>(
        names::by, "NAME", "Name the author. Without it: the name of your account."
    )
);

} // namespace

const CommandSpec note_command = command<run>({
    .path = "note",
    .summary = "Add a note to the timeline of the run under way.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream note 'pager went off, canary shows 502'",
            "oa-stream note --run last 'it was the cache'",
        },
    .reads_runs = true,
    .about =
        R"(Adds one sentence to the timeline of a run, with the time and your name. Incident bodies show it in its
place; a run's report does not have it.)",
    .also = "annotate",
});

} // namespace oa_stream::cli
